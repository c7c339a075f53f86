//! On this machine tests of the devices; in the guest the devices themselves.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use super::protocol::{HEAD, STALL, SUBMIT, SUBMITTED, UNLINK, UNLINKED, serve};
use super::{DEVICE, camera, device, plug};

/// What a host asks one device.
struct Host {
    stream: UnixStream,
}

impl Host {
    fn ask(&mut self, endpoint: u32, setup: [u8; 8], length: u32) -> (u32, Vec<u8>) {
        let mut head = [0; HEAD];
        for (at, value) in [(0, SUBMIT), (4, 7), (12, 1), (16, endpoint), (24, length)] {
            head[at..at + 4].copy_from_slice(&u32::to_be_bytes(value));
        }
        head[40..].copy_from_slice(&setup);
        self.stream.write_all(&head).unwrap();
        let mut answered = [0; HEAD];
        self.stream.read_exact(&mut answered).unwrap();
        assert_eq!(answered[..8], [0, 0, 0, 3, 0, 0, 0, 7], "the answer to the seventh request");
        let field = |at: usize| u32::from_be_bytes(answered[at..at + 4].try_into().unwrap());
        let mut data = vec![0; usize::try_from(field(24)).unwrap()];
        self.stream.read_exact(&mut data).unwrap();
        (field(20), data)
    }

    /// Request 8 is taken back, by order 9, before it is sent: answered after it, not before.
    fn early_unlink(&mut self) {
        for (command, number, request) in [(UNLINK, 9, 8), (SUBMIT, 8, 0)] {
            let mut head = [0; HEAD];
            for (at, value) in [(0, command), (4, number), (12, 1), (20, request)] {
                head[at..at + 4].copy_from_slice(&u32::to_be_bytes(value));
            }
            head[40] = 0x80;
            self.stream.write_all(&head).unwrap();
        }
        for (command, number) in [(SUBMITTED, 8), (UNLINKED, 9)] {
            let mut answered = [0; HEAD];
            self.stream.read_exact(&mut answered).unwrap();
            assert_eq!(answered[..8], [u32::to_be_bytes(command), u32::to_be_bytes(number)].concat());
        }
    }

    fn descriptors(&mut self) {
        let (status, told) = self.ask(0, [0x80, 6, 0, 1, 0, 0, 18, 0], 18);
        assert_eq!(
            (status, told.len(), &told[..2]),
            (0, 18, &[18, 1][..]),
            "the device's descriptor (USB 2.0, §9.6.1)"
        );
        let (_, told) = self.ask(0, [0x80, 6, 0, 2, 0, 0, 0, 1], 256);
        let whole = usize::from(u16::from_le_bytes([told[2], told[3]]));
        assert_eq!((told[1], told.len()), (2, whole), "the configuration tells its whole length (§9.6.3)");
        let mut at = 0;
        while at < told.len() {
            assert!(told[at] >= 2, "a descriptor of no length at {at}");
            at += usize::from(told[at]);
        }
        assert_eq!(at, whole, "its descriptors end where it ends");
        let (status, _) = self.ask(0, [0x80, 6, 9, 3, 0, 0, 255, 0], 255);
        assert_eq!(status, STALL.cast_unsigned(), "a text that is not there");
    }
}

#[test]
fn they_answer_as_the_standard_says() {
    if let Ok(word) = std::env::var(DEVICE) {
        let [kind, port, serial] = word.split(' ').collect::<Vec<_>>()[..] else { panic!("{word}") };
        plug(port.parse().unwrap(), &mut *device(kind, serial)).unwrap();
        return;
    }
    for kind in ["camera", "microphone", "display"] {
        let (stream, ours) = UnixStream::pair().unwrap();
        let served = std::thread::spawn(move || serve(&ours, &mut *device(kind, "LAB0001")));
        let mut host = Host { stream };
        host.descriptors();
        host.early_unlink();
        if kind == "camera" {
            // Two pictures, each in pieces of 16 KiB; the one bit that tells them apart changes between (UVC 1.5, §2.4.3.3).
            let mut picture = || {
                let mut bytes = Vec::new();
                while bytes.len() < camera::PAYLOAD {
                    bytes.extend(host.ask(1, [0; 8], 16384).1);
                }
                (bytes.len(), bytes[1] & 1)
            };
            assert_eq!([picture(), picture()], [(camera::PAYLOAD, 0), (camera::PAYLOAD, 1)]);
        }
        drop(host);
        served.join().unwrap().unwrap();
    }
}
