//! The voice on the HT channel, without a radio: Hamlib's dummy, a real sound server's sink, a real `espeak-ng`.

mod guard;
mod on_air;
