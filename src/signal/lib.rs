//! What sound says: [`spectrum`], the [`level`] of a microphone, and a [`sweep`] that comes back. Pure: samples in, figures out.
//!
//! A package of its own so that tests have it compiled for speed: without, those of [`sweep`] take four to seven times longer, and the
//! lab makes the same sums on an emulated processor.

pub mod level;
pub mod spectrum;
pub mod sweep;
