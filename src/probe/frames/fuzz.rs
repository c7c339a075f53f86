//! What `make fuzz` holds the judge of a camera's frames to. Compiled where assertions are.

use std::time::Duration;

use siaga_signal::light::{Light, difference};
use siaga_signal::luma::{self, Form, Sample};

use super::judge::{Sight, reading};
use super::look::{Account, Plan, Seen};
use crate::domain::Mono;
use crate::probe::camera::nodes::Node;

/// A format's number, how large the frame is, from line to line, and of which range; then the frame.
const HEAD: usize = 9;
/// No larger than that: what is looked at is as many points of any size.
const MOST: u16 = 2048;
const CODES: [[u8; 4]; 8] = [*b"MJPG", *b"YUYV", *b"UYVY", *b"NV12", *b"RGB3", *b"BGR4", *b"BA24", *b"H264"];

/// Any frame of any format, then the half of it, and the first again.
///
/// # Panics
/// Where the judge does; where a share is none, or a measurement is no number.
pub fn frames(bytes: &[u8]) {
    let Some(([code, width, wide, height, high, line, far, space, range], frame)) = bytes.split_first_chunk::<HEAD>()
    else {
        return;
    };
    let form = Form {
        code: CODES[usize::from(*code) % CODES.len()],
        width: (u16::from_le_bytes([*width, *wide]) % MOST).into(),
        height: (u16::from_le_bytes([*height, *high]) % MOST).into(),
        line: u16::from_le_bytes([*line, *far]).into(),
        colorspace: (*space).into(),
        quantization: (*range).into(),
    };
    let mut account = Account::default();
    let mut before = None;
    for frame in [frame, &frame[..frame.len() / 2], frame] {
        let sample = luma::sample(&form, frame);
        if let Sample::Whole(grid) | Sample::Torn(grid) = &sample {
            assert!(grid.width > 0 && grid.points.len() % grid.width == 0 && grid.points.len() <= 160 * 160);
            let light = Light::of(grid);
            for share in [light.black, light.drowned, light.burnt, light.mean / 255.0] {
                assert!((0.0..=1.0).contains(&share), "{light:?}");
            }
            assert!(light.drowned <= light.black && light.deviation <= 128.0 && light.edges >= 0.0, "{light:?}");
            if let Some(before) = before.replace(grid.clone()) {
                assert!((0.0..=1.0).contains(&difference(&before, grid)));
            }
        }
        account.judge(sample);
    }
    assert_eq!(luma::sample(&form, frame), luma::sample(&form, frame), "the same of the same");
    let second = Duration::from_secs(1);
    let plan = Plan { settle: second, duration: second, named: false, grey: false };
    let mut seen = Seen { captures: true, frames: 3, ..Seen::default() };
    account.close(Mono::ZERO, plan, &mut seen);
    let node = Node {
        name: "video0".to_owned(),
        path: "/dev/video0".into(),
        card: String::new(),
        usb: None,
        by_id: None,
        by_path: None,
        index: 0,
        device: "/sys".into(),
        born: 1,
    };
    let told = reading(&super::Config::default(), &[(node, Sight::Looked(Ok(seen)))]);
    assert!(told.measurements.iter().all(|measurement| measurement.value.is_finite()), "{told:?}");
}
