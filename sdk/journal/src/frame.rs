//! Frames: what is written at once and is there as a whole or not at all.
//!
//! A frame is four fixed bytes, `length: u32`, `crc: u32`, `synced: u64` and `length` bytes of records, numbers in little-endian; the CRC-32 is
//! over `synced` and the records. A record is `length: u32` and its bytes. `synced` is how much of the file was on the disk for certain when the frame was
//! written. It tells apart two things that look the same: after a power failure the frames since the last sync can be missing in any
//! pattern, and that is no damage; a frame that is wrong although a later one knows it was synced is.

/// What a frame has before its records.
pub const HEAD: usize = 20;
/// What a frame begins with, so that one is found again behind damage without a checksum at every byte.
const MARK: [u8; 4] = *b"\xF7gtj";

/// Appends a record to the records of a frame.
pub fn add(records: &mut Vec<u8>, record: &[u8]) {
    records.extend_from_slice(&count(record.len()).to_le_bytes());
    records.extend_from_slice(record);
}

/// A frame without records: room for its head, which [`seal`] fills in.
#[must_use]
pub fn begin() -> Vec<u8> {
    vec![0; HEAD]
}

/// Fills in the head of a frame that has all its records.
pub fn seal(frame: &mut [u8], synced: u64) {
    let (head, records) = frame.split_at_mut(HEAD.min(frame.len()));
    let parts = [
        &MARK[..],
        &count(records.len()).to_le_bytes(),
        &checksum(synced, records).to_le_bytes(),
        &synced.to_le_bytes(),
    ];
    for (place, byte) in head.iter_mut().zip(parts.into_iter().flatten()) {
        *place = *byte;
    }
}

/// A frame that is what was written.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'bytes> {
    /// How much of the file was on the disk when it was written.
    pub synced: u64,
    /// Its records.
    pub records: &'bytes [u8],
    /// How many bytes it takes in all.
    pub length: usize,
}

/// The frame at the front of these bytes; `None` when they are not one, or not the whole of one.
#[must_use]
pub fn first(bytes: &[u8]) -> Option<Frame<'_>> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    if !head.starts_with(&MARK) {
        return None;
    }
    let length = usize::try_from(u32_at(head, 4)?).ok()?;
    let records = rest.get(..length).filter(|records| !records.is_empty())?;
    let synced = u64::from_le_bytes(head.get(12..HEAD)?.try_into().ok()?);
    (checksum(synced, records) == u32_at(head, 8)?).then_some(Frame {
        synced,
        records,
        length: HEAD + length,
    })
}

/// The records of a frame; `None` in place of one that is cut off.
pub fn records(mut bytes: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let record = u32_at(bytes, 0)
            .and_then(|length| usize::try_from(length).ok())
            .and_then(|length| bytes.get(4..)?.split_at_checked(length));
        bytes = record.map_or(&[], |(_, rest)| rest);
        Some(record.map(|(record, _)| record))
    })
}

/// Whether anything in these bytes is a frame that knows so much of the file to be on the disk.
#[must_use]
pub fn knows(bytes: &[u8], offset: u64) -> bool {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() > HEAD) {
        match first(rest) {
            Some(frame) if frame.synced > offset => return true,
            Some(frame) => at += frame.length,
            None => at += 1,
        }
    }
    false
}

fn checksum(synced: u64, records: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&synced.to_le_bytes());
    crc.update(records);
    crc.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(
        bytes.get(at..at.checked_add(4)?)?.try_into().ok()?,
    ))
}

/// A length as it is written. Nothing here is longer: values have a largest size, and frames are written when they have a few of those.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
