//! Device calls that can hang, in a process of their own.
//!
//! A thread in a stuck driver cannot be ended. A process can; and one that sits in an uninterruptible call ("D", see
//! `proc_pid_stat(5)`) takes its `SIGKILL` only when the driver lets go. Such a one is left behind: counted, tried again when
//! its device is wanted next, never waited for, and never joined by a second one, whoever asks ([`left_behind`]).
//!
//! ```text
//!            run                      answer, exit
//!   Free ───────────► running ─────────────────────────────► Free
//!    ▲                   │ deadline: SIGKILL
//!    │    reaped         ▼                   not reaped in GRACE
//!    └────────────── killed ─────────────────────────────► LeftBehind ──► Free, once the kernel lets it go
//! ```

mod left_behind;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::domain::{ErrorKind, ProbeError};
use left_behind::On;

/// The hidden sub-command under which this binary looks at one device.
pub const COMMAND: &str = "device-child";

/// In which variable a child is told the process number of its parent.
const PARENT: &str = "SIAGA_PARENT";

/// The most that a child may say unless told otherwise. A camera with a hundred formats needs 2 kB.
const MOST: u64 = 256 * 1024;

/// How long a killed child may take to be gone: what is killable is gone in a few milliseconds, also on a busy machine.
const GRACE: Duration = Duration::from_millis(500);

/// A program that is run as a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    path: PathBuf,
    first: Vec<OsString>,
    most: u64,
}

impl Program {
    /// This very binary, as a device child. By `/proc/self/exe`, so that an upgrade of the file on disk cannot pair a
    /// running daemon with another version's child.
    pub fn device_child() -> Self {
        Self { path: "/proc/self/exe".into(), first: vec![COMMAND.into()], most: MOST }
    }

    /// Another program (`amixer`), found along `PATH` where `path` has no slash; `first` stands before all other arguments.
    pub fn other(path: impl Into<PathBuf>, first: &[&str]) -> Self {
        Self { path: path.into(), first: first.iter().map(Into::into).collect(), most: MOST }
    }

    /// The same, which may say so many bytes.
    #[must_use]
    pub fn saying_at_most(self, most: u64) -> Self {
        Self { most, ..self }
    }
}

/// The place of one device's child: there is never more than one at a time.
#[derive(Debug, Default)]
pub struct Slot {
    /// On what its newest child works, or would if no other hung there.
    on: Option<On>,
    newest: Arc<AtomicU32>,
    spoken: watch::Sender<bool>,
}

/// A child that runs. Dropped, it is killed, and kept in mind until it is gone.
struct Running {
    on: On,
    child: Option<Child>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take()
            && matches!(child.try_wait(), Ok(None))
        {
            // By the child's own handle, so that a number used anew by another process is never meant. An error means that it
            // has ended meanwhile.
            _ = child.start_kill();
            left_behind::remember(self.on.clone(), child);
        }
    }
}

impl Slot {
    /// The process number of its newest child, also after its end; 0 before the first.
    pub fn newest(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.newest)
    }

    /// Whether the child of a run under way has said anything yet: its answer, or [`word`].
    pub fn spoken(&self) -> watch::Receiver<bool> {
        self.spoken.subscribe()
    }

    /// Whether a killed child still hangs in the kernel, on what was wanted last. Looks without waiting.
    pub fn is_left_behind(&self) -> bool {
        self.on.as_ref().is_some_and(left_behind::hangs)
    }

    /// One in which `child` hangs.
    #[cfg(test)]
    pub(super) fn hanging(child: Child) -> Self {
        let on = On::of(&Program::other("sleep", &[]), &[child.id().unwrap_or_default().to_string().into()]);
        left_behind::remember(on.clone(), child);
        Self { on: Some(on), ..Self::default() }
    }

    /// Runs `program` with `args` and returns what it wrote on standard output.
    ///
    /// The child has until `deadline` from its start. What was there before it has half a second to be gone, on its own device and on
    /// the one before, and so has the child after its end: all of it takes `deadline` and a second and a half more at the latest.
    /// Dropping the future kills the child.
    ///
    /// # Errors
    /// `Timeout` when the deadline passed or an earlier child still hangs, `Gone` when there is no such program, `Protocol`
    /// when it said too much, `Internal` when it could not be started or did not end well.
    pub async fn run(
        &mut self,
        program: &Program,
        args: &[OsString],
        deadline: Duration,
    ) -> Result<Vec<u8>, ProbeError> {
        Ok(self.run_unless(program, args, deadline, std::future::pending()).await?.unwrap_or_default())
    }

    /// The same, unless `stop` comes first: then the child is killed, and there is no answer. It has given its device back
    /// when this returns, or is left behind.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_unless(
        &mut self,
        program: &Program,
        args: &[OsString],
        deadline: Duration,
        stop: impl Future<Output = ()>,
    ) -> Result<Option<Vec<u8>>, ProbeError> {
        // Before `stop` is asked: what the child before said does not count.
        self.spoken.send_replace(false);
        tokio::pin!(stop);
        let on = On::of(program, args);
        tokio::select! {
            biased;
            () = &mut stop => return Ok(None),
            free = self.take(&on) => free?,
        }
        let mut running = self.start(program, args, on.clone())?;
        let outcome = match &mut running.child {
            Some(child) => tokio::select! {
                biased;
                () = stop => Ok(None),
                result = finish(child, program, &self.spoken) => result.map(Some),
                () = tokio::time::sleep(deadline) => Err(late(deadline)),
            },
            None => Ok(None),
        };
        // Killed, where it has not ended; what is killable is gone when this returns.
        drop(running);
        left_behind::gone(&on, GRACE).await;
        outcome
    }

    /// Takes the place for a child that works on that, unless another hangs there. One that was killed a moment ago may still
    /// be on its way out.
    async fn take(&mut self, on: &On) -> Result<(), ProbeError> {
        let hangs = || ProbeError::new(ErrorKind::Timeout, "an earlier child still hangs in the kernel");
        if let Some(before) = &self.on
            && !left_behind::gone(before, GRACE).await
        {
            return Err(hangs());
        }
        self.on = Some(on.clone());
        if left_behind::gone(on, GRACE).await { Ok(()) } else { Err(hangs()) }
    }

    fn start(&self, program: &Program, args: &[OsString], on: On) -> Result<Running, ProbeError> {
        let child = Command::new(&program.path)
            .args(&program.first)
            .args(args)
            // Programs of others answer in the user's language unless told not to; ours do not care.
            .env("LC_ALL", "C")
            .env(PARENT, std::process::id().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| not_started(program, &error))?;
        self.newest.store(child.id().unwrap_or_default(), Ordering::Relaxed);
        Ok(Running { on, child: Some(child) })
    }
}

async fn finish(child: &mut Child, program: &Program, spoken: &watch::Sender<bool>) -> Result<Vec<u8>, ProbeError> {
    let mut out = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = stdout.take(program.most + 1);
        while stdout.read_buf(&mut out).await.map_err(|error| internal(&error))? > 0 {
            spoken.send_replace(true);
        }
    }
    if out.len() as u64 > program.most {
        // Nobody reads on, so that the child may never end by itself.
        let _ = child.start_kill();
        let _ = child.wait().await;
        return Err(ProbeError::new(ErrorKind::Protocol, format!("the child said more than {} bytes", program.most)));
    }
    let status = child.wait().await.map_err(|error| internal(&error))?;
    if status.success() {
        Ok(out)
    } else {
        Err(ProbeError::new(ErrorKind::Internal, format!("{} ended with {status}", program.path.display())))
    }
}

fn not_started(program: &Program, error: &std::io::Error) -> ProbeError {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::Gone,
        std::io::ErrorKind::PermissionDenied => ErrorKind::Permission,
        _ => ErrorKind::Internal,
    };
    ProbeError::new(kind, format!("cannot start {}: {error}", program.path.display()))
}

fn late(deadline: Duration) -> ProbeError {
    ProbeError::new(ErrorKind::Timeout, format!("no answer within {} ms", deadline.as_millis()))
}

fn internal(error: &std::io::Error) -> ProbeError {
    ProbeError::new(ErrorKind::Internal, format!("cannot follow the child: {error}"))
}

/// What a device child says, as one JSON value.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Answer<T> {
    Found(T),
    Failed { kind: String, detail: String },
}

/// Asks a device child and understands its answer.
///
/// # Errors
/// What [`Slot::run`] returns, what the child itself met, and `Protocol` for an answer that is none.
pub async fn ask<T: DeserializeOwned>(
    slot: &mut Slot,
    program: &Program,
    args: &[OsString],
    deadline: Duration,
) -> Result<T, ProbeError> {
    understand(&slot.run(program, args, deadline).await?)
}

/// The same, unless `stop` comes first: `None` then, see [`Slot::run_unless`].
///
/// # Errors
/// As [`ask`].
pub async fn ask_unless<T: DeserializeOwned>(
    slot: &mut Slot,
    program: &Program,
    args: &[OsString],
    deadline: Duration,
    stop: impl Future<Output = ()>,
) -> Result<Option<T>, ProbeError> {
    let said = slot.run_unless(program, args, deadline, stop).await?;
    said.map(|said| understand(&said)).transpose()
}

/// Understands what a device child said.
///
/// # Errors
/// What the child itself met, and `Protocol` for an answer that is none.
pub fn understand<T: DeserializeOwned>(said: &[u8]) -> Result<T, ProbeError> {
    match serde_json::from_slice(said) {
        Ok(Answer::Found(found)) => Ok(found),
        Ok(Answer::Failed { kind, detail }) => {
            let kind = ErrorKind::ALL.into_iter().find(|known| known.as_str() == kind);
            Err(ProbeError::new(kind.unwrap_or(ErrorKind::Protocol), detail))
        }
        Err(error) => Err(ProbeError::new(ErrorKind::Protocol, format!("the child's answer is none: {error}"))),
    }
}

/// The child's side: looks at one device, says what it found on standard output, and ends.
///
/// `args` follow [`COMMAND`]: `camera /dev/video0`. A failure is an answer too; the code tells only whether one was given.
pub fn main(args: &[OsString]) -> ExitCode {
    if let Err(error) = seal() {
        return write(say::<()>(Err(error)));
    }
    let said = match args {
        [what, path] if what == "camera" => say(super::camera::query::look(path.as_ref())),
        [what, pcm] if what == super::microphone::CHILD => say(super::microphone::listen(&pcm.to_string_lossy())),
        [what, play, capture] if what == super::loopback::CHILD => {
            say(super::loopback::run(&play.to_string_lossy(), &capture.to_string_lossy()))
        }
        [what, path, plan] if what == "frames" => match serde_json::from_slice(plan.as_encoded_bytes()) {
            Ok(plan) => say(super::frames::look::look(path.as_ref(), plan)),
            Err(_) => return ExitCode::from(2),
        },
        _ => return ExitCode::from(2),
    };
    write(said)
}

fn write(said: serde_json::Result<Vec<u8>>) -> ExitCode {
    match said.map(|said| std::io::stdout().write_all(&said)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(_)) | Err(_) => ExitCode::FAILURE,
    }
}

/// The child's side, before it touches a device that sees or hears: nothing of it may leave this process, not in a core dump,
/// not through another process's eyes, and not because the daemon is gone and nobody would end it.
///
/// # Errors
/// `Internal`, and nothing may be opened.
pub(crate) fn seal() -> Result<(), ProbeError> {
    use rustix::process::{
        DumpableBehavior, Resource, Rlimit, Signal, getppid, set_dumpable_behavior, set_parent_process_death_signal,
        setrlimit,
    };
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable))
        .and_then(|()| set_parent_process_death_signal(Some(Signal::KILL)))
        .map_err(|error| ProbeError::new(ErrorKind::Internal, format!("the child cannot be sealed: {error}")))?;
    // The signal comes only if the parent goes after it was asked for. Started by hand, it is told none.
    let told = std::env::var(PARENT).ok().map(|number| number.parse::<u32>().ok());
    let parent = getppid().map(|pid| pid.as_raw_pid().unsigned_abs());
    match told {
        Some(told) if told != parent => Err(ProbeError::new(ErrorKind::Internal, "the parent is gone")),
        _ => Ok(()),
    }
}

/// The child's side: a word before the answer, by which the daemon knows that the device is open. White space, which JSON allows.
///
/// # Errors
/// When nobody listens.
pub(super) fn word() -> std::io::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(b"\n")?;
    out.flush()
}

/// A failure as a child would tell it, for whoever has run one for another.
pub fn failure(error: ProbeError) -> Vec<u8> {
    // Two strings: nothing in it can fail to be written.
    say::<()>(Err(error)).unwrap_or_default()
}

fn say<T: Serialize>(found: Result<T, ProbeError>) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&match found {
        Ok(found) => Answer::Found(found),
        Err(error) => Answer::Failed { kind: error.kind.as_str().to_owned(), detail: error.detail },
    })
}
