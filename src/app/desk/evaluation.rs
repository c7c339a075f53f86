//! What people write of a meeting afterwards: a link of the chain of reports, and a row of the audit that says who.

use super::Desk;
use super::hush::{Done, Unmet};
use crate::domain::link::{Filed, Kind, LONGEST_EVALUATION};
use crate::domain::{Act, in_full, passcode};
use crate::report::Evaluation;

/// A meeting has no more than this; who has more to say writes a letter.
const MOST: usize = 50;

impl Desk {
    /// Keeps it; gives the number of the report that it belongs to. The same written again by the same person is kept once.
    pub(super) async fn evaluate_written(
        &self,
        act: &mut Act,
        session: &str,
        text: &str,
        by: Option<&str>,
    ) -> Result<Done<i64>, Unmet> {
        let (name, via, at) = (act.actor.name.to_string(), act.actor.via.as_str().to_owned(), act.at);
        let doing = async {
            let text = text.trim().replace("\r\n", "\n");
            let plain = |c: char| !c.is_control() || c == '\n' || c == '\t';
            if text.is_empty() || text.chars().count() > LONGEST_EVALUATION || !text.chars().all(plain) {
                return Err(Unmet::NoText);
            }
            if passcode::is_said(&text) || by.is_some_and(passcode::is_said) {
                return Err(Unmet::Passcode);
            }
            if by.is_some_and(|by| !super::is_name(by)) {
                return Err(Unmet::NoName);
            }
            let kept = self.store.kept(session).await.map_err(|error| Unmet::Unread(in_full(&error)))?;
            let kept = kept.ok_or_else(|| Unmet::NoReport(session.to_owned()))?;
            if kept.evaluations.len() >= MOST {
                return Err(Unmet::Full);
            }
            let report = kept.report;
            let written = Evaluation {
                schema: Evaluation::SCHEMA.to_owned(),
                version: Evaluation::VERSION,
                text,
                by: by.map_or(name, |by| by.trim().to_owned()),
                via,
            };
            let body = serde_json::to_string(&written).map_err(|error| Unmet::Unread(error.to_string()))?;
            let (session, start) = (report.filed.session, report.filed.start);
            let filed = Filed { kind: Kind::Evaluation, session, start, made_at: at, body };
            let hash = self.store.file_report(filed).await.map_err(|error| Unmet::Unread(in_full(&error)))?;
            if let Some(hash) = hash {
                tracing::info!(number = report.seq, hash, "an evaluation is kept beside a report");
            }
            Ok((report.seq, format!("kept with report {}", report.seq)))
        };
        self.written(act, doing).await
    }
}
