//! Reading JSON without building it: where a value ends, and single fields of an object.
//!
//! Fields are read one by one, each tolerant of a missing key or a wrong type (both are `None`), so
//! that one strange field never hides the others.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Splits `text` after the valid JSON value that it begins with. `None` if it begins with anything
/// else, white space included.
pub(crate) fn split_value(text: &str) -> Option<(&str, &str)> {
    if text.as_bytes().first()?.is_ascii_whitespace() {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    values.next()?.ok()?;
    text.split_at_checked(values.byte_offset())
}

/// A JSON object, its values unparsed. Of equal keys the last counts.
#[derive(Clone, Debug)]
pub struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// Reads an object; `None` if the bytes are anything else.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Object<'a>> {
        serde_json::from_slice(bytes).ok()
    }

    /// The value of a key, as JSON text.
    #[must_use]
    pub fn raw(&self, key: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.get())
    }

    /// A string.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        text(self.raw(key)?)
    }

    /// A string that is not empty.
    #[must_use]
    pub fn full_text(&self, key: &str) -> Option<String> {
        self.text(key).filter(|text| !text.is_empty()).map(Cow::into_owned)
    }

    /// A whole number that is not negative.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<u64> {
        serde_json::from_str(self.raw(key)?).ok()
    }

    /// An object.
    #[must_use]
    pub fn object(&self, key: &str) -> Option<Object<'a>> {
        serde_json::from_str(self.raw(key)?).ok()
    }

    /// The elements of an array; none if it is no array.
    #[must_use]
    pub fn list(&self, key: &str) -> Vec<&'a str> {
        let raw: Option<Vec<&'a RawValue>> = self.raw(key).and_then(|raw| serde_json::from_str(raw).ok());
        raw.unwrap_or_default().into_iter().map(RawValue::get).collect()
    }

    /// Type and payload, if this object is an envelope in any form.
    #[must_use]
    pub fn envelope(&self) -> Option<(Cow<'a, str>, &'a str)> {
        Some((self.text("type")?, self.raw("payload")?))
    }

    /// The keys, in the order of the text.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_ref())
    }
}

/// The value as a string, if it is one.
pub(crate) fn text(raw: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str(raw).ok().map(|Text(text)| text)
}

/// Serde's own `Cow` always copies; this one borrows where the string has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'de>, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<'de>, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object<'de>, M::Error> {
                let mut fields = Vec::new();
                while let Some((Text(key), value)) = map.next_entry()? {
                    fields.push((key, value));
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}
