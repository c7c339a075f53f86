//! The voice on the HT channel, without a radio: Hamlib's dummy, a real sound server's sink, a real `espeak-ng`.

mod alone;
mod guard;
mod on_air;
mod roll_call;
mod sound;
mod storm;
mod told;

use std::process::Command;

#[test]
fn the_phrases_are_listed_with_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let phrases = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_siaga")).args(["radio", "phrases"]).args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, listed) = phrases(&["--name", "Media Center"]);
    assert_eq!(code, Some(0));
    for line in ["internet_terputus.wav  \"internet terputus\"", "belas.wav", "media_center.wav  \"Media Center\""] {
        assert!(listed.contains(line), "{listed}");
    }
    std::fs::write(folder.path().join("ganti.wav"), "no sound").unwrap();
    let (code, listed) = phrases(&["--clips", folder.path().to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(listed.contains("(no clip) perhatian.wav") && listed.contains("(it is no WAV file) ganti.wav"), "{listed}");
    let (code, guide) = phrases(&["--guide"]);
    assert_eq!(code, Some(0));
    assert!(guide.contains("siaga radio phrases"), "{guide}");
}
