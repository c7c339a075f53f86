//! A message's signature (RFC 8489 §14.5, HMAC-SHA-1) and the key of a user (§9.2.2, §18.5.1.1). Pure.

use ring::hmac;

use super::codec::{Message, SIGNATURE, append, attribute, claim};

/// A key that signs messages and checks their signatures.
pub(crate) struct Key(hmac::Key);

impl Key {
    /// The key of a user of a realm, for as long as the password is.
    pub(crate) fn long_term(user: &str, realm: &[u8], password: &str) -> Self {
        // MD5 protects nothing here: servers of today know no other key, and what signs is HMAC-SHA-1.
        Self::new(&*md5::compute([user.as_bytes(), realm, password.as_bytes()].join(&b':')))
    }

    fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret))
    }

    /// Signs what is there so far; only a fingerprint may follow.
    pub(crate) fn sign(&self, bytes: &mut Vec<u8>) {
        let end = bytes.len();
        append(bytes, attribute::MESSAGE_INTEGRITY, &[0; SIGNATURE]);
        let signature = hmac::sign(&self.0, &bytes[..end]);
        bytes[end + 4..].copy_from_slice(signature.as_ref());
    }

    /// Whether `bytes`, understood as `message`, bear this key's signature.
    pub(crate) fn has_signed(&self, bytes: &[u8], message: &Message) -> bool {
        let signed = |place: usize| {
            let signature = bytes.get(place + 4..)?.get(..SIGNATURE)?;
            let mut before = bytes.get(..place)?.to_vec();
            // The length counts as far as the signature, whatever follows it.
            claim(&mut before, place + 4 + SIGNATURE);
            hmac::verify(&self.0, &before, signature).ok()
        };
        message.signature.and_then(signed).is_some()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec::tests::{REQUEST, SUCCESS_V4, SUCCESS_V6, hex};
    use super::super::codec::{Class, Method, Transaction, message, parse, parse_any, seal};
    use super::*;

    /// RFC 5769 §2.4.
    const LONG_TERM: &str = "00010060 2112a442 78ad3433c6ad72c029da412e
        00060012 e3839ee38388e383aae38383e382afe382b90000
        0015001c 662f2f3439396b39353464364f4c33346f4c394653547679363473 41
        0014000b 6578616d706c652e6f726700 00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666";

    #[test]
    fn the_signatures_of_rfc_5769_are_right_and_one_bit_makes_them_wrong() {
        let short_term = Key::new(b"VOkJxbRl1RmTxUk/WvJxBt");
        let long_term = Key::long_term("マトリックス", b"example.org", "TheMatrIX");
        for (vector, key) in
            [(REQUEST, &short_term), (SUCCESS_V4, &short_term), (SUCCESS_V6, &short_term), (LONG_TERM, &long_term)]
        {
            let bytes = hex(vector);
            let message = parse(&bytes).unwrap();
            assert!(key.has_signed(&bytes, &message), "{vector}");
            let end = message.signature.unwrap() + 4 + SIGNATURE;
            // The length is the reader's own, and so is where the signature stands.
            for place in (0..end).filter(|place| ![2, 3].contains(place)) {
                let mut bytes = bytes.clone();
                bytes[place] ^= 0x10;
                let kept = (end - SIGNATURE - 4..end - SIGNATURE).contains(&place);
                assert_eq!(key.has_signed(&bytes, &message), kept, "byte {place} of {vector}");
            }
        }
        let long_term = parse(&hex(LONG_TERM)).unwrap();
        assert_eq!(long_term.realm.as_deref(), Some(b"example.org".as_slice()));
        assert_eq!(long_term.nonce.as_deref(), Some(b"f//499k954d6OL34oL9FSTvy64sA".as_slice()));
    }

    #[test]
    fn what_is_signed_and_sealed_is_understood() {
        let key = Key::long_term("user", b"realm", "pass");
        let transaction: Transaction = [7; 12];
        let mut bytes = message(Method::Refresh, Class::Request, transaction);
        append(&mut bytes, attribute::LIFETIME, &0_u32.to_be_bytes());
        assert!(!key.has_signed(&bytes, &parse_any(&bytes).unwrap()), "not signed at all");
        key.sign(&mut bytes);
        let bytes = seal(bytes);
        let understood = parse_any(&bytes).unwrap();
        assert_eq!((understood.method, understood.unknown.len()), (Method::Refresh, 0));
        assert!(key.has_signed(&bytes, &understood));
        assert!(!Key::long_term("user", b"realm", "past").has_signed(&bytes, &understood));
        assert!(parse(&bytes).is_err(), "no binding");
    }
}
