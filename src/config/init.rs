//! The config that `siaga init` writes: a few answers about a room in, a commented file out.

use std::fmt::Write as _;

use crate::domain::{Lang, Text};
use crate::probe::ports::platforms::{Known, Platform};

#[cfg(test)]
mod tests;

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
    /// The platform's own name, and port if it has another, where it stands in the room's own house.
    pub server: Option<String>,
    /// Whom to ask whether the line is up: an address or a name (echo requests), or `stun:host:port`.
    pub far_ends: Vec<String>,
    /// `auto`, or an address; `None` for no check of it.
    pub gateway: Option<String>,
    /// `auto`, or addresses; none for no check of name resolution.
    pub resolvers: Vec<String>,
    /// The base address of a far end that serves bandwidth tests.
    pub bandwidth: Option<String>,
    /// The far end that reflects a call's packets, `host` or `host:port`.
    pub stamp: Option<String>,
    /// `host:port` of NUT's upsd; `None` if the room has no UPS.
    pub upsd: Option<String>,
    /// Whether a display hangs on this machine.
    pub display: bool,
    /// Whether camera, microphone and loudspeakers are tried now and then while the room is free.
    pub tried: bool,
    /// Whether the room has two-way radios.
    pub radio: bool,
    /// Where notifications go.
    pub webhook: Option<String>,
}

impl Answers {
    /// The name whose HTTPS front is probed, if there is any, and its port if that is said.
    fn web(&self) -> Option<(&str, Option<&str>)> {
        let shipped = Some(self.platform.web.as_str()).filter(|name| !name.is_empty());
        let web = self.server.as_deref().or(shipped)?;
        Some(web.rsplit_once(':').map_or((web, None), |(name, port)| (name, Some(port))))
    }
}

/// What nobody will look at, or be told, because of what was answered: a sentence each, with the flag that mends it.
pub fn left_out(answers: &Answers) -> Vec<Text> {
    let name = answers.web().filter(|(web, _)| web.parse::<std::net::IpAddr>().is_err());
    let sentences = [
        (
            answers.web().is_none() && answers.platform.name != "audio_only",
            Text::new("apakah server rapat menjawab (--server)", "whether the meeting server answers (--server)"),
        ),
        (
            answers.resolvers.is_empty(),
            Text::new("apakah nama ditemukan (--resolver)", "whether names resolve (--resolver)"),
        ),
        (
            !answers.resolvers.is_empty() && name.is_none(),
            Text::new(
                "apakah nama ditemukan: tidak ada nama untuk ditanyakan (--server NAMA)",
                "whether names resolve: there is no name to ask for (--server NAME)",
            ),
        ),
        (
            answers.gateway.is_none(),
            Text::new(
                "apakah router ruangan ini menjawab (--gateway)",
                "whether this room's router answers (--gateway)",
            ),
        ),
        (
            (1..3).contains(&answers.far_ends.len()),
            Text::new(
                "apakah gangguan ada pada jalur atau pada satu operator: ujung jauhnya kurang dari tiga (--far-end)",
                "whether a fault is the line's or one operator's: there are fewer than three far ends (--far-end)",
            ),
        ),
        (
            answers.far_ends.is_empty(),
            Text::new(
                "apakah internet hidup (--far-end, tiga dari tiga operator)",
                "whether the internet works (--far-end, three of three operators)",
            ),
        ),
        (
            answers.bandwidth.is_none(),
            Text::new("apakah internet cukup cepat (--bandwidth)", "whether the line is fast enough (--bandwidth)"),
        ),
        (
            answers.stamp.is_none(),
            Text::new(
                "apakah jalur membawa panggilan: hilang, terlambat, tersusul (--stamp)",
                "whether the line carries a call: lost, late, overtaken packets (--stamp)",
            ),
        ),
        (
            !answers.tried,
            Text::new(
                "apakah kamera dan mikrofon memberi gambar dan suara (--try-devices yes)",
                "whether camera and microphone give a picture and a sound (--try-devices yes)",
            ),
        ),
        (
            answers.webhook.is_none(),
            Text::new("siapa yang diberi tahu bila ada gangguan (--webhook)", "who is told of a fault (--webhook)"),
        ),
    ];
    sentences.into_iter().filter_map(|(is_left_out, sentence)| is_left_out.then_some(sentence)).collect()
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
            "Konfigurasi ruangan ini, ditulis oleh \"siaga init\". Siaga hanya menghubungi yang disebut di berkas ini.\n\
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
            "Hanya dari komputer ini. Untuk ponsel petugas: \"0.0.0.0:10153\", lalu systemctl restart siaga.",
            "From this computer alone. For the staff's phones: \"0.0.0.0:10153\", and then systemctl restart siaga.",
        ));
        self.table("[web]");
        self.text("listen", "127.0.0.1:10153");
    }

    fn here(&mut self, answers: &Answers) {
        self.say(Text::new("Komputer ini.", "This computer."));
        self.check("computer", "computer");
        self.check("usb", "usb");
        self.say(Text::new("Kabel jaringan atau Wi-Fi.", "The network cable or the Wi-Fi."));
        self.check("link", "link");
        self.say(Text::new(
            "Mikrofon dan pengeras suara; hanya dilihat, tidak dibuka.",
            "Microphones and loudspeakers; listed, never opened.",
        ));
        self.check("audio", "audio");
        if answers.tried {
            self.say(Text::new(
                "Mendengarkan mikrofon beberapa detik selagi ruangan tidak dipakai; tidak ada suara yang disimpan.",
                "Listens to the microphone for some seconds while the room is free; no sound is kept.",
            ));
            self.check("microphone", "microphone");
        }
        if answers.platform.name == "audio_only" {
            return;
        }
        self.say(Text::new("Kamera; tidak dibuka selagi dipakai.", "The camera; never opened while in use."));
        self.check("camera", "camera");
        if answers.tried {
            self.say(Text::new(
                "Melihat gambar kamera beberapa detik selagi ruangan tidak dipakai; tidak ada gambar yang disimpan.",
                "Looks at the camera's picture for some seconds while the room is free; no picture is kept.",
            ));
            self.check("picture", "frames");
            self.text("requirement", "required");
        }
        if answers.display {
            self.say(Text::new("Layar atau proyektor.", "The display or projector."));
            self.check("display", "display");
        }
    }

    fn line_out(&mut self, answers: &Answers) {
        if let Some(gateway) = &answers.gateway {
            self.say(Text::new(
                "Router ruangan ini; \"auto\" mengikuti rute bawaan.",
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
                "Kecepatan; tidak pernah dijalankan selagi ruangan dipakai.",
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
        if let Some(reflector) = &answers.stamp {
            self.say(Text::new(
                "Apakah jalur membawa panggilan: paket seperti panggilan, ke \"siaga reflect\" di ujung jauh. Tidak pernah dijalankan\n\
                 selagi ruangan dipakai.",
                "Whether the line carries a call: packets like a call's, to \"siaga reflect\" at a far end. Never run while the room\n\
                 is in use.",
            ));
            self.check("call", "stamp");
            self.text("reflector", reflector);
        }
    }

    fn platform(&mut self, answers: &Answers) {
        let platform = &answers.platform;
        if platform.name == "audio_only" && answers.server.is_none() {
            return;
        }
        self.out.push('\n');
        let words = match self.lang {
            Lang::Id => ("Media", "Sumber", "Menurut ingatan saja, tidak dibaca di sumbernya"),
            Lang::En => ("Media", "Source", "From memory alone, not read in its source"),
        };
        let (read, remembered) = (platform.words_of(Known::Document), platform.words_of(Known::Memory));
        if !read.is_empty() {
            let sources = platform.sources();
            self.note(&format!("{}. {}: {read}.\n{}: {sources}.", platform.title, words.0, words.1));
        }
        if !remembered.is_empty() {
            self.note(&format!("{}. {}: {remembered}.", platform.title, words.2));
        }
        if let Some((web, port)) = answers.web() {
            // Room systems speak no HTTPS: an echo is what there is.
            if platform.name == "h323" {
                self.check("platform", "icmp");
                self.text("target", web);
                self.text("role", "platform");
            } else {
                self.check("platform", "http");
                self.text("url", &format!("https://{web}{}/", port.map(|port| format!(":{port}")).unwrap_or_default()));
                self.out.push('\n');
                self.check("platform_certificate", "tls");
                self.text("host", web);
                if let Some(port) = port {
                    self.raw("port", port);
                }
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
            self.say(Text::new("Ruangan ini memang tanpa UPS.", "This room has no UPS, on purpose."));
            self.table("[components.power]");
            self.raw("absent", "true");
        }
        if !answers.radio {
            self.say(Text::new("Ruangan ini memang tanpa HT.", "This room has no two-way radio, on purpose."));
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
