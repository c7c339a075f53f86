//! `siaga enroll` on this very machine, with a real upsd: recorded, compared, and what is missing named.

use std::fs;
use std::path::Path;

use crate::support::daemon::siaga;
use crate::support::upsd::{UPS, Upsd};

/// Exit code and what was printed.
fn enroll(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = siaga();
    command.args(["--lang", "id", "--config"]).arg(folder.join("siaga.toml")).arg("enroll");
    command.arg("--state-dir").arg(folder.join("state")).args(arguments);
    let output = command.output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(printed).unwrap())
}

#[test]
fn a_room_is_recorded_only_when_asked_and_compared_later() {
    let mut upsd = Upsd::start();
    upsd.set("ups.model", "Model 1500");
    upsd.set("ups.serial", "AS0001");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = format!("[[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\n", upsd.address());
    fs::write(folder.join("siaga.toml"), config).unwrap();

    let (code, told) = enroll(folder, &["--compare"]);
    assert_eq!(code, 3, "{told}");
    assert!(!folder.join("state").exists(), "a comparison records nothing");

    let (code, told) = enroll(folder, &[]);
    assert_eq!(code, 0, "{told}");
    let ups = format!("UPS Lab Model 1500 (nomor seri AS0001) di {UPS}@{}", upsd.address());
    assert!(told.contains(&ups), "{told}");
    let file = folder.join("state/enrolled.toml");
    let record = fs::read_to_string(&file).unwrap();
    assert!(record.contains("serial = \"AS0001\""), "{record}");
    assert_eq!(enroll(folder, &["--compare"]), (0, "Ruangan seperti yang terdaftar\n".to_owned()));

    upsd.set("ups.serial", "AS0002");
    let (code, told) = enroll(folder, &["--compare"]);
    assert_eq!(code, 2, "{told}");
    assert!(
        told.contains("AS0002") && told.contains("lain dari yang terdaftar, Lab Model 1500 (nomor seri AS0001)"),
        "{told}"
    );
    upsd.set("ups.serial", "AS0001");

    let nowhere = folder.join("mistyped/record.toml");
    let (code, told) = enroll(folder, &["--output", nowhere.to_str().unwrap()]);
    assert!(code == 3 && told.contains("record.toml") && !nowhere.parent().unwrap().exists(), "{told}");

    // A camera that this machine does not have, as if it had been there.
    fs::write(&file, format!("{record}\n[[device]]\nkind = \"camera\"\nname = \"PTZ\"\nplace = \"usb-x-1\"\n"))
        .unwrap();
    assert_eq!(enroll(folder, &["--compare"]), (2, "Kamera PTZ di usb-x-1: tidak ada\n".to_owned()));
    let (code, told) = enroll(folder, &["--absent", "PTZ"]);
    assert!(code == 0 && told.contains("Kamera PTZ di usb-x-1 (sengaja tidak ada)"), "{told}");
    assert_eq!(enroll(folder, &["--compare"]).0, 0);

    drop(upsd);
    let (code, told) = enroll(folder, &["--compare"]);
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("UPS: tidak dapat dilihat"), "{told}");
    let before = fs::read_to_string(&file).unwrap();
    let (code, told) = enroll(folder, &[]);
    assert!(code == 3 && told.contains("UPS tidak dapat dilihat") && told.contains("tidak ada yang dicatat"), "{told}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before, "what was recorded while all was seen stays");
    fs::write(&file, "at = 3").unwrap();
    assert_eq!(enroll(folder, &["--compare"]).0, 3);
}
