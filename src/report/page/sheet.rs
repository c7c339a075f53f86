//! The run sheet on the report's page.

use super::{Teller, pick_owned, title_of};
use crate::domain::reason::number;
use crate::engine::sheet::Standing;

impl Teller<'_> {
    pub(super) fn sheet(&self) -> Vec<[String; 4]> {
        let rows = self.report.run_sheet.checks.iter().map(|check| {
            let [id, en] = &check.title;
            let title = pick_owned(self.lang, id, en);
            let site = check.site.as_ref().map(|site| format!(": {site}")).unwrap_or_default();
            let noted = if check.required { "" } else { self.pick(" (hanya dicatat)", " (only noted)") };
            let standing = match check.standing {
                // In a report of before it was told when, and by whom.
                _ if check.after_start && check.later.is_none() => {
                    self.pick("belum; sesudah rapat mulai", "not yet; after it had begun")
                }
                Standing::Done => self.pick("sudah", "done"),
                Standing::Open => self.pick("belum", "not done"),
                Standing::Expired => self.pick("sudah kedaluwarsa", "too long ago"),
            };
            let later = check.later.as_ref().map(|later| {
                let what = if later.done { self.pick("sudah", "done") } else { self.pick("dibatalkan", "taken back") };
                let after = self.pick("sesudah rapat mulai", "after it had begun");
                format!("; {after}: {what}, {}, {}", self.moment(&later.at), later.by)
            });
            let standing = format!("{standing}{}", later.unwrap_or_default());
            let by = check.by.clone().unwrap_or_else(|| "–".to_owned());
            let at = check.at.as_ref().map_or_else(|| "–".to_owned(), |at| self.moment(at));
            [format!("{title}{site}{noted}"), standing, at, by]
        });
        rows.collect()
    }

    /// Of each trial its lines: when and who, what was found, what was measured.
    pub(super) fn trials(&self) -> Vec<Vec<String>> {
        let told = self.report.run_sheet.trials.iter().map(|trial| {
            let end = trial
                .to
                .as_ref()
                .map_or_else(|| self.pick("belum berakhir", "not ended").to_owned(), |at| self.moment(at));
            let mut lines =
                vec![format!("{} {} – {end}, {}", self.pick("Uji coba", "Trial"), self.moment(&trial.from), trial.by)];
            if !trial.findings.is_empty() {
                lines.push(format!("{}: {}", self.pick("Temuan", "Findings"), trial.findings));
            }
            for one in &trial.measured {
                let part = one.part.as_ref().map(|part| format!(", {part}")).unwrap_or_default();
                let value = |value| number(value, one.unit, self.lang);
                let title = title_of(one.title.as_ref(), &one.quantity, self.lang);
                let mean = self.pick("rata-rata", "mean");
                lines.push(format!(
                    "{title} ({}{part}): {mean} {}, {} – {}",
                    one.check,
                    value(one.mean),
                    value(one.min),
                    value(one.max)
                ));
            }
            if trial.incomplete {
                lines.push(self.pick("Hanya hari pertamanya yang dilihat.", "Of its first day alone.").to_owned());
            }
            if trial.measured.is_empty() && trial.to.is_some() {
                lines.push(
                    self.pick(
                        "Tidak ada satu menit penuh yang diukur di dalamnya.",
                        "No whole minute of it was measured.",
                    )
                    .to_owned(),
                );
            }
            lines
        });
        told.collect()
    }

    pub(super) fn overrides(&self) -> Vec<String> {
        let told = self.report.run_sheet.overrides.iter().map(|one| {
            format!(
                "{} {} – {}: {} ({}), {}",
                self.pick("Keputusan petugas", "Decision of staff"),
                self.moment(&one.from),
                self.moment(&one.to),
                one.verdict.title(self.lang),
                one.reason,
                one.by
            )
        });
        told.collect()
    }
}
