//! Paths inside a pack: one strict form, so that a path means the same on every system a pack is unpacked on.

use crate::limits::{PATH_BYTES, PATH_DEPTH};
use crate::refusal::Refusal;

/// Device names of Windows, which open a device whatever folder they stand in.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// Checks one path of an archive: relative, forward slashes, no `.` or `..`, plain ASCII, 240 bytes and 16 folders at most.
pub fn check_path(path: &[u8]) -> Result<&str, Refusal> {
    if path.len() > PATH_BYTES || path.split(|byte| *byte == b'/').count() > PATH_DEPTH {
        return Err(Refusal::PathTooLong);
    }
    if path.contains(&b'\\') {
        return Err(Refusal::Backslash);
    }
    if path.first() == Some(&b'/')
        || (path.get(1) == Some(&b':') && path.first().is_some_and(u8::is_ascii_alphabetic))
    {
        return Err(Refusal::AbsolutePath);
    }
    if let Some(&byte) = path.iter().find(|byte| !allowed(**byte)) {
        return Err(Refusal::PathCharacter { byte });
    }
    let Ok(text) = std::str::from_utf8(path) else {
        return Err(Refusal::OddPath);
    };
    for segment in text.split('/') {
        match segment {
            ".." => return Err(Refusal::PathEscape),
            "" | "." => return Err(Refusal::OddPath),
            _ => {}
        }
        if segment.ends_with(['.', ' ']) || segment.starts_with(' ') || is_device(segment) {
            return Err(Refusal::ReservedName);
        }
    }
    Ok(text)
}

fn allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-+@~=,() ".contains(&byte)
}

fn is_device(segment: &str) -> bool {
    let stem = segment
        .split('.')
        .next()
        .unwrap_or(segment)
        .to_ascii_lowercase();
    let numbered = stem.strip_suffix(|last: char| last.is_ascii_digit());
    DEVICES.iter().any(|device| match *device {
        "com" | "lpt" => numbered == Some(device),
        _ => stem == *device,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_relative_paths_pass() {
        for path in [
            "a",
            "components/tool-x.wasm",
            "assets/a b/(1)@2x~.png",
            "assets/...x",
            "assets/console.log",
        ] {
            assert_eq!(check_path(path.as_bytes()), Ok(path));
        }
    }

    #[test]
    fn every_way_out_of_the_pack_has_its_own_refusal() {
        let table: &[(&[u8], Refusal)] = &[
            (b"/etc/passwd", Refusal::AbsolutePath),
            (b"C:/x", Refusal::AbsolutePath),
            (b"../x", Refusal::PathEscape),
            (b"assets/../../x", Refusal::PathEscape),
            (b"assets/..", Refusal::PathEscape),
            (b"..\\x", Refusal::Backslash),
            (b"", Refusal::OddPath),
            (b"assets//x", Refusal::OddPath),
            (b"assets/", Refusal::OddPath),
            (b"./x", Refusal::OddPath),
            (b"a\0b", Refusal::PathCharacter { byte: 0 }),
            ("assets/ü".as_bytes(), Refusal::PathCharacter { byte: 0xc3 }),
            (b"ab:c", Refusal::PathCharacter { byte: b':' }),
            (b"assets/NUL", Refusal::ReservedName),
            (b"assets/com1.txt", Refusal::ReservedName),
            (b"assets/x.", Refusal::ReservedName),
            (b"assets/ x", Refusal::ReservedName),
            (&[b'a'; 241], Refusal::PathTooLong),
            (
                b"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17",
                Refusal::PathTooLong,
            ),
        ];
        for (path, refusal) in table {
            assert_eq!(
                check_path(path).as_ref(),
                Err(refusal),
                "{}",
                String::from_utf8_lossy(path)
            );
        }
    }
}
