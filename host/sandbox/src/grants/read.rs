//! Reading a plugin's grants from the bundle's texts, all faults at once.

use std::path::{Path, PathBuf};

use super::{DirGrant, Grants, HttpGrant, Reach, TcpGrant};

/// The grants of one plugin as the bundle writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantTexts {
    /// Hosts for HTTP: see [`HttpGrant`].
    pub http: Vec<String>,
    /// Hosts and ports for sockets: see [`TcpGrant`].
    pub tcp: Vec<String>,
    /// Whether every host granted by name may also resolve to private, loopback and link-local addresses (never to a
    /// metadata service).
    pub private_addresses: bool,
    /// Folders to read, relative ones taken from the bundle's folder.
    pub read: Vec<PathBuf>,
    /// Folders to read and write, relative ones taken from the bundle's folder.
    pub write: Vec<PathBuf>,
    /// Environment variables: name and value.
    pub env: Vec<(String, String)>,
    /// Secrets to use by handle.
    pub secrets: Vec<String>,
    /// Secrets whose bytes may be seen; each may also be used by handle.
    pub reveal: Vec<String>,
}

/// A grant that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` under `{key}` is no grant: {problem}")]
pub struct GrantError {
    /// The key under `grants:`.
    pub key: &'static str,
    /// Its place in that list, from 0.
    pub index: usize,
    /// The text.
    pub text: String,
    /// What is wrong and what to write.
    pub problem: String,
}

impl Grants {
    /// Reads the bundle's texts; `base` is the bundle's folder.
    ///
    /// # Errors
    /// Every text that is no grant, not only the first.
    pub fn parse(texts: &GrantTexts, base: &Path) -> Result<Self, Vec<GrantError>> {
        let mut errors = Vec::new();
        let names_reach = if texts.private_addresses {
            Reach::public_and_local()
        } else {
            Reach::public()
        };
        let http = read_list("http", &texts.http, &mut errors, |text| {
            HttpGrant::parse(text, &names_reach)
        });
        let tcp = read_list("tcp", &texts.tcp, &mut errors, |text| {
            TcpGrant::parse(text, &names_reach)
        });
        let mut taken: Vec<String> = Vec::new();
        let mut folder = |path: &PathBuf| {
            let grant = DirGrant::new(path, base)?;
            if taken.contains(&grant.guest) {
                return Err(format!(
                    "another granted folder is {} for the plugin already; rename one",
                    grant.guest
                ));
            }
            taken.push(grant.guest.clone());
            Ok(grant)
        };
        let read = read_paths("read", &texts.read, &mut errors, &mut folder);
        let write = read_paths("write", &texts.write, &mut errors, &mut folder);
        for (index, (name, value)) in texts.env.iter().enumerate() {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                let problem = "a variable has a name without `=`, and no NUL".to_owned();
                errors.push(GrantError {
                    key: "env",
                    index,
                    text: name.clone(),
                    problem,
                });
            }
        }
        let secrets = read_list("secrets", &texts.secrets, &mut errors, secret_name);
        let reveal = read_list("reveal", &texts.reveal, &mut errors, secret_name);
        if errors.is_empty() {
            Ok(Self {
                http,
                tcp,
                read,
                write,
                env: texts.env.clone(),
                secrets,
                reveal,
            })
        } else {
            Err(errors)
        }
    }
}

/// Names are `[a-z0-9._/-]+` without `..`, at most 255 bytes (`greentic:secrets`).
fn secret_name(text: &str) -> Result<String, String> {
    let letters = text
        .bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'/' | b'-'));
    if text.is_empty() || text.len() > 255 || !letters || text.contains("..") {
        return Err("a secret's name is made of a-z, 0-9, `.`, `_`, `/` and `-`, without `..`, at most 255 long".into());
    }
    Ok(text.to_owned())
}

fn read_list<T>(
    key: &'static str,
    texts: &[String],
    errors: &mut Vec<GrantError>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let mut out = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match read(text) {
            Ok(grant) => out.push(grant),
            Err(problem) => errors.push(GrantError {
                key,
                index,
                text: text.clone(),
                problem,
            }),
        }
    }
    out
}

fn read_paths(
    key: &'static str,
    paths: &[PathBuf],
    errors: &mut Vec<GrantError>,
    read: &mut impl FnMut(&PathBuf) -> Result<DirGrant, String>,
) -> Vec<DirGrant> {
    let mut out = Vec::with_capacity(paths.len());
    for (index, path) in paths.iter().enumerate() {
        match read(path) {
            Ok(grant) => out.push(grant),
            Err(problem) => errors.push(GrantError {
                key,
                index,
                text: path.display().to_string(),
                problem,
            }),
        }
    }
    out
}
