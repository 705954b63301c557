//! Bodies near a real one: cut off, and with each value of a JSON document replaced by one of another kind.

use serde_json::{Value, json};

/// All of them; the same for the same body.
#[must_use]
pub fn all(body: &[u8]) -> Vec<Vec<u8>> {
    let mut bodies = cuts(body);
    if let Ok(document) = serde_json::from_slice::<Value>(body) {
        let mut paths = Vec::new();
        walk(&document, &mut String::new(), &mut paths);
        for path in &paths {
            for other in others() {
                let mut changed = document.clone();
                if let Some(value) = changed.pointer_mut(path) {
                    *value = other;
                    bodies.push(changed.to_string().into_bytes());
                }
            }
        }
    }
    bodies
}

/// The body cut at 16 places, and with a byte changed there.
fn cuts(body: &[u8]) -> Vec<Vec<u8>> {
    let mut bodies = vec![Vec::new()];
    for part in 0..16 {
        let at = body.len() * part / 16;
        bodies.push(body.get(..at).unwrap_or_default().to_vec());
        let mut changed = body.to_vec();
        if let Some(byte) = changed.get_mut(at) {
            *byte = 0xff;
        }
        bodies.push(changed);
    }
    bodies
}

fn others() -> [Value; 6] {
    [
        Value::Null,
        json!(-1),
        json!(1e300),
        json!(""),
        json!([{}]),
        json!({"x": []}),
    ]
}

/// The pointers of all values in a document (RFC 6901).
fn walk(value: &Value, at: &mut String, paths: &mut Vec<String>) {
    paths.push(at.clone());
    let length = at.len();
    let mut inside = |key: &str, value: &Value| {
        at.push('/');
        at.push_str(&key.replace('~', "~0").replace('/', "~1"));
        walk(value, at, paths);
        at.truncate(length);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| inside(key, value)),
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                inside(&index.to_string(), value);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::all;

    #[test]
    fn every_value_is_replaced_by_every_other_kind() {
        let bodies = all(br#"{"a/b":[1,{"c":"d"}]}"#);
        let texts: Vec<_> = bodies
            .iter()
            .map(|body| String::from_utf8_lossy(body).into_owned())
            .collect();
        for expected in [
            r#"{"a/b":[1,{"c":null}]}"#,
            r#"{"a/b":[-1,{"c":"d"}]}"#,
            r#"{"a/b":""}"#,
            "null",
            "",
        ] {
            assert!(texts.iter().any(|text| text == expected), "{expected}");
        }
        // 33 cuts, and 5 values with 6 replacements each.
        assert_eq!(bodies.len(), 33 + 30);
    }
}
