//! Types made of JSON that was read before.
//!
//! Of its own because it is loaded with every page: a type costs a third of what `serde_json` makes of it. Objects become
//! structs by their names alone, and what does not fit is not told in words.

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::{Map, Value};

/// JSON is not what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the JSON is not what was expected")]
pub struct Unexpected;

impl de::Error for Unexpected {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self
    }
}

/// What JSON says.
///
/// # Errors
/// When it is not what the type expects.
pub fn of<'de, T: Deserialize<'de>>(value: Value) -> Result<T, Unexpected> {
    T::deserialize(Json(value))
}

struct Json(Value);

impl IntoDeserializer<'_, Unexpected> for Json {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

type Fields = std::iter::Map<serde_json::map::IntoIter, fn((String, Value)) -> (String, Json)>;

fn fields<'de>(map: Map<String, Value>) -> MapDeserializer<'de, Fields, Unexpected> {
    let field: fn((String, Value)) -> (String, Json) = |(name, value)| (name, Json(value));
    MapDeserializer::new(map.into_iter().map(field))
}

fn number<'de, V: Visitor<'de>>(value: &Value, visitor: V) -> Result<V::Value, Unexpected> {
    match (value.as_u64(), value.as_i64(), value.as_f64()) {
        (Some(whole), ..) => visitor.visit_u64(whole),
        (_, Some(whole), _) => visitor.visit_i64(whole),
        (.., Some(real)) => visitor.visit_f64(real),
        _ => Err(Unexpected),
    }
}

/// Methods for values that can only be numbers.
macro_rules! numbers {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unexpected> {
            number(&self.0, visitor)
        })*
    };
}

/// Methods for values of one kind.
macro_rules! kinds {
    ($($name:ident($($more:ty),*) $kind:ident($held:ident) => |$visitor:ident| $visit:expr;)*) => {
        $(fn $name<V: Visitor<'de>>(self, $(_: $more,)* $visitor: V) -> Result<V::Value, Unexpected> {
            match self.0 {
                Value::$kind($held) => $visit,
                _ => Err(Unexpected),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Json {
    type Error = Unexpected;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unexpected> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(is_so) => visitor.visit_bool(is_so),
            Value::Number(_) => number(&self.0, visitor),
            Value::String(text) => visitor.visit_string(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unexpected> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unexpected> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unexpected> {
        match self.0 {
            Value::String(name) => {
                visitor.visit_enum(IntoDeserializer::<Unexpected>::into_deserializer(name))
            }
            Value::Object(map) if map.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(fields(map)))
            }
            _ => Err(Unexpected),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unexpected> {
        visitor.visit_unit()
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64
    }

    kinds! {
        deserialize_bool() Bool(is_so) => |visitor| visitor.visit_bool(is_so);
        deserialize_str() String(text) => |visitor| visitor.visit_string(text);
        deserialize_string() String(text) => |visitor| visitor.visit_string(text);
        deserialize_identifier() String(text) => |visitor| visitor.visit_string(text);
        deserialize_seq() Array(all) => |visitor| {
            let mut all = SeqDeserializer::new(all.into_iter().map(Json));
            let made = visitor.visit_seq(&mut all)?;
            all.end().map(|()| made)
        };
        deserialize_tuple(usize) Array(all) => |visitor| Json(Value::Array(all)).deserialize_seq(visitor);
        deserialize_tuple_struct(&'static str, usize) Array(all) => |visitor| {
            Json(Value::Array(all)).deserialize_seq(visitor)
        };
        deserialize_map() Object(map) => |visitor| visitor.visit_map(fields(map));
        deserialize_struct(&'static str, &'static [&'static str]) Object(map) => |visitor| {
            visitor.visit_map(fields(map))
        };
    }

    forward_to_deserialize_any! { i128 u128 char bytes byte_buf unit unit_struct }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Plain,
        Sized { mm: f32 },
        Named(String),
        Pair(u8, i64),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    enum Tagged {
        Line { points: Vec<[f64; 3]>, open: bool },
        Nothing,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Wrapped(u64);

    #[derive(Debug, PartialEq, Deserialize)]
    struct All {
        text: String,
        count: Wrapped,
        below: i32,
        share: f64,
        is_so: bool,
        maybe: Option<u32>,
        #[serde(default)]
        missing: Vec<String>,
        kinds: Vec<Kind>,
        tagged: Vec<Tagged>,
        names: BTreeMap<String, (f32, Option<bool>)>,
        rest: Value,
    }

    fn all() -> Value {
        json!({
            "text": "ä", "count": u64::MAX, "below": -3, "share": 2, "is_so": true,
            "maybe": null, "unknown": [{ "deep": 1 }], "kinds": ["plain", { "sized": { "mm": 1.5 } }, { "named": "x" },
            { "pair": [1, -2] }], "tagged": [{ "kind": "line", "points": [[1, 2.5, -3]], "open": false }, { "kind": "nothing" }],
            "names": { "a": [1, null], "b": [0.5, true] }, "rest": { "a": [1, -1, 0.5, "t", null, false] },
        })
    }

    #[test]
    fn types_are_made_as_serde_json_makes_them() {
        let made: All = of(all()).unwrap();
        assert_eq!(made, serde_json::from_value(all()).unwrap());
        assert_eq!(made.rest, all()["rest"]);
        assert_eq!(of::<Option<u8>>(json!(3)), Ok(Some(3)));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        fn refused<T: DeserializeOwned + std::fmt::Debug>(value: &Value) {
            assert_eq!(of::<T>(value.clone()).unwrap_err(), Unexpected, "{value}");
            assert!(serde_json::from_value::<T>(value.clone()).is_err(), "{value}");
        }
        for name in ["text", "count", "below", "is_so", "kinds", "names", "rest"] {
            let mut without = all();
            without.as_object_mut().unwrap().remove(name);
            refused::<All>(&without);
        }
        refused::<u8>(&json!(256));
        refused::<u8>(&json!(-1));
        refused::<u8>(&json!("1"));
        refused::<f64>(&json!(null));
        refused::<bool>(&json!(0));
        refused::<String>(&json!(["a"]));
        refused::<Vec<u8>>(&json!({}));
        refused::<[f64; 2]>(&json!([1.0]));
        refused::<(u8, u8)>(&json!([1, 2, 3]));
        refused::<Kind>(&json!("unknown"));
        refused::<Kind>(&json!({ "plain": 1, "named": "x" }));
        refused::<Tagged>(&json!({ "points": [] }));
        refused::<All>(&json!([1, 2]));
    }
}
