//! The container: a ZIP file of which every byte is determined by the files in it.
//!
//! Written here and not taken from a ZIP crate, because what is needed is the opposite of what those are made for.
//! They read every archive there is, look for the directory from the end, trust it and skip what it does not mention;
//! a pack needs a reader that knows one form only, walks both headers of each file in lockstep, and accounts for each
//! byte from the first to the last, so that no two tools can see different files in one pack. The form: files in
//! lexical order, stored, dated 1980-01-01, mode 0644, ASCII paths, no comments, no extra fields, nothing between.

mod read;
mod write;

pub(crate) use read::Archive;
pub(crate) use write::write_archive;

/// Signature of a file's own header.
const LOCAL: u32 = 0x0403_4b50;
/// Signature of a file's header in the directory.
const CENTRAL: u32 = 0x0201_4b50;
/// Signature of the end record.
const END: u32 = 0x0605_4b50;
/// Bytes of a file's own header before its path.
const LOCAL_LEN: usize = 30;
/// Bytes of a directory header before its path.
const CENTRAL_LEN: usize = 46;
/// Bytes of the end record without a comment.
const END_LEN: usize = 22;
/// Version 1.0, which stored files need.
const VERSION_NEEDED: u16 = 10;
/// Made by version 2.0 on Unix, so that the mode is understood.
const VERSION_MADE_BY: u16 = 0x0314;
/// 1980-01-01, the first day a ZIP file can state; the time is zero.
const DATE: u16 = 0x0021;
/// A regular file of mode 0644, as the upper half of the external attributes.
const MODE: u32 = 0o100_644;
