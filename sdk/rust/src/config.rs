//! The plugin's configuration, from `wasi:config/store`: the `config` of its entry in the bundle.
//!
//! A nested key is joined with a dot. A text arrives as it stands, anything else as JSON.

use std::str::FromStr;

use crate::model::Error;

/// The value of a key as it stands, or `None` when it is not set.
///
/// # Errors
/// `unavailable` when the host cannot read the configuration.
#[cfg(target_arch = "wasm32")]
pub fn get(key: &str) -> Result<Option<String>, Error> {
    use crate::bindings::imports::wasi::config::store;
    store::get(key).map_err(|error| match error {
        store::Error::Upstream(text) | store::Error::Io(text) => Error::Unavailable(text),
    })
}

/// The value of a key as it stands, or `None` when it is not set.
///
/// # Errors
/// None: outside the sandbox the stand-in always answers.
#[cfg(not(target_arch = "wasm32"))]
pub fn get(key: &str) -> Result<Option<String>, Error> {
    Ok(crate::native::with(|host| host.config(key)))
}

/// A value of a type that is read from text, such as a number or `true`; `default` when it is not set.
///
/// # Errors
/// `invalid` with the key when the value does not fit the type.
pub fn get_or<T: FromStr>(key: &str, default: T) -> Result<T, Error> {
    let Some(text) = get(key)? else {
        return Ok(default);
    };
    text.trim().parse().map_err(|_| {
        let mut message = String::from("config `");
        message.push_str(key);
        message.push_str("`: cannot read `");
        message.push_str(&text);
        message.push_str("` as ");
        message.push_str(std::any::type_name::<T>());
        Error::Invalid(message)
    })
}

/// A value that is JSON, such as a list or a map; `None` when it is not set.
///
/// # Errors
/// `invalid` with the key and the place when the value does not fit the type.
pub fn json<T: serde::de::DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    let Some(text) = get(key)? else {
        return Ok(None);
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| Error::Invalid(format!("config `{key}`: {error}")))
}

#[cfg(test)]
mod tests {
    use super::{get, get_or, json};
    use crate::model::Error;
    use crate::native::{Table, install};

    #[test]
    fn a_value_is_read_as_its_type_and_a_wrong_one_names_its_key() {
        install(
            Table::new()
                .config("n", "12")
                .config("bad", "x")
                .config("list", "[1,2]"),
        );
        assert_eq!(get_or("n", 0_u64), Ok(12));
        assert_eq!(get_or("absent", 7_u64), Ok(7));
        assert_eq!(get("absent"), Ok(None));
        assert_eq!(json::<Vec<u8>>("list"), Ok(Some(vec![1, 2])));
        for outcome in [
            get_or("bad", 0_u64).map(drop),
            json::<Vec<u8>>("bad").map(drop),
        ] {
            let Err(Error::Invalid(text)) = outcome else {
                panic!("{outcome:?}")
            };
            assert!(text.contains("`bad`"), "{text}");
        }
    }
}
