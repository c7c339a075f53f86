//! TEMP
use crate::clock::Clock;
use crate::probe::OwnFarEnd;
/// t
pub struct Running;
/// t
pub async fn start(_c: Clock) -> std::io::Result<(OwnFarEnd, Running)> {
    Ok((OwnFarEnd { stun: ([127, 0, 0, 1], 9).into(), http: ([127, 0, 0, 1], 9).into() }, Running))
}
