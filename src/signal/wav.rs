//! Reading a recorded clip: WAV of integers (8, 16, 24 or 32 bits), one channel or two, any usual rate. Pure.

/// Sound with its rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// Samples, full scale is 1.
    pub samples: Vec<f64>,
    /// Hz.
    pub rate: u32,
}

/// The rates that are taken, in Hz: what recorders write.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=96_000;

/// Reads a file's bytes.
///
/// # Errors
/// What is wrong with it, for the one who recorded it.
pub fn read(bytes: &[u8]) -> Result<Clip, String> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let half = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
        return Err("it is no WAV file".to_owned());
    }
    let mut format = None;
    let mut at = 12;
    while let (Some(name), Some(length)) = (bytes.get(at..at + 4), word(at + 4)) {
        let body = at + 8;
        // A program that writes to a pipe does not know the length and says one that is too large.
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len() - body);
        if name == b"fmt " && length >= 16 {
            // 0xFFFE is the extensible header, whose own kind stands first in its last field.
            let kind = match half(body) {
                Some(0xFFFE) if length >= 26 => half(body + 24),
                kind => kind,
            };
            format = Some((kind, half(body + 2), word(body + 4), half(body + 14)));
        }
        if name == b"data" {
            let Some((Some(1), Some(channels @ 1..=2), Some(rate), Some(bits @ (8 | 16 | 24 | 32)))) = format else {
                return Err(format!("it is no PCM of 8 to 32 bits in one or two channels ({format:?})"));
            };
            if !RATES.contains(&rate) {
                return Err(format!("its rate is {rate} Hz; {} to {} are taken", RATES.start(), RATES.end()));
            }
            let samples = samples(&bytes[body..body + length], usize::from(bits / 8), usize::from(channels));
            return Ok(Clip { samples, rate });
        }
        // Chunks begin at even places.
        at = body.saturating_add(length).saturating_add(length % 2);
    }
    Err("there is no sound in it".to_owned())
}

fn samples(bytes: &[u8], width: usize, channels: usize) -> Vec<f64> {
    let one = |bytes: &[u8]| -> f64 {
        if let [byte] = bytes {
            return (f64::from(*byte) - 128.0) / 128.0;
        }
        // To the top of 32 bits, so that the sign is where it belongs.
        let mut whole = [0; 4];
        whole[4 - bytes.len()..].copy_from_slice(bytes);
        f64::from(i32::from_le_bytes(whole)) / 2_f64.powi(31)
    };
    #[allow(clippy::cast_precision_loss, reason = "one or two")]
    let frame = |frame: &[u8]| frame.chunks_exact(width).map(one).sum::<f64>() / channels as f64;
    bytes.chunks_exact(width * channels).map(frame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(kind: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        let mut out = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
        out.extend(kind.to_le_bytes());
        out.extend(channels.to_le_bytes());
        out.extend(rate.to_le_bytes());
        out.extend([0; 6]);
        out.extend(bits.to_le_bytes());
        out.extend(b"LIST\x03\0\0\0abc\0data");
        // As espeak-ng writes to a pipe.
        out.extend(0x7fff_f000_u32.to_le_bytes());
        out.extend(data);
        out
    }

    #[test]
    fn samples_of_every_width_are_read() {
        let read = |bits, channels, data: &[u8]| read(&file(1, channels, 22_050, bits, data)).unwrap().samples;
        assert_eq!(read(8, 1, &[128, 0, 192]), [0.0, -1.0, 0.5]);
        assert_eq!(read(16, 1, &[0, 0x40, 0, 0x80, 9]), [0.5, -1.0]);
        assert_eq!(read(16, 2, &[0, 0x40, 0, 0xC0, 0, 0x40, 0, 0]), [0.0, 0.25]);
        assert_eq!(read(24, 1, &[0, 0, 0xC0]), [-0.5]);
        assert_eq!(read(32, 1, &[0, 0, 0, 0x20]), [0.25]);
    }

    #[test]
    fn what_cannot_be_played_is_refused_with_why() {
        for (bytes, why) in [
            (b"ID3".to_vec(), "no WAV"),
            (b"RIFF\0\0\0\0WAVE".to_vec(), "no sound in it"),
            (file(3, 1, 22_050, 32, &[0; 8]), "no PCM"),
            (file(1, 6, 22_050, 16, &[0; 24]), "no PCM"),
            (file(1, 1, 4_000, 16, &[0; 8]), "4000 Hz"),
        ] {
            let error = read(&bytes).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let good = file(1, 1, 22_050, 16, &[1, 2, 3, 4]);
        for length in 0..good.len() {
            _ = read(&good[..length]);
        }
    }
}
