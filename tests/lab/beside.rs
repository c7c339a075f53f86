//! A meeting's own programs (`ffmpeg`, `arecord`), and the room's checks beside them: a minute in which nothing is lost.

use crate::cameras::same;
use crate::daemon::room;
use crate::equipment::Camera;
use crate::guest::Lab;
use crate::hearing::Player;

const RECORDING: &str = "/proc/asound/Loop/pcm1c/sub0/status";

/// A picture's bytes in the USB camera's raw format.
const PICTURE: usize = 2 * 320 * 240;

/// At 48 kHz, two bytes a sample.
const A_SECOND: usize = 96_000;

#[test]
fn a_minute_of_picture_and_sound_loses_nothing_beside_all_checks() {
    let lab = Lab::start();
    let camera = lab.camera(Camera::Usb("CAM0001"));
    camera.replug();
    lab.card().mute(false);
    let ffmpeg = lab.bring("ffmpeg", "ffmpeg");
    let size = |file: &str| lab.sh(&format!("stat -c %s {file}")).parse::<usize>().unwrap();
    // Two pictures a second: an emulated processor keeps up with them, the sound and the checks.
    lab.sh(&format!("v4l2-ctl -d {} --set-parm 2", camera.node()));
    let settings = camera.settings();
    // Each sample is one more than the last.
    let ramp: Vec<f64> = (0..65_536).map(|at| f64::from(at - 32_768) / 32_768.0).collect();
    let _player = Player::unbroken(&lab, &ramp);
    // Before anybody looks: a test of the camera that is under way would have it.
    let process = lab.spawn(
        "capture",
        &format!(
            "{ffmpeg} -nostdin -f v4l2 -input_format yuyv422 -framerate 2 -i {} -c copy -f rawvideo /tmp/seen.yuv",
            camera.node()
        ),
    );
    lab.wait_for(&format!("[ $(stat -c %s /tmp/seen.yuv) -ge {} ]", 2 * PICTURE));
    let daemon = lab.daemon(&room(
        &["computer", "internet", "audio", "video"],
        &[
            ("computer", "interval = \"2s\"\n"),
            ("usb", "interval = \"1s\"\n"),
            ("link", "interface = \"line0\"\n"),
            ("audio", "card = \"Dummy\"\nmixer = false\n"),
            ("microphone", "pcm = \"plughw:CARD=Loop,DEV=1\"\ninterval = \"2s\"\nretry = \"1s\"\n"),
            ("camera", "device = \"1209:0001\"\ninterval = \"1s\"\n"),
            ("frames", "device = \"1209:0001\"\ninterval = \"1s\"\nsettle = \"0s\"\nduration = \"2s\"\n"),
            ("display", ""),
        ],
    ));
    lab.spawn(
        "record",
        "arecord -q -D hw:Loop,1,0 -t raw -f S16_LE -c 1 -r 48000 --buffer-time=10000000 --period-time=500000 /tmp/heard.raw",
    );
    lab.wait_for(&format!("grep -q RUNNING {RECORDING}"));
    daemon.check("camera", "ready", "video.camera_in_use");
    let looked = ["camera", "usb", "computer"].map(|check| daemon.runs(check));
    let (seen, from) = (size("/tmp/seen.yuv"), size("/tmp/heard.raw"));
    lab.wait_for(&format!("[ $(stat -c %s /tmp/heard.raw) -ge {} ]", from + 60 * A_SECOND));

    // They did look meanwhile, and nobody opened what was in use.
    for (check, before) in ["camera", "usb", "computer"].into_iter().zip(looked) {
        assert!(daemon.runs(check) >= before + 10.0, "{check} did not look around the meeting");
    }
    lab.sh(&format!("kill -INT {process}"));
    lab.wait_for(&format!("! kill -0 {process} 2>/dev/null"));
    lab.sh("cp /tmp/seen.yuv /share");
    let pictures = lab.bytes("seen.yuv");
    assert!(pictures.len() >= seen + 60 * PICTURE, "{} bytes of pictures after {seen}", pictures.len());
    // A picture's first point is its number, eight steps brighter each time.
    let numbers: Vec<u8> = pictures.chunks_exact(PICTURE).map(|picture| picture[0]).collect();
    let gaps = numbers.windows(2).filter(|pair| pair[0].wrapping_add(8) != pair[1]).count();
    assert_eq!(gaps, 0, "pictures were lost: {numbers:?}");
    lab.sh("killall -INT arecord; cp /tmp/heard.raw /share");
    lab.wait_for(&format!("grep -q closed {RECORDING}"));
    let heard = lab.bytes("heard.raw");
    let samples: Vec<i16> = heard.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let jumps = samples.windows(2).filter(|pair| pair[0].wrapping_add(1) != pair[1]).count();
    assert_eq!(jumps, 0, "samples were lost among {}", samples.len());
    same(&settings, &camera.settings());
}
