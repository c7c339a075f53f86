//! Children that answer, hang, say too much, and are left behind.

use super::*;
use crate::clock::Clock;

const SOON: Duration = Duration::from_secs(20);

fn shell(script: &str) -> (Program, Vec<OsString>) {
    (Program::other("/bin/sh", &["-c"]), vec![script.into()])
}

async fn run(script: &str, deadline: Duration) -> Result<Vec<u8>, ProbeError> {
    let (program, args) = shell(script);
    Slot::default().run(&program, &args, deadline).await
}

/// The state letter of a process (`proc_pid_stat(5)`); `None` when there is none of that number.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[tokio::test]
async fn says_what_the_child_said() {
    assert_eq!(run("printf hello", SOON).await.unwrap(), b"hello");
}

#[tokio::test]
async fn a_child_that_sleeps_for_ever_is_killed_and_reaped_by_its_deadline() {
    let dir = tempfile::tempdir().unwrap();
    let note = dir.path().join("pid");
    let script = format!("echo $$ > {}; exec sleep infinity", note.display());
    let (program, args) = shell(&script);
    let (mut slot, clock) = (Slot::default(), Clock::start());
    let began = clock.mono();
    let error = slot.run(&program, &args, Duration::from_secs(1)).await.unwrap_err();
    // A safety deadline: what it was given, the grace, and a busy machine's slowness.
    let took = clock.mono().since(began);
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
    assert!(!slot.is_left_behind());
    let pid = std::fs::read_to_string(note).unwrap().trim().parse().unwrap();
    assert_eq!(state(pid), None, "neither running nor a zombie");
}

#[tokio::test]
async fn a_child_left_behind_is_joined_by_no_other_whose_probe_was_built_anew_and_the_device_is_free_once_it_is_gone() {
    let child = Command::new("/bin/sleep").arg("infinity").kill_on_drop(true).spawn().unwrap();
    let pid = child.id().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ran = dir.path().join("ran");
    std::fs::write(dir.path().join("child.sh"), format!("echo \"$*\" >> {}", ran.display())).unwrap();
    let program = Program::other("/bin/sh", &[dir.path().join("child.sh").to_str().unwrap()]);
    let ran = || std::fs::read_to_string(&ran).unwrap_or_default();
    let args = |words: &[&str]| words.iter().map(Into::into).collect::<Vec<OsString>>();
    left_behind::remember(On::of(&program, &args(&["loopback", "hw:1", "hw:2"])), child);

    // Each of its own, as after a reload.
    let (mut slot, mut other) = (Slot::default(), Slot::default());
    for words in [&["loopback", "hw:1", "hw:2"][..], &["microphone", "hw:2"]] {
        let error = slot.run(&program, &args(words), SOON).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
        assert!(slot.is_left_behind(), "it is counted");
    }
    other.run(&program, &args(&["microphone", "hw:3"]), SOON).await.unwrap();
    assert!(!other.is_left_behind());
    assert_eq!(ran(), "microphone hw:3\n", "a second child would have run");

    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    let freed = async {
        while slot.is_left_behind() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, freed).await.expect("the place is free once its child is gone");
    slot.run(&program, &args(&["microphone", "hw:2"]), SOON).await.unwrap();
    assert!(ran().ends_with("microphone hw:2\n"));
}

#[tokio::test]
async fn a_child_whose_asker_is_dropped_is_killed_and_waited_for_before_another_comes() {
    let (program, args) = shell("exec sleep infinity");
    let mut slot = Slot::default();
    let on = On::of(&program, &args);
    let running = slot.start(&program, &args, on.clone()).unwrap();
    let pid = slot.newest().load(Ordering::Relaxed);
    drop(running);
    // Nothing else of this thread has run yet: it cannot have been reaped.
    assert!(left_behind::hangs(&on));
    slot.take(&on).await.unwrap();
    assert_eq!(state(pid), None, "neither running nor a zombie");
}

#[test]
fn what_a_child_works_on_are_its_devices_and_not_what_it_does_there() {
    let program = Program::device_child();
    let on = |words: &[&str]| On::of(&program, &words.iter().map(Into::into).collect::<Vec<OsString>>());
    assert_eq!(on(&["camera", "/dev/video0"]), on(&["frames", "/dev/video0", "{}"]));
    assert_ne!(on(&["camera", "/dev/video0"]), on(&["camera", "/dev/video1"]));
    assert_ne!(on(&["-c", "0", "contents"]), on(&["-c", "1", "contents"]));
}

#[tokio::test]
async fn a_child_that_says_too_much_is_cut_off() {
    let error = run("exec cat /dev/zero", SOON).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
    let (program, args) = shell("printf hello");
    let run = async |most| Slot::default().run(&program.clone().saying_at_most(most), &args, SOON).await;
    assert_eq!(run(5).await.unwrap(), b"hello");
    assert_eq!(run(4).await.unwrap_err().detail, "the child said more than 4 bytes");
}

#[tokio::test]
async fn a_word_before_the_answer_is_heard_at_once_and_is_no_part_of_it() {
    let (program, args) = shell("printf '{\"found\":7}'");
    let mut slot = Slot::default();
    assert_eq!(ask::<u8>(&mut slot, &program, &args, SOON).await.unwrap(), 7);
    let mut spoken = slot.spoken();
    let dir = tempfile::tempdir().unwrap();
    let ran = dir.path().join("ran");
    let (program, args) = shell(&format!("touch {}; echo; exec sleep infinity", ran.display()));
    let stop = async { _ = spoken.wait_for(|spoken| *spoken).await };
    // What the child before said does not count; this one says nothing more and is ended by its word.
    assert_eq!(ask_unless::<u8>(&mut slot, &program, &args, SOON, stop).await.unwrap(), None);
    assert!(ran.exists(), "it was ended before it said anything");
    let (program, args) = shell("echo; printf '{\"found\":8}'");
    assert_eq!(ask::<u8>(&mut slot, &program, &args, SOON).await.unwrap(), 8);
}

#[tokio::test]
async fn a_child_that_closes_its_mouth_and_stays_is_late() {
    let error = run("exec >&-; exec sleep infinity", Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
}

#[tokio::test]
async fn failures_are_told_apart() {
    let error = run("printf half; exit 3", SOON).await.unwrap_err();
    assert_eq!((error.kind, error.detail.as_str()), (ErrorKind::Internal, "/bin/sh ended with exit status: 3"));
    let absent = Program::other("/nonexistent/program", &[]);
    let error = Slot::default().run(&absent, &[], SOON).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Gone, "{error}");
}

#[tokio::test]
async fn an_answer_is_found_or_failed_and_nothing_else() {
    let ask = async |said: &str| {
        let (program, args) = shell(&format!("printf '%s' '{said}'"));
        ask::<Vec<u32>>(&mut Slot::default(), &program, &args, SOON).await
    };
    assert_eq!(ask(r#"{"found":[1,2]}"#).await.unwrap(), [1, 2]);
    let error = ask(r#"{"failed":{"kind":"permission","detail":"no"}}"#).await.unwrap_err();
    assert_eq!(error, ProbeError::new(ErrorKind::Permission, "no"));
    for nonsense in ["", "{}", "[1]", r#"{"found":"x"}"#, r#"{"failed":{"kind":"odd","detail":""}}"#] {
        assert_eq!(ask(nonsense).await.unwrap_err().kind, ErrorKind::Protocol, "{nonsense}");
    }
}

#[test]
fn what_the_child_says_is_what_the_daemon_understands() {
    let said = say::<u8>(Err(ProbeError::new(ErrorKind::Busy, "held"))).unwrap();
    assert_eq!(said, br#"{"failed":{"kind":"busy","detail":"held"}}"#);
    assert_eq!(say(Ok([7])).unwrap(), br#"{"found":[7]}"#);
}
