//! The kernel's word on devices that come, go or change (uevents), and when to look again because of it.
//!
//! Group 1 of `NETLINK_KOBJECT_UEVENT` is the kernel's own and needs no udev. What happened is not looked at beyond the
//! subsystem: a look at sysfs or procfs tells. The slow tick stays, for what the kernel tells nobody and for a process that may
//! not have such a socket.

mod pace;

use netlink_sys::protocols::NETLINK_KOBJECT_UEVENT;
use tokio::time::Interval;

use super::Context;
use super::news::{Feed, News};
use pace::Pace;

/// The group of the kernel's own uevents (`lib/kobject_uevent.c`); those that udev has worked on are in group 2.
const KERNEL: u32 = 1;

/// When a probe of devices looks: at once, at each tick, and when the kernel has said something of its subsystems.
pub(super) struct Watch {
    subsystems: &'static [&'static str],
    ticker: Option<Interval>,
    /// Opened by the first look, and by the next tick's if that failed.
    feed: Option<Feed>,
    pace: Pace,
}

impl Watch {
    /// On subsystems, by the kernel's names of them (`SUBSYSTEM` in a uevent). Touches nothing yet.
    pub(super) const fn new(subsystems: &'static [&'static str]) -> Self {
        Self { subsystems, ticker: None, feed: None, pace: Pace::new() }
    }

    /// Waits until the next look is due. The first is due at once.
    pub(super) async fn due(&mut self, context: &Context) {
        self.wait(context).await;
        if self.feed.is_none() {
            // Opened before the look, so that no change falls between the two.
            self.feed = Feed::open(NETLINK_KOBJECT_UEVENT, KERNEL).ok();
        }
    }

    /// Waits until the kernel says something of its subsystems, for a look that is under way: the next is due by it all the same.
    pub(super) async fn hears(&mut self, context: &Context) {
        while let Some(feed) = &self.feed {
            match feed.next().await {
                Ok(News::Message(message)) if !self.subsystems.iter().any(|of| is_about(&message, of)) => {}
                Ok(News::Message(_) | News::Lost) => return self.pace.hears(context.clock.mono()),
                Err(_) => self.feed = None,
            }
        }
        std::future::pending::<()>().await;
    }

    async fn wait(&mut self, context: &Context) {
        let ticker = self.ticker.get_or_insert_with(|| context.ticker());
        while let Some(feed) = &self.feed {
            tokio::select! {
                // A storm of news may not put off the tick.
                biased;
                _ = ticker.tick() => return,
                () = context.clock.sleep_until(self.pace.due()) => {
                    self.pace.looks(context.clock.mono());
                    return;
                }
                said = feed.next() => match said {
                    Ok(News::Message(message)) if !self.subsystems.iter().any(|of| is_about(&message, of)) => {}
                    Ok(News::Message(_) | News::Lost) => self.pace.hears(context.clock.mono()),
                    Err(_) => self.feed = None,
                },
            }
        }
        ticker.tick().await;
    }
}

/// Whether a uevent is about a subsystem: `remove@/devices/…`, then `KEY=value` fields, each ended by a zero byte.
fn is_about(message: &[u8], subsystem: &str) -> bool {
    let mut fields = message.split(|byte| *byte == 0);
    fields.any(|field| field.strip_prefix(b"SUBSYSTEM=").is_some_and(|named| named == subsystem.as_bytes()))
}

/// What `make fuzz` holds it to. Compiled where assertions are.
#[cfg(debug_assertions)]
pub mod fuzz {
    /// Whatever comes over the socket, and the same with a subsystem put in.
    ///
    /// # Panics
    /// Where the reader does, or where it does not see what is there.
    pub fn uevent(bytes: &[u8]) {
        let _ = super::is_about(bytes, "video4linux");
        let with = [bytes, b"\0SUBSYSTEM=sound\0", bytes].concat();
        assert!(super::is_about(&with, "sound"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uevent_tells_its_subsystem() {
        let message = b"remove@/devices/platform/vivid.0/video4linux/video0\0ACTION=remove\0\
            DEVPATH=/devices/platform/vivid.0/video4linux/video0\0SUBSYSTEM=video4linux\0MAJOR=81\0SEQNUM=1300\0";
        assert!(is_about(message, "video4linux"));
        for other in ["video", "sound", "usb", ""] {
            assert!(!is_about(message, other), "{other}");
        }
        for nonsense in [&b""[..], b"\0\0", b"SUBSYSTEM", b"libudev\0\xfe\xed\xca\xfe"] {
            assert!(!is_about(nonsense, "video4linux"));
        }
    }
}
