//! What every device's descriptors are made of. (USB 2.0, chapter 9.)

/// The vendor whose numbers pid.codes sets aside for tests.
pub(super) const TESTS: u16 = 0x1209;

// Kinds of descriptors.
pub(super) const DEVICE: u8 = 1;
pub(super) const CONFIGURATION: u8 = 2;
pub(super) const TEXT: u8 = 3;
pub(super) const INTERFACE: u8 = 4;
pub(super) const ENDPOINT: u8 = 5;
pub(super) const ASSOCIATION: u8 = 11;
/// A class's own, of an interface and of an endpoint.
pub(super) const CLASS: u8 = 0x24;
pub(super) const CLASS_ENDPOINT: u8 = 0x25;

/// A descriptor: its length before its kind and fields.
pub(super) fn one(kind: u8, fields: &[&[u8]]) -> Vec<u8> {
    let body = fields.concat();
    let mut bytes = vec![u8::try_from(body.len() + 2).unwrap(), kind];
    bytes.extend(body);
    bytes
}

/// The device (table 9-8): its class, vendor and product. Texts 1, 2 and 3 are its maker, name and serial number.
pub(super) fn device(class: [u8; 3], vendor: u16, product: u16) -> Vec<u8> {
    // USB 2.0; packets of 64; version 1.0; one configuration
    let [vendor, product] = [vendor.to_le_bytes(), product.to_le_bytes()];
    one(DEVICE, &[&[0x00, 0x02], &class, &[64], &vendor, &product, &[0x00, 0x01, 1, 2, 3, 1]])
}

/// The only configuration, with all that belongs to it (table 9-10).
pub(super) fn configuration(interfaces: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(9 + rest.len()).unwrap().to_le_bytes();
    // Number 1; no name; powered by the bus, 100 mA.
    let head = one(CONFIGURATION, &[&length, &[interfaces, 1, 0, 0x80, 50]]);
    [&head, rest].concat()
}

/// A text, or the list of languages (§9.6.7).
pub(super) fn text(number: u8, name: &str, serial: &str) -> Option<Vec<u8>> {
    let text = match number {
        // English.
        0 => return Some(one(TEXT, &[&[0x09, 0x04]])),
        1 => "Siaga",
        2 => name,
        3 => serial,
        _ => return None,
    };
    Some(one(TEXT, &[&text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()]))
}
