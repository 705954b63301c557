//! Reading the archive: every field has one accepted value or is compared with what it describes.
//!
//! The directory and the files are walked in lockstep with one cursor. Each file must begin where the one before it
//! ended, the directory where the last file ended, the end record where the directory ended, and the archive must end
//! there. No memory is taken for anything a header claims: what is read are slices of the one buffer.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use bytes::Bytes;

use super::{
    CENTRAL, CENTRAL_LEN, DATE, END, END_LEN, LOCAL, LOCAL_LEN, MODE, VERSION_MADE_BY,
    VERSION_NEEDED,
};
use crate::limits::Limits;
use crate::path::check_path;
use crate::refusal::{Fault, Refusal};

/// The files of an archive whose structure is sound. Their content has been seen by nobody yet.
#[derive(Debug)]
pub(crate) struct Archive {
    bytes: Bytes,
    files: BTreeMap<String, Range<usize>>,
}

impl Archive {
    /// Reads the structure of `bytes`.
    pub(crate) fn read(bytes: Bytes, limits: &Limits) -> Result<Self, Fault> {
        if !u64::try_from(bytes.len()).is_ok_and(|len| len <= limits.pack_bytes) {
            return Err(Refusal::PackTooLarge {
                limit: limits.pack_bytes,
            }
            .into());
        }
        let end = EndRecord::find(&bytes)?;
        if usize::from(end.count) > limits.files {
            return Err(Refusal::TooManyFiles {
                limit: limits.files,
            }
            .into());
        }
        let mut walk = Walk {
            bytes: &bytes,
            limits,
            file_cursor: 0,
            directory_cursor: end.directory.start,
            directory: &end.directory,
            names: Names::default(),
        };
        let mut files = BTreeMap::new();
        for _ in 0..end.count {
            let (path, data) = walk.next_file()?;
            files.insert(path, data);
        }
        if walk.directory_cursor != end.directory.end {
            return Err(Refusal::CountMismatch.into());
        }
        if walk.file_cursor != end.directory.start {
            return Err(Refusal::Gap {
                offset: wide(walk.file_cursor),
            }
            .into());
        }
        Ok(Self { bytes, files })
    }

    /// The paths, in order.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// A file's bytes: a slice of the archive's own buffer.
    pub(crate) fn file(&self, path: &str) -> Option<Bytes> {
        let range = self.files.get(path)?;
        Some(self.bytes.slice(range.clone()))
    }

    /// The whole archive.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// What the last 22 bytes say.
struct EndRecord {
    directory: Range<usize>,
    count: u16,
}

impl EndRecord {
    fn find(bytes: &[u8]) -> Result<Self, Fault> {
        let start = bytes
            .len()
            .checked_sub(END_LEN)
            .ok_or(Refusal::NotAnArchive)?;
        if u32_at(bytes, start) != Some(END) {
            return Err(Self::why_not_at_the_end(bytes).into());
        }
        let field = |at: usize| u16_at(bytes, start + at).ok_or(Refusal::Truncated);
        if field(4)? != 0 || field(6)? != 0 {
            return Err(Refusal::ForeignField { field: "disk" }.into());
        }
        let count = field(10)?;
        if field(8)? != count {
            return Err(Refusal::CountMismatch.into());
        }
        if field(20)? != 0 {
            return Err(Refusal::ForeignField { field: "comment" }.into());
        }
        if count == u16::MAX {
            return Err(Refusal::ForeignField { field: "zip64" }.into());
        }
        let len = length(u32_at(bytes, start + 12).ok_or(Refusal::Truncated)?);
        let offset = length(u32_at(bytes, start + 16).ok_or(Refusal::Truncated)?);
        let directory_end = offset.checked_add(len).ok_or(Refusal::Truncated)?;
        if directory_end > start {
            return Err(Refusal::Truncated.into());
        }
        if directory_end < start {
            // A directory that lies before the place it should have: the archive was moved by bytes put before it, or
            // bytes stand between directory and end.
            return Err(if u32_at(bytes, 0) == Some(LOCAL) {
                Refusal::Gap {
                    offset: wide(directory_end),
                }
                .into()
            } else {
                Refusal::PrependedData.into()
            });
        }
        Ok(Self {
            directory: offset..directory_end,
            count,
        })
    }

    /// A whole end record elsewhere means bytes after it; a part of one, or none but a first file, means a cut.
    fn why_not_at_the_end(bytes: &[u8]) -> Refusal {
        let needle = END.to_le_bytes();
        let start = bytes.len().saturating_sub(1 << 20);
        let tail = bytes.get(start..).unwrap_or_default();
        let found = tail
            .windows(needle.len())
            .rposition(|window| window == needle);
        if found.is_some_and(|at| at + END_LEN < tail.len()) {
            Refusal::TrailingData
        } else if u32_at(bytes, 0) == Some(LOCAL) {
            Refusal::Truncated
        } else {
            Refusal::NotAnArchive
        }
    }
}

struct Walk<'a> {
    bytes: &'a [u8],
    limits: &'a Limits,
    file_cursor: usize,
    directory_cursor: usize,
    directory: &'a Range<usize>,
    names: Names,
}

impl Walk<'_> {
    fn next_file(&mut self) -> Result<(String, Range<usize>), Fault> {
        let central = Header::read(
            self.bytes,
            self.directory_cursor,
            CENTRAL,
            self.directory.end,
        )?;
        let name = lossy(central.path);
        let fault = |refusal| Fault::at(name.clone(), refusal);
        self.check_central_only(&central).map_err(fault)?;
        central.check_fields(self.limits).map_err(fault)?;
        let path = check_path(central.path).map_err(fault)?;
        self.names.add(path).map_err(fault)?;

        let offset = length(u32_at(central.raw, 42).ok_or(Refusal::Truncated)?);
        if offset != self.file_cursor {
            return Err(fault(if offset < self.file_cursor {
                Refusal::Overlap {
                    offset: wide(offset),
                }
            } else if self.file_cursor == 0 {
                Refusal::PrependedData
            } else {
                Refusal::Gap {
                    offset: wide(self.file_cursor),
                }
            }));
        }
        let local =
            Header::read(self.bytes, offset, LOCAL, self.directory.start).map_err(|at| Fault {
                file: Some(name.clone()),
                ..at
            })?;
        local.compare(&central).map_err(fault)?;
        let data_end = local
            .end
            .checked_add(length(central.size))
            .ok_or_else(|| fault(Refusal::Truncated))?;
        if data_end > self.directory.start {
            return Err(fault(Refusal::Overlap {
                offset: wide(self.directory.start),
            }));
        }
        let data = self
            .bytes
            .get(local.end..data_end)
            .ok_or_else(|| fault(Refusal::Truncated))?;
        if crc32fast::hash(data) != central.crc {
            return Err(fault(Refusal::ChecksumMismatch));
        }
        self.file_cursor = data_end;
        self.directory_cursor = central.end;
        Ok((path.to_owned(), local.end..data_end))
    }

    /// The fields that only the directory has.
    fn check_central_only(&self, header: &Header<'_>) -> Result<(), Refusal> {
        let short = |at| u16_at(header.raw, at).ok_or(Refusal::Truncated);
        for (at, field) in [(32, "comment"), (34, "disk"), (36, "attributes")] {
            if short(at)? != 0 {
                return Err(Refusal::ForeignField { field });
            }
        }
        let attributes = u32_at(header.raw, 38).ok_or(Refusal::Truncated)?;
        let mode = attributes >> 16;
        if mode & 0o170_000 != MODE & 0o170_000 {
            return Err(Refusal::SpecialFile {
                kind: mode & 0o170_000,
            });
        }
        if attributes != MODE << 16 {
            return Err(Refusal::ForeignField { field: "mode" });
        }
        if short(4)? != VERSION_MADE_BY {
            return Err(Refusal::ForeignField { field: "made by" });
        }
        Ok(())
    }
}

/// One header of a file. `raw` is the header without the path; the shared fields begin at `base` in it.
struct Header<'a> {
    raw: &'a [u8],
    base: usize,
    path: &'a [u8],
    crc: u32,
    size: u32,
    end: usize,
}

impl<'a> Header<'a> {
    /// Reads the header at `start`, which must end at `limit` or before.
    fn read(bytes: &'a [u8], start: usize, signature: u32, limit: usize) -> Result<Self, Fault> {
        let (len, base) = if signature == LOCAL {
            (LOCAL_LEN, 4)
        } else {
            (CENTRAL_LEN, 6)
        };
        let fixed_end = start
            .checked_add(len)
            .filter(|end| *end <= limit)
            .ok_or(Refusal::Truncated)?;
        let raw = bytes.get(start..fixed_end).ok_or(Refusal::Truncated)?;
        if u32_at(raw, 0) != Some(signature) {
            return Err(Refusal::BadRecord {
                offset: wide(start),
            }
            .into());
        }
        let path_len = usize::from(u16_at(raw, base + 22).ok_or(Refusal::Truncated)?);
        let end = fixed_end
            .checked_add(path_len)
            .filter(|end| *end <= limit)
            .ok_or(Refusal::Truncated)?;
        let path = bytes.get(fixed_end..end).ok_or(Refusal::Truncated)?;
        Ok(Self {
            raw,
            base,
            path,
            crc: u32_at(raw, base + 10).ok_or(Refusal::Truncated)?,
            size: u32_at(raw, base + 14).ok_or(Refusal::Truncated)?,
            end,
        })
    }

    fn short(&self, at: usize) -> Result<u16, Refusal> {
        u16_at(self.raw, self.base + at).ok_or(Refusal::Truncated)
    }

    /// The shared fields against the only values the format has.
    fn check_fields(&self, limits: &Limits) -> Result<(), Refusal> {
        let flags = self.short(2)?;
        if flags & 1 != 0 {
            return Err(Refusal::Encrypted);
        }
        if flags & 8 != 0 {
            return Err(Refusal::StreamedSizes);
        }
        let method = self.short(4)?;
        if method != 0 {
            return Err(Refusal::Compressed { method });
        }
        for (found, wanted, field) in [
            (flags, 0, "flags"),
            (self.short(0)?, VERSION_NEEDED, "version needed"),
            (self.short(6)?, 0, "time"),
            (self.short(8)?, DATE, "date"),
            (self.short(24)?, 0, "extra field"),
        ] {
            if found != wanted {
                return Err(Refusal::ForeignField { field });
            }
        }
        if u32_at(self.raw, self.base + 18) != Some(self.size) {
            return Err(Refusal::SizeMismatch);
        }
        if u64::from(self.size) > limits.file_bytes {
            return Err(Refusal::FileTooLarge {
                limit: limits.file_bytes,
            });
        }
        Ok(())
    }

    /// A file's own header must say what the directory says.
    fn compare(&self, central: &Self) -> Result<(), Refusal> {
        for (at, field) in [
            (0, "version needed"),
            (2, "flags"),
            (4, "method"),
            (6, "time"),
            (8, "date"),
            (22, "length of the path"),
            (24, "extra field"),
        ] {
            if self.short(at)? != central.short(at)? {
                return Err(Refusal::HeaderMismatch { field });
            }
        }
        if self.crc != central.crc {
            return Err(Refusal::HeaderMismatch { field: "checksum" });
        }
        if self.size != central.size || u32_at(self.raw, self.base + 18) != Some(self.size) {
            return Err(Refusal::HeaderMismatch { field: "size" });
        }
        if self.path != central.path {
            return Err(Refusal::HeaderMismatch { field: "path" });
        }
        Ok(())
    }
}

/// The paths seen so far, to find those that are one file on some systems or that need a file to be a folder.
#[derive(Default)]
struct Names {
    last: Option<String>,
    folded: BTreeMap<String, String>,
    folders: BTreeSet<String>,
}

impl Names {
    fn add(&mut self, path: &str) -> Result<(), Refusal> {
        let folded = path.to_ascii_lowercase();
        if let Some(other) = self.folded.get(&folded) {
            return Err(if other == path {
                Refusal::DuplicateFile
            } else {
                Refusal::CaseDuplicate {
                    other: other.clone(),
                }
            });
        }
        if self.last.as_deref().is_some_and(|last| last > path) {
            return Err(Refusal::OutOfOrder);
        }
        if self.folders.contains(&folded) {
            return Err(Refusal::FileIsFolder {
                other: format!("{path}/…"),
            });
        }
        for (at, _) in folded.match_indices('/') {
            let folder = folded.get(..at).unwrap_or_default();
            if let Some(file) = self.folded.get(folder) {
                return Err(Refusal::FileIsFolder {
                    other: file.clone(),
                });
            }
            self.folders.insert(folder.to_owned());
        }
        self.folded.insert(folded, path.to_owned());
        self.last = Some(path.to_owned());
        Ok(())
    }
}

fn lossy(path: &[u8]) -> String {
    let shown = path
        .get(..path.len().min(crate::limits::PATH_BYTES))
        .unwrap_or(path);
    String::from_utf8_lossy(shown).escape_debug().to_string()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(field.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(field.try_into().ok()?))
}

/// A length of 32 bits; where it does not fit the address space nothing of that length can be there.
fn length(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn wide(offset: usize) -> u64 {
    u64::try_from(offset).unwrap_or(u64::MAX)
}
