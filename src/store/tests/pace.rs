//! How often is looked for what is too old.

use super::super::Kept;
use super::*;

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_looked_for_each_hour_and_soon_where_much_is_written() {
    let folder = folder();
    let clock = Clock::on_tokio_time(second(0));
    let store = Store::open(claim(folder.path()), clock, Retention::default(), CATALOGUE);
    store.restore().await.unwrap();
    let db = other_eyes(folder.path());
    watched(&db, second(0), 24);
    // The second answer comes when what was due with the first is done.
    let after = async |time: Duration| {
        tokio::time::advance(time).await;
        store.flush().await.unwrap();
        store.flush().await.unwrap();
    };
    let old = |key: &str| {
        let row =
            "INSERT INTO audit (key, at, actor, via, action, subject) VALUES (?1, 0, 'sari', 'local', 'test', 'line')";
        db.execute(row, [key]).unwrap();
    };
    let left = || db.query_row("SELECT count(*) FROM audit", [], |row| row.get::<_, i64>(0)).unwrap();
    after(Duration::from_secs(30)).await;
    old("a");
    after(Duration::from_mins(10)).await;
    assert_eq!(left(), 1, "nothing was too old a moment ago");
    after(Duration::from_hours(1)).await;
    assert_eq!(left(), 0);
    old("b");
    for n in 0..super::super::retention::PRUNE {
        assert_eq!(store.record(notify(&format!("{n}"))).await.unwrap(), Kept::OnDisk);
    }
    after(Duration::from_secs(10)).await;
    assert_eq!(left(), 0, "whoever has so much written is not given an hour");
}
