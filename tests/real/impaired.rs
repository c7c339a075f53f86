//! `siaga reflect` over a line that is bad in a known way: what its numbers say of each direction is what the line did.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::Duration;

use siaga::probe::stamp::codec::{Request, read_reply, write_request};
use siaga::probe::stamp::moment::{Estimate, Stamp};

use super::support::child::wait_until;
use super::support::impairment::{Impairment, Loss};
use super::support::line::{FAR, HERE, Line, overtaken};
use super::support::namespace;
use super::support::reflector::Reflector;

const MS: Duration = Duration::from_millis(1);

/// A reflector on the far side of the line.
fn far_reflector() -> Reflector {
    let mut command = Line::far(env!("CARGO_BIN_EXE_siaga"));
    command.args(["reflect", "--listen", &format!("{FAR}:10862")]);
    Reflector::start_by(command, 1)
}

/// Sends `count` requests, one each two milliseconds, and waits until everything that the line lets through has come. Each
/// answer's own number and its request's, in the order in which they came.
fn exchange(line: &Line, count: u32) -> Vec<(u32, u32)> {
    let socket = UdpSocket::bind((HERE, 0)).unwrap();
    socket.connect((FAR, 10862)).unwrap();
    socket.set_nonblocking(true).unwrap();
    // All of them, where those beyond it are late and come together.
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::RcvBufForce, &(8 << 20)).unwrap();
    let (mut came, mut answer) = (Vec::new(), [0; 2048]);
    let mut hear = || {
        while let Ok(length) = socket.recv(&mut answer) {
            let reply = read_reply(&answer[..length], None).unwrap();
            came.push((reply.sequence, reply.request.sequence));
        }
        came.len()
    };
    for sequence in 0..count {
        let mut packet = [0; 132];
        let request = Request { sequence, sent: Stamp(0), estimate: Estimate::OURS, session: 1 };
        write_request(&mut packet, &request, None).unwrap();
        socket.send(&packet).unwrap();
        hear();
        std::thread::sleep(MS * 2);
    }
    wait_until(|| {
        let heard = hear();
        let (up, down) = (line.up(), line.down());
        let answered = up.0.len() - up.lost();
        up.0.len() == count as usize && down.0.len() == answered && heard == answered - down.lost()
    });
    came
}

#[test]
fn each_direction_is_told_by_the_reflectors_numbers() {
    const COUNT: u32 = 1000;
    if !namespace::inside("impaired::each_direction_is_told_by_the_reflectors_numbers") {
        return;
    }
    let up = Impairment { delay: MS * 10, loss: Loss::Bursts(0.08, 4.0), ..Impairment::default() };
    let down = Impairment { delay: MS * 5, jitter: MS * 20, overtaking: true, loss: Loss::Random(0.03), ..up };
    let line = Line::lay(up, down, 11);
    let reflector = far_reflector();
    let came = exchange(&line, COUNT);
    let (up, down) = (line.up(), line.down());
    // The line did something, and not the same both ways.
    assert!(up.lost() > 20 && down.lost() > 5 && down.overtaken() > 50 && up.overtaken() == 0, "{}", down.overtaken());

    // The newest number of the reflector says how many arrived there, whichever answers came back.
    let answered = came.iter().map(|(own, _)| own + 1).max().unwrap();
    let lost_at_the_end = down.lost_at_the_end();
    assert_eq!(COUNT as usize - answered as usize, up.lost() + lost_at_the_end);
    assert_eq!(answered as usize - came.len(), down.lost() - lost_at_the_end);
    // Of its order nothing is lost: on a way that keeps order, numbers grow together.
    let pairs: BTreeMap<u32, u32> = came.iter().copied().collect();
    assert!(pairs.values().is_sorted());
    let overtaken = overtaken(came.iter().map(|(own, _)| *own as usize));
    assert!(overtaken.abs_diff(down.overtaken()) <= 10, "{overtaken} and {}", down.overtaken());
    assert_eq!(reflector.end()("answered"), u64::from(answered) + u64::try_from(lost_at_the_end).unwrap());
}
