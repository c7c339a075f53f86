//! The spool as gammu-smsd finds it.

use std::pin::pin;

use futures_util::FutureExt as _;

use super::*;

/// As an attempt does that somebody waits for.
fn put(outbox: &Path, number: &str, text: &str, made_at: Timestamp, key: &str) -> Result<(), String> {
    super::put(outbox, number, text, made_at, key, &|| true)
}

#[test]
fn a_text_is_written_with_what_every_telephone_knows() {
    assert_eq!(gsm("Ruang “A” – 2,5\u{a0}% paket hilang…\r\n`é"), "Ruang \"A\" - 2,5 % paket hilang...\n'?");
    assert_eq!(shortened(&"[".repeat(100), 160, "...", size).len(), 78 + 3);
}

#[test]
fn a_number_is_one() {
    let read = |to: &str| toml::from_str::<Config>(&format!("to = {to}")).map_err(|error| error.message().to_owned());
    assert_eq!(read("['+6281200000001', '112']").unwrap().parts, 2);
    assert!(read("['+62-812']").unwrap_err().contains("is no number"));
    assert!(read("['../../etc/passwd']").unwrap_err().contains("is no number"));
    assert!(read("[]").unwrap_err().contains("names nobody"));
}

#[test]
fn of_two_messages_of_one_second_the_older_one_is_taken_first() {
    let folder = tempfile::tempdir().unwrap();
    let moments = ["30.004", "30.0041", "30.01", "30.5", "30.999", "31"];
    // Whatever the keys' digests are.
    for (place, second) in moments.iter().enumerate() {
        let at = format!("2026-11-24T01:30:{second}Z").parse().unwrap();
        put(folder.path(), "+6281200000001", second, at, &format!("key-{}", 7 * place)).unwrap();
    }
    let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    names.sort();
    let texts: Vec<_> = names.iter().map(|name| std::fs::read_to_string(name).unwrap()).collect();
    assert_eq!(texts, moments);
}

#[test]
fn an_attempt_made_again_puts_no_second_message_beside_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let at = "2026-11-24T01:30:00Z".parse().unwrap();
    for _ in 0..2 {
        put(folder.path(), "+6281200000001", "Kamera mati", at, "key-1").unwrap();
    }
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    let name = names[0].to_str().unwrap();
    assert!(name.starts_with("OUTC20261124_013000_") && name.contains("_+6281200000001_siaga"), "{name}");
    assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), "Kamera mati");
    // Nobody takes it away.
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_hours(1);
    std::fs::File::open(folder.path().join(name)).unwrap().set_modified(long_ago).unwrap();
    let stuck = put(folder.path(), "+6281200000001", "Mikrofon mati", at, "key-2").unwrap_err();
    assert!(stuck.contains("does gammu-smsd run?"), "{stuck}");
    let gone = put(&folder.path().join("gone"), "+6281200000001", "Mikrofon mati", at, "key-3").unwrap_err();
    assert!(gone.contains("gone: ") && !gone.contains("62812"), "nobody's number ends in the log: {gone}");
}

fn names(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn no_half_message_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let at = "2026-11-24T01:30:00Z".parse().unwrap();
    let dated = |name: &str, age: Duration| {
        let file = File::create(folder.path().join(name)).unwrap();
        let now = file.metadata().unwrap().modified().unwrap();
        file.set_modified(now - age).unwrap();
    };
    // Nobody takes away what lies there.
    dated("OUTC20261123_013000_00_112_siaga.txt", STUCK * 2);
    for key in ["key-1", "key-2"] {
        assert!(put(folder.path(), "112", "Kamera mati", at, key).is_err());
    }
    assert_eq!(names(folder.path()), ["OUTC20261123_013000_00_112_siaga.txt"]);
    // A folder is where the message is to be.
    let other = tempfile::tempdir().unwrap();
    put(other.path(), "112", "Kamera mati", at, "key-3").unwrap();
    let message = other.path().join(&names(other.path())[0]);
    std::fs::remove_file(&message).unwrap();
    std::fs::create_dir(&message).unwrap();
    assert!(put(other.path(), "112", "Kamera mati", at, "key-3").is_err());
    assert_eq!(names(other.path()).len(), 1);
    // What others leave there, and what may still be written, stays.
    dated(".OUTC20261122_013000_00_112_siaga1.txt", LEFT * 2);
    dated(".OUTC20261122_013000_00_112_siaga2.txt", LEFT / 2);
    dated(".OUTC20261122_013000_00_112_other.txt", LEFT * 2);
    assert!(put(folder.path(), "112", "Kamera mati", at, "key-1").is_err());
    let left = names(folder.path());
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(!left.iter().any(|name| name.contains("siaga1")), "{left:?}");
}

#[test]
fn a_spool_that_does_not_answer_holds_one_thread_however_often_it_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { to: vec!["112".to_owned()], outbox: folder.path().to_owned(), parts: 1 };
    let ready = Ready::new(&config).unwrap();
    let payload = r#"{"version":1,"id":"x","event":"test","room":"","room_title":"","at":"","lang":"id","drill":false,
        "text":"Kamera mati","incident":null,"alert":null}"#;
    let word = Notification {
        key: "key-1".into(),
        receiver: "phones".into(),
        incident: None,
        payload: payload.into(),
        created_at: Timestamp::UNIX_EPOCH,
        attempts: 0,
        next_attempt_at: Timestamp::UNIX_EPOCH,
    };
    // A pipe from which nobody reads: whoever opens it waits, as on a disk that does not answer.
    let half = folder.path().join(format!(".{}", file_name("112", word.created_at, &word.key)));
    rustix::fs::mkfifoat(rustix::fs::CWD, &half, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build().unwrap();
    let (other, reader) = runtime.block_on(async {
        // The first is waited for as long as it hangs: it cannot end for want of that.
        let mut first = pin!(ready.deliver(&word));
        assert!(first.as_mut().now_or_never().is_none());
        for _ in 0..2 {
            assert!(ready.deliver(&word).now_or_never().is_none());
        }
        let other = tokio::time::timeout(Duration::from_secs(10), tokio::task::spawn_blocking(|| ())).await;
        // It waits for whoever opens the pipe, and lets go of him.
        (other, File::open(&half).unwrap())
    });
    drop(runtime);
    drop(reader);
    assert!(other.is_ok(), "no thread is left for others");
}

#[test]
fn what_nobody_waits_for_any_more_is_not_put_into_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    let at = "2026-11-24T01:30:00Z".parse().unwrap();
    // From the beginning, and while it was written.
    for wanted_for in [0, 1] {
        let looks = std::cell::Cell::new(0);
        let is_wanted = || looks.replace(looks.get() + 1) < wanted_for;
        let late = super::put(folder.path(), "112", "Kamera mati", at, "key-1", &is_wanted).unwrap_err();
        assert!(late.ends_with("it answers too late") && !late.contains("112_"), "{late}");
        assert!(names(folder.path()).is_empty(), "{wanted_for}");
    }
    put(folder.path(), "112", "Kamera mati", at, "key-1").unwrap();
    assert_eq!(names(folder.path()).len(), 1);
}

#[test]
fn a_message_is_given_to_the_folders_group_where_we_may() {
    let is_root = rustix::process::geteuid().is_root();
    let own = rustix::process::getegid().as_raw();
    let mut ours = rustix::process::getgroups().unwrap().into_iter().map(rustix::process::Gid::as_raw);
    // As root any will do.
    let group = if is_root { 54_321 } else { ours.find(|group| *group != own).unwrap_or(own) };
    let only_ours = |file: &File| file.set_permissions(Permissions::from_mode(0o600)).unwrap();
    // Given to it, or by the folder's set-group-ID bit its own from the beginning.
    for bits in [0o770, 0o2770] {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(folder.path(), None, Some(group)).unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(bits)).unwrap();
        let file = File::create(folder.path().join("half")).unwrap();
        only_ours(&file);
        lend(&file, folder.path());
        let about = file.metadata().unwrap();
        assert_eq!((about.gid(), about.mode() & 0o777), (group, 0o640), "{bits:o}");
        put(folder.path(), "112", "Kamera mati", "2026-11-24T01:30:00Z".parse().unwrap(), "key-1").unwrap();
        let message = folder.path().join(&names(folder.path())[0]);
        let about = std::fs::metadata(message).unwrap();
        assert_eq!((about.gid(), about.mode() & 0o640), (group, 0o640), "{bits:o}");
    }
    if !is_root {
        // Root's group is not ours to give to.
        let file = tempfile::tempfile().unwrap();
        only_ours(&file);
        lend(&file, Path::new("/"));
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
    }
}
