//! Writing the archive: the same files give the same bytes, whatever order and machine they come from.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{CENTRAL, DATE, END, LOCAL, MODE, VERSION_MADE_BY, VERSION_NEEDED};
use crate::limits::Limits;
use crate::path::check_path;
use crate::refusal::{Fault, Refusal};

/// Writes the files, which a map keeps in lexical order of their paths. What the reader would refuse is not written.
pub(crate) fn write_archive(
    files: &BTreeMap<String, Bytes>,
    limits: &Limits,
) -> Result<Vec<u8>, Fault> {
    let count = u16::try_from(files.len())
        .ok()
        .filter(|_| files.len() <= limits.files)
        .ok_or(Refusal::TooManyFiles {
            limit: limits.files,
        })?;
    let too_large = || Refusal::PackTooLarge {
        limit: limits.pack_bytes,
    };
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (path, data) in files {
        let checked = check_path(path.as_bytes()).map_err(|refusal| Fault::at(path, refusal))?;
        let size = u32::try_from(data.len())
            .ok()
            .filter(|size| u64::from(*size) <= limits.file_bytes)
            .ok_or_else(|| {
                Fault::at(
                    path,
                    Refusal::FileTooLarge {
                        limit: limits.file_bytes,
                    },
                )
            })?;
        let offset = u32::try_from(out.len()).map_err(|_| too_large())?;
        let shared = shared_fields(checked, data, size);
        out.extend(LOCAL.to_le_bytes());
        out.extend(&shared);
        out.extend(checked.as_bytes());
        out.extend(data.as_ref());

        directory.extend(CENTRAL.to_le_bytes());
        directory.extend(VERSION_MADE_BY.to_le_bytes());
        directory.extend(&shared);
        // Length of the comment, number of the disk, internal attributes.
        directory.extend([0; 6]);
        directory.extend((MODE << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(checked.as_bytes());
    }
    let directory_offset = u32::try_from(out.len()).map_err(|_| too_large())?;
    let directory_len = u32::try_from(directory.len()).map_err(|_| too_large())?;
    out.extend(&directory);
    out.extend(END.to_le_bytes());
    out.extend([0; 4]);
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(directory_len.to_le_bytes());
    out.extend(directory_offset.to_le_bytes());
    out.extend([0; 2]);
    if u64::try_from(out.len()).is_ok_and(|len| len <= limits.pack_bytes) {
        Ok(out)
    } else {
        Err(too_large().into())
    }
}

/// The 26 bytes that a file's two headers have in common: from the version needed to the length of the extra field.
fn shared_fields(path: &str, data: &[u8], size: u32) -> Vec<u8> {
    let mut fields = Vec::with_capacity(26);
    fields.extend(VERSION_NEEDED.to_le_bytes());
    // Flags, method and time.
    fields.extend([0; 6]);
    fields.extend(DATE.to_le_bytes());
    fields.extend(crc32fast::hash(data).to_le_bytes());
    fields.extend(size.to_le_bytes());
    fields.extend(size.to_le_bytes());
    // A path has 240 bytes at most: `check_path` saw it.
    fields.extend(u16::try_from(path.len()).unwrap_or(u16::MAX).to_le_bytes());
    fields.extend([0; 2]);
    fields
}
