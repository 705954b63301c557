//! Archives that are no archives of this format, or try to be two at once.

#![allow(clippy::cast_possible_truncation)]

use super::Case;
use crate::sample::{files, listed, raw_archive, raw_archive_with, ring, signed};
use crate::{Limits, Policy};

/// Offsets of fields in a file's directory header; its own header has the shared ones two bytes earlier.
const MADE_BY: usize = 4;
const FLAGS: usize = 8;
const METHOD: usize = 10;
const DATE: usize = 14;
const CRC: usize = 16;
const STORED: usize = 20;
const SIZE: usize = 24;
const EXTRA: usize = 30;
const COMMENT: usize = 32;
const MODE: usize = 40;
const OFFSET: usize = 42;

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// Offset of the directory header of the file with this index.
fn central(bytes: &[u8], index: usize) -> usize {
    let mut at = u32_at(bytes, bytes.len() - 6);
    for _ in 0..index {
        at += 46
            + usize::from(u16::from_le_bytes(
                bytes[at + 28..at + 30].try_into().unwrap(),
            ));
    }
    at
}

/// Offset of the file's own header.
fn local(bytes: &[u8], index: usize) -> usize {
    u32_at(bytes, central(bytes, index) + OFFSET)
}

/// A field in the directory header only.
fn directory(at: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = signed();
    let start = central(&bytes, 1);
    put(&mut bytes, start + at, value);
    bytes
}

/// A field in the file's own header only.
fn own(at: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = signed();
    let start = local(&bytes, 1);
    put(&mut bytes, start + at - 2, value);
    bytes
}

/// A field in both headers.
fn both(at: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = directory(at, value);
    let start = local(&bytes, 1);
    put(&mut bytes, start + at - 2, value);
    bytes
}

/// A field of the end record.
fn end(at: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = signed();
    let start = bytes.len() - 22;
    put(&mut bytes, start + at, value);
    bytes
}

/// The sample with one more file at the end of the list.
fn with_file(path: &[u8]) -> Vec<u8> {
    let mut list = listed(&files(signed()));
    list.push((path.to_vec(), b"x".to_vec()));
    list.sort();
    raw_archive(&list)
}

pub(super) fn cases() -> Vec<Case> {
    let good = signed();
    let list = listed(&files(signed()));
    let mut cases = Vec::new();
    let mut case = |what, code, bytes: Vec<u8>| cases.push(Case::new(what, code, bytes));
    case("nothing", "not-an-archive", Vec::new());
    case(
        "a text",
        "not-an-archive",
        b"id: demo/shop\nversion: 1.0.0 and so on\n".to_vec(),
    );
    case("an end record alone", "statement-missing", raw_archive(&[]));
    case(
        "cut in the middle",
        "truncated",
        good[..good.len() / 2].to_vec(),
    );
    case(
        "cut by a byte",
        "truncated",
        good[..good.len() - 1].to_vec(),
    );
    case(
        "a byte after the end",
        "trailing-data",
        [good.as_slice(), b"x"].concat(),
    );
    case(
        "a second archive after the end",
        "gap",
        [good.as_slice(), &good].concat(),
    );
    case(
        "a script before the first file",
        "prepended-data",
        [b"#!/bin/sh\n".as_slice(), &good].concat(),
    );
    case(
        "a script, with offsets that know of it",
        "prepended-data",
        raw_archive_with(&list, b"#!/bin/sh\n", b""),
    );
    case(
        "bytes between the files",
        "gap",
        raw_archive_with(&list, b"", b"hidden"),
    );
    case("bytes between directory and end", "gap", {
        let at = good.len() - 22;
        [&good[..at], b"hidden", &good[at..]].concat()
    });
    case(
        "files that share bytes",
        "overlap",
        directory(OFFSET, &[0; 4]),
    );
    case("a file that begins after the one before it ended", "gap", {
        let offset = local(&good, 1) as u32 + 1;
        directory(OFFSET, &offset.to_le_bytes())
    });
    case(
        "an end record on another disk",
        "foreign-field",
        end(4, &[1]),
    );
    case(
        "an end record with the length of a comment",
        "foreign-field",
        end(20, &[1]),
    );
    case("the mark of ZIP64", "foreign-field", end(8, &[0xff; 4]));
    case("two counts that differ", "count-mismatch", end(8, &[1]));
    case(
        "one file fewer than the directory has",
        "count-mismatch",
        end(8, &[(list.len() - 1) as u8, 0, (list.len() - 1) as u8, 0]),
    );
    case(
        "one file more than the directory has",
        "truncated",
        end(8, &[(list.len() + 1) as u8, 0, (list.len() + 1) as u8, 0]),
    );
    case(
        "a directory beyond the end",
        "truncated",
        end(16, &[0xff; 4]),
    );
    case("a compressed file", "compressed", both(METHOD, &[8]));
    case("an encrypted file", "encrypted", both(FLAGS, &[1]));
    case("sizes after the data", "streamed-sizes", both(FLAGS, &[8]));
    case("another flag", "foreign-field", both(FLAGS, &[0, 8]));
    case("another date", "foreign-field", both(DATE, &[0x22]));
    case(
        "another maker",
        "foreign-field",
        directory(MADE_BY, &[0x3f]),
    );
    case(
        "an executable",
        "foreign-field",
        directory(MODE, &0o100_755_u16.to_le_bytes()),
    );
    case(
        "a file of mode 04644",
        "foreign-field",
        directory(MODE, &0o104_644_u16.to_le_bytes()),
    );
    case(
        "a symbolic link",
        "special-file",
        directory(MODE, &0o120_777_u16.to_le_bytes()),
    );
    case(
        "a directory",
        "special-file",
        directory(MODE, &0o040_755_u16.to_le_bytes()),
    );
    case(
        "a device",
        "special-file",
        directory(MODE, &0o060_644_u16.to_le_bytes()),
    );
    case(
        "a file without a type",
        "special-file",
        directory(MODE, &[0, 0]),
    );
    case(
        "a wrong checksum in both headers",
        "checksum-mismatch",
        both(CRC, &[0; 4]),
    );
    case(
        "a checksum in one header",
        "header-mismatch",
        own(CRC, &[0; 4]),
    );
    case(
        "a method in one header",
        "header-mismatch",
        own(METHOD, &[8]),
    );
    case(
        "a length in one header",
        "header-mismatch",
        own(SIZE, &[0; 4]),
    );
    case(
        "two lengths that differ",
        "size-mismatch",
        directory(STORED, &[0; 4]),
    );
    case(
        "a length of four gigabytes",
        "file-too-large",
        both(STORED, &[0xff; 8]),
    );
    case(
        "a length beyond the last file",
        "overlap",
        both(STORED, &[0, 0, 0, 1, 0, 0, 0, 1]),
    );
    case("an extra field", "foreign-field", both(EXTRA, &[4]));
    case(
        "a comment on a file",
        "foreign-field",
        directory(COMMENT, &[4]),
    );
    case(
        "no signature on a file's header",
        "bad-record",
        own(2, b"XX"),
    );
    case(
        "no signature on a directory header",
        "bad-record",
        directory(0, b"XX"),
    );
    case(
        "another path in the file's own header",
        "header-mismatch",
        {
            let mut bytes = good.clone();
            let at = local(&bytes, 1) + 30;
            bytes[at] ^= 1;
            bytes
        },
    );
    case(
        "files out of order",
        "out-of-order",
        raw_archive(&list.iter().rev().cloned().collect::<Vec<_>>()),
    );
    case(
        "a file twice",
        "duplicate-file",
        with_file(b"manifest.cbor"),
    );
    case(
        "two files that are one where case does not count",
        "case-duplicate",
        with_file(b"assets/LOGO.svg"),
    );
    case(
        "a file that is a folder",
        "file-is-folder",
        with_file(b"assets/cards"),
    );
    case(
        "a file in a file",
        "file-is-folder",
        with_file(b"assets/logo.svg/x"),
    );
    case(
        "an absolute path",
        "absolute-path",
        with_file(b"/etc/passwd"),
    );
    case("a drive", "absolute-path", with_file(b"C:/windows"));
    case(
        "a path out of the pack",
        "path-escape",
        with_file(b"assets/../../x"),
    );
    case(
        "a path out of the pack with backslashes",
        "backslash",
        with_file(b"assets\\..\\..\\x"),
    );
    case("an empty segment", "odd-path", with_file(b"assets//x"));
    case("an entry for a folder", "odd-path", with_file(b"assets/x/"));
    case("an empty path", "odd-path", with_file(b""));
    case(
        "a path with a zero byte",
        "path-character",
        with_file(b"assets/x\0.png"),
    );
    case(
        "a path that is not ASCII",
        "path-character",
        with_file("assets/ü".as_bytes()),
    );
    case(
        "a path that is too long",
        "path-too-long",
        with_file(&[b'a'; 300]),
    );
    case(
        "a path that is too deep",
        "path-too-long",
        with_file("a/".repeat(20).as_bytes()),
    );
    case(
        "the name of a device",
        "reserved-name",
        with_file(b"assets/nul.txt"),
    );
    let limited = |limits: Limits| Policy::strict(ring(1)).with_limits(limits);
    cases.push(
        Case::new("more files than allowed", "too-many-files", signed()).under(limited(Limits {
            files: 3,
            ..Limits::default()
        })),
    );
    cases.push(
        Case::new("more bytes than allowed", "pack-too-large", signed()).under(limited(Limits {
            pack_bytes: 100,
            ..Limits::default()
        })),
    );
    cases.push(
        Case::new("a longer file than allowed", "file-too-large", signed()).under(limited(
            Limits {
                file_bytes: 1,
                ..Limits::default()
            },
        )),
    );
    cases.push(
        Case::new(
            "a longer statement than allowed",
            "file-too-large",
            signed(),
        )
        .under(limited(Limits {
            metadata_bytes: 100,
            ..Limits::default()
        })),
    );
    cases
}
