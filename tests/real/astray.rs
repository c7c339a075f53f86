//! Whoever goes astray in a browser is told so by a page in their language; programs are told as RFC 9457 has it.

use super::page_forms::header;
use super::support::daemon::{Daemon, room};
use super::tokens::NOTHING;

/// What Chromium and Firefox send where they go to a page.
const BROWSER: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n";

#[test]
fn a_wrong_address_is_a_page_for_people_and_a_problem_for_programs() {
    let folder = room(NOTHING);
    let daemon = Daemon::start(folder.path());
    // As a chat's link is opened.
    assert_eq!(daemon.request_with("GET", "/?fbclid=abc", BROWSER).status, 200);
    for (path, status, said) in [
        ("/agend", 404, "Halaman ini tidak ada."),
        ("/act/", 404, "Halaman ini tidak ada."),
        ("/components/kompor", 404, "Halaman ini tidak ada."),
        // It would answer for another profile than was asked for.
        ("/?profil=zoom_hd", 400, "Alamat halaman ini tidak dimengerti."),
        ("/agenda?lang=xx", 400, "Alamat halaman ini tidak dimengerti."),
        ("/logout", 405, "Alamat halaman ini tidak dimengerti."),
        ("/%3Cscript%3Ealert(1)%3C/script%3E?%3Cscript%3E=1", 404, "Halaman ini tidak ada."),
    ] {
        let page = daemon.request_with("GET", path, BROWSER);
        assert_eq!((page.status, header(&page, "content-type")), (status, "text/html; charset=utf-8"), "{path}");
        assert!(page.body.contains(said) && page.body.contains("href=\"/?lang=id\""), "{path}: {}", page.body);
        assert!(!page.body.contains("aria-current=") && !page.body.contains("<script"), "{path}: {}", page.body);
        assert_eq!(page.head.to_ascii_lowercase().contains("\r\nallow: post"), status == 405, "{path}: {}", page.head);
        assert!(header(&page, "content-security-policy").contains("default-src 'none'"), "{path}: {}", page.head);
        let english = daemon.request_with("GET", path, &format!("{BROWSER}Accept-Language: en\r\n"));
        assert!(
            english.body.contains("<html lang=\"en\"") && english.body.contains("Back to the room"),
            "{path}: {}",
            english.body
        );
        // curl, and whoever says nothing.
        for program in ["Accept: */*\r\n", ""] {
            let problem = daemon.request_with("GET", path, program);
            assert_eq!(
                (problem.status, header(&problem, "content-type")),
                (status, "application/problem+json"),
                "{path}"
            );
            assert_eq!(problem.json()["status"], status, "{path}");
        }
    }
    // What is for programs alone is so in a browser too.
    for path in ["/api/v1/nothing", "/readyz?foo=1", "/-/nothing"] {
        let problem = daemon.request_with("GET", path, BROWSER);
        assert_eq!(header(&problem, "content-type"), "application/problem+json", "{path}: {}", problem.body);
    }
    daemon.stop();
}
