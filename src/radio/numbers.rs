//! Numbers, digits and the time of day in Indonesian words, each of which can be one recorded clip. Pure.

const ONES: [&str; 12] =
    ["nol", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan", "sepuluh", "sebelas"];

/// Every word that numbers are made of.
pub const WORDS: [&str; 21] = [
    "nol", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan", "sepuluh", "sebelas",
    "belas", "puluh", "seratus", "ratus", "seribu", "ribu", "juta", "miliar", "koma",
];

/// A number's words: 2026 is "dua ribu dua puluh enam".
pub fn cardinal(number: u32) -> Vec<&'static str> {
    let mut words = Vec::new();
    push(number, &mut words);
    words
}

fn push(number: u32, words: &mut Vec<&'static str>) {
    // The word of a power of ten stands after how many there are; of one hundred and one thousand it is one word.
    let mut of = |size: u32, one: Option<&'static str>, word: &'static str| {
        let (many, rest) = (number / size, number % size);
        match one {
            Some(one) if many == 1 => words.push(one),
            _ => {
                push(many, words);
                words.push(word);
            }
        }
        if rest > 0 {
            push(rest, words);
        }
    };
    match number {
        0..=11 => words.push(ONES[number as usize]),
        12..=19 => words.extend([ONES[number as usize - 10], "belas"]),
        20..=99 => of(10, None, "puluh"),
        100..=999 => of(100, Some("seratus"), "ratus"),
        1_000..=999_999 => of(1_000, Some("seribu"), "ribu"),
        1_000_000..=999_999_999 => of(1_000_000, None, "juta"),
        _ => of(1_000_000_000, None, "miliar"),
    }
}

/// Digit by digit, as numbers of telephones and licences are read; what is no digit is left out.
pub fn digits(text: &str) -> Vec<&'static str> {
    text.chars().filter_map(|c| Some(ONES[c.to_digit(10)? as usize])).collect()
}

/// The time of day, after "pukul": 10.15 is "sepuluh lima belas", 07.05 "tujuh nol lima", 11.00 "sebelas".
pub fn clock(hour: u32, minute: u32) -> Vec<&'static str> {
    let mut words = cardinal(hour);
    match minute {
        0 => {}
        1..=9 => words.extend(["nol", ONES[minute as usize]]),
        _ => words.extend(cardinal(minute)),
    }
    words
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn numbers_are_read_as_indonesian_reads_them() {
        for (number, words) in [
            (0, "nol"),
            (10, "sepuluh"),
            (11, "sebelas"),
            (12, "dua belas"),
            (19, "sembilan belas"),
            (20, "dua puluh"),
            (99, "sembilan puluh sembilan"),
            (100, "seratus"),
            (101, "seratus satu"),
            (111, "seratus sebelas"),
            (215, "dua ratus lima belas"),
            (1_000, "seribu"),
            (1_100, "seribu seratus"),
            (2_026, "dua ribu dua puluh enam"),
            (11_000, "sebelas ribu"),
            (101_000, "seratus satu ribu"),
            (1_000_000, "satu juta"),
            (1_001_001, "satu juta seribu satu"),
            (
                u32::MAX,
                "empat miliar dua ratus sembilan puluh empat juta sembilan ratus enam puluh tujuh ribu dua ratus sembilan puluh lima",
            ),
        ] {
            assert_eq!(cardinal(number).join(" "), words, "{number}");
        }
        assert_eq!(digits("0561-73"), ["nol", "lima", "enam", "satu", "tujuh", "tiga"]);
    }

    #[test]
    fn every_number_is_made_of_words_that_can_be_recorded() {
        for number in (0..200_000).chain([1_234_567, 999_999_999, u32::MAX]) {
            for word in cardinal(number) {
                assert!(WORDS.contains(&word), "{word}");
            }
        }
    }

    #[test]
    fn no_two_times_of_day_sound_the_same() {
        assert_eq!(clock(10, 15).join(" "), "sepuluh lima belas");
        assert_eq!(clock(7, 5).join(" "), "tujuh nol lima");
        assert_eq!(clock(11, 0).join(" "), "sebelas");
        assert_eq!(clock(0, 0).join(" "), "nol");
        let mut heard = HashMap::new();
        for hour in 0..24 {
            for minute in 0..60 {
                let words = clock(hour, minute).join(" ");
                assert!(words.split(' ').count() <= 6);
                if let Some(other) = heard.insert(words.clone(), (hour, minute)) {
                    panic!("{words}: {hour}.{minute:02} and {other:?}");
                }
            }
        }
    }
}
