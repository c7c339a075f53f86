//! Where the pictures go, and how many bytes each may have.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;

use crate::support::browser::Browser;

/// The guide is opened on telephones.
const MOST: usize = 60 * 1024;

/// Pixels of a picture for each of the page, the sharpest first. The last is for machines whose fonts and digits take more bytes.
const SCALES: [f64; 5] = [1.5, 1.25, 1.0, 0.85, 0.7];

/// The pictures of one run.
pub(super) struct Album {
    folder: PathBuf,
    taken: BTreeSet<String>,
}

impl Album {
    /// In `docs/` where that is asked for (`SIAGA_GUIDE=write`), else among what was built.
    pub(super) fn open() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let writes = std::env::var("SIAGA_GUIDE").is_ok_and(|value| value == "write");
        let folder = root.join(if writes { GUIDE } else { "target/guide" });
        fs::create_dir_all(&folder).unwrap();
        Self { folder, taken: BTreeSet::new() }
    }

    /// The parts of the page that a selector names, from the first to the last, at most so high (CSS pixels).
    pub(super) fn take(&mut self, browser: &mut Browser, name: &str, parts: &str, most: f64) {
        let around = browser.look(&format!(
            "(all => all.length ? [Math.min(...all.map(one => one.left)), Math.min(...all.map(one => one.top)) + scrollY, \
             Math.max(...all.map(one => one.right)), Math.max(...all.map(one => one.bottom)) + scrollY] : [])\
             ([...document.querySelectorAll({parts:?})].map(one => one.getBoundingClientRect()))"
        ));
        let around: Vec<f64> = around.as_array().unwrap().iter().map(|edge| edge.as_f64().unwrap()).collect();
        let [left, top, right, bottom] = around[..] else { panic!("{name}: nothing on the page is {parts}") };
        let place = [(left - 8.0).max(0.0), (top - 8.0).max(0.0), right - left + 32.0, (bottom - top + 16.0).min(most)];
        let mut pictures = SCALES
            .iter()
            .map(|scale| base64::engine::general_purpose::STANDARD.decode(browser.picture_of(place, *scale)).unwrap());
        let picture = pictures
            .find(|picture| picture.len() <= MOST)
            .unwrap_or_else(|| panic!("{name} is larger than {MOST} bytes"));
        fs::write(self.folder.join(format!("{name}.png")), picture).unwrap();
        assert!(self.taken.insert(format!("{name}.png")), "{name} is taken twice");
    }

    /// The guide has these pictures and no other.
    pub(super) fn close(&self) {
        let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join(GUIDE);
        let there = fs::read_dir(guide).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert_eq!(
            self.taken,
            there.collect(),
            "left: what is taken; right: what the guide has; \"make guide\" writes them"
        );
    }
}

const GUIDE: &str = "docs/panduan-operator/gambar";
