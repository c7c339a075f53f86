//! What all pages for people have around them: whose room, the way to the other pages, the other language, and how they stay true.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::domain::Lang;

use super::problem::Problem;
use super::readiness::in_lang;
use super::site::Site;
use super::words::{Words, words};

/// When a page that is open is fetched anew, as its script reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewed {
    /// When what the room's page shows has changed.
    AtChanges,
    /// Every so many seconds too: it shows what each measurement changes.
    Every(u32),
    /// Never: it says nothing of the room.
    Never,
}

/// Around a page.
pub(super) struct Frame {
    pub(super) words: &'static Words,
    pub(super) lang: Lang,
    pub(super) room: String,
    /// The page's own path.
    pub(super) here: String,
    /// What keeps the profile asked for in the link to the other language.
    pub(super) kept: String,
    renewed: Renewed,
    /// When it is rendered, ms since 1970.
    at: i64,
    /// What the room looked like before anything of the page was taken from it ([`Site::looks`]).
    looks: u64,
}

/// The pages that can be gone to from every other, with their names: Bahasa Indonesia and English.
const WAYS: [(&str, &str, &str); 9] = [
    ("/", "Ruangan", "Room"),
    ("/agenda", "Agenda", "Agenda"),
    ("/incidents", "Gangguan", "Incidents"),
    ("/radio", "Catatan HT", "Radio log"),
    ("/act", "Tindakan", "Act"),
    ("/data", "Jatah data", "Data budget"),
    ("/surveys", "Survei lokasi", "Site surveys"),
    ("/settings", "Pengaturan", "Settings"),
    ("/kiosk", "Layar ruangan", "Wall screen"),
];

/// Whether it is a page for people: whoever may not read it is asked to come in.
pub(super) fn is_page(path: &str) -> bool {
    WAYS.iter().any(|(way, ..)| *way == path)
        || ["/incidents/", "/components/", "/sessions/", "/surveys/"].iter().any(|folder| path.starts_with(folder))
}

/// A page of ours to go on to, with its query: what else is asked for leads nowhere else than home.
pub(super) fn local(next: &str) -> &str {
    let (path, query) = next.split_once('?').unwrap_or((next, ""));
    // What may stand in a query (RFC 3986 §3.4).
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._~%!$&'()*+,;=:@/?".contains(c);
    match local_path(path) {
        None => "/",
        Some(path) if !query.chars().all(fits) => path,
        Some(_) => next,
    }
}

/// The path of a page of ours, if it is one.
fn local_path(next: &str) -> Option<&str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    // A session's id is the scheduler's, and stands in a path percent-encoded (RFC 3986 §2.1).
    let encoded = |c: char| fits(c) || matches!(c, '.' | '~' | '%');
    let session = next.strip_prefix("/sessions/").map(|rest| rest.strip_suffix("/report").unwrap_or(rest));
    let below = next.strip_prefix("/incidents/").or_else(|| next.strip_prefix("/components/"));
    let below = below.or_else(|| next.strip_prefix("/surveys/"));
    match (below, session) {
        (Some(id), _) if !id.is_empty() && id.chars().all(fits) => Some(next),
        (_, Some(id)) if !id.is_empty() && !id.starts_with('.') && id.chars().all(encoded) => Some(next),
        _ => WAYS.iter().any(|(way, ..)| *way == next).then_some(next),
    }
}

/// A way to another page.
pub(super) struct Way {
    pub(super) path: &'static str,
    pub(super) title: &'static str,
    /// Whether it is this page, or leads to what it is a part of.
    pub(super) here: bool,
}

impl Frame {
    /// The first of all that is made of a page: a change that comes while the rest is made must not be missed.
    pub(super) fn new(site: &Site, here: &str, lang: Lang, renewed: Renewed) -> Self {
        let looks = site.looks();
        Self { at: site.now().wall.as_millisecond(), looks, ..Self::timeless(site, here, lang, renewed) }
    }

    /// The same around a page that is not shown, and only compared with what it was before.
    pub(super) fn timeless(site: &Site, here: &str, lang: Lang, renewed: Renewed) -> Self {
        Self {
            words: words(lang),
            lang,
            room: site.voice().title.clone(),
            here: here.to_owned(),
            kept: String::new(),
            renewed,
            at: 0,
            looks: 0,
        }
    }

    /// The same around a page that another leads to.
    pub(super) fn at_page(self, here: &str) -> Self {
        Self { here: here.to_owned(), ..self }
    }

    /// The same, whose link to the other language keeps the profile asked for.
    pub(super) fn keeping(mut self, kept: &str) -> Self {
        kept.clone_into(&mut self.kept);
        self
    }

    /// The page's language.
    pub(super) fn code(&self) -> &'static str {
        self.lang.as_str()
    }

    /// The other language.
    pub(super) fn other(&self) -> &'static str {
        if self.lang == Lang::Id { Lang::En.as_str() } else { Lang::Id.as_str() }
    }

    /// One of two texts, by the page's language.
    pub(super) fn t<'a>(&self, id: &'a str, en: &'a str) -> &'a str {
        if self.lang == Lang::Id { id } else { en }
    }

    /// When the page's script fetches it anew.
    pub(super) fn renewed(&self) -> String {
        match self.renewed {
            Renewed::AtChanges => "change".to_owned(),
            Renewed::Every(seconds) => seconds.to_string(),
            Renewed::Never => String::new(),
        }
    }

    /// Whether it has a script at all.
    pub(super) fn lives(&self) -> bool {
        self.renewed != Renewed::Never
    }

    /// What the room looks like, as its script compares it with what it hears.
    pub(super) fn looks(&self) -> String {
        format!("{:016x}", self.looks)
    }

    pub(super) fn at(&self) -> i64 {
        self.at
    }

    pub(super) fn ways(&self) -> Vec<Way> {
        let here = |path: &str| match path {
            "/" => self.here == "/" || self.here.starts_with("/components/"),
            // The run sheets of what is booked.
            "/agenda" => self.here == path || self.here.starts_with("/sessions/"),
            _ => self.here.starts_with(path),
        };
        WAYS.iter()
            .map(|(path, id, en)| Way { path, title: if self.lang == Lang::Id { id } else { en }, here: here(path) })
            .collect()
    }
}

/// A rendered page as an answer.
///
/// # Errors
/// If it cannot be rendered.
pub(super) fn answer(page: &impl Template, status: StatusCode, lang: Lang) -> Result<Response, Problem> {
    let html = page.render().map_err(|error| Problem::internal(error.to_string()))?;
    Ok(html_answer(html.into(), status, lang))
}

/// The same of one that is rendered already.
pub(super) fn html_answer(html: axum::body::Bytes, status: StatusCode, lang: Lang) -> Response {
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    (status, in_lang(lang), kind, html).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_in_goes_on_to_a_page_of_ours_alone() {
        for next in [
            "/",
            "/agenda",
            "/settings",
            "/incidents/power-17",
            "/components/internet",
            "/components/internet?check=far&lang=en",
            "/?profile=rapat%20besar",
            "/sessions/rapat%2F17/report",
        ] {
            assert_eq!(local(next), next);
        }
        for query in ["a b", "a\r\nb", "a=\"b\"", "a#b", "a=<b>", "a=\\b", "a=\u{e9}"] {
            assert_eq!(local(&format!("/agenda?{query}")), "/agenda", "{query:?}");
        }
        for next in [
            "",
            "//evil.example",
            "https://evil.example",
            "/incidents/",
            "/incidents/../x",
            "/incidents/a\r\nb",
            "/agendax",
            "/sessions/",
            "/sessions/..",
            "/sessions//report",
            "/sessions/../report",
            "/sessions/a/b/report",
            "//evil.example?/agenda",
            "/agendax?check=far",
            "?check=far",
        ] {
            assert_eq!(local(next), "/", "{next:?}");
        }
    }
}
