//! The body of a push: a `WriteRequest` of protobuf, compressed by snappy's block format ("Protocol", Remote-Write 1.0).
//!
//! Four messages of two fields each, so that they are written by hand (protobuf.dev, "Encoding"):
//!
//! ```text
//! WriteRequest { repeated TimeSeries = 1 }     TimeSeries { repeated Label = 1; repeated Sample = 2 }
//! Label { string name = 1; string value = 2 }  Sample { double value = 1; int64 timestamp = 2, ms since 1970 }
//! ```

use super::labels::{Labels, STALE, Sample};

/// A field's number and how it is written: 1 as eight bytes, 2 with its length before it, 0 as a varint.
const SERIES: u8 = 1 << 3 | 2;
const LABEL: u8 = 1 << 3 | 2;
const SAMPLE: u8 = 2 << 3 | 2;
const NAME: u8 = 1 << 3 | 2;
const VALUE: u8 = 2 << 3 | 2;
const DOUBLE: u8 = 1 << 3 | 1;
const TIMESTAMP: u8 = 2 << 3;

/// What cannot be compressed, because it is larger than snappy's format can say (4 GiB).
#[derive(Debug, thiserror::Error)]
#[error("a push cannot be compressed")]
pub(super) struct TooLarge(#[source] snap::Error);

/// The body of a push: `samples`, and the end of `ended`, all of the moment `at`, ms since 1970.
///
/// # Errors
/// If it is larger than the format allows.
pub(super) fn body(samples: &[Sample], ended: &[Labels], at: i64) -> Result<Vec<u8>, TooLarge> {
    let mut request = Vec::with_capacity((samples.len() + ended.len()) * 128);
    let mut scratch = Vec::with_capacity(256);
    let all = samples.iter().map(|sample| (&sample.labels, sample.value));
    for (labels, value) in all.chain(ended.iter().map(|labels| (labels, f64::from_bits(STALE)))) {
        scratch.clear();
        series(&mut scratch, labels, value, at);
        field(&mut request, SERIES, &scratch);
    }
    snap::raw::Encoder::new().compress_vec(&request).map_err(TooLarge)
}

fn series(out: &mut Vec<u8>, labels: &Labels, value: f64, at: i64) {
    for (name, value) in labels {
        let size = 2 + varint_size(name.len()) + name.len() + varint_size(value.len()) + value.len();
        out.push(LABEL);
        varint(out, size as u64);
        field(out, NAME, name.as_bytes());
        field(out, VALUE, value.as_bytes());
    }
    let mut sample = [0; 20];
    sample[0] = DOUBLE;
    sample[1..9].copy_from_slice(&value.to_bits().to_le_bytes());
    sample[9] = TIMESTAMP;
    // An int64 is written as its two's complement.
    let mut moment = Vec::with_capacity(10);
    varint(&mut moment, at.cast_unsigned());
    sample[10..10 + moment.len()].copy_from_slice(&moment);
    field(out, SAMPLE, &sample[..10 + moment.len()]);
}

fn field(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// Seven bits a byte, the lowest first; the eighth says that there are more.
fn varint(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [seven, ..] = (number & 0x7f).to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(seven);
            return;
        }
        out.push(seven | 0x80);
    }
}

const fn varint_size(number: usize) -> usize {
    let bits = usize::BITS - number.leading_zeros();
    if bits == 0 { 1 } else { bits.div_ceil(7) as usize }
}

/// The series of a body of ours that have not ended in it, sorted; `None` if it is none of ours.
pub(super) fn series_of(body: &[u8]) -> Option<Vec<Labels>> {
    let request = snap::raw::Decoder::new().decompress_vec(body).ok()?;
    let mut rest = &request[..];
    let mut all = Vec::new();
    while !rest.is_empty() {
        let mut one = take(&mut rest, SERIES)?;
        let (mut labels, mut live) = (Labels::new(), false);
        while let Some(tag) = one.first().copied() {
            let mut content = take(&mut one, tag)?;
            if tag == LABEL {
                let name = take(&mut content, NAME)?;
                let value = take(&mut content, VALUE)?;
                labels.push((String::from_utf8(name.to_vec()).ok()?, String::from_utf8(value.to_vec()).ok()?));
            } else {
                let bits = content.strip_prefix(&[DOUBLE])?.first_chunk::<8>()?;
                live = u64::from_le_bytes(*bits) != STALE;
            }
        }
        all.extend(Some(labels).filter(|_| live));
    }
    all.sort_unstable();
    Some(all)
}

/// The content of the field that comes next, which is `tag`'s.
fn take<'b>(rest: &mut &'b [u8], tag: u8) -> Option<&'b [u8]> {
    let (first, mut after) = rest.split_first()?;
    if *first != tag {
        return None;
    }
    let mut length = 0_usize;
    for shift in (0..28).step_by(7) {
        let (byte, more) = after.split_first()?;
        after = more;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let (content, left) = after.split_at_checked(length)?;
            *rest = left;
            return Some(content);
        }
    }
    None
}
