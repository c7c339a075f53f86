//! Reads a spanned TOML table into a shape with serde, and finds everything that is wrong in it, not only the first.
//!
//! A serde visitor gives up at its first error. So a table is read again without the key that was at fault, until nothing
//! is at fault any more: n errors cost n + 1 readings, of a file that somebody just broke by hand. Of one that has more of them than a
//! hand makes the rest of the table is not read.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, DeserializeSeed, Expected, Unexpected, Visitor};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problems, listed};

/// A table and its place: its header, or its braces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'t> {
    pub(super) items: &'t DeTable<'t>,
    head: (usize, usize),
}

impl<'t> Table<'t> {
    pub(super) fn new(items: &'t DeTable<'t>, head: Range<usize>) -> Self {
        Self { items, head: (head.start, head.end) }
    }

    /// The table in `value`, if it is one.
    pub(super) fn of(value: &'t Spanned<DeValue<'t>>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(items) => Some(Self::new(items, value.span())),
            _ => None,
        }
    }

    /// Where its header stands.
    pub(super) fn head(&self) -> Range<usize> {
        self.head.0..self.head.1
    }

    pub(super) fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.items.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// Where the value of `key` stands; without such a key, where the table begins.
    pub(super) fn at(&self, key: &str) -> Range<usize> {
        self.get(key).map_or_else(|| self.head(), Spanned::span)
    }

    /// Its keys, each with its place.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&'t str, Range<usize>)> {
        self.items.keys().map(|key| (&**key.get_ref(), key.span()))
    }
}

/// So many errors are looked for in one table.
const MOST: usize = 200;

/// Reads `table` into a `T`. What is wrong goes to `problems`, and the reading goes on without it; `None` if too little
/// is left to make a `T` of.
pub(super) fn read<'t, T: Deserialize<'t>>(table: Table<'t>, problems: &mut Problems) -> Option<T> {
    read_some(table, |_| true, problems, |deserializer| T::deserialize(deserializer))
}

/// The same for the keys that `wanted` lets through, read by `take`.
pub(super) fn read_some<'t, T>(
    table: Table<'t>,
    wanted: impl Fn(&str) -> bool,
    problems: &mut Problems,
    take: impl Fn(Deserializer<'t, '_>) -> Result<T, Error>,
) -> Option<T> {
    let mut skip: Skip = table.keys().filter(|(key, _)| !wanted(key)).map(|(_, span)| span.start).collect();
    for _ in 0..=MOST {
        let error = match take(Deserializer { node: Node::Table(table), skip: &skip }) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        if !error.follows {
            problems.say(error.span.unwrap_or_else(|| table.head()), error.message);
        }
        if !error.culprit.is_some_and(|culprit| skip.insert(culprit)) {
            return None;
        }
    }
    problems.say(table.head(), format!("more than {MOST} errors are here; the rest of it was not read"));
    None
}

/// The keys and list elements that are left out, by the byte at which they begin.
type Skip = BTreeSet<usize>;

/// What a shape refuses.
#[derive(Debug)]
pub(super) struct Error {
    message: String,
    span: Option<Range<usize>>,
    /// The innermost key or list element at fault.
    culprit: Option<usize>,
    /// The field that is missing, until the table it is missing from is known.
    missing: Option<&'static str>,
    /// Whether it only follows from an error that was told already.
    follows: bool,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), span: None, culprit: None, missing: None, follows: false }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {}, found {}", plain(expected), said(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(key: &str, allowed: &'static [&'static str]) -> Self {
        Self::custom(unknown_key(key, allowed.iter().copied()))
    }

    fn unknown_variant(word: &str, allowed: &'static [&'static str]) -> Self {
        Self::custom(format_args!("unknown word {word:?}; allowed are {}", listed(allowed.iter().copied())))
    }

    fn missing_field(key: &'static str) -> Self {
        Self { missing: Some(key), ..Self::custom(format_args!("{key} is missing")) }
    }
}

/// The sentence about a key that no shape has.
pub(super) fn unknown_key<'a>(key: &str, allowed: impl IntoIterator<Item = &'a str>) -> String {
    let allowed = listed(allowed);
    if allowed.is_empty() {
        return format!("unknown key {key:?}; none is allowed here");
    }
    format!("unknown key {key:?}; allowed are {allowed}")
}

/// What a visitor expects, without Rust's words.
fn plain(expected: &dyn Expected) -> String {
    let words = expected.to_string();
    match words.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        _ if words.starts_with("struct ") => "a table".to_owned(),
        _ => words,
    }
}

fn said(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(text) => format!("{text:?}"),
        // Which one stands in the line that is quoted, unless it may not be: a telephone number without quotes is one too.
        Unexpected::Signed(number) if number < 0 => "a negative number".to_owned(),
        Unexpected::Signed(_) | Unexpected::Unsigned(_) => "a number".to_owned(),
        Unexpected::Float(_) => "a fraction".to_owned(),
        Unexpected::Bool(word) => word.to_string(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

/// A table or a value, offered to serde.
#[derive(Clone, Copy)]
pub(super) struct Deserializer<'t, 's> {
    node: Node<'t>,
    skip: &'s Skip,
}

#[derive(Clone, Copy)]
enum Node<'t> {
    Table(Table<'t>),
    Value(&'t Spanned<DeValue<'t>>),
}

impl<'t, 's> Deserializer<'t, 's> {
    fn map(self, table: Table<'t>) -> Entries<'t, 's, impl Iterator<Item = Entry<'t>>> {
        let skip = self.skip;
        let rest = table.items.iter().filter(|(key, _)| !skip.contains(&key.span().start));
        Entries { skip, rest, value: None }
    }

    fn located<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|mut error| {
            let (span, table) = match self.node {
                Node::Table(table) => (table.head(), Some(table)),
                Node::Value(value) => (value.span(), Table::of(value)),
            };
            error.span.get_or_insert(span);
            if let (Some(missing), Some(table)) = (error.missing.take(), table) {
                // It is there, and was left out because of what is wrong in it.
                error.follows = table.get(missing).is_some();
            }
            error
        })
    }
}

impl<'t> de::Deserializer<'t> for Deserializer<'t, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = match self.node {
            Node::Table(table) => return self.located(visitor.visit_map(self.map(table))),
            Node::Value(value) => value,
        };
        let result = match value.get_ref() {
            DeValue::String(text) => visitor.visit_borrowed_str(text),
            DeValue::Boolean(word) => visitor.visit_bool(*word),
            DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
                Ok(number) => visitor.visit_i64(number),
                Err(_) => Err(de::Error::custom("this number is too large")),
            },
            DeValue::Float(digits) => match digits.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() => visitor.visit_f64(number),
                _ => Err(de::Error::custom("this is no finite number")),
            },
            DeValue::Datetime(_) => Err(de::Error::invalid_type(Unexpected::Other("a date or time"), &visitor)),
            DeValue::Array(items) => {
                let skip = self.skip;
                let rest = items.iter().filter(|item| !skip.contains(&item.span().start));
                visitor.visit_seq(Entries { skip, rest, value: None })
            }
            DeValue::Table(items) => visitor.visit_map(self.map(Table::new(items, value.span()))),
        };
        self.located(result)
    }

    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        self.located(visitor.visit_some(self))
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.located(visitor.visit_newtype_struct(self))
    }

    fn deserialize_enum<V: Visitor<'t>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let table = match self.node {
            Node::Table(table) => Some(table),
            Node::Value(value) => Table::of(value),
        };
        let result = match (self.node, table) {
            (_, Some(table)) => visitor.visit_enum(MapAccessDeserializer::new(self.map(table))),
            (Node::Value(value), _) => match value.get_ref() {
                DeValue::String(word) => visitor.visit_enum(StrDeserializer::new(word)),
                _ => return self.deserialize_any(visitor),
            },
            (Node::Table(_), None) => return self.deserialize_any(visitor),
        };
        self.located(result)
    }

    serde::forward_to_deserialize_any! {
        <W: Visitor<'t>>
        bool u8 u16 u32 u64 i8 i16 i32 i64 i128 u128 f32 f64 char str string seq bytes byte_buf map unit
        ignored_any unit_struct tuple_struct tuple identifier struct
    }
}

type Entry<'t> = (&'t Spanned<toml::de::DeString<'t>>, &'t Spanned<DeValue<'t>>);

/// What is left of a table or a list, one entry after the other.
struct Entries<'t, 's, I> {
    skip: &'s Skip,
    rest: I,
    value: Option<Entry<'t>>,
}

/// Says where the error is, and which entry is at fault, unless a deeper one knew better.
fn blame<T>(result: Result<T, Error>, place: &Range<usize>, culprit: &Range<usize>) -> Result<T, Error> {
    result.map_err(|mut error| {
        error.span.get_or_insert_with(|| place.clone());
        error.culprit.get_or_insert(culprit.start);
        error
    })
}

impl<'t, I: Iterator<Item = Entry<'t>>> de::MapAccess<'t> for Entries<'t, '_, I> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'t>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.value = self.rest.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        blame(seed.deserialize(StrDeserializer::new(key.get_ref())).map(Some), &key.span(), &key.span())
    }

    fn next_value_seed<V: DeserializeSeed<'t>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((key, value)) = self.value.take() else { return Err(de::Error::custom("a value without a key")) };
        let result = seed.deserialize(Deserializer { node: Node::Value(value), skip: self.skip });
        blame(result, &value.span(), &key.span())
    }
}

impl<'t, I: Iterator<Item = &'t Spanned<DeValue<'t>>>> de::SeqAccess<'t> for Entries<'t, '_, I> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'t>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(value) = self.rest.next() else { return Ok(None) };
        let result = seed.deserialize(Deserializer { node: Node::Value(value), skip: self.skip });
        blame(result.map(Some), &value.span(), &value.span())
    }
}

/// The names of the fields that a shape reads, where it says them; asked without any text.
pub(super) fn fields(ask: impl FnOnce(Asking) -> Result<(), Asked>) -> Option<&'static [&'static str]> {
    match ask(Asking) {
        Ok(()) | Err(Asked(None)) => None,
        Err(Asked(names)) => names,
    }
}

/// A deserializer that only listens to which fields it is asked for.
pub(super) struct Asking;

/// What [`Asking`] heard.
#[derive(Debug)]
pub(super) struct Asked(Option<&'static [&'static str]>);

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing was read")
    }
}

impl std::error::Error for Asked {}

impl de::Error for Asked {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(None)
    }
}

impl<'de> de::Deserializer<'de> for Asking {
    type Error = Asked;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked(None))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Asked> {
        Err(Asked(Some(fields)))
    }

    serde::forward_to_deserialize_any! {
        bool u8 u16 u32 u64 i8 i16 i32 i64 i128 u128 f32 f64 char str string seq bytes byte_buf map unit
        ignored_any unit_struct tuple_struct tuple identifier newtype_struct enum option
    }
}
