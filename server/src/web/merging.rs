//! What becomes of an amendment when somebody else has amended the same thing meanwhile: each field goes for itself.

use serde_json::Value;

/// A field that both have changed, each to something else.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Clash(pub(crate) String);

/// What `mine`, an amendment of `base`, makes of `present`, which others have made of `base`. The same amendment a
/// second time makes nothing of it.
pub(crate) fn merged(base: &Value, present: &Value, mine: Value) -> Result<Value, Clash> {
    let (Value::Object(base), Value::Object(present), Value::Object(mine)) = (base, present, mine) else {
        return Err(Clash("body".to_owned()));
    };
    let mut fields = present.clone();
    for (field, value) in mine {
        let (was, is) = (base.get(&field), present.get(&field));
        if Some(&value) == was || Some(&value) == is {
            continue;
        }
        if is != was {
            return Err(Clash(field));
        }
        fields.insert(field, value);
    }
    Ok(Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_field_goes_for_itself() {
        let base = json!({ "geometry": [1, 2], "label": "a" });
        let theirs = json!({ "geometry": [1, 2], "label": "b" });
        let mine = json!({ "geometry": [3, 4], "label": "a" });
        let both = json!({ "geometry": [3, 4], "label": "b" });
        assert_eq!(merged(&base, &theirs, mine.clone()), Ok(both.clone()));
        // Sent again, it is there already.
        assert_eq!(merged(&base, &both, mine.clone()), Ok(both));
        let other = json!({ "geometry": [5, 6], "label": "a" });
        assert_eq!(merged(&base, &mine, other), Err(Clash("geometry".to_owned())));
        assert_eq!(merged(&json!(1), &base, theirs), Err(Clash("body".to_owned())));
    }

    /// Amendments of two people, sent over and over in any order: each that was taken is there once.
    #[test]
    fn nothing_is_lost_or_doubled_however_often_it_is_sent() {
        let mut state = 7_u64;
        let mut chance = |limit: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % limit
        };
        for _ in 0..1000 {
            let mut versions = vec![json!({ "a": 0, "b": 0, "c": 0 })];
            let mut taken: Vec<(usize, String, u64)> = Vec::new();
            for number in 1..40 {
                // From a version that somebody saw last, one field is changed.
                let seen = chance(versions.len() as u64) as usize;
                let field = ["a", "b", "c"][chance(3) as usize];
                let mut mine = versions[seen].clone();
                mine[field] = json!(number);
                for _ in 0..=chance(3) {
                    let present = versions.last().unwrap().clone();
                    let Ok(next) = merged(&versions[seen], &present, mine.clone()) else {
                        continue;
                    };
                    if next != present {
                        versions.push(next);
                        taken.push((versions.len() - 1, field.to_owned(), number));
                    }
                }
            }
            for (version, field, number) in &taken {
                assert_eq!(versions[*version][field], json!(number));
                let other = taken.iter().filter(|(_, _, n)| n == number).count();
                assert_eq!(other, 1, "an amendment was taken twice");
                // Nobody else's field has changed with it.
                for kept in ["a", "b", "c"].iter().filter(|kept| *kept != field) {
                    assert_eq!(versions[*version][kept], versions[version - 1][kept]);
                }
            }
        }
    }
}
