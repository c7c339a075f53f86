//! What is said, word by word.

use super::*;
use crate::radio::words::{count, read};

const MANNER: Manner<'_> = Manner { station: "Media Center", ending: Ending::Selesai, titles: true };

fn at(text: &str) -> DateTime {
    format!("2026-11-{text}").parse().unwrap()
}

fn fault() -> Fault {
    Fault {
        room: "Ruang Media Center".to_owned(),
        component: Component::Internet,
        verdict: Verdict::NotReady,
        code: Some("internet.target_silent".to_owned()),
        since: at("26T10:15"),
        now: at("26T10:20"),
        session: Some(Session { title: "Dinas Kesehatan".to_owned(), start: at("26T11:00") }),
        remedy: None,
    }
}

fn said(message: &Message, manner: Manner<'_>) -> Vec<String> {
    message.transmissions(manner)[0].iter().map(|script| read(script)).collect()
}

#[test]
fn a_fault_is_told_twice_and_ends_as_custom_has_it() {
    assert_eq!(
        said(&Message::Fault(fault()), MANNER),
        [
            "Perhatian. Di sini Media Center. Internet terputus di Ruang Media Center sejak pukul sepuluh lima belas. Rapat Dinas \
             Kesehatan pukul sebelas. Mohon periksa modem dan kabel jaringan. Ganti.",
            "Saya ulangi. Di sini Media Center. Internet terputus di Ruang Media Center sejak pukul sepuluh lima belas. Rapat Dinas \
             Kesehatan pukul sebelas. Mohon periksa modem dan kabel jaringan. Selesai.",
        ]
    );
    let ending = Manner { ending: Ending::Ganti, ..MANNER };
    assert!(said(&Message::Fault(fault()), ending)[1].ends_with(" Ganti."));
}

#[test]
fn a_title_is_not_said_where_it_may_not_be_and_the_room_not_twice() {
    let manner = Manner { station: "Ruang Media Center", titles: false, ..MANNER };
    let said = &said(&Message::Fault(fault()), manner)[0];
    assert!(said.contains("Rapat pukul sebelas.") && !said.contains("Kesehatan"), "{said}");
    assert_eq!(said.matches("Media Center").count(), 1, "{said}");
}

#[test]
fn days_and_meetings_are_told_as_people_tell_them() {
    let one = |change: &dyn Fn(&mut Fault)| {
        let mut fault = fault();
        change(&mut fault);
        said(&Message::Fault(fault), MANNER).remove(0)
    };
    let text = one(&|fault| fault.since = at("25T23:05"));
    assert!(text.contains("sejak kemarin pukul dua puluh tiga nol lima."), "{text}");
    let text = one(&|fault| fault.since = at("14T10:00"));
    assert!(text.contains("sejak dua belas hari lalu."), "{text}");
    // A wall clock that was set back makes no day of tomorrow.
    let text = one(&|fault| fault.since = at("27T00:10"));
    assert!(text.contains("sejak pukul nol sepuluh."), "{text}");
    let text = one(&|fault| fault.session.as_mut().unwrap().start = at("26T10:00"));
    assert!(text.contains("Rapat Dinas Kesehatan sedang berlangsung."), "{text}");
    let text = one(&|fault| fault.session.as_mut().unwrap().start = at("27T08:00"));
    assert!(text.contains("besok pukul delapan."), "{text}");
    let text = one(&|fault| fault.session.as_mut().unwrap().title = "Rapat Paripurna".to_owned());
    assert!(text.contains(". Rapat Paripurna pukul"), "{text}");
    let text = one(&|fault| {
        fault.session = None;
        fault.remedy = Some("Telepon Pak Budi, 0561-73".to_owned());
    });
    assert!(text.contains("lima belas. Telepon Pak Budi nol lima enam satu tujuh puluh tiga. Ganti."), "{text}");
    let text = one(&|fault| {
        fault.code = Some("siaga.icmp_failed".to_owned());
        fault.verdict = Verdict::Unknown;
        fault.room = String::new();
    });
    assert!(text.contains("Internet tidak dapat diperiksa sejak"), "{text}");
    assert!(text.contains("Mohon hubungi petugas teknologi informasi."), "{text}");
}

#[test]
fn the_morning_call_says_that_all_is_well_and_when_and_is_made_once() {
    let call = Message::RollCall { at: at("26T07:45") };
    assert_eq!(said(&call, MANNER), ["Di sini Media Center. Pukul tujuh empat puluh lima, ruangan siap. Selesai."]);
    let restored = Message::Restored { component: Component::Power };
    assert_eq!(said(&restored, MANNER)[0], "Perhatian. Di sini Media Center. Kelistrikan sudah pulih. Ganti.");
    let test = "Di sini Media Center. Ini pesan uji. Mohon dijawab bila terdengar. Ganti.";
    assert_eq!(said(&Message::Test { twice: false }, MANNER), [test]);
}

/// Every reason of the catalogue, with the longest names and the wordiest hours.
#[test]
fn whatever_happens_is_said_in_thirty_words() {
    let manner = Manner { station: "Pusat Kendali Media Center", ..MANNER };
    let title = "Rapat Koordinasi Tim Pengendalian Inflasi Daerah se-Kabupaten 2027 dengan Kementerian Dalam Negeri";
    let codes = crate::probe::all_reasons().map(|reason| Some(reason.code.to_owned())).chain([None]);
    let mut seen = 0;
    for code in codes {
        for component in Component::ALL {
            for since in ["25T23:59", "26T21:45", "14T10:00"] {
                for remedy in [None, Some(title.to_owned())] {
                    let message = Message::Fault(Fault {
                        room: "Ruang Rapat Utama Lantai Dua".to_owned(),
                        component,
                        verdict: Verdict::Unknown,
                        code: code.clone(),
                        since: at(since),
                        now: at("26T22:22"),
                        session: Some(Session { title: title.to_owned(), start: at("27T23:59") }),
                        remedy,
                    });
                    let all = message.transmissions(manner);
                    assert!(!all.is_empty(), "{code:?} cannot be said");
                    for script in all.iter().flatten() {
                        assert!(count(script) <= MOST_WORDS, "{}", read(script));
                        assert_eq!(script.iter().filter(|part| part.text.is_empty()).count(), 0);
                    }
                    let shortest = read(&all[all.len() - 1][0]);
                    assert!(shortest.contains("Rapat besok pukul") && shortest.contains("Media Center"), "{shortest}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 1000);
    let (faults, restored) = (Component::ALL.to_vec(), Component::ALL.to_vec());
    let all = Message::Several { faults, restored }.transmissions(manner);
    assert!(!all.is_empty(), "everything at once cannot be said");
}

#[test]
fn a_drill_says_so_in_each_transmission_and_stays_within_its_words() {
    let drill = |message| Message::Drill(Box::new(message));
    let over = said(&drill(Message::Restored { component: Component::Video }), MANNER);
    assert_eq!(over[0], "Perhatian. Di sini Media Center. Ini latihan. Video sudah pulih. Ganti.");
    assert_eq!(over[1], "Saya ulangi. Di sini Media Center. Ini latihan. Video sudah pulih. Selesai.");
    for (code, verdict) in [("video.camera_missing", Verdict::NotReady), ("siaga.none", Verdict::Unknown)] {
        let fault = Fault { code: Some(code.to_owned()), verdict, since: at("24T23:59"), ..fault() };
        for scripts in drill(Message::Fault(fault)).transmissions(MANNER) {
            assert_eq!(scripts.len(), 2);
            for script in scripts {
                assert!(count(&script) <= MOST_WORDS && read(&script).contains("Ini latihan."), "{}", read(&script));
            }
        }
    }
}

#[test]
fn another_systems_word_is_said_as_far_as_there_are_words_for_it() {
    let foreign = |text: &str, over| Message::Foreign { text: text.to_owned(), since: at("26T10:15"), over };
    assert_eq!(
        said(&foreign("Suhu ruang server 31", false), MANNER)[0],
        "Perhatian. Di sini Media Center. Kabar dari sistem lain. Suhu ruang server tiga puluh satu. Sejak pukul sepuluh lima \
         belas. Ganti."
    );
    let over = said(&foreign("Suhu ruang server", true), MANNER).remove(1);
    assert!(over.contains("Suhu ruang server sudah pulih. Selesai."), "{over}");
    let all = foreign(&"kata 1234 ".repeat(40), false).transmissions(MANNER);
    assert!(!all.is_empty());
    for script in all.iter().flatten() {
        assert!(count(script) <= MOST_WORDS, "{}", read(script));
    }
}

#[test]
fn a_notice_in_the_room_names_the_meeting_and_neither_a_station_nor_its_customs() {
    let notices = Message::Fault(fault()).notices(true);
    let fullest = read(&notices[0]);
    assert!(
        fullest.starts_with("Perhatian. Internet terputus") && fullest.contains("Rapat Dinas Kesehatan"),
        "{fullest}"
    );
    let untitled = read(&Message::Fault(fault()).notices(false)[0]);
    assert!(untitled.contains("Rapat pukul") && !untitled.contains("Kesehatan"), "{untitled}");
    for said in notices.iter().map(|script| read(script)) {
        assert!(!said.contains("Di sini") && !said.contains("anti.") && !said.contains("elesai"), "{said}");
    }
    let title =
        "Rapat koordinasi persiapan penyelenggaraan pemerintahan daerah dengan seluruh organisasi perangkat daerah";
    let long = Fault {
        session: Some(Session { title: title.to_owned(), start: at("27T23:59") }),
        since: at("14T10:00"),
        ..fault()
    };
    let notices = Message::Fault(long).notices(true);
    assert!(!notices.is_empty() && notices.iter().all(|script| count(script) <= MOST_WORDS));
    assert_eq!(
        read(&Message::Test { twice: false }.notices(true)[0]),
        "Perhatian. Ini pesan uji. Tidak ada yang perlu dilakukan."
    );
}

#[test]
fn what_goes_to_and_fro_is_said_to_and_not_how_it_is_at_this_moment() {
    let message = Message::Unstable { component: Component::Video, unseen: false };
    assert_eq!(
        said(&message, MANNER),
        [
            "Perhatian. Di sini Media Center. Video tidak stabil. Mohon diperiksa. Ganti.",
            "Saya ulangi. Di sini Media Center. Video tidak stabil. Mohon diperiksa. Selesai.",
        ]
    );
    assert!(message.is_urgent());
    assert_eq!(read(&message.notices(true)[0]), "Perhatian. Video tidak stabil. Mohon diperiksa.");
    let unseen = Message::Unstable { component: Component::Video, unseen: true };
    assert_eq!(read(&unseen.notices(true)[0]), "Perhatian. Video tidak dapat diperiksa. Mohon diperiksa.");
}
