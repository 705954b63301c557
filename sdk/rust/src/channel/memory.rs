//! Small values this channel keeps between calls, in the session store: an access token until it expires, how far a delivery of
//! several parts has come.
//!
//! Every instance of the channel sees the same values, on every host that serves it; no other channel sees them. A name has 1 to
//! 256 bytes, a value at most 64 KiB. Without a `ttl_ms` a value is gone after 30 days, the longest there is.

use crate::model::Error;

/// The value of a name; `None` when it was never put or its time is over.
///
/// # Errors
/// `invalid` for a name that is none, `unavailable` when the store cannot be asked.
pub fn get(name: &str) -> Result<Option<Vec<u8>>, Error> {
    #[cfg(target_arch = "wasm32")]
    {
        crate::bindings::imports::greentic::channel::memory::get(name)
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        crate::native::with(|host| host.memory_get(name))
    }
}

/// Puts a value under a name, whatever was there.
///
/// # Errors
/// `invalid` for a name or value beyond its limit, `unavailable` when the store cannot be asked.
pub fn put(name: &str, value: &[u8], ttl_ms: Option<u64>) -> Result<(), Error> {
    #[cfg(target_arch = "wasm32")]
    {
        crate::bindings::imports::greentic::channel::memory::put(name, value, ttl_ms)
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        crate::native::with(|host| host.memory_put(name, value, ttl_ms, false)).map(drop)
    }
}

/// Puts a value where the name has none: true when it had none. Of several that add at once exactly one gets true.
///
/// # Errors
/// As [`put`].
pub fn add(name: &str, value: &[u8], ttl_ms: Option<u64>) -> Result<bool, Error> {
    #[cfg(target_arch = "wasm32")]
    {
        crate::bindings::imports::greentic::channel::memory::add(name, value, ttl_ms)
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        crate::native::with(|host| host.memory_put(name, value, ttl_ms, true))
    }
}

/// Takes a value away. Nothing happens when there is none.
///
/// # Errors
/// `unavailable` when the store cannot be asked.
pub fn delete(name: &str) -> Result<(), Error> {
    #[cfg(target_arch = "wasm32")]
    {
        crate::bindings::imports::greentic::channel::memory::delete(name)
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        crate::native::with(|host| host.memory_delete(name))
    }
}

#[cfg(test)]
mod tests {
    use super::{add, delete, get, put};
    use crate::native::{Table, install, set_clock};

    #[test]
    fn the_stand_in_keeps_a_value_for_its_time_and_adds_only_where_there_is_none() {
        install(Table::new());
        set_clock(100);
        assert_eq!(get("a"), Ok(None));
        assert_eq!(add("a", b"1", Some(50)), Ok(true));
        assert_eq!(add("a", b"2", Some(50)), Ok(false));
        assert_eq!(get("a"), Ok(Some(b"1".to_vec())));
        set_clock(150);
        assert_eq!(get("a"), Ok(None));
        assert_eq!(add("a", b"3", None), Ok(true));
        put("a", b"4", None).unwrap();
        assert_eq!(get("a"), Ok(Some(b"4".to_vec())));
        delete("a").unwrap();
        delete("a").unwrap();
        assert_eq!(get("a"), Ok(None));
    }
}
