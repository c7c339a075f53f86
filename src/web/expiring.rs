//! What of the daemon's own runs out soon: its certificate, and the tokens of those who ask it. Whoever shows one that has run out is
//! refused without a word here, and an office without a Prometheus would learn of it from them.

use jiff::{SignedDuration, Timestamp};

use crate::domain::reason::fill;
use crate::domain::{Lang, Text};

use super::site::Site;
use super::telling::clock;

/// How long before, and after: to renew one may take an office two weeks.
const NEAR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A line for each sort.
pub(super) fn expiring(site: &Site, lang: Lang) -> Vec<String> {
    let now = site.now().wall;
    let certificate = site.state.tls.borrow().as_ref().and_then(|tls| tls.expires_at);
    let certificate = certificate.filter(|end| end.duration_since(now) <= NEAR);
    let tokens = near(site.state.door.ends(), now);
    let line = |(end, soon, over): (Timestamp, &Text, &Text)| {
        let text = if end > now { soon } else { over };
        fill(text.in_lang(lang), &[("when", clock(site, lang, end).into())], lang)
    };
    let certificate = certificate.map(|end| (end, &CERTIFICATE_ENDS, &CERTIFICATE_OVER));
    let token = tokens.map(|end| (end, &TOKEN_ENDS, &TOKEN_OVER));
    certificate.into_iter().chain(token).map(line).collect()
}

/// Of those that are near the one that is told: the next to end, or else the last that has ended.
fn near(ends: Vec<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let near = ends.into_iter().filter(|end| end.duration_since(now).abs() <= NEAR);
    let (ahead, over): (Vec<_>, Vec<_>) = near.partition(|end| *end > now);
    ahead.into_iter().min().or_else(|| over.into_iter().max())
}

// Whose token it is says `siaga token list`: the page may be open to everybody.
static CERTIFICATE_ENDS: Text = Text::new(
    "Sertifikat halaman ini berakhir {when}. Minta petugas TI memperbaruinya, lalu: siaga reload.",
    "This page's certificate runs out {when}. Ask IT staff to renew it, and then: siaga reload.",
);
static CERTIFICATE_OVER: Text = Text::new(
    "Sertifikat halaman ini sudah berakhir {when}; dari komputer lain peramban menolaknya. Minta petugas TI memperbaruinya, lalu: siaga reload.",
    "This page's certificate ran out {when}; browsers on other machines refuse it. Ask IT staff to renew it, and then: siaga reload.",
);
static TOKEN_ENDS: Text = Text::new(
    "Sebuah token berakhir {when}, dan program atau orang yang memakainya akan ditolak. Petugas TI melihatnya dengan: siaga token list.",
    "A token runs out {when}, and the program or person that uses it will be refused. IT staff see which by: siaga token list.",
);
static TOKEN_OVER: Text = Text::new(
    "Sebuah token sudah berakhir {when}, dan program atau orang yang memakainya ditolak. Petugas TI melihatnya dengan: siaga token list.",
    "A token ran out {when}, and the program or person that uses it is refused. IT staff see which by: siaga token list.",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_tokens_the_next_to_end_is_told_and_else_the_last_that_has_ended() {
        let day = |day: i64| Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap();
        let told = |days: &[i64]| near(days.iter().copied().map(day).collect(), day(0));
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[15, 400, -15]), None, "far");
        assert_eq!(told(&[14, 3, -1]), Some(day(3)));
        assert_eq!(told(&[-14, -2, 15]), Some(day(-2)));
        assert_eq!(told(&[0]), Some(day(0)), "it ends at this moment: it is over");
    }
}
