//! What sound says: [`spectrum`], the [`level`] of a microphone, and a [`sweep`] that comes back. Pure: samples in, figures out.
//!
//! A package of its own so that it is compiled for speed in every profile. A transform of 131 072 points takes fifty times longer
//! without, and the lab makes it on an emulated processor.

pub mod level;
pub mod spectrum;
pub mod sweep;
