//! The commands that write: `new`, `keygen`, `build`, `sign`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use greentic_pack::{BuildError, BuildOptions, PackId, build_dir, keys};

use super::print;

const PACK_YAML: &str = include_str!("template/pack.yaml");
const FLOW: &str = include_str!("template/welcome.ygtc");
const README: &str = include_str!("template/about.txt");

/// Parses `NAME=FILE`.
pub(super) fn component_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok((name.to_owned(), file.into()))
        }
        _ => Err("give NAME=FILE".to_owned()),
    }
}

/// Makes a folder to begin with.
pub(super) fn new(dir: &Path, id: Option<&str>) -> anyhow::Result<ExitCode> {
    if dir.exists()
        && std::fs::read_dir(dir)
            .with_context(|| dir.display().to_string())?
            .next()
            .is_some()
    {
        bail!("{} is not empty; nothing was written", dir.display());
    }
    let id: PackId = match id {
        Some(id) => id.parse()?,
        None => {
            let name = dir
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default()
                .to_lowercase();
            format!("local/{name}")
                .parse()
                .context("the folder's name makes no id; give one with --id")?
        }
    };
    let files = [
        ("pack.yaml", PACK_YAML.replace("{{id}}", id.as_str())),
        ("flows/welcome.ygtc", FLOW.to_owned()),
        ("assets/about.txt", README.to_owned()),
    ];
    for (path, text) in files {
        let path = dir.join(path);
        let folder = path.parent().unwrap_or(dir);
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        print::line(&format!("wrote {}", path.display()));
    }
    print::line(
        &format!(
            "next: greentic-pack build {} -o {id}.gtpack --key NAME",
            dir.display()
        )
        .replace(id.as_str(), file_stem(&id)),
    );
    Ok(ExitCode::SUCCESS)
}

fn file_stem(id: &PackId) -> &str {
    id.as_str().rsplit('/').next().unwrap_or_default()
}

/// Makes a key pair.
pub(super) fn keygen(out: &Path) -> anyhow::Result<ExitCode> {
    let key = keys::generate()?;
    let public = keys::write_pair(&key, out)?;
    print::line(&format!(
        "private key  {}   (keep it; it is readable by you only)",
        out.display()
    ));
    print::line(&format!("public key   {}", public.display()));
    print::line(&format!(
        "fingerprint  {}",
        keys::fingerprint(&key.verifying_key())
    ));
    print::line(&format!(
        "for a bundle: ed25519: \"{}\"",
        keys::public_text(&key.verifying_key())
    ));
    Ok(ExitCode::SUCCESS)
}

/// Builds a pack and signs it with the keys given.
pub(super) fn build(
    dir: &Path,
    out: &Path,
    with: &[PathBuf],
    components: Vec<(String, PathBuf)>,
) -> anyhow::Result<ExitCode> {
    // Keys first: a wrong name should not cost a build.
    let signers = read_keys(with)?;
    let options = BuildOptions {
        component_files: components.into_iter().collect(),
    };
    let built = match build_dir(dir, &options) {
        Ok(built) => built,
        Err(BuildError::Faults(faults)) => {
            let stream = std::io::stderr();
            let text = faults.render(print::colour(&stream));
            let _ = writeln!(stream.lock(), "{text}");
            return Ok(ExitCode::from(1));
        }
        Err(other) => return Err(other.into()),
    };
    if !built.warnings.is_empty() {
        let stream = std::io::stderr();
        let text = built.warnings.render(print::colour(&stream));
        let _ = writeln!(stream.lock(), "{text}");
    }
    let mut bytes = built.bytes;
    for key in &signers {
        bytes = greentic_pack::sign(bytes, key)?;
    }
    write_whole(out, &bytes)?;
    print::line(&format!("wrote {} ({} bytes)", out.display(), bytes.len()));
    if signers.is_empty() {
        print::warning(
            "the pack is UNSIGNED: hosts refuse it unless told otherwise; sign it with `greentic-pack sign FILE --key NAME`",
        );
    } else {
        for key in &signers {
            print::line(&format!(
                "signed by {}",
                keys::fingerprint(&key.verifying_key())
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Adds signatures to a pack.
pub(super) fn sign(file: &Path, with: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let signers = read_keys(with)?;
    let pack = super::verify::open_untrusted(file)?;
    let mut bytes = pack.bytes().to_vec();
    for key in &signers {
        bytes = greentic_pack::sign(bytes, key)?;
    }
    write_whole(file, &bytes)?;
    for key in &signers {
        let who = keys::fingerprint(&key.verifying_key());
        print::line(&format!("signed {} {} by {who}", pack.id(), pack.version()));
    }
    Ok(ExitCode::SUCCESS)
}

fn read_keys(paths: &[PathBuf]) -> anyhow::Result<Vec<greentic_pack::SigningKey>> {
    let read = |path: &PathBuf| {
        keys::read_private(path).with_context(|| format!("key {}", path.display()))
    };
    paths.iter().map(read).collect()
}

/// Writes beside the target and renames, so that nobody ever sees half a pack.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    written
        .inspect_err(|_| drop(std::fs::remove_file(&beside)))
        .with_context(|| path.display().to_string())
}
