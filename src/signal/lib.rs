//! What is counted sample by sample and point by point. Of sound: [`spectrum`], the [`level`] of a microphone, a [`sweep`] that comes
//! back, the [`treatment`] of a voice before a radio sends it, and recorded clips ([`wav`]). Of pictures: brightness ([`luma`]) and
//! what it says of the [`light`]. Pure: samples in, figures out.
//!
//! A package of its own so that tests have it compiled for speed: without, those of [`sweep`] take four to seven times longer, and the
//! lab makes the same sums on an emulated processor.
#![forbid(unsafe_code)]

pub mod level;
pub mod light;
pub mod luma;
pub mod spectrum;
pub mod sweep;
pub mod treatment;
pub mod wav;
