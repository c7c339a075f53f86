//! `GET /radio`: what was said on the channel of the hand-held radios, what waits, and what was not said and why.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::super::frame::{Frame, Renewed, answer};
use super::super::problem::Problem;
use super::super::sign_in::spoken;
use super::super::site::Site;
use super::super::telling::clock;
use super::in_time;
use crate::domain::{Lang, Told};

/// So many of each radio are shown.
const MOST: u32 = 50;

#[derive(Template)]
#[template(path = "radio.html")]
struct Page {
    frame: Frame,
    all: Vec<Line>,
    remembered: bool,
}

struct Line {
    at: String,
    receiver: String,
    text: String,
    /// What was said on the air, a transmission each.
    spoken: Vec<String>,
    became: String,
}

/// The radio's log for people.
///
/// # Errors
/// A query that is not understood.
#[utoipa::path(get, path = "/radio", params(
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses((status = 200, description = "The page.", body = String, content_type = "text/html")))]
pub(in super::super) async fn page(
    State(site): State<Arc<Site>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lang = spoken(&site, &uri, &headers)?;
    let frame = Frame::new(&site, "/radio", lang, Renewed::Every(10));
    let told = in_time(site.state.history.radio(MOST)).await;
    let line = |told: &Told| Line {
        at: clock(&site, lang, told.at),
        receiver: told.receiver.to_string(),
        text: told.text.clone(),
        spoken: told.spoken.clone().unwrap_or_default(),
        became: became(&site, told, lang),
    };
    let page = Page { frame, remembered: told.is_some(), all: told.unwrap_or_default().iter().map(line).collect() };
    answer(&page, StatusCode::OK, lang)
}

/// What became of a message, in a few words.
pub(in super::super) fn became(site: &Site, told: &Told, lang: Lang) -> String {
    let pick = |id, en| if lang == Lang::Id { id } else { en };
    let why = |word: &str| match word {
        "refused" => pick("ditolak penerima", "refused"),
        "too_old" => pick("sudah terlalu lama", "too old"),
        "no_receiver" => pick("penerima tidak ada lagi", "no such receiver any more"),
        "overtaken" => pick("digantikan kabar yang lebih baru", "overtaken by newer word"),
        "meeting" => pick("sedang ada rapat", "a meeting is held"),
        "room_in_use" => pick("ruangan sedang dipakai", "the room is in use"),
        "quiet_hours" => pick("jam tenang", "quiet hours"),
        _ => pick("sebab lain", "another reason"),
    };
    match (told.done_at, &told.given_up) {
        (_, Some(word)) => format!("{}: {}", pick("tidak disampaikan", "not told"), why(word)),
        (Some(at), None) if told.spoken.as_ref().is_some_and(Vec::is_empty) => {
            format!("{} ({})", pick("tidak perlu diucapkan", "nothing needed to be said"), clock(site, lang, at))
        }
        (Some(at), None) => format!("{} {}", pick("disampaikan", "told"), clock(site, lang, at)),
        (None, None) if told.attempts > 0 => {
            format!("{} ({}: {})", pick("menunggu", "waiting"), pick("gagal", "failed attempts"), told.attempts)
        }
        (None, None) => pick("menunggu", "waiting").to_owned(),
    }
}
