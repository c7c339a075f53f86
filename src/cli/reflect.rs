//! `siaga reflect`: the far end of a path test, on another machine than the room's.

mod passes;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use sd_notify::NotifyState;
use tokio::sync::Notify;

use crate::app::service::{self, Asked, Signals};
use crate::clock::Clock;
use crate::domain::{Rate, SecretFile};
use crate::reflect::{Reflect, Settings};
use passes::Passes;

/// What `siaga reflect` can be told.
#[derive(Clone, Debug, Args)]
pub struct ReflectArgs {
    /// Where to listen by UDP (again for each); without it everywhere, by IPv4 and IPv6, on port 10862.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Vec<SocketAddr>,
    /// A file with a secret of at least 16 bytes: only packets signed with it are answered. "credential:NAME" is a credential of
    /// systemd (LoadCredential= in the unit). Again for a second one, while a key is replaced. Without it and --tokens everybody is answered.
    #[arg(long, value_name = "FILE", env = "SIAGA_REFLECT_KEY_FILE", value_parser = secret_file)]
    key_file: Vec<SecretFile>,
    /// The file of tokens (siaga token --tokens FILE add NAME --scope reflect) whose holders are answered, each until it expires or is
    /// revoked: the file is looked at each second. "credential:NAME" is a credential of systemd. Beside --key-file both are answered.
    #[arg(long, value_name = "FILE", env = "SIAGA_REFLECT_TOKENS", value_parser = secret_file)]
    tokens: Option<SecretFile>,
    /// Remember no sessions (RFC 8762, a stateless reflector): answers repeat the sender's numbers, so that loss is told of both ways
    /// together only, and what is sent again is answered again, within the limits.
    #[arg(long)]
    stateless: bool,
    /// What is answered at most in all; those who have only just come get half of it.
    #[arg(long, value_name = "RATE", default_value = "50 Mbit/s", value_parser = rate)]
    rate: Rate,
    /// What is answered at most to one source: an IPv4 address, or a /64 of IPv6.
    #[arg(long, value_name = "RATE", default_value = "12 Mbit/s", value_parser = rate)]
    rate_per_source: Rate,
}

fn secret_file(text: &str) -> Result<SecretFile, &'static str> {
    SecretFile::try_from(text.to_owned())
}

/// How often the tokens' file is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// At which a full packet of somebody new is still answered.
const LEAST: Rate = Rate(100e3);

fn rate(text: &str) -> Result<Rate, String> {
    let rate: Rate = text.parse().map_err(|error| format!("{error}"))?;
    // A bucket must hold one full packet, and a newcomer has half of it (see `reflect::limits`).
    if rate >= LEAST { Ok(rate) } else { Err(format!("less than {LEAST} answers no full packet")) }
}

/// Answers until it is told to end.
///
/// # Errors
/// What keeps it from starting: an address in use, a key that cannot be read.
pub async fn run(args: &ReflectArgs) -> Result<u8, String> {
    service::start_log();
    let mut signals = Signals::listen().map_err(|error| format!("signals cannot be listened to: {error}"))?;
    let (known, passes) = Passes::open(args.key_file.clone(), args.tokens.as_ref())?;
    let signed = passes.is_some();
    let settings = Settings {
        listen: args.listen.clone(),
        passes,
        stateless: args.stateless,
        rate: args.rate,
        rate_per_source: args.rate_per_source,
    };
    let clock = Clock::start();
    let reflect = Reflect::open(settings, clock)?;
    for address in reflect.addresses() {
        tracing::info!(%address, signed, "reflecting");
    }
    if !signed {
        tracing::warn!("without --key-file and --tokens everybody is answered, within the limits");
    }
    service::tell(&[NotifyState::Ready]);
    let reload = Notify::new();
    let end = async {
        while signals.next().await != Asked::End {
            reload.notify_one();
        }
    };
    let counts = reflect
        .run(async {
            tokio::select! {
                () = end => {}
                () = follow(known, args.tokens.is_some(), &reload, &reflect) => {}
                () = live(clock) => {}
            }
        })
        .await;
    service::tell(&[NotifyState::Stopping]);
    tracing::info!(
        answered = counts.answered,
        foreign = counts.foreign,
        strangers = counts.strangers,
        expired = counts.expired,
        replayed = counts.replayed,
        limited = counts.limited,
        unreceived = counts.unreceived,
        "ended"
    );
    Ok(0)
}

/// Feeds the supervisor's watchdog beside the answers, on the same thread: one that answers nobody any longer is restarted. Never ends.
async fn live(clock: Clock) {
    let mut feed = service::watchdog(clock);
    loop {
        clock.sleep_until(feed()).await;
    }
}

/// Has the reflector know whoever is known by then: at each reload, and where the tokens' file, if there is one, is another. Never ends.
async fn follow(known: Passes, by_token: bool, reload: &Notify, reflect: &Reflect) {
    let known = Arc::new(Mutex::new(known));
    loop {
        let anyway = tokio::select! {
            () = reload.notified() => true,
            () = tokio::time::sleep(LOOK), if by_token => false,
        };
        let known = Arc::clone(&known);
        // Off the runtime: a disk that hangs stops no answer, and leaves those in force that were read before.
        let look = move || known.lock().unwrap_or_else(PoisonError::into_inner).look(anyway);
        if let Ok(Some(passes)) = tokio::task::spawn_blocking(look).await {
            reflect.know(passes);
        }
    }
}
