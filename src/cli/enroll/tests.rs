//! What is said of a room that is not as it was recorded.

use super::*;

fn camera(serial: &str, place: &str) -> Device {
    Device {
        kind: Equipment::Camera,
        name: "Webcam".to_owned(),
        usb: Some("046d:0825".to_owned()),
        serial: Some(serial.to_owned()),
        place: Some(place.to_owned()),
        also: Vec::new(),
        absent: false,
    }
}

fn ups() -> Device {
    Device {
        kind: Equipment::Ups,
        name: "Lab 1500".to_owned(),
        usb: None,
        serial: None,
        place: None,
        also: Vec::new(),
        absent: false,
    }
}

fn compare(before: &[Device], present: &[Device], unseen: &[(Equipment, String)], lang: Lang) -> (String, Verdict) {
    let before = Enrolled { at: jiff::Timestamp::UNIX_EPOCH, devices: before.to_vec() };
    compared(&before, &Seen { devices: present.to_vec(), unseen: unseen.to_vec() }, lang)
}

#[test]
fn each_difference_is_a_sentence_and_the_worst_one_is_the_exit_code() {
    let (a, b) = (camera("A", "usb-x-1"), camera("B", "usb-x-1"));
    let elsewhere = camera("A", "usb-x-2");
    let silent = [(Equipment::Ups, "refused".to_owned())];
    let one = |present: &[Device]| compare(std::slice::from_ref(&a), present, &[], Lang::Id);
    assert_eq!(one(std::slice::from_ref(&a)), ("Ruangan seperti yang terdaftar\n".to_owned(), Verdict::Ready));
    let webcam = "Kamera Webcam (046d:0825, nomor seri";
    assert_eq!(one(&[]), (format!("{webcam} A) di usb-x-1: tidak ada\n"), Verdict::NotReady));
    let other = format!("{webcam} B) di usb-x-1: lain dari yang terdaftar, Webcam (046d:0825, nomor seri A)\n");
    assert_eq!(one(&[b]), (other, Verdict::NotReady));
    let moved = format!("{webcam} A) di usb-x-2: terdaftar di usb-x-1\n");
    assert_eq!(one(&[elsewhere]), (moved, Verdict::Degraded));
    let new = compare(&[], std::slice::from_ref(&a), &[], Lang::En);
    let expected = "Camera Webcam (046d:0825, serial number A) at usb-x-1: is not enrolled\n".to_owned();
    assert_eq!(new, (expected, Verdict::Degraded));
    let blind = compare(&[ups()], &[], &silent, Lang::En);
    assert_eq!(blind, ("UPS: cannot be seen (refused)\n".to_owned(), Verdict::Unknown));
    assert_eq!(compare(&[], &[], &silent, Lang::En).1, Verdict::Ready, "nobody recorded one");
    assert_eq!(compare(&[a, ups()], &[], &silent, Lang::En).1, Verdict::NotReady, "what is missing is missing");
}

#[test]
fn what_is_away_on_purpose_stays_in_the_record() {
    let (a, b) = (camera("A", "usb-x-1"), camera("B", "usb-x-2"));
    let seen = |devices: &[Device]| Seen { devices: devices.to_vec(), unseen: Vec::new() };
    let before = [a.clone(), b.clone()];
    let away = Device { absent: true, ..a.clone() };
    let record = with_absent(&before, &seen(std::slice::from_ref(&b)), &["A".to_owned()], Lang::En).unwrap();
    assert_eq!(record, [b.clone(), away.clone()]);
    // Recorded again it is still away; back again it is a device like others.
    assert_eq!(with_absent(&record, &seen(std::slice::from_ref(&b)), &[], Lang::En).unwrap(), [b.clone(), away]);
    assert_eq!(with_absent(&record, &seen(&before), &[], Lang::En).unwrap(), before);
    // What is there cannot be away, nor what nobody knows.
    for wrong in ["B", "Beamer"] {
        let error = with_absent(&before, &seen(std::slice::from_ref(&b)), &[wrong.to_owned()], Lang::En).unwrap_err();
        assert!(error.contains(wrong), "{error}");
    }
}

#[test]
fn who_records_where_the_service_does_not_read_is_told() {
    let place = tempfile::tempdir().unwrap();
    let (service, own) = (place.path().join("var"), place.path().join("own/enrolled.toml"));
    let told = |file: &Path| crate::cli::token::services_at(file, &service);
    assert!(told(&own).is_none(), "there is no service");
    std::fs::create_dir(&service).unwrap();
    assert!(told(&own).unwrap().en.contains("--state-dir /var/lib/siaga"));
    assert!(told(&service.join("enrolled.toml")).is_none());
}
