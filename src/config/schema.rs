//! The JSON schema of the whole file, for editors.
//!
//! It is made by a test, and `siaga config schema` prints the file: the code that makes it is large, and the daemon need not
//! carry it.

use std::collections::BTreeSet;

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::agenda::Agenda;
use super::run_sheet::RunSheet;
use super::shape::{
    CheckCommon, ComponentEntry, Control, GroupEntry, ProfileEntry, Profiles, RemedyText, Room, Store, Web,
};
use super::uplinks::UplinkEntry;
use crate::domain::{Component, Kind};
use crate::notify;
use crate::probe;

/// The schema (JSON Schema 2020-12). It tells shapes; rules between keys are told by `siaga config check`.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    let mut of = Sections { generator: &mut generator };
    let components: Map<_, _> =
        Component::ALL.iter().map(|component| (component.as_str().to_owned(), of.one::<ComponentEntry>())).collect();
    let properties = json!({
        "room": of.one::<Room>(),
        "web": of.one::<Web>(),
        "store": of.one::<Store>(),
        "control": of.one::<Control>(),
        "agenda": of.one::<Agenda>(),
        "calendar": of.list::<crate::calendar::Config>(),
        "run_sheet": of.one::<RunSheet>(),
        "profiles": of.one::<Profiles>(),
        "profile": of.list::<ProfileEntry>(),
        "components": { "type": "object", "properties": components, "additionalProperties": false },
        "uplink": of.list::<UplinkEntry>(),
        "group": of.list::<GroupEntry>(),
        "route": of.list::<notify::routes::Route>(),
        "maintenance": of.list::<notify::routes::Maintenance>(),
        "roll_call": of.one::<notify::RollCall>(),
        "inbound": of.one::<notify::Inbound>(),
        "remote_write": of.one::<crate::remote_write::Config>(),
        "remedies": { "type": "object", "additionalProperties": of.one::<RemedyText>() },
    });
    let kinds: Vec<_> = Kind::ALL.into_iter().map(|kind| check(kind, &mut generator)).collect();
    let receivers: Vec<_> = notify::Kind::ALL.iter().map(|kind| receiver(*kind, &mut generator)).collect();
    let mut root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Siaga's config",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": generator.take_definitions(true),
    });
    root["properties"]["receiver"] = json!({ "type": "array", "items": { "oneOf": receivers } });
    root["properties"]["check"] = json!({ "type": "array", "items": { "oneOf": kinds } });
    root
}

struct Sections<'g> {
    generator: &'g mut SchemaGenerator,
}

impl Sections<'_> {
    fn one<T: JsonSchema>(&mut self) -> Value {
        self.generator.subschema_for::<T>().to_value()
    }

    fn list<T: JsonSchema>(&mut self) -> Value {
        json!({ "type": "array", "items": self.one::<T>() })
    }
}

/// A check of one kind.
fn check(kind: Kind, generator: &mut SchemaGenerator) -> Value {
    let mut shared = Shape::of(generator.subschema_for::<CheckCommon>().to_value(), generator);
    if kind.component().is_some() {
        shared.properties.remove("component");
    } else {
        shared.required.insert("component".to_owned());
    }
    let own = Shape::of(probe::schema(kind, generator).to_value(), generator);
    shared.and(own).named(&format!("a check of kind {kind}"), kind.as_str())
}

/// A receiver of one kind.
fn receiver(kind: notify::Kind, generator: &mut SchemaGenerator) -> Value {
    let shared = Shape::of(generator.subschema_for::<notify::config::Shared>().to_value(), generator);
    let own = Shape::of(notify::kinds::schema(kind, generator).to_value(), generator);
    shared.and(own).named(&format!("a receiver of kind {}", kind.as_str()), kind.as_str())
}

/// The keys of a table.
struct Shape {
    properties: Map<String, Value>,
    required: BTreeSet<String>,
}

impl Shape {
    fn of(schema: Value, generator: &SchemaGenerator) -> Self {
        let schema = resolved(schema, generator);
        let part = |key: &str| schema.get(key).cloned();
        let required = part("required").and_then(|list| serde_json::from_value(list).ok());
        Self {
            properties: part("properties").and_then(into_object).unwrap_or_default(),
            required: required.unwrap_or_default(),
        }
    }

    /// The shared keys and the kind's own in one table, because that is how they are written.
    fn and(mut self, own: Self) -> Self {
        self.properties.extend(own.properties);
        self.required.extend(own.required);
        self
    }

    fn named(mut self, title: &str, kind: &str) -> Value {
        self.properties.insert("kind".to_owned(), json!({ "const": kind }));
        self.required.extend(["name".to_owned(), "kind".to_owned()]);
        json!({
            "title": title,
            "type": "object",
            "properties": self.properties,
            "required": self.required,
            "additionalProperties": false,
        })
    }
}

fn into_object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// The schema that a reference into the definitions stands for.
fn resolved(schema: Value, generator: &SchemaGenerator) -> Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
    target.and_then(|name| generator.definitions().get(name)).cloned().unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reference of a schema leads somewhere.
    fn assert_whole(root: &Value, at: &Value) {
        match at {
            Value::Object(object) => {
                if let Some(path) = object.get("$ref").and_then(Value::as_str) {
                    let pointer = path.strip_prefix('#').unwrap();
                    assert!(root.pointer(pointer).is_some(), "{path} leads nowhere");
                }
                object.values().for_each(|value| assert_whole(root, value));
            }
            Value::Array(list) => list.iter().for_each(|value| assert_whole(root, value)),
            _ => {}
        }
    }

    #[test]
    fn it_names_every_section_and_every_kind_and_is_whole() {
        let schema = schema();
        assert_whole(&schema, &schema);
        for section in super::super::SECTIONS {
            assert!(schema["properties"].get(section).is_some(), "{section}");
        }
        let kinds: Vec<_> = schema["properties"]["check"]["items"]["oneOf"]
            .as_array()
            .unwrap()
            .iter()
            .map(|check| check["properties"]["kind"]["const"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(kinds, Kind::ALL.map(|kind| kind.as_str().to_owned()));
    }

    #[test]
    fn the_shipped_file_is_what_the_readers_types_say() {
        let made = format!("{:#}\n", schema());
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/schema.json");
        if std::env::var("SIAGA_GOLDEN").is_ok_and(|word| word == "write") {
            std::fs::write(&file, made).unwrap();
            return;
        }
        assert!(
            made == super::super::SCHEMA,
            "{} is not what is made (SIAGA_GOLDEN=write rewrites it)",
            file.display()
        );
    }

    #[test]
    fn it_allows_the_keys_that_the_reader_allows() {
        let schema = schema();
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            let told = schema["properties"]["check"]["items"]["oneOf"][place]["properties"].as_object().unwrap();
            for key in super::super::checks::own_keys(kind).unwrap_or_default() {
                assert!(told.contains_key(*key), "{key} of {kind} is not in the schema");
            }
        }
    }
}
