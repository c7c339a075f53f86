//! What readers are told, over a real socket.

mod api;
mod believe;
mod limits;
mod page;
mod readiness;
mod readyz;
