//! Credentials as the Docker configuration keeps them: in `config.json`, or behind a helper program.
//!
//! `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. A helper of the registry (`credHelpers`) comes before the general one
//! (`credsStore`), and both before what stands in the file (`auths`).

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use zeroize::Zeroizing;

/// How long a helper may take: it may ask a service on the network.
const HELPER: Duration = Duration::from_secs(30);
/// What Docker calls its own registry in its configuration.
const HUB: &str = "https://index.docker.io/v1/";
/// A file larger than this is no configuration.
const LARGEST: u64 = 1024 * 1024;

/// What is shown to a registry.
#[derive(Clone)]
pub enum Credentials {
    /// Name and password.
    Password {
        /// The name.
        username: String,
        /// The password.
        password: Zeroizing<String>,
    },
    /// A token that is exchanged for others.
    Identity(Zeroizing<String>),
    /// A token as it is.
    Bearer(Zeroizing<String>),
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Credentials and where they are from, for messages.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) credentials: Credentials,
    pub(crate) whence: String,
}

/// Where the Docker configuration lies.
#[derive(Debug, Clone, Default)]
pub struct DockerConfig {
    file: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct File {
    auths: HashMap<String, Entry>,
    creds_store: String,
    cred_helpers: HashMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

impl DockerConfig {
    /// By the environment: `DOCKER_CONFIG`, else `HOME`.
    #[must_use]
    pub fn of_environment(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name| {
            env(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let folder = set("DOCKER_CONFIG").or_else(|| Some(set("HOME")?.join(".docker")));
        Self {
            file: folder.map(|folder| folder.join("config.json")),
        }
    }

    /// The credentials for a registry; none when nothing is said of it.
    ///
    /// # Errors
    /// A sentence: the file or a helper cannot be used.
    pub(crate) async fn of(&self, registry: &str) -> Result<Option<Found>, String> {
        let Some(path) = &self.file else {
            return Ok(None);
        };
        let shown = path.display();
        let bytes = match tokio::fs::metadata(path).await {
            Ok(metadata) if metadata.len() > LARGEST => {
                return Err(format!("{shown} is larger than {LARGEST} bytes"));
            }
            Ok(_) => Zeroizing::new(
                tokio::fs::read(path)
                    .await
                    .map_err(|error| format!("{shown} cannot be read: {error}"))?,
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{shown} cannot be read: {error}")),
        };
        let file: File = serde_json::from_slice(&bytes)
            .map_err(|error| format!("{shown} is not a Docker configuration: {error}"))?;
        let server = if is_hub(registry) { HUB } else { registry };
        let of_registry = file
            .cred_helpers
            .iter()
            .find(|(name, _)| names(name, registry));
        let helper = of_registry.map_or(file.creds_store.as_str(), |(_, helper)| helper);
        if !helper.is_empty()
            && let Some(credentials) = ask(helper, server).await?
        {
            let whence = format!("those of `docker-credential-{helper}`");
            return Ok(Some(Found {
                credentials,
                whence,
            }));
        }
        let entry = file.auths.iter().find(|(name, _)| names(name, registry));
        let Some((_, entry)) = entry else {
            return Ok(None);
        };
        let credentials = entry
            .credentials()
            .map_err(|reason| format!("{shown}: the entry of `{registry}` {reason}"))?;
        Ok(credentials.map(|credentials| Found {
            credentials,
            whence: format!("those of {shown}"),
        }))
    }
}

impl Entry {
    fn credentials(&self) -> Result<Option<Credentials>, &'static str> {
        let text = |text: &str| Zeroizing::new(text.to_owned());
        if !self.registrytoken.is_empty() {
            return Ok(Some(Credentials::Bearer(text(&self.registrytoken))));
        }
        if !self.identitytoken.is_empty() {
            return Ok(Some(Credentials::Identity(text(&self.identitytoken))));
        }
        if self.auth.is_empty() {
            let named = !self.username.is_empty();
            return Ok(named.then(|| Credentials::Password {
                username: self.username.clone(),
                password: text(&self.password),
            }));
        }
        let bytes = STANDARD
            .decode(self.auth.trim())
            .map_err(|_| "has an `auth` that is not base64")?;
        let pair =
            Zeroizing::new(String::from_utf8(bytes).map_err(|_| "has an `auth` that is no text")?);
        let (username, password) = pair.split_once(':').ok_or("has an `auth` without a `:`")?;
        Ok(Some(Credentials::Password {
            username: username.to_owned(),
            // Docker once wrote zero bytes behind it.
            password: text(password.trim_end_matches('\0')),
        }))
    }
}

/// Whether a key of the configuration, a host or an URL, means this registry.
fn names(key: &str, registry: &str) -> bool {
    let host = key.split_once("://").map_or(key, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    host == registry || (is_hub(host) && is_hub(registry))
}

/// Whether it is one of the names of Docker's own registry.
pub(crate) fn is_hub(host: &str) -> bool {
    ["docker.io", "index.docker.io", "registry-1.docker.io"].contains(&host)
}

/// Asks a helper program, by the protocol of docker-credential-helpers: the server on its input, JSON on its output.
async fn ask(helper: &str, server: &str) -> Result<Option<Credentials>, String> {
    let holds = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !helper.bytes().all(holds) {
        return Err(format!("`{helper}` is not the name of a credential helper"));
    }
    ask_program(&format!("docker-credential-{helper}"), server).await
}

async fn ask_program(program: &str, server: &str) -> Result<Option<Credentials>, String> {
    let asked = async {
        let mut child = Command::new(program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // One that needs no input may have closed it.
            let _ = input.write_all(server.as_bytes()).await;
        }
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(HELPER, asked)
        .await
        .map_err(|_| format!("{program} did not answer within {} s", HELPER.as_secs()))?
        .map_err(|error: std::io::Error| format!("{program} cannot be run: {error}"))?;
    let text = Zeroizing::new(output.stdout);
    if !output.status.success() {
        let said = String::from_utf8_lossy(&text);
        // The helpers' library has this sentence for "nothing is known of that server".
        if said.contains("credentials not found") {
            return Ok(None);
        }
        let said: String = said.trim().chars().take(200).collect();
        return Err(format!("{program} ended with {}: {said}", output.status));
    }
    // No word of its output is shown: it holds a secret.
    let helped: Helped = serde_json::from_slice(&text)
        .map_err(|_| format!("{program} answered with something else than credentials"))?;
    let secret = Zeroizing::new(helped.secret);
    Ok(Some(if helped.username == "<token>" {
        Credentials::Identity(secret)
    } else {
        Credentials::Password {
            username: helped.username,
            password: secret,
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    async fn of(text: &str, registry: &str) -> Result<Option<(String, String)>, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), text).unwrap();
        let folder = folder.path().to_str().unwrap().to_owned();
        let config =
            DockerConfig::of_environment(&|name| (name == "DOCKER_CONFIG").then(|| folder.clone()));
        Ok(config
            .of(registry)
            .await?
            .map(|found| match found.credentials {
                Credentials::Password { username, password } => (username, password.to_string()),
                Credentials::Identity(token) => ("identity".into(), token.to_string()),
                Credentials::Bearer(token) => ("bearer".into(), token.to_string()),
            }))
    }

    fn pair(name: &str, password: &str) -> Result<Option<(String, String)>, String> {
        Ok(Some((name.into(), password.into())))
    }

    #[tokio::test]
    async fn an_entry_is_found_by_host_and_by_url() {
        let text = format!(
            r#"{{"auths":{{"a.example:5000":{{"auth":"{}"}},"https://b.example/v1/":{{"username":"u","password":"p"}},
            "{HUB}":{{"auth":"{}","email":"x"}},"c.example":{{"identitytoken":"t","auth":"dTo="}},"d.example":{{"registrytoken":"r"}},"e.example":{{}}}},"HttpHeaders":{{}}}}"#,
            STANDARD.encode("me:se:cret"),
            STANDARD.encode("hub:pw"),
        );
        assert_eq!(of(&text, "a.example:5000").await, pair("me", "se:cret"));
        assert_eq!(of(&text, "a.example").await, Ok(None));
        assert_eq!(of(&text, "b.example").await, pair("u", "p"));
        assert_eq!(of(&text, "docker.io").await, pair("hub", "pw"));
        assert_eq!(of(&text, "c.example").await, pair("identity", "t"));
        assert_eq!(of(&text, "d.example").await, pair("bearer", "r"));
        assert_eq!(of(&text, "e.example").await, Ok(None));
    }

    #[tokio::test]
    async fn a_damaged_configuration_is_said_to_be_one_without_its_secrets() {
        let refused = of(
            r#"{"auths":{"a.example":{"auth":"%%secret"}}}"#,
            "a.example",
        )
        .await
        .unwrap_err();
        assert!(
            refused.contains("not base64") && !refused.contains("secret"),
            "{refused}"
        );
        assert!(
            of("{", "a.example")
                .await
                .unwrap_err()
                .contains("is not a Docker configuration")
        );
        assert!(
            of(r#"{"credsStore":"../x"}"#, "a.example")
                .await
                .unwrap_err()
                .contains("not the name of a credential helper")
        );
        let missing = of(r#"{"credsStore":"not-installed-anywhere"}"#, "a.example")
            .await
            .unwrap_err();
        assert!(
            missing.contains("docker-credential-not-installed-anywhere cannot be run"),
            "{missing}"
        );
    }

    #[tokio::test]
    async fn helpers_are_asked_for_their_registries() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("docker-credential-greentic-test");
        std::fs::write(
            &program,
            "#!/bin/sh\nread server\ncase $server in\n a.example) echo '{\"ServerURL\":\"a.example\",\"Username\":\"u\",\"Secret\":\"s\"}';;\n t.example) echo '{\"Username\":\"<token>\",\"Secret\":\"s\"}';;\n odd.example) echo secret;;\n bad.example) echo broken; exit 2;;\n *) echo 'credentials not found in native keychain'; exit 1;; esac\n",
        )
        .unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let full = program.to_str().unwrap().to_owned();
        let asked = async |server: &str| ask_program(&full, server).await;
        assert!(matches!(
            asked("a.example").await,
            Ok(Some(Credentials::Password { .. }))
        ));
        assert!(matches!(
            asked("t.example").await,
            Ok(Some(Credentials::Identity(_)))
        ));
        assert!(matches!(asked("none.example").await, Ok(None)));
        assert!(asked("bad.example").await.unwrap_err().contains("broken"));
        let odd = asked("odd.example").await.unwrap_err();
        assert!(!odd.contains("secret"), "{odd}");
    }
}
