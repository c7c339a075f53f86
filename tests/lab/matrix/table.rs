//! README's table: its rows are the matrix's own, its figures those of a full run.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::Came;
use super::rows::{EQUIPMENT, Phase, RATE, Row, SYSTEM};

const BEGIN: &str = "<!-- the fault matrix: written by `make matrix` -->";
const END: &str = "<!-- end of the fault matrix -->";

/// The cells that name a row, without which no figure stands.
fn name(row: &Row) -> String {
    let told: Vec<String> = row
        .told
        .iter()
        .map(|(check, verdict, codes)| {
            let codes: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
            format!("{check} {verdict}: {}", codes.join(", "))
        })
        .collect();
    format!("| {} | {} | {} |", row.fault, row.component, told.join("; "))
}

fn rows() -> impl Iterator<Item = &'static Row> {
    EQUIPMENT.iter().chain(RATE).chain(SYSTEM)
}

/// README's rows must be the matrix's, in its order.
pub(super) fn hold() {
    let readme = fs::read_to_string(readme()).unwrap();
    let (_, rest) = readme.split_once(BEGIN).expect("README has the fault matrix");
    let (block, _) = rest.split_once(END).expect("README says where the fault matrix ends");
    let table = block.lines().filter(|line| line.starts_with('|')).skip(2);
    let cells = |line: &str| {
        let cells: Vec<&str> = line.split('|').take(4).collect();
        format!("{}|", cells.join("|"))
    };
    let there: Vec<String> = table.map(cells).collect();
    let wanted: Vec<String> = rows().map(name).collect();
    assert_eq!(there, wanted, "README's fault matrix is old: run `make matrix`");
}

/// Writes README's table.
pub(super) fn write(came: &[Came]) {
    let readme = readme();
    let text = fs::read_to_string(&readme).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("README has the fault matrix");
    let (_, after) = rest.split_once(END).expect("README says where the fault matrix ends");
    fs::write(&readme, format!("{before}{BEGIN}\n{}{END}{after}", render(came))).unwrap();
}

fn render(came: &[Came]) -> String {
    let date = siaga::clock::Clock::start().now().wall.strftime("%Y-%m-%d").to_string();
    let quiet: f64 = came.iter().map(|came| came.quiet).sum();
    let outside = came.iter().flat_map(|came| &came.alarms).filter(|alarm| alarm.during.is_none()).count();
    let times = rows().map(|row| came.iter().flat_map(|came| &came.runs).filter(|run| std::ptr::eq(run.row, row)));
    let times = times.map(|runs| runs.filter(|run| run.phase == Phase::Idle).count()).max().unwrap_or_default();
    let often = if times == 1 {
        "once".to_owned()
    } else {
        format!("{times} times (medians; after the first round in an order that is drawn)")
    };
    let all: usize = came.iter().map(|came| came.runs.len()).sum();
    let mut text = format!(
        "\nRun of {date}: each fault {often}, idle and in use, {all} in all, in the guest's seconds. A room in which nothing happened, watched for \
         {:.0} minutes by all checks, and between the faults: {outside} false alarms.\n\n",
        quiet / 60.0
    );
    text.push_str(
        "| fault | component | what is told | idle: told after | in use: told after | ready again after | root cause | false alarms |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for row in rows() {
        let runs = || came.iter().flat_map(|came| &came.runs).filter(|run| std::ptr::eq(run.row, row));
        let told = |phase| {
            if !row.phases.contains(&phase) {
                return "–".to_owned();
            }
            let of_phase = || runs().filter(|run| run.phase == phase);
            let figures: Vec<f64> = of_phase().filter_map(|run| run.told).collect();
            match of_phase().count() {
                0 => "failed".to_owned(),
                _ if figures.is_empty() => "held".to_owned(),
                _ => seconds(figures),
            }
        };
        let back: Vec<f64> = runs().filter_map(|run| run.back).collect();
        let back = if back.is_empty() { "–".to_owned() } else { seconds(back) };
        let alarms = came.iter().flat_map(|came| &came.alarms).filter(|alarm| alarm.during == Some(row.fault)).count();
        _ = writeln!(
            text,
            "{} {} | {} | {back} | {} | {alarms} of {} |",
            name(row),
            told(Phase::Idle),
            told(Phase::InUse),
            row.cause.unwrap_or("–"),
            runs().count()
        );
    }
    text.push('\n');
    text
}

/// What `make bench` times.
pub(super) const TIMED: &[&str] = &[
    "camera pulled out",
    "USB camera pulled out",
    "sound card pulled out",
    "microphone switched off",
    "microphone silent",
];

/// Writes `target/bench/equipment.md`: of each, how long it took until it was told.
pub(super) fn write_times(came: &[Came]) {
    let mut text = String::from(
        "# From what happens to a device to the verdict\n\n\
         In the guest's seconds, whose processor is emulated; holds at zero.\n\n\
         | what happens | times | median | least | most |\n|---|---|---|---|---|\n",
    );
    for fault in TIMED {
        let runs = came.iter().flat_map(|came| &came.runs).filter(|run| run.row.fault == *fault);
        let mut figures: Vec<f64> = runs.filter_map(|run| run.told).collect();
        figures.sort_by(f64::total_cmp);
        let [least, .., most] = figures.as_slice() else { continue };
        let median = figures[figures.len() / 2];
        _ = writeln!(text, "| {fault} | {} | {median:.2} s | {least:.2} s | {most:.2} s |", figures.len());
    }
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench"));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("equipment.md"), text).unwrap();
}

/// The median, to a tenth of a second: the guest is slow, and more would only be noise.
fn seconds(mut figures: Vec<f64>) -> String {
    figures.sort_by(f64::total_cmp);
    // The order's moment is kept in hundredths, and may seem to be after what it did.
    format!("{:.1} s", figures[figures.len() / 2].max(0.0))
}

fn readme() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
}
