//! Whether a text gives away the passcode of a meeting. Siaga takes none: what is not there cannot be read by anybody.

/// What such a thing is called, in Bahasa Indonesia and English: one word, or several with one blank between.
const NAMES: [&str; 14] = [
    "passcode",
    "pass code",
    "pass-code",
    "password",
    "passwd",
    "pwd",
    "pin",
    "kata sandi",
    "sandi",
    "kode sandi",
    "kode akses",
    "kode masuk",
    "access code",
    "host key",
];

/// What people write for short. Each is another thing too ("PW Muhammadiyah", "Pass Sanggau"), so that more must stand behind it.
const SHORT: [&str; 2] = ["pass", "pw"];

/// Of these whatever has a digit in it is one, where four characters of "PIN" or "Sandi" may be a class or a year.
const PLAIN: [&str; 7] = ["passcode", "pass code", "pass-code", "password", "passwd", "pwd", "kata sandi"];

/// Each is another thing too ("Kode Etik", "kode rekening"): a number alone tells that a meeting's is meant.
const CODES: [&str; 2] = ["kode", "meeting code"];

/// Words that may stand between the name and the passcode.
const BETWEEN: [&str; 7] = ["adalah", "ialah", "yaitu", "is", "rapat", "zoom", "meeting"];

/// Keys under which somebody may send one, or the meeting's id that goes with it.
const KEYS: [&str; 18] = [
    "passcode",
    "pass",
    "pw",
    "password",
    "passwd",
    "pwd",
    "pin",
    "katasandi",
    "sandi",
    "kodesandi",
    "kodeakses",
    "kodemasuk",
    "accesscode",
    "hostkey",
    "meetingid",
    "joinurl",
    "invitelink",
    "secret",
];

/// Whether a field of that name is for a passcode, or for a link that has one in it.
pub fn is_key_for_one(key: &str) -> bool {
    let plain: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    KEYS.iter().any(|known| plain == *known)
}

/// A text as it may be written down; of one that tells a passcode nothing is left.
pub fn without(text: &str) -> std::borrow::Cow<'_, str> {
    if is_said(text) { "(…)".into() } else { text.into() }
}

/// Whether a text says one: its name with something behind it that can be one, as in `Passcode: 82Kq1`, `pwd=abc` in a link,
/// `kata sandinya 123456`, `Pass Abc123`. That a meeting is about passwords is no passcode.
pub fn is_said(text: &str) -> bool {
    // ASCII alone, so that places in both are the same.
    let small = text.to_ascii_lowercase();
    let behind = |name: &str, gives: fn(&str, &str) -> bool| {
        small.match_indices(name).any(|(at, _)| {
            let begins = small[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric());
            begins && gives(&small[..at], &text[at + name.len()..])
        })
    };
    NAMES.iter().any(|name| behind(name, |_, rest| gives(rest)))
        || PLAIN.iter().any(|name| behind(name, |_, rest| plain_gives(rest)))
        || CODES.iter().any(|name| behind(name, |_, rest| code_gives(rest)))
        || SHORT.iter().any(|name| behind(name, short_gives))
}

/// Whether what stands behind a name for short is a passcode: it is given to it as a value, or is made of digits, or of letters and
/// digits in one.
fn short_gives(before: &str, behind: &str) -> bool {
    // A road around a town: "Jalan By Pass KM12".
    let by_pass = before.trim_end_matches([' ', '-']).ends_with("by");
    if by_pass || behind.chars().next().is_none_or(char::is_alphanumeric) {
        return false;
    }
    let (between, rest) = behind.split_at(behind.find(char::is_alphanumeric).unwrap_or(behind.len()));
    let token = &rest[..rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len())];
    let digits = token.chars().filter(char::is_ascii_digit).count();
    let mixed = digits > 0 && digits < token.len() && token.len() >= 5;
    !token.is_empty()
        && (between.contains([':', '=']) || mixed || (digits >= 4 && digits == token.len() && !is_year(token)))
}

fn is_year(token: &str) -> bool {
    token.len() == 4 && (token.starts_with("19") || token.starts_with("20"))
}

/// Whether a word is written as no word is: small letters, and capitals among them ("abcDEF").
fn is_scrambled(token: &str) -> bool {
    let letters: Vec<char> = token.chars().take_while(|c| c.is_alphanumeric()).collect();
    let rises = letters.windows(2).filter(|two| two[0].is_lowercase() && two[1].is_uppercase()).count();
    rises > 1 || (rises == 1 && letters.iter().take(2).all(|c| c.is_lowercase()))
}

/// What stands behind a name.
struct Behind<'s> {
    /// It is given to it as a value.
    assigned: bool,
    /// A word that says whose it is stands between.
    of_a_meeting: bool,
    /// It, and all after it.
    rest: &'s str,
}

impl<'s> Behind<'s> {
    /// `None` where the name only begins a longer word.
    fn of(said: &'s str) -> Option<Self> {
        let begins =
            |text: &str, word: &str| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        let behind = if begins(said, "nya") { &said[3..] } else { said };
        if behind.chars().next().is_none_or(char::is_alphanumeric) {
            return None;
        }
        let is_between = |c: char| !c.is_alphanumeric();
        let (between, mut rest) = behind.split_at(behind.find(|c| !is_between(c)).unwrap_or(behind.len()));
        let mut assigned = between.contains([':', '=']);
        let mut of_a_meeting = false;
        for word in BETWEEN {
            if begins(rest, word) && rest[word.len()..].starts_with(is_between) {
                let after = &rest[word.len()..];
                let first = after.find(|c| !is_between(c)).unwrap_or(after.len());
                assigned |= after[..first].contains([':', '=']);
                of_a_meeting = true;
                rest = &after[first..];
            }
        }
        Some(Self { assigned, of_a_meeting, rest })
    }

    /// The first word of it.
    fn token(&self) -> &'s str {
        &self.rest[..self.rest.find(char::is_whitespace).unwrap_or(self.rest.len())]
    }
}

/// Whether what stands behind a name that means nothing else is a passcode: a word with a letter and a digit in it.
fn plain_gives(said: &str) -> bool {
    let Some(behind) = Behind::of(said) else { return false };
    let token = behind.token().trim_end_matches(|c: char| !c.is_alphanumeric());
    // "password 2FA" is a matter of its own.
    token.chars().count() >= 4
        && token.chars().all(char::is_alphanumeric)
        && token.contains(|c: char| c.is_ascii_digit())
        && token.contains(char::is_alphabetic)
}

/// Whether what stands behind "kode" is a meeting's: a number of four digits at least that is no year.
fn code_gives(said: &str) -> bool {
    let Some(behind) = Behind::of(said) else { return false };
    let token = behind.token().trim_end_matches(|c: char| !c.is_alphanumeric());
    token.len() >= 4 && token.chars().all(|c| c.is_ascii_digit()) && (behind.assigned || !is_year(token))
}

/// Whether what stands behind the name is a passcode.
fn gives(said: &str) -> bool {
    let Some(behind) = Behind::of(said) else { return false };
    let Behind { assigned, of_a_meeting, rest } = behind;
    let token = behind.token();
    let digits = token.chars().filter(char::is_ascii_digit).count();
    // "PIN 2026" is a week of vaccinations, and no code.
    if digits == 4 && is_year(token) && !assigned {
        return false;
    }
    // "passcode rapat abcDEF", and not "password MyASN".
    let scrambled = of_a_meeting && is_scrambled(rest);
    !token.is_empty() && (assigned || scrambled || digits >= 4 || (digits > 0 && token.chars().count() >= 5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passcode_is_seen_in_many_shapes() {
        for text in [
            "Passcode: 82Kq1",
            "PASSCODE 123456",
            "https://zoom.us/j/98765432100?pwd=QnJkZz09",
            "Rapat koordinasi (kata sandi: rahasia)",
            "kata sandinya 445566",
            "Sandi rapat: melati",
            "password is 9h2kd",
            "Kode akses = 7788",
            "PIN 4455",
            "pin:12",
            "Rapat ID 812 3456 7890 Pass Abc123",
            "Rapat ID 812 3456 7890, PASS 445566",
            "Rapat koordinasi (pw: rahasia)",
            "Rapat pw=abc",
            "Zoom pw 9h2kd",
            "passcode rapat abcDEF",
            "Password zoom abCdEf",
            "Pass code 7788",
            "Kata sandi Xy12",
            "Rapat koordinasi, kata sandinya Xy12.",
            "Passcode rapat a1b2",
            "Rapat kode 123456",
            "Kode rapat: 7788",
            "Kode Zoom 445566, pukul 9",
            "Rapat Dinkes (kode=2026)",
            "Meeting code 445566",
        ] {
            assert!(is_said(text), "{text}");
        }
    }

    #[test]
    fn a_meeting_about_them_is_none() {
        for text in [
            "Sosialisasi kebijakan password pegawai",
            "Pelatihan sandi negara angkatan 12",
            "Pelantikan pejabat di Pinrang 2026",
            "Rapat PIN 2026",
            "Rapat 12345, surat 005/123/2026",
            "Pinjam pakai aula 2026",
            "Dinas Kominfo, bidang persandian 2026",
            "Password",
            "Rapat passport",
            "Rapat lewat Pass Sanggau",
            "PW Muhammadiyah",
            "Rapat PW Muhammadiyah 2026",
            "PW 'Aisyiyah, 12 Desember",
            "PW IPM-2026",
            "Pelebaran jalan By Pass KM125",
            "Bypass jantung 12345",
            "Sosialisasi pass foto 3x4",
            "Compass 2026, Rapat Pansus 12345",
            "Reset password myASN",
            "Sosialisasi passcode rapat Zoom",
            "Password Rapat eKinerja",
            "Passing grade CPNS 2026",
            "PIN Polio 2026",
            "Sandi Negara",
            "Kata sandi 2026",
            "Sosialisasi password 2FA",
            "Sosialisasi kata sandi pegawai 2026",
            "Kode etik 2026",
            "Rapat Kode Etik",
            "Rapat kode 2026",
            "Kode rekening 5.1.02.01.01",
            "Kode pos 78111",
            "Kode rapat 005/123/2026",
            "Rapat kode 12",
            "Barcode 123456",
        ] {
            assert!(!is_said(text), "{text}");
        }
    }

    #[test]
    fn a_key_is_known_however_it_is_written() {
        for key in ["passcode", "Pass-Code", "kata_sandi", "meeting_id", "joinUrl", "PIN"] {
            assert!(is_key_for_one(key), "{key}");
        }
        assert!(!is_key_for_one("title") && !is_key_for_one("office"));
    }
}
