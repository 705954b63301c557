//! JSON values in a format that is not self-describing.
//!
//! A snapshot is decoded and encoded on every turn, and postcard does that several times faster than JSON or CBOR; but
//! it cannot hold `serde_json::Value` as it is. This wrapper writes the value's type as an enum's variant.

use std::fmt;

use serde::de::{
    DeserializeSeed, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Number, Value};

/// A value to be written.
pub struct Packed<'a>(pub &'a Value);

/// A value that was read.
pub struct Unpacked(pub Value);

const VARIANTS: [&str; 9] = [
    "null", "false", "true", "int", "uint", "float", "text", "list", "map",
];

impl Serialize for Packed<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        const NAME: &str = "Value";
        match self.0 {
            Value::Null => to.serialize_unit_variant(NAME, 0, "null"),
            Value::Bool(false) => to.serialize_unit_variant(NAME, 1, "false"),
            Value::Bool(true) => to.serialize_unit_variant(NAME, 2, "true"),
            Value::Number(number) => {
                if let Some(number) = number.as_i64() {
                    to.serialize_newtype_variant(NAME, 3, "int", &number)
                } else if let Some(number) = number.as_u64() {
                    to.serialize_newtype_variant(NAME, 4, "uint", &number)
                } else {
                    to.serialize_newtype_variant(
                        NAME,
                        5,
                        "float",
                        &number.as_f64().unwrap_or_default(),
                    )
                }
            }
            Value::String(text) => to.serialize_newtype_variant(NAME, 6, "text", text),
            Value::Array(list) => to.serialize_newtype_variant(NAME, 7, "list", &PackedList(list)),
            Value::Object(map) => to.serialize_newtype_variant(NAME, 8, "map", &PackedMap(map)),
        }
    }
}

struct PackedList<'a>(&'a [Value]);

impl Serialize for PackedList<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut sequence = to.serialize_seq(Some(self.0.len()))?;
        for item in self.0 {
            sequence.serialize_element(&Packed(item))?;
        }
        sequence.end()
    }
}

/// An object to be written.
pub struct PackedMap<'a>(pub &'a Map<String, Value>);

impl Serialize for PackedMap<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, &Packed(value))?;
        }
        map.end()
    }
}

/// Deepest nesting that is read back; a deeper snapshot was not written by this crate.
const MAX_DEPTH: u8 = 128;

impl<'de> Deserialize<'de> for Unpacked {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        ValueSeed(MAX_DEPTH).deserialize(from).map(Self)
    }
}

/// An object that was read.
#[derive(Default)]
pub struct UnpackedMap(pub Map<String, Value>);

impl<'de> Deserialize<'de> for UnpackedMap {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        MapSeed(MAX_DEPTH).deserialize(from).map(Self)
    }
}

/// Reads a value with so many levels left.
struct ValueSeed(u8);

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_enum("Value", &VARIANTS, self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a packed JSON value")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, from: A) -> Result<Value, A::Error> {
        let (tag, content) = from.variant::<Tag>()?;
        let deeper = || {
            self.0
                .checked_sub(1)
                .ok_or_else(|| A::Error::custom("nested too deep"))
        };
        Ok(match tag.0 {
            0 => content.unit_variant().map(|()| Value::Null)?,
            1 => content.unit_variant().map(|()| Value::Bool(false))?,
            2 => content.unit_variant().map(|()| Value::Bool(true))?,
            3 => Value::from(content.newtype_variant::<i64>()?),
            4 => Value::from(content.newtype_variant::<u64>()?),
            5 => Number::from_f64(content.newtype_variant::<f64>()?)
                .map_or(Value::Null, Value::Number),
            6 => Value::String(content.newtype_variant::<String>()?),
            7 => Value::Array(content.newtype_variant_seed(ListSeed(deeper()?))?),
            8 => Value::Object(content.newtype_variant_seed(MapSeed(deeper()?))?),
            _ => return Err(A::Error::custom("unknown kind of value")),
        })
    }
}

struct Tag(u32);

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct TagVisitor;
        impl Visitor<'_> for TagVisitor {
            type Value = Tag;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a kind of value")
            }
            fn visit_u32<E>(self, index: u32) -> Result<Tag, E> {
                Ok(Tag(index))
            }
        }
        from.deserialize_identifier(TagVisitor)
    }
}

struct ListSeed(u8);

impl<'de> DeserializeSeed<'de> for ListSeed {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Vec<Value>, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ListSeed {
    type Value = Vec<Value>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<Value>, A::Error> {
        // The announced length is not trusted with memory.
        let mut list = Vec::with_capacity(from.size_hint().unwrap_or(0).min(64));
        while let Some(item) = from.next_element_seed(ValueSeed(self.0))? {
            list.push(item);
        }
        Ok(list)
    }
}

struct MapSeed(u8);

impl<'de> DeserializeSeed<'de> for MapSeed {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Map<String, Value>, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MapSeed {
    type Value = Map<String, Value>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Map<String, Value>, A::Error> {
        let mut map = Map::with_capacity(from.size_hint().unwrap_or(0).min(64));
        while let Some(name) = from.next_key::<String>()? {
            map.insert(name, from.next_value_seed(ValueSeed(self.0))?);
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_of_value_survives_postcard() {
        let value = json!([null, true, false, -3, 18_446_744_073_709_551_615_u64, 1.5, "ä", [], {"a": {"b": [1]}}]);
        let bytes = postcard::to_stdvec(&Packed(&value)).unwrap();
        let back: Unpacked = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(back.0, value);
    }

    #[test]
    fn a_value_nested_beyond_the_limit_is_refused_without_overflowing_the_stack() {
        let mut bytes = Vec::new();
        for _ in 0..500_000 {
            bytes.extend([7, 1]);
        }
        bytes.push(0);
        assert!(postcard::from_bytes::<Unpacked>(&bytes).is_err());
    }
}
