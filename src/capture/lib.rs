//! A camera's stream as the camera is found: the V4L2 requests that `linuxvideo` makes only after setting a format.
//!
//! Nothing is ever set here: no format, rate, input or control. Buffers are asked for, filled, read, zeroed and given back; the
//! kernel does the last two by itself for a child that is killed (a new owner's pages are zeroed, a closed queue is freed). Whoever
//! calls waits as long as the driver likes: only for a child that can be killed.
//!
//! A package of its own so that all other code can forbid `unsafe`, which is allowed or forbidden by package. It stands in the module
//! `camera` alone; the layouts on which that relies (`v4l2`) have none. What is to be had from outside is safe by any order of calls.

mod camera;
mod v4l2;

pub use camera::{Camera, Frame, Stream};
pub use v4l2::Format;
