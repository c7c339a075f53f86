//! `siaga survey` at places with a known line, by the real binary: its answer, its exit code, its two files.

pub(crate) mod place;

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::support::child::wait_until;
use super::support::impairment::{Impairment, Loss};
use super::support::line::{FAR, Line};
use super::support::namespace::inside;
use super::support::turnserver::{PASSWORD, TurnServer, USER};
use place::{BESIDE, Place, Told, bare, delayed, narrow, rates, reports, told};

#[test]
fn at_a_good_place_the_meeting_can_be_held_and_the_page_has_everything() {
    if !inside("survey::at_a_good_place_the_meeting_can_be_held_and_the_page_has_everything") {
        return;
    }
    let place = Place::new(delayed(15), delayed(25));
    let rates = rates();
    let turn = TurnServer::start(&["env"], BESIDE, &[]);
    let (down, up, password) =
        (format!("http://{rates}/down?token=x"), format!("http://{rates}/up"), turn.password(PASSWORD));
    let told = place.survey(&[
        "--profile",
        "zoom_group_720",
        "--venue",
        "Aula <Kantor> Camat",
        "--relay",
        BESIDE,
        "--relay-user",
        USER,
        "--relay-password-file",
        &password,
        "--down",
        &down,
        "--up",
        &up,
    ]);
    told.is_whole("ready", 0);
    assert!(
        told.out.starts_with("Rapat `zoom_group_720` (Zoom, rapat 720p) dapat diadakan di sini; batasnya: "),
        "{}",
        told.out
    );
    assert!(told.report["finished"] == true && told.report["venue"] == "Aula <Kantor> Camat");
    assert_eq!(told.report["ways"], serde_json::json!({ "direct": true, "relay": "udp" }));
    for (check, quantity) in [
        ("link", "link_up"),
        ("gateway", "icmp_rtt_median_seconds"),
        ("echo", "icmp_rtt_median_seconds"),
        ("call", "stamp_rtt_seconds"),
        ("relay", "relay_rtt_seconds"),
        ("rate", "bandwidth_up_bits_per_second"),
    ] {
        assert!(told.value(check, quantity) > 0.0, "{check} {quantity}");
    }
    // The nearest: of the call's round trip 40 of 150 ms; of its way out 2.6 of (nearly) 2.86 Mbit/s, which nothing here narrows.
    let limit = &told.report["profiles"][0]["limit"];
    assert!(limit["past"] == false && limit["unit"] == "bits_per_second" && limit["limit"] == 2.6e6, "{limit}");
    assert!(told.missing("call").is_none() && told.report["outages"].as_array().unwrap().is_empty());
    let (most, used) = (&told.report["bytes"]["at_most"], told.report["bytes"]["used"].as_u64().unwrap());
    let tests = [("call", "stamp"), ("relay", "relay"), ("rate", "bandwidth")];
    let told_apart = tests.map(|(check, kind)| told.value(check, &format!("{kind}_used_bytes_total")));
    assert!(told_apart.iter().all(|bytes| *bytes > 500_000.0), "{told_apart:?}");
    #[allow(clippy::cast_precision_loss, reason = "a few million")]
    let rest = (used as f64 - told_apart.iter().sum::<f64>()).abs();
    assert!(rest < 1.0 && used <= most.as_u64().unwrap(), "{used} of {most}: {told_apart:?}");
    assert!(told.err.contains("siaga: uji memakai paling banyak ") && told.err.contains(".json"), "{}", told.err);
    // What stands behind a path may be a token, and a title may hold what HTML takes for its own.
    assert!(
        told.page.contains("Aula &#60;Kantor&#62; Camat") && !format!("{}{}", told.report, told.page).contains("token")
    );
    let id = told.report["id"].as_str().unwrap();
    assert!(id.starts_with("aula-kantor-camat-"), "{id}");
    assert!(place.folder.path().join(format!("survey-{id}.html")).exists(), "{id}");
}

#[test]
fn a_narrow_way_out_is_named_as_the_limit() {
    if !inside("survey::a_narrow_way_out_is_named_as_the_limit") {
        return;
    }
    let place = Place::new(narrow(0.8e6), delayed(10));
    let told = place.survey(&["--profile", "zoom_group_720"]);
    told.is_whole("not_ready", 2);
    let limit = &told.report["profiles"][0]["limit"];
    assert!(
        limit["quantity"] == "stamp_up_bits_per_second" && limit["past"] == true && limit["limit"] == 1e6,
        "{limit}"
    );
    let by = limit["by_ratio"].as_f64().unwrap();
    assert!((0.1..0.3).contains(&by), "{by}");
    for word in [
        "tidak dapat diadakan di sini karena uji panggilan: arah keluar hanya membawa",
        "yang harus dilakukan: hentikan",
        "kurang 2",
    ] {
        assert!(told.out.contains(word), "{word}: {}", told.out);
    }
    // By all profiles: what is small enough can be held, and is what is told.
    let english = told_of_all(&place);
    assert!(
        english.starts_with("The largest meeting that can be held here: `audio_only` (Sound only); the limit: "),
        "{english}"
    );
    assert!(english.contains("\n  zoom_group_720 cannot be held: "), "{english}");
}

fn told_of_all(place: &Place) -> String {
    place.forget();
    let told = place.survey(&["--lang", "en"]);
    assert_eq!((told.code, told.report["profile"].as_str()), (Some(0), Some("audio_only")), "{}", told.out);
    assert!(told.page.contains("<html lang=\"en\">"));
    told.out
}

#[test]
fn loss_on_the_way_in_is_named_as_the_limit() {
    if !inside("survey::loss_on_the_way_in_is_named_as_the_limit") {
        return;
    }
    let place = Place::new(delayed(10), Impairment { loss: Loss::Random(0.09), ..delayed(10) });
    let told = place.survey(&["--profile", "zoom_group_720"]);
    told.is_whole("not_ready", 2);
    let meeting = &told.report["profiles"][0];
    assert!(meeting["limit"]["quantity"] == "loss_ratio" && meeting["limit"]["limit"] == 0.05, "{meeting}");
    assert_eq!(meeting["reasons"][0]["code"], "internet.call_loss_high");
    assert!(told.out.contains("paket uji panggilan hilang di jalan"), "{}", told.out);
}

#[test]
fn a_far_end_that_is_gone_says_nothing_of_the_place() {
    if !inside("survey::a_far_end_that_is_gone_says_nothing_of_the_place") {
        return;
    }
    let place = Place::new(delayed(10), delayed(10));
    let told = place.survey(&["--profile", "audio_only", "--far-end", &format!("{FAR}:9")]);
    told.is_whole("unknown", 3);
    assert!(told.missing("call").unwrap().contains("Ujung jauh uji panggilan tidak menjawab"), "{:#}", told.report);
    assert!(told.out.starts_with("Belum dapat dikatakan apakah rapat `audio_only`"), "{}", told.out);
    assert_eq!(told.report["ways"]["direct"], Value::Null);
}

#[test]
fn what_an_office_watches_is_watched_here_and_a_line_that_breaks_off_is_told() {
    if !inside("survey::what_an_office_watches_is_watched_here_and_a_line_that_breaks_off_is_told") {
        return;
    }
    let place = Place::new(delayed(10), delayed(10));
    let config = place.folder.path().join("office.toml");
    let text = format!(
        "[room]\nlanguage = \"en\"\n[[check]]\nname = \"far\"\nkind = \"icmp\"\ntarget = \"{FAR}\"\nburst = 20\n\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"127.0.0.1:1\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut command = bare();
    command.args(["--duration", "20s", "--profile", "audio_only", "--config"]).arg(&config);
    command.arg("--out").arg(place.folder.path()).stderr(Stdio::null());
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let passed = |more: usize| {
        let before = place.line.up().0.len();
        wait_until(|| place.line.up().0.len() >= before + more);
    };
    let nft =
        |rule: &str| assert!(Line::far("nft").arg(rule).status().unwrap().success(), "nft {rule}: install nftables");
    passed(22);
    for rule in ["add table inet fault", "add chain inet fault in { type filter hook input priority 0; }"] {
        nft(rule);
    }
    nft("add rule inet fault in ip protocol icmp drop");
    // An echo that stays out, those that confirm it, and those after.
    passed(8);
    nft("delete table inet fault");
    let told = told(child.wait_with_output().unwrap(), place.folder.path());
    let outage = &told.report["outages"][0];
    assert!(outage["check"] == "far" && outage["over"] == true && outage["in_tests"] == false, "{:#}", told.report);
    assert!(outage["seconds"].as_f64().unwrap() > 1.0 && told.out.contains("far fell silent 1 times"), "{}", told.out);
    let names: Vec<_> = told.report["checks"].as_array().unwrap().iter().map(|check| check["name"].clone()).collect();
    assert_eq!(names, ["far"], "of the line alone, and nothing that the config does not name");
    // Nobody measured what the line carries.
    let meeting = &told.report["profiles"][0];
    assert!(
        meeting["unmeasured"].as_array().unwrap().contains(&"up".into()) && told.report["verdict"] != "ready",
        "{meeting}"
    );
}

#[test]
fn a_meeting_that_needs_udp_is_not_promised_where_nobody_tried_udp() {
    if !inside("survey::a_meeting_that_needs_udp_is_not_promised_where_nobody_tried_udp") {
        return;
    }
    let place = Place::new(delayed(10), delayed(10));
    let (rates, config) = (rates(), place.folder.path().join("office.toml"));
    let text = format!(
        "[[check]]\nname = \"far\"\nkind = \"icmp\"\ntarget = \"{FAR}\"\nburst = 500\n\
         [[check]]\nname = \"rate\"\nkind = \"bandwidth\"\ndown_url = \"http://{rates}/down\"\nup_url = \"http://{rates}/up\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let survey = |profile: &str| {
        place.forget();
        let mut command = bare();
        command.args(["--duration", "20s", "--profile", profile, "--config"]).arg(&config);
        told(command.arg("--out").arg(place.folder.path()).output().unwrap(), place.folder.path())
    };
    let pictures = survey("zoom_group_720");
    pictures.is_whole("unknown", 3);
    let meeting = &pictures.report["profiles"][0];
    assert_eq!(meeting["unmeasured"], serde_json::json!(["udp"]), "{meeting:#}");
    assert!(pictures.out.contains("karena tidak diketahui: apakah UDP lewat"), "{}", pictures.out);
    // All else was measured: what does not mind can be held.
    survey("audio_only").is_whole("ready", 0);
}

/// Starts one, waits until so many packets went out, and stops it as a terminal does.
fn stopped(place: &Place, packets: usize) -> Told {
    place.made(|| {
        let before = place.line.up().0.len();
        let mut child: Child =
            place.command(&["--duration", "4s"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut ended = false;
        wait_until(|| {
            ended = child.try_wait().unwrap().is_some();
            ended || place.line.up().0.len() >= before + packets
        });
        if !ended {
            let pid = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        }
        told(child.wait_with_output().unwrap(), place.folder.path())
    })
}

#[test]
fn who_stops_it_half_way_gets_what_was_measured() {
    if !inside("survey::who_stops_it_half_way_gets_what_was_measured") {
        return;
    }
    let place = Place::new(delayed(10), delayed(10));
    // In the watch, then in the midst of the call, which comes after two bursts of 250 echoes.
    for packets in [100, 1000] {
        let told = stopped(&place, packets);
        told.is_whole("unknown", 3);
        assert!(told.report["finished"] == false && told.page.contains("class=\"warning\""), "{:#}", told.report);
        assert!(told.missing("call").unwrap().contains("dihentikan"), "{:#}", told.report);
        assert!(told.check("call")["measurements"].as_array().unwrap().is_empty());
        if packets > 500 {
            assert!(told.value("echo", "icmp_rtt_median_seconds") > 0.02);
            assert!(told.report["bytes"]["used"].as_u64().unwrap() > 0);
        }
        place.forget();
    }
}

#[test]
fn who_stops_it_in_the_test_through_the_relay_leaves_nothing_behind_there() {
    if !inside("survey::who_stops_it_in_the_test_through_the_relay_leaves_nothing_behind_there") {
        return;
    }
    let place = Place::new(delayed(10), delayed(10));
    let turn = TurnServer::start(&["env"], BESIDE, &[]);
    let mut command = bare();
    command.args(["--duration", "1s", "--relay", BESIDE, "--relay-user", USER, "--relay-password-file"]);
    command.arg(turn.password(PASSWORD)).arg("--out").arg(place.folder.path()).stdout(Stdio::piped());
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    wait_until(|| turn.log().contains(": new, "));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    let told = told(child.wait_with_output().unwrap(), place.folder.path());
    told.is_whole("unknown", 3);
    assert!(told.missing("relay").unwrap().contains("dihentikan"), "{:#}", told.report);
    turn.wait_until_free();
}

/// A laptop's owner: no right of root's is left, and what the survey touches is theirs.
fn by_a_stranger(place: &Place, duration: &str) -> Told {
    const STRANGER: u32 = 65534;
    let folder = place.folder.path();
    let own = |path: &std::path::Path| std::os::unix::fs::chown(path, Some(STRANGER), Some(STRANGER)).unwrap();
    // What root has built lies where others may not look.
    let program = folder.join("siaga");
    if !program.exists() {
        std::fs::copy(env!("CARGO_BIN_EXE_siaga"), &program).unwrap();
    }
    [folder, &program, &folder.join("key")].into_iter().for_each(own);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--inh-caps=-all"]);
    command.args(["--bounding-set=-all", "env", "-i"]).arg(&program).args(["survey", "--profile", "audio_only"]);
    command.args(["--far-end", FAR, "--key-file", "key", "--duration", duration]).current_dir(folder);
    command.stdin(Stdio::null());
    place.made(|| told(command.output().expect("setpriv: install Debian's util-linux"), folder))
}

#[test]
fn who_has_no_rights_at_all_gets_the_same_answer() {
    // As systemd sets it at every start of Debian 12; a new namespace admits nobody.
    const RANGE: &str = "/proc/sys/net/ipv4/ping_group_range";
    if !inside("survey::who_has_no_rights_at_all_gets_the_same_answer") {
        return;
    }
    let place = Place::new(delayed(15), delayed(25));
    std::fs::write(RANGE, "0 2147483647").unwrap();
    let told = by_a_stranger(&place, "3s");
    told.is_whole("ready", 0);
    assert!(told.report["finished"] == true && told.report["ways"]["direct"] == true, "{:#}", told.report);
    for (check, quantity) in [
        ("link", "link_up"),
        ("gateway", "icmp_rtt_median_seconds"),
        ("echo", "icmp_rtt_median_seconds"),
        ("call", "stamp_rtt_seconds"),
    ] {
        assert!(told.value(check, quantity) > 0.0, "{check} {quantity}");
    }
    // Where even echoes are forbidden, the call's test alone can answer; what was not seen is said, with whose affair it is.
    place.forget();
    std::fs::write(RANGE, "1 0").unwrap();
    let told = by_a_stranger(&place, "3s");
    assert!(told.value("call", "stamp_rtt_seconds") > 0.0, "{:#}", told.report);
    for check in ["gateway", "echo"] {
        assert!(told.missing(check).is_some_and(|why| why.contains("ping_group_range")), "{:#}", told.report);
    }
}

#[test]
fn nothing_is_spent_that_was_not_granted_and_nobody_is_asked_who_was_not_named() {
    if !inside("survey::nothing_is_spent_that_was_not_granted_and_nobody_is_asked_who_was_not_named") {
        return;
    }
    let place = Place::new(delayed(10), delayed(10));
    let refused = |command: &mut Command, why: &str| {
        let output = command.output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(3) && output.stdout.is_empty() && err.contains(why), "{why}: {err}");
    };
    refused(&mut place.command(&["--budget", "1 MB"]), "--budget says 1 MB");
    refused(&mut place.command(&["--out", "/nowhere"]), "no report can be written to /nowhere");
    refused(&mut place.command(&["--duration", "0s"]), "allowed is 1s to 1h");
    refused(&mut place.command(&["--down", "self", "--up", "self"]), "this very computer");
    refused(&mut place.command(&["--down", "http://192.0.2.1/"]), "--up");
    refused(bare().arg("--out").arg(place.folder.path()), "nobody to measure against");
    assert_eq!(reports(place.folder.path()).count(), 0);
    assert!(place.line.up().0.is_empty(), "a packet went out");
}
