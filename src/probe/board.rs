//! The board on which stands what is being done now: each test puts itself there when it begins, and is gone from it when it has ended,
//! however it ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::Now;
use crate::domain::doing::{Doing, Doings, Task};

/// What is being done now. Cheap to clone, and all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<watch::Sender<Arc<Doings>>>);

impl Board {
    /// What stands there, always the newest.
    pub fn seen(&self) -> watch::Receiver<Arc<Doings>> {
        self.0.subscribe()
    }

    /// Something begins that takes so long at most. It stands there until the mark is dropped.
    #[must_use]
    pub fn begin(&self, what: Task, now: Now, at_most: Duration) -> Mark {
        let until = now.wall.saturating_add(at_most).unwrap_or(now.wall);
        let doing = Doing { what, since: now.wall, until, step: None };
        let mut number = 0;
        self.0.send_modify(|all| {
            let all = Arc::make_mut(all);
            number = all.last_key_value().map_or(0, |(last, _)| last + 1);
            all.insert(number, doing);
        });
        Mark { board: self.clone(), number }
    }
}

/// That something stands on the board.
#[derive(Debug)]
pub struct Mark {
    board: Board,
    number: u64,
}

impl Mark {
    /// It has come to this step of so many.
    pub fn step(&self, step: u32, of: u32) {
        self.board.0.send_modify(|all| {
            if let Some(doing) = Arc::make_mut(all).get_mut(&self.number) {
                doing.step = Some((step, of));
            }
        });
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.board.0.send_modify(|all| _ = Arc::make_mut(all).remove(&self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Mono;

    #[test]
    fn what_is_begun_stands_there_until_its_mark_is_dropped_and_takes_no_others_place() {
        let (board, now) = (Board::default(), Now { mono: Mono::ZERO, wall: "2026-11-24T02:30:15Z".parse().unwrap() });
        let mut seen = board.seen();
        let test = |name: &str| Task::Test(name.into());
        let line = board.begin(test("line"), now, Duration::from_secs(35));
        let sound = board.begin(test("sound"), now, Duration::from_secs(30));
        line.step(2, 2);
        assert!(seen.has_changed().unwrap());
        let shown: Vec<Doing> = seen.borrow_and_update().values().cloned().collect();
        assert_eq!((&shown[0].what, shown[0].step, &shown[1].what), (&test("line"), Some((2, 2)), &test("sound")));
        assert_eq!(shown[0].until.duration_since(shown[0].since).as_secs(), 35);
        drop(line);
        // A number that is given again is that of nobody who stands there.
        let again = board.begin(test("line"), now, Duration::from_secs(35));
        drop(sound);
        assert_eq!(
            seen.borrow_and_update().values().map(|doing| doing.what.clone()).collect::<Vec<_>>(),
            [test("line")]
        );
        drop(again);
        assert!(seen.borrow_and_update().is_empty());
    }
}
