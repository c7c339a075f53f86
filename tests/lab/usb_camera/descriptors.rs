//! What the camera says of itself. (USB 2.0, chapter 9; USB Video Class 1.1, chapter 3.)

/// Vendor and product: those that pid.codes sets aside for tests.
const VENDOR: u16 = 0x1209;
const PRODUCT: u16 = 0x0001;

pub(super) const WIDTH: u16 = 320;
pub(super) const HEIGHT: u16 = 240;

/// Bytes of a picture: YUYV, two a pixel.
pub(super) const PICTURE: u32 = 2 * WIDTH as u32 * HEIGHT as u32;

/// Time between two pictures, in units of 100 ns: ten, five or two a second.
pub(super) const INTERVALS: [u32; 3] = [1_000_000, 2_000_000, 5_000_000];

/// The device's clock, which nothing here ticks by.
pub(super) const CLOCK: u32 = 48_000_000;

// Units of the video function.
const LENS: u8 = 1;
const OUT: u8 = 2;
pub(super) const BRIGHTNESS_UNIT: u8 = 3;

const INTERFACE: u8 = 4;
const ENDPOINT: u8 = 5;
const ASSOCIATION: u8 = 11;
const CLASS: u8 = 0x24;

/// A descriptor: its length before its kind and fields.
fn one(kind: u8, fields: &[&[u8]]) -> Vec<u8> {
    let body = fields.concat();
    let mut bytes = vec![u8::try_from(body.len() + 2).unwrap(), kind];
    bytes.extend(body);
    bytes
}

/// The device (USB 2.0, table 9-8).
pub(super) fn device() -> Vec<u8> {
    let [vendor, product] = [VENDOR.to_le_bytes(), PRODUCT.to_le_bytes()];
    // USB 2.0; class "see the interfaces, which are associated"; packets of 64; version 1.0; texts 1, 2, 3; one configuration
    one(1, &[&[0x00, 0x02, 0xef, 2, 1, 64], &vendor, &product, &[0x00, 0x01, 1, 2, 3, 1]])
}

/// The only configuration, with all that belongs to it (table 9-10).
pub(super) fn configuration() -> Vec<u8> {
    let rest = [control_interface(), streaming_interface()].concat();
    let association = one(ASSOCIATION, &[&[0, 2, 14, 3, 0, 0]]);
    let length = u16::try_from(9 + association.len() + rest.len()).unwrap().to_le_bytes();
    // Two interfaces; number 1; no name; powered by the bus, 100 mA.
    let head = one(2, &[&length, &[2, 1, 0, 0x80, 50]]);
    [head, association, rest].concat()
}

/// The lens, a unit with a brightness control, and the way out (UVC 1.1, §3.7).
fn control_interface() -> Vec<u8> {
    let units = [
        // An input terminal of the kind "camera", without a control of its own.
        one(CLASS, &[&[2, LENS], &0x0201_u16.to_le_bytes(), &[0, 0], &[0; 6], &[2, 0, 0]]),
        // A processing unit behind it; the first bit of its controls is brightness.
        one(CLASS, &[&[5, BRIGHTNESS_UNIT, LENS], &[0, 0], &[2, 1, 0], &[0, 0]]),
        // An output terminal to USB.
        one(CLASS, &[&[3, OUT], &0x0101_u16.to_le_bytes(), &[0, BRIGHTNESS_UNIT, 0]]),
    ]
    .concat();
    let length = u16::try_from(13 + units.len()).unwrap().to_le_bytes();
    let head = one(CLASS, &[&[1, 0x10, 0x01], &length, &CLOCK.to_le_bytes(), &[1, 1]]);
    [one(INTERFACE, &[&[0, 0, 0, 14, 1, 0, 0]]), head, units].concat()
}

/// One format of one size, by a bulk endpoint: no bandwidth to reserve, and so no other setting (UVC 1.1, §3.9).
fn streaming_interface() -> Vec<u8> {
    let intervals = INTERVALS.map(u32::to_le_bytes).concat();
    let rate = |interval: u32| (PICTURE * 8 * (10_000_000 / interval)).to_le_bytes();
    let [width, height] = [WIDTH.to_le_bytes(), HEIGHT.to_le_bytes()];
    let yuyv = [b"YUY2".as_slice(), &[0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]].concat();
    let formats = [
        // Format 1, one size, 16 bits a pixel, size 1 unless asked.
        one(CLASS, &[&[4, 1, 1], &yuyv, &[16, 1, 0, 0, 0, 0]]),
        one(
            CLASS,
            &[
                &[5, 1, 0],
                &width,
                &height,
                &rate(INTERVALS[2]),
                &rate(INTERVALS[0]),
                &PICTURE.to_le_bytes(),
                &INTERVALS[0].to_le_bytes(),
                &[3],
                &intervals,
            ],
        ),
    ]
    .concat();
    let length = u16::try_from(14 + formats.len()).unwrap().to_le_bytes();
    let head = one(CLASS, &[&[1, 1], &length, &[0x81, 0, OUT, 0, 0, 0, 1, 0]]);
    let endpoint = one(ENDPOINT, &[&[0x81, 2], &512_u16.to_le_bytes(), &[0]]);
    [one(INTERFACE, &[&[1, 0, 1, 14, 2, 0, 0]]), head, formats, endpoint].concat()
}

/// A text, or the list of languages (USB 2.0, §9.6.7).
pub(super) fn text(number: u8, serial: &str) -> Option<Vec<u8>> {
    let text = match number {
        // English.
        0 => return Some(one(3, &[&[0x09, 0x04]])),
        1 => "Siaga",
        2 => "Siaga Lab Camera",
        3 => serial,
        _ => return None,
    };
    Some(one(3, &[&text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()]))
}
