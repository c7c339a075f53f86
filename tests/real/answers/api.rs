//! The rest of the API, and the daemon's own paths.

use siaga::domain::{Component, Verdict};
use siaga::web::acts::Waiting;
use siaga::web::{PastIncident, openapi};

use crate::support::golden;
use crate::support::snapshot::{ago, good, room, troubled};
use crate::support::web::{Memory, serve, serve_with};

#[tokio::test]
async fn checks_one_and_all() {
    let served = serve(troubled().build()).await;
    let all = served.get("/api/v1/checks").await.json();
    let names: Vec<_> = all.as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["pc", "gateway", "speed", "mic", "camera", "ups"], "the config's order");
    let one = served.get("/api/v1/checks/camera?lang=en").await.json();
    assert_eq!(one["reasons"][0]["message"], "Camera meja is not connected");
    assert_eq!(one["kind"], "camera");
    let got = served.get("/api/v1/checks/tidak_ada").await;
    assert_eq!(got.status, 404);
    assert_eq!(got.json()["allowed"][4], "camera");
    served.stop().await;
}

#[tokio::test]
async fn profiles_and_reasons() {
    let served = serve(troubled().build()).await;
    let profiles = served.get("/api/v1/profiles?lang=en").await.json();
    assert_eq!(profiles[0]["title"], "Meeting rapat");
    assert_eq!((&profiles[0]["in_force"], &profiles[1]["in_force"]), (&true.into(), &false.into()));
    assert_eq!((&profiles[0]["verdict"], &profiles[1]["verdict"]), (&"not_ready".into(), &"unknown".into()));
    assert_eq!(profiles[0]["up_bits_per_second"]["not_ready"], 1e6);
    assert_eq!(profiles[1]["components"]["video"], "advisory");
    let reasons = served.get("/api/v1/reasons").await.json();
    let codes: Vec<_> = reasons.as_array().unwrap().iter().map(|def| def["code"].as_str().unwrap()).collect();
    assert!(codes.is_sorted() && codes.contains(&"siaga.engine_stalled") && codes.contains(&"power.on_battery"));
    served.stop().await;
}

#[tokio::test]
async fn the_rooms_own_words_stand_in_for_a_remedy() {
    let served = serve(troubled().build()).await;
    let mut words = crate::support::web::voice();
    words
        .remedies
        .insert("video.camera_missing", ("Telepon teknisi: {device}".into(), "Call ext. 12: {device}".into()));
    served.voice.send_replace(std::sync::Arc::new(words));
    for (lang, remedy) in [("id", "Telepon teknisi: meja"), ("en", "Call ext. 12: meja")] {
        let check = served.get(&format!("/api/v1/checks/camera?lang={lang}")).await.json();
        assert_eq!(check["reasons"][0]["remedy"], remedy);
    }
    served.stop().await;
}

#[tokio::test]
async fn incidents_open_and_over() {
    let mut memory = Memory::new(1);
    memory.closed.push(PastIncident {
        id: "power-1".into(),
        component: Component::Power,
        worst: Verdict::NotReady,
        codes: vec!["power.on_battery".into()],
        reasons: Vec::new(),
        opened_at: ago(7200),
        closed_at: ago(7000),
    });
    let served = serve_with(troubled().build(), memory).await;
    let count = async |path: &str| served.get(path).await.json().as_array().unwrap().len();
    assert_eq!(count("/api/v1/incidents").await, 4);
    assert_eq!(count("/api/v1/incidents?open=1").await, 3);
    assert_eq!(count("/api/v1/incidents?open=0").await, 1);
    let over = served.get("/api/v1/incidents?open=0").await.json();
    assert_eq!(over[0]["closed_at"], "2026-11-24T07:33:35+07:00");
    assert_eq!(over[0]["codes"][0], "power.on_battery");
    served.stop().await;
}

#[tokio::test]
async fn the_daemon_is_healthy_whatever_the_room_is() {
    let mut starting = troubled();
    starting.starting = true;
    let served = serve(starting.build()).await;
    assert_eq!(served.get("/-/healthy").await.status, 200);
    assert_eq!(served.get("/-/ready").await.status, 503);
    served.snapshot.send_replace(troubled().build());
    assert_eq!(served.get("/-/ready").await.status, 200);
    served.stop().await;
}

#[tokio::test]
async fn a_reload_says_how_it_went() {
    let mut served = serve(room(good()).build()).await;
    let mut reloads = served.reloads.take().unwrap();
    let post = || served.ask(served.client.post(served.url("/-/reload")));
    let (got, ()) = tokio::join!(post(), async { reloads.recv().await.unwrap().send(Ok(Waiting::default())).unwrap() });
    assert_eq!((got.status, got.text.as_str()), (200, "reloaded\n"));
    let later = Waiting(vec!["[web] listen", "[store]"]);
    let (got, ()) = tokio::join!(post(), async { reloads.recv().await.unwrap().send(Ok(later)).unwrap() });
    assert_eq!((got.status, got.text.as_str()), (200, "reloaded; from the next start on: [web] listen, [store]\n"));
    let bad = "siaga.toml:3:1: unknown key \"chek\"".to_owned();
    let (got, ()) = tokio::join!(post(), async { reloads.recv().await.unwrap().send(Err(bad)).unwrap() });
    assert_eq!((got.status, got.text.as_str()), (500, "siaga.toml:3:1: unknown key \"chek\"\n"));
    drop(reloads);
    assert_eq!(post().await.status, 500);
    served.stop().await;
}

#[tokio::test]
async fn other_methods_and_other_paths() {
    let served = serve(room(good()).build()).await;
    for (method, path, status, allow) in [
        ("GET", "/-/reload", 405, "POST"),
        ("POST", "/readyz", 405, "GET,HEAD"),
        ("DELETE", "/api/v1/checks/camera", 405, "GET,HEAD"),
        ("GET", "/api/v1/tidak-ada", 404, ""),
        ("GET", "/api/v2/readiness", 404, ""),
        ("GET", "/api/v1/checks/%ff", 404, ""),
        ("GET", "/api/v1/evidence/%ff", 404, ""),
    ] {
        let got = served.ask(served.client.request(method.parse().unwrap(), served.url(path))).await;
        assert_eq!(got.status, status, "{method} {path}");
        assert_eq!(got.header("allow"), allow, "{method} {path}");
        assert_eq!(got.header("content-type"), "application/problem+json", "{method} {path}");
    }
    let head = served.ask(served.client.head(served.url("/readyz"))).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    served.stop().await;
}

#[tokio::test]
async fn the_description_is_served_and_every_path_in_it_is_there() {
    let served = serve(room(good()).build()).await;
    let got = served.get("/api/v1/openapi.json").await;
    assert_eq!(got.text, openapi::SERVED);
    golden::hold_file("src/web/openapi.json", &openapi::document().unwrap());
    assert!(served.get("/api/v1/nowhere").await.text.contains("nothing is here;"));
    for (path, methods) in got.json()["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let url = served.url(&path.replace("{name}", "camera").replace("{id}", "e1"));
            let method = method.to_uppercase().parse().unwrap();
            let got = tokio::time::timeout(
                std::time::Duration::from_millis(500),
                served.ask(served.client.request(method, url)),
            );
            // A reload waits for an answer that nobody here gives: it is there.
            if let Ok(got) = got.await {
                // What is named may not be there (an incident, evidence): the path is.
                assert!(got.status != 405 && !got.text.contains("nothing is here;"), "{path}: {}", got.text);
            }
        }
    }
    served.stop().await;
}
