//! Every bound the reader and the builder keep, in one table.
//!
//! A pack comes from somebody else, so each length in it is a claim until it is compared with one of these. All are
//! checked before memory is taken for what they bound.

/// What a reader accepts. `Limits::default()` is what the host uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole archive. Default 256 MiB: a few dozen of the largest components there are (Python, 18 MB).
    pub pack_bytes: u64,
    /// Bytes of one file in it. Default 128 MiB.
    pub file_bytes: u64,
    /// Bytes of `manifest.cbor`, `sbom.cdx.json` and of each signature file. Default 8 MiB.
    pub metadata_bytes: u64,
    /// Files in it. Default 8192; the format itself ends at 65,534.
    pub files: usize,
    /// Signatures on it. Default 16: more is a way to make the verifier work.
    pub signatures: usize,
    /// Depth of nesting in `manifest.cbor`. Default 96: a configuration schema costs two levels for each of its own.
    pub cbor_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pack_bytes: 256 << 20,
            file_bytes: 128 << 20,
            metadata_bytes: 8 << 20,
            files: 8192,
            signatures: 16,
            cbor_depth: 96,
        }
    }
}

/// Bytes of a path inside a pack: what every file system the pack may be unpacked on can hold.
pub const PATH_BYTES: usize = 240;

/// Segments of a path inside a pack. It bounds what the check for files that are folders remembers.
pub const PATH_DEPTH: usize = 16;

/// Characters of a pack id.
pub const ID_CHARS: usize = 128;

/// Characters of a component's name, a secret's name and a flow's id.
pub const NAME_CHARS: usize = 128;
