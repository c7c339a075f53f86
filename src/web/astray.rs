//! Whoever asks for a page by an address that is none is told so by a page: problem details (RFC 9457) are for programs.

use askama::Template;
use axum::http::header::{ACCEPT, ALLOW, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use crate::domain::Lang;

use super::frame::{Frame, Renewed, answer};
use super::lang;
use super::problem::Problem;
use super::site::Site;

#[derive(Template)]
#[template(path = "astray.html")]
struct Page {
    frame: Frame,
    said: &'static str,
    detail: String,
}

/// Who asked, as far as it decides how they are answered.
pub(super) struct Asked {
    lang: Lang,
}

/// A browser that goes to an address by which no program asks; nothing where it is a program, or may be one.
pub(super) fn by_a_person(site: &Site, uri: &Uri, headers: &HeaderMap) -> Option<Asked> {
    let path = uri.path();
    let for_programs = ["/api/", "/-/"].iter().any(|folder| path.starts_with(folder))
        || ["/readyz", "/metrics", "/events", "/live.js"].contains(&path);
    // Every browser names it where it goes to a page; "*/*" alone is a program's.
    let page = headers.get(ACCEPT).is_some_and(|kinds| kinds.as_bytes().starts_with(b"text/html"));
    (page && !for_programs).then(|| Asked { lang: lang::asked(uri, headers, site.voice().lang) })
}

impl Asked {
    /// The page in the place of a problem; any other answer as it is.
    pub(super) fn instead(&self, site: &Site, response: Response) -> Response {
        let Some(problem) = response.extensions().get::<Problem>() else { return response };
        let status = response.status();
        let page = Page {
            // At no page of ours; the other language is the same address in it.
            frame: Frame::new(site, "", self.lang, Renewed::Never),
            said: said(status, self.lang),
            detail: problem.detail.clone(),
        };
        let Ok(mut page) = answer(&page, status, self.lang) else { return response };
        // Without which these answers are none (RFC 9110 §11.6.1, §15.5.6).
        for name in [WWW_AUTHENTICATE, ALLOW] {
            if let Some(value) = response.headers().get(&name) {
                page.headers_mut().insert(name, value.clone());
            }
        }
        page
    }
}

const fn said(status: StatusCode, lang: Lang) -> &'static str {
    let (id, en) = match status {
        StatusCode::NOT_FOUND => ("Halaman ini tidak ada.", "There is no such page."),
        StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED => {
            ("Alamat halaman ini tidak dimengerti.", "This address is not understood.")
        }
        _ => (
            "Halaman ini tidak dapat ditampilkan sekarang; coba lagi, dan bila tetap begini panggil petugas TI.",
            "This page cannot be shown now; try again, and if it stays so call IT staff.",
        ),
    };
    match lang {
        Lang::Id => id,
        Lang::En => en,
    }
}
