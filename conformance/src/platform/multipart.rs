//! A reader of `multipart/form-data` (RFC 7578) for bodies that are whole in memory. Crates of the field read streams and are asynchronous.

use super::call::Part;

/// Reads the parts of a body.
///
/// # Errors
/// What is wrong with it.
pub fn read(content_type: &str, body: &[u8]) -> Result<Vec<Part>, String> {
    let boundary = boundary(content_type)?;
    let open = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let mut rest = body
        .strip_prefix(open.as_bytes())
        .ok_or("the body does not begin with the boundary")?;
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Ok(parts);
        }
        rest = rest
            .strip_prefix(b"\r\n")
            .ok_or("there is no line break after a boundary")?;
        let (content, after) = cut(rest, between.as_bytes()).ok_or("a part does not end")?;
        // A part without headers begins with its empty line.
        let (head, bytes) = match content.strip_prefix(b"\r\n") {
            Some(bytes) => (&[] as &[u8], bytes),
            None => cut(content, b"\r\n\r\n").ok_or("a part has no empty line after its head")?,
        };
        parts.push(part(&String::from_utf8_lossy(head), bytes)?);
        rest = after;
    }
}

fn boundary(content_type: &str) -> Result<String, String> {
    if !content_type
        .to_ascii_lowercase()
        .starts_with("multipart/form-data")
    {
        return Err(format!(
            "the content type is `{content_type}` and not multipart/form-data"
        ));
    }
    parameter(content_type, "boundary").ok_or_else(|| "the content type has no boundary".into())
}

fn part(head: &str, bytes: &[u8]) -> Result<Part, String> {
    let header = |wanted: &str| {
        head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted)
                .then(|| value.trim().to_owned())
        })
    };
    let disposition = header("content-disposition").ok_or("a part has no content-disposition")?;
    Ok(Part {
        name: parameter(&disposition, "name").ok_or("a part has no name")?,
        file_name: parameter(&disposition, "filename"),
        content_type: header("content-type"),
        bytes: bytes.to_vec(),
    })
}

/// `value` of `; key=value` or `; key="value"`. Browsers write a quote in a name as `%22`.
fn parameter(text: &str, key: &str) -> Option<String> {
    text.split(';').skip(1).find_map(|piece| {
        let (name, value) = piece.trim().split_once('=')?;
        let value = value.trim().trim_matches('"').replace("%22", "\"");
        name.eq_ignore_ascii_case(key).then_some(value)
    })
}

fn cut<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes
        .windows(mark.len())
        .position(|window| window == mark)?;
    Some((bytes.get(..at)?, bytes.get(at + mark.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::read;

    const TYPE: &str = "multipart/form-data; boundary=xyz";

    #[test]
    fn fields_and_files_are_read_with_their_bytes() {
        let body = b"--xyz\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n7\r\n--xyz\r\n\
            content-disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Type: image/png\r\n\r\n\0\r\n\xff\r\n--xyz--\r\n";
        let parts = read(TYPE, body).unwrap();
        let [field, file] = parts.as_slice() else {
            panic!("two parts: {parts:?}")
        };
        assert_eq!(
            (field.name.as_str(), field.bytes.as_slice()),
            ("chat_id", &b"7"[..])
        );
        assert_eq!(file.file_name.as_deref(), Some("a.bin"));
        assert_eq!(file.content_type.as_deref(), Some("image/png"));
        assert_eq!(file.bytes, b"\0\r\n\xff");
    }

    #[test]
    fn what_is_cut_off_or_of_another_kind_is_refused() {
        for (kind, body) in [
            ("application/json", &b"{}"[..]),
            (TYPE, b"--abc--"),
            (
                TYPE,
                b"--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n7",
            ),
            (
                TYPE,
                b"--xyz\r\nContent-Type: text/plain\r\n\r\n7\r\n--xyz--",
            ),
        ] {
            assert!(read(kind, body).is_err(), "{kind} {body:?}");
        }
    }
}
