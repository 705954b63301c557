//! Files of ours that wait in the channel's memory: for a person's consent, or to be fetched by a link.
//!
//! A value of the memory has at most 64 KiB, so a file lies there in pieces beside a head that tells how many.

use greentic_sdk::channel::memory;
use greentic_sdk::model::Error;
use serde::{Deserialize, Serialize};

use crate::reference::name;

/// How long a file waits.
pub const KEPT_MS: u64 = 24 * 60 * 60 * 1000;
/// Most bytes of a piece.
const PIECE: usize = 60 * 1024;
/// Most bytes of a file: what the contract lets a flow send.
pub const MAX_BYTES: usize = 4 << 20;

/// A file without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its name.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Bytes.
    pub size: usize,
    /// The conversation it is for: nobody else's consent opens it.
    pub conversation: String,
}

fn piece(id: &str, at: usize) -> String {
    format!("{}/{at}", name("file", id))
}

/// Keeps a file under an identifier. Doing it twice keeps it once.
///
/// # Errors
/// When the memory does not take it.
pub fn put(id: &str, head: &Head, bytes: &[u8]) -> Result<(), Error> {
    for (at, part) in bytes.chunks(PIECE).enumerate() {
        memory::put(&piece(id, at), part, Some(KEPT_MS))?;
    }
    let head = serde_json::to_vec(head).unwrap_or_default();
    memory::put(&name("file", id), &head, Some(KEPT_MS))
}

/// The file of an identifier; `None` when it was never kept or its time is over.
///
/// # Errors
/// When the memory cannot be reached.
pub fn get(id: &str) -> Result<Option<(Head, Vec<u8>)>, Error> {
    let Some(head) = head(id)? else {
        return Ok(None);
    };
    let mut bytes = Vec::with_capacity(head.size.min(MAX_BYTES));
    for at in 0..head.size.div_ceil(PIECE) {
        match memory::get(&piece(id, at))? {
            Some(part) => bytes.extend_from_slice(&part),
            None => return Ok(None),
        }
    }
    Ok((bytes.len() == head.size).then_some((head, bytes)))
}

/// The head alone.
///
/// # Errors
/// As [`get`].
pub fn head(id: &str) -> Result<Option<Head>, Error> {
    Ok(memory::get(&name("file", id))?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Forgets a file.
///
/// # Errors
/// As [`get`].
pub fn forget(id: &str) -> Result<(), Error> {
    let Some(head) = head(id)? else {
        return Ok(());
    };
    memory::delete(&name("file", id))?;
    for at in 0..head.size.div_ceil(PIECE) {
        memory::delete(&piece(id, at))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use greentic_sdk::channel::memory;
    use greentic_sdk::native::{Table, install};

    use super::{Head, MAX_BYTES, PIECE, forget, get, piece, put};

    #[test]
    fn a_file_of_any_size_comes_back_whole_and_is_forgotten_whole() {
        install(Table::new());
        for size in [0, 1, PIECE, PIECE + 1, MAX_BYTES] {
            let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
            let head = Head {
                name: "a.txt".into(),
                content_type: "text/plain".into(),
                size,
                conversation: "c".into(),
            };
            let id = format!("{}{size}", "d".repeat(300));
            put(&id, &head, &bytes).unwrap();
            assert_eq!(get(&id).unwrap(), Some((head, bytes)), "{size}");
            forget(&id).unwrap();
            assert_eq!(get(&id).unwrap(), None);
            assert_eq!(memory::get(&piece(&id, 0)).unwrap(), None);
        }
        forget("never kept").unwrap();
    }

    #[test]
    fn a_file_with_a_piece_missing_is_no_file() {
        install(Table::new());
        let head = Head {
            name: "a".into(),
            content_type: "b".into(),
            size: PIECE * 2,
            conversation: "c".into(),
        };
        put("x", &head, &vec![0; PIECE * 2]).unwrap();
        memory::delete(&piece("x", 1)).unwrap();
        assert_eq!(get("x").unwrap(), None);
    }
}
