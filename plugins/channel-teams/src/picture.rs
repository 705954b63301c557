//! Pictures that Teams shows inside a message: PNG, JPEG and GIF of at most 1 MB and 1024 by 1024 pixels ("Send and receive files",
//! inline images).

/// Most bytes.
pub const MAX_BYTES: usize = 1_000_000;
/// Most pixels to a side.
const MAX_SIDE: u32 = 1024;

/// Whether Teams shows these bytes inside a message. What they are is read from them and not from the media type they came with.
#[must_use]
pub fn is_shown(bytes: &[u8]) -> Option<&'static str> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let (kind, size) = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        ("image/png", png(bytes))
    } else if bytes.starts_with(b"GIF8") {
        ("image/gif", gif(bytes))
    } else {
        ("image/jpeg", jpeg(bytes))
    };
    let (width, height) = size?;
    let fits = |side: u32| (1..=MAX_SIDE).contains(&side);
    (fits(width) && fits(height)).then_some(kind)
}

/// The header chunk of a PNG comes first.
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| {
        let four = bytes.get(at..at.saturating_add(4))?;
        Some(u32::from_be_bytes(four.try_into().ok()?))
    };
    (bytes.get(12..16)? == b"IHDR").then_some(())?;
    Some((side(16)?, side(20)?))
}

/// The logical screen of a GIF.
fn gif(bytes: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| {
        let two = bytes.get(at..at.saturating_add(2))?;
        Some(u32::from(u16::from_le_bytes(two.try_into().ok()?)))
    };
    Some((side(6)?, side(8)?))
}

/// The first frame header (SOF) of a JPEG.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.strip_prefix(b"\xff\xd8")?;
    loop {
        let marker = *rest.get(1).filter(|_| rest.first() == Some(&0xff))?;
        let two = |at: usize| {
            let two = rest.get(at..at.saturating_add(2))?;
            Some(u16::from_be_bytes(two.try_into().ok()?))
        };
        // C4, C8 and CC are tables and not frames.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            return Some((u32::from(two(7)?), u32::from(two(5)?)));
        }
        let length = usize::from(two(2)?);
        if length < 2 {
            return None;
        }
        rest = rest.get(length.saturating_add(2)..)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MAX_BYTES, is_shown};

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    fn gif(width: u16, height: u16) -> Vec<u8> {
        let mut bytes = b"GIF89a".to_vec();
        bytes.extend(width.to_le_bytes());
        bytes.extend(height.to_le_bytes());
        bytes
    }

    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let mut bytes = b"\xff\xd8\xff\xe0\0\x04xx\xff\xc2\0\x0b\x08".to_vec();
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes
    }

    #[test]
    fn what_a_picture_is_and_how_large_is_read_from_its_bytes() {
        for (bytes, shown) in [
            (png(1024, 1024), Some("image/png")),
            (png(1, 1025), None),
            (png(0, 1), None),
            (gif(3, 4), Some("image/gif")),
            (gif(1025, 1), None),
            (jpeg(1024, 7), Some("image/jpeg")),
            (jpeg(7, 2000), None),
            (b"<svg/>".to_vec(), None),
            (b"%PDF".to_vec(), None),
            (Vec::new(), None),
            (png(1, 1)[..17].to_vec(), None),
            (b"\xff\xd8\xff\xe0\0\0".to_vec(), None),
        ] {
            assert_eq!(is_shown(&bytes), shown, "{bytes:?}");
        }
        let mut large = png(1, 1);
        large.resize(MAX_BYTES + 1, 0);
        assert_eq!(is_shown(&large), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fall(start in 0_usize..4, rest: Vec<u8>) {
            let starts: [&[u8]; 4] = [b"", b"\x89PNG\r\n\x1a\n", b"GIF8", b"\xff\xd8\xff"];
            let _ = is_shown(&[starts[start], &rest].concat());
        }
    }
}
