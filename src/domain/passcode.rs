//! Whether a text gives away the passcode of a meeting. Siaga takes none: what is not there cannot be read by anybody.

/// What such a thing is called, in Bahasa Indonesia and English: one word, or several with one blank between.
const NAMES: [&str; 12] = [
    "passcode",
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

/// Keys under which somebody may send one, or the meeting's id that goes with it.
const KEYS: [&str; 16] = [
    "passcode",
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
/// `kata sandinya 123456`. That a meeting is about passwords is no passcode.
pub fn is_said(text: &str) -> bool {
    let text = text.to_lowercase();
    NAMES.iter().any(|name| {
        text.match_indices(name).any(|(at, _)| {
            let begins = text[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric());
            begins && gives(&text[at + name.len()..])
        })
    })
}

/// Whether what stands behind the name is a passcode.
fn gives(behind: &str) -> bool {
    let behind = behind.strip_prefix("nya").unwrap_or(behind);
    if behind.chars().next().is_none_or(char::is_alphanumeric) {
        return false;
    }
    let is_between = |c: char| !c.is_alphanumeric();
    let (between, mut rest) = behind.split_at(behind.find(|c| !is_between(c)).unwrap_or(behind.len()));
    let mut assigned = between.contains([':', '=']);
    for word in ["adalah", "ialah", "yaitu", "is", "rapat", "zoom", "meeting"] {
        if let Some(after) = rest.strip_prefix(word).filter(|after| after.starts_with(is_between)) {
            let begins = after.find(|c| !is_between(c)).unwrap_or(after.len());
            assigned |= after[..begins].contains([':', '=']);
            rest = &after[begins..];
        }
    }
    let token = &rest[..rest.find(char::is_whitespace).unwrap_or(rest.len())];
    let digits = token.chars().filter(char::is_ascii_digit).count();
    // "PIN 2026" is a week of vaccinations, and no code.
    let year = token.len() == 4 && digits == 4 && (token.starts_with("19") || token.starts_with("20"));
    if year && !assigned {
        return false;
    }
    !token.is_empty() && (assigned || digits >= 4 || (digits > 0 && token.chars().count() >= 5))
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
