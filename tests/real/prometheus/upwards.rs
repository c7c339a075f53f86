//! What a Prometheus over many rooms hands to one above it: asked by it, or pushed.

use super::server::Prometheus;
use super::whole_catalogue;
use crate::support::web::serve;

/// What is said of whole rooms must come up; what is said of checks must not.
async fn only_rooms_come_up(above: &Prometheus, client: &reqwest::Client) {
    for query in [
        "siaga:room_verdict{job=\"siaga\", room=\"rapat_1\", office=\"Kantor Bupati\"}",
        "siaga:rooms{job=\"siaga\"}",
        "siaga_room_phase{job=\"siaga\", phase=\"idle\"} == 1",
        "up{job=\"siaga\"} == 1",
        "ALERTS{job=\"siaga\", alertname=\"RoomNotReady\"}",
    ] {
        above.answered(client, query).await;
    }
    let below =
        above.number(client, "count({__name__=~\"siaga_check.+|siaga_limit.+|siaga_reason\"}) or vector(0)").await;
    assert!(below == 0.0, "{below} series of checks");
}

#[tokio::test]
async fn a_prometheus_above_asks_those_of_offices() {
    let served = serve(whole_catalogue().build()).await;
    let below = Prometheus::over(&[served.address.to_string()]);
    let above = Prometheus::of_the_region(below.address());
    only_rooms_come_up(&above, &served.client).await;
    served.stop().await;
}

#[tokio::test]
async fn an_office_pushes_to_one_above() {
    let served = serve(whole_catalogue().build()).await;
    // It asks nobody: at this port nobody listens.
    let above = Prometheus::of_the_region("127.0.0.1:9");
    above.answered(&served.client, "vector(1)").await;
    let _below = Prometheus::that_pushes(&[served.address.to_string()], &above);
    only_rooms_come_up(&above, &served.client).await;
    served.stop().await;
}
