//! Siaga answers one question for a video-conference room: is it ready for this meeting, from then until then, and
//! if not, what must somebody go and do?
//!
//! The floors, from the ground up: [`domain`] (data and its laws), [`engine`] (the judge, pure), the hands
//! ([`probe`] and its siblings, which touch the world and do not name each other), and the shell (`cli`, `app`).
//! `README.md` has the map.

pub mod clock;
pub mod devices;
pub mod domain;
pub mod engine;
pub mod probe;
