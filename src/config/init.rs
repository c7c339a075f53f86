//! The config that `siaga init` writes: a few answers about a room in, a commented file out.

use std::fmt::Write as _;

use super::platforms::Platform;
use crate::domain::{Lang, Text};

/// What a room's people say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The language of pages, messages and the file's comments.
    pub language: Lang,
    /// The room's short name.
    pub name: String,
    /// The room's name for people.
    pub title: String,
    /// An IANA name.
    pub time_zone: String,
    /// Where the meetings are held.
    pub platform: Platform,
    /// The platform's own name where it stands in the room's own house.
    pub server: Option<String>,
    /// Whom to ask whether the line is up: an address or a name (echo requests), or `stun:host:port`.
    pub far_ends: Vec<String>,
    /// `auto`, or an address; `None` for no check of it.
    pub gateway: Option<String>,
    /// `auto`, or addresses; none for no check of name resolution.
    pub resolvers: Vec<String>,
    /// The base address of a far end that serves bandwidth tests.
    pub bandwidth: Option<String>,
    /// `host:port` of NUT's upsd; `None` if the room has no UPS.
    pub upsd: Option<String>,
    /// Whether a display hangs on this machine.
    pub display: bool,
    /// Whether the room has two-way radios.
    pub radio: bool,
    /// Where notifications go.
    pub webhook: Option<String>,
}

impl Answers {
    /// The name whose HTTPS front is probed, if there is any.
    fn web(&self) -> Option<&str> {
        let shipped = Some(self.platform.web.as_str()).filter(|name| !name.is_empty());
        self.server.as_deref().or(shipped)
    }
}

/// The file's text, with comments in the room's language. Whether the answers make sense together is for
/// [`Config::parse`](super::Config::parse) to say about the text.
pub fn render(answers: &Answers) -> String {
    let mut page = Page { lang: answers.language, out: String::new() };
    page.head(answers);
    page.here(answers);
    page.line_out(answers);
    page.platform(answers);
    page.others(answers);
    page.out
}

struct Page {
    lang: Lang,
    out: String,
}

impl Page {
    /// A comment in the room's language, a blank line before it.
    fn say(&mut self, text: Text) {
        self.out.push('\n');
        self.note(text.in_lang(self.lang));
    }

    fn note(&mut self, text: &str) {
        for line in text.lines() {
            _ = writeln!(self.out, "# {line}");
        }
    }

    fn table(&mut self, header: &str) {
        _ = writeln!(self.out, "{header}");
    }

    fn text(&mut self, key: &str, value: &str) {
        _ = writeln!(self.out, "{key} = {}", quoted(value));
    }

    fn raw(&mut self, key: &str, value: &str) {
        _ = writeln!(self.out, "{key} = {value}");
    }

    fn check(&mut self, name: &str, kind: &str) {
        self.table("[[check]]");
        self.text("name", name);
        self.text("kind", kind);
    }

    fn head(&mut self, answers: &Answers) {
        let head = Text::new(
            "Konfigurasi ruang ini, ditulis oleh \"siaga init\". Siaga hanya menghubungi yang disebut di berkas ini.\n\
             Semua kunci dan alasannya: siaga config print. Memeriksa berkas ini: siaga config check BERKAS.",
            "This room's config, written by \"siaga init\". Siaga contacts nobody that this file does not name.\n\
             All keys and why: siaga config print. To check this file: siaga config check FILE.",
        );
        self.note(head.in_lang(self.lang));
        self.out.push('\n');
        self.table("[room]");
        self.text("name", &answers.name);
        self.text("title", &answers.title);
        self.text("language", answers.language.as_str());
        self.text("time_zone", &answers.time_zone);
        self.say(Text::new(
            "Kebutuhan rapat bila tidak disebut profil lain.",
            "What a meeting needs when no other profile is named.",
        ));
        self.table("[profiles]");
        self.text("default", &answers.platform.profile);
        self.say(Text::new(
            "Hanya dari komputer ini. Untuk ponsel petugas: \"0.0.0.0:10153\".",
            "From this computer alone. For the staff's phones: \"0.0.0.0:10153\".",
        ));
        self.table("[web]");
        self.text("listen", "127.0.0.1:10153");
    }

    fn here(&mut self, answers: &Answers) {
        self.say(Text::new("Komputer ini.", "This computer."));
        self.check("computer", "computer");
        self.say(Text::new("Kabel jaringan atau Wi-Fi.", "The network cable or the Wi-Fi."));
        self.check("link", "link");
        self.say(Text::new(
            "Mikrofon dan pengeras suara; hanya dilihat, tidak dibuka.",
            "Microphones and loudspeakers; listed, never opened.",
        ));
        self.check("audio", "audio");
        if answers.platform.name == "audio_only" {
            return;
        }
        self.say(Text::new("Kamera; tidak dibuka selagi dipakai.", "The camera; never opened while in use."));
        self.check("camera", "camera");
        if answers.display {
            self.say(Text::new("Layar atau proyektor.", "The display or projector."));
            self.check("display", "display");
        }
    }

    fn line_out(&mut self, answers: &Answers) {
        if let Some(gateway) = &answers.gateway {
            self.say(Text::new(
                "Router ruang ini; \"auto\" mengikuti rute bawaan.",
                "This room's router; \"auto\" follows the default route.",
            ));
            self.check("gateway", "icmp");
            self.text("target", gateway);
            if gateway != "auto" {
                self.text("role", "gateway");
            }
        }
        if answers.far_ends.is_empty() {
            self.say(Text::new(
                "Belum ada ujung jauh: apakah internet hidup tidak dapat diketahui. Tambahkan tiga, dari tiga operator.",
                "No far end yet: whether the internet works cannot be known. Add three, of three operators.",
            ));
        } else {
            self.say(Text::new(
                "Ujung jauh dari operator yang berlainan: satu yang mati bukan berarti internet mati.",
                "Far ends of different operators: one that is dead is not a dead line.",
            ));
            self.table("[[group]]");
            self.text("name", "far_ends");
            // More than half, so that one dead target of three is no dead line; of two, either one will do.
            self.raw("need", &answers.far_ends.len().div_ceil(2).to_string());
            for (place, far_end) in answers.far_ends.iter().enumerate() {
                self.out.push('\n');
                let name = format!("far_end_{}", place + 1);
                if let Some(server) = far_end.strip_prefix("stun:") {
                    self.check(&name, "stun");
                    self.text("server", server);
                } else {
                    self.check(&name, "icmp");
                    self.text("target", far_end);
                }
                self.text("group", "far_ends");
            }
        }
        if let Some(url) = &answers.bandwidth {
            self.say(Text::new(
                "Kecepatan; tidak pernah dijalankan selagi ruang dipakai.",
                "Bandwidth; never run while the room is in use.",
            ));
            self.check("bandwidth", "bandwidth");
            let base = url.trim_end_matches('/');
            self.text("down_url", &format!("{base}/down?bytes={{bytes}}"));
            self.text("up_url", &format!("{base}/up"));
        } else {
            // Against this machine itself it would be measured, and the room could never be ready.
            self.say(Text::new(
                "Belum ada ujung jauh untuk uji kecepatan: apakah internet cukup cepat tidak diperiksa. Tambahkan pemeriksaan\n\
                 \"bandwidth\" (lihat: siaga config print) atau jalankan lagi: siaga init --bandwidth http://…",
                "No far end for bandwidth tests yet: whether the line is fast enough is not looked at. Add a \"bandwidth\" check\n\
                 (see: siaga config print), or run again: siaga init --bandwidth http://…",
            ));
        }
    }

    fn platform(&mut self, answers: &Answers) {
        let platform = &answers.platform;
        if platform.name == "audio_only" && answers.server.is_none() {
            return;
        }
        self.out.push('\n');
        let words = match self.lang {
            Lang::Id => ("Media", "Sumber"),
            Lang::En => ("Media", "Source"),
        };
        self.note(&format!("{}. {}: {}.\n{}: {}.", platform.title, words.0, platform.media, words.1, platform.source));
        if let Some(web) = answers.web() {
            // Room systems speak no HTTPS: an echo is what there is.
            if platform.name == "h323" {
                self.check("platform", "icmp");
                self.text("target", web);
                self.text("role", "platform");
            } else {
                self.check("platform", "http");
                self.text("url", &format!("https://{web}/"));
                self.out.push('\n');
                self.check("platform_certificate", "tls");
                self.text("host", web);
            }
            if !answers.resolvers.is_empty() && web.parse::<std::net::IpAddr>().is_err() {
                self.resolvers(web, &answers.resolvers);
            }
        }
        for (place, server) in platform.stun.iter().enumerate() {
            self.out.push('\n');
            self.check(&format!("platform_udp_{}", place + 1), "stun");
            self.text("server", server);
            self.text("level", "platform");
        }
    }

    /// A check for each resolver. Of several one that answers will do, as for programs.
    fn resolvers(&mut self, query: &str, resolvers: &[String]) {
        for (place, resolver) in resolvers.iter().enumerate() {
            self.out.push('\n');
            if let [only] = resolvers {
                self.check("resolver", "dns");
                self.text("query", query);
                self.text("resolver", only);
                return;
            }
            self.check(&format!("resolver_{}", place + 1), "dns");
            self.text("query", query);
            self.text("resolver", resolver);
            self.text("group", "resolvers");
            if place == 0 {
                self.raw("need", "1");
            }
        }
    }

    fn others(&mut self, answers: &Answers) {
        if let Some(upsd) = &answers.upsd {
            self.say(Text::new("UPS, dibaca lewat NUT.", "The UPS, read through NUT."));
            self.check("ups", "ups");
            self.text("server", upsd);
        } else {
            self.say(Text::new("Ruang ini memang tanpa UPS.", "This room has no UPS, on purpose."));
            self.table("[components.power]");
            self.raw("absent", "true");
        }
        if !answers.radio {
            self.say(Text::new("Ruang ini memang tanpa HT.", "This room has no two-way radio, on purpose."));
            self.table("[components.radio]");
            self.raw("absent", "true");
        }
        if let Some(url) = &answers.webhook {
            self.say(Text::new(
                "Siapa yang diberi tahu. Kabar tentang internet tidak boleh bergantung pada internet.",
                "Who is told. The alert about the internet must not need the internet.",
            ));
            self.table("[[receiver]]");
            self.text("name", "webhook");
            self.text("kind", "webhook");
            self.text("url", url);
        }
    }
}

/// A TOML string, whatever stands in it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::platforms::platforms;
    use super::super::{Config, Errors, Source};
    use super::*;
    use crate::domain::{Kind, Level};

    /// The keys that name somebody.
    const WHOM: [&str; 8] = ["target", "url", "server", "host", "query", "resolver", "down_url", "up_url"];

    fn answers(platform: &Platform) -> Answers {
        Answers {
            language: Lang::Id,
            name: "media_center".into(),
            title: "Ruang Media Center".into(),
            time_zone: "Asia/Pontianak".into(),
            platform: platform.clone(),
            server: platform.web.is_empty().then(|| "meet.example.org".into()),
            far_ends: vec!["192.0.2.1".into(), "198.51.100.1".into(), "stun:stun.example.net:3478".into()],
            gateway: Some("auto".into()),
            resolvers: vec!["auto".into()],
            bandwidth: Some("http://speed.example.net:10154".into()),
            upsd: Some("127.0.0.1:3493".into()),
            display: true,
            radio: true,
            webhook: Some("https://alert.example.org/siaga".into()),
        }
    }

    fn parse(answers: &Answers) -> Result<Config, Errors> {
        Config::parse(&Source::new("init.toml", render(answers)))
    }

    #[test]
    fn what_it_writes_is_read_without_errors_for_every_platform_and_language() {
        for platform in platforms().unwrap() {
            for language in [Lang::Id, Lang::En] {
                let answers = Answers { language, ..answers(&platform) };
                let config = parse(&answers).unwrap_or_else(|errors| panic!("{}: {errors}", platform.name));
                let plan = &config.plan;
                assert_eq!(*plan.profiles[plan.default_profile].name, *platform.profile);
                assert_eq!(config.room.language, language);
                assert_eq!(config.receivers.len(), 1);
                assert!(plan.absent.is_empty());
                let group = |name: &str| plan.checks[plan.check(&name.into()).unwrap()].group.clone();
                assert_eq!(group("far_end_3").unwrap().need, 2);
            }
        }
    }

    #[test]
    fn what_is_not_there_is_said_to_be_absent_and_not_watched() {
        let all = platforms().unwrap();
        let least = Answers {
            far_ends: vec![],
            gateway: None,
            resolvers: vec![],
            bandwidth: None,
            upsd: None,
            display: false,
            radio: false,
            webhook: None,
            ..answers(&all[0])
        };
        let plan = parse(&least).unwrap().plan;
        assert_eq!(plan.absent.len(), 2);
        assert!(plan.checks.iter().all(|check| check.group.is_none()));
        assert!(plan.checks.iter().all(|check| check.kind != Kind::Bandwidth));
        let text = render(&least);
        assert!(text.contains("siaga init --bandwidth"), "what is not looked at is said: {text}");
    }

    #[test]
    fn no_far_end_is_this_machine() {
        for platform in platforms().unwrap() {
            let config = parse(&answers(&platform)).unwrap();
            for (probe, check) in config.probes.iter().zip(&config.plan.checks) {
                assert!(!probe.is_against_self(), "{} of {}", check.name, platform.name);
            }
        }
    }

    #[test]
    fn of_several_resolvers_one_will_do() {
        let all = platforms().unwrap();
        let resolvers = vec!["192.0.2.53".into(), "[2001:db8::53]:53".into()];
        let plan = parse(&Answers { resolvers, ..answers(&all[0]) }).unwrap().plan;
        let mut groups =
            plan.checks.iter().filter(|check| check.kind == Kind::Dns).map(|check| check.group.clone().unwrap());
        assert!(groups.by_ref().take(2).all(|group| (&*group.name, group.need) == ("resolvers", 1)));
        assert!(groups.next().is_none());
    }

    #[test]
    fn where_things_stand_in_the_tree_follows_from_what_they_are() {
        let all = platforms().unwrap();
        for (platform, gateway) in [(0, "auto"), (6, "192.0.2.1")] {
            let plan = parse(&Answers { gateway: Some(gateway.into()), ..answers(&all[platform]) }).unwrap().plan;
            let level = |name: &str| plan.checks[plan.check(&name.into()).unwrap()].level;
            assert_eq!((level("gateway"), level("platform")), (Level::Gateway, Level::Platform));
        }
    }

    #[test]
    fn it_names_nobody_who_was_not_answered_or_is_not_the_platform() {
        let all = platforms().unwrap();
        let least = Answers { far_ends: vec![], server: None, bandwidth: None, webhook: None, ..answers(&all[4]) };
        let text = render(&least);
        let values = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
        for (key, value) in values.filter(|(key, _)| WHOM.contains(key)) {
            assert!(["\"auto\"", "\"127.0.0.1:3493\""].contains(&value), "{key} = {value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_answered_stands_in_the_file_as_it_was_said(title in any::<String>()) {
            let all = platforms().unwrap();
            let text = render(&Answers { title: title.clone(), ..answers(&all[0]) });
            let tables: toml::Table = text.parse().unwrap();
            prop_assert_eq!(tables["room"]["title"].as_str(), Some(&*title));
        }
    }
}
