//! `push` and `pull`: packs and components in registries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use greentic_pack::{Keyring, Pack, Policy, shape};
use greentic_registry::{
    Artifact, Client, Digest, DockerConfig, Fetched, Fetcher, Interfaces, Kind, Limits, Reference,
    Registry, RegistryError, Tell, size_of,
};
use serde_json::{Value, json};

use super::create::write_whole;
use super::print;
use super::verify::open_untrusted;

/// How a registry is spoken to, and how the outcome is shown.
#[derive(Debug, clap::Args)]
pub(super) struct How {
    /// Speak plain http; only to a registry on this machine.
    #[arg(long)]
    insecure: bool,
    /// A PEM file with certificate authorities beside the public ones.
    #[arg(long, value_name = "FILE")]
    authorities: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl How {
    /// Credentials are those of the Docker configuration.
    fn client(&self, reference: &Reference) -> anyhow::Result<Client> {
        let authorities = match &self.authorities {
            Some(path) => Some(std::fs::read(path).with_context(|| path.display().to_string())?),
            None => None,
        };
        let registry = Registry {
            host: reference.registry().to_owned(),
            insecure: self.insecure,
            credentials: None,
            authorities,
        };
        let docker = DockerConfig::of_environment(&|name| std::env::var(name).ok());
        Client::new(Limits::default(), vec![registry], docker).map_err(|reason| anyhow!(reason))
    }

    /// Whether scripts read it.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// What a registry has.
    pub(super) fn fetch(&self, reference: &Reference) -> anyhow::Result<Fetched> {
        let client = Arc::new(self.client(reference)?);
        let fetcher = Fetcher::new(client, None, false, telling());
        wait(fetcher.fetch(reference))
    }

    fn show(&self, what: &Shown) {
        if self.json {
            print::line(&format!("{:#}", what.in_json()));
        } else {
            what.in_lines().iter().for_each(|line| print::line(line));
        }
    }
}

/// What was pushed or pulled.
struct Shown {
    done: &'static str,
    reference: Reference,
    manifest: Digest,
    kind: Kind,
    /// Id, version and signers of a pack.
    pack: Option<(String, String, String)>,
    digest: Digest,
    size: u64,
    file: PathBuf,
}

impl Shown {
    fn in_json(&self) -> Value {
        json!({
            "reference": self.reference.to_string(),
            "pinned": self.reference.at(self.manifest).to_string(),
            "manifest": self.manifest.to_string(),
            "kind": self.kind.as_str(),
            "id": self.pack.as_ref().map(|pack| &pack.0),
            "version": self.pack.as_ref().map(|pack| &pack.1),
            "digest": self.digest.to_string(),
            "size": self.size,
            "file": self.file.display().to_string(),
        })
    }

    fn in_lines(&self) -> Vec<String> {
        let row = |name: &str, value: &str| format!("{name:<9} {value}");
        let mut lines = vec![row(self.done, &self.reference.to_string())];
        if let Some((id, version, trust)) = &self.pack {
            lines.push(row("pack", &format!("{id} {version}, {trust}")));
        }
        let file = format!("{}, {}", self.file.display(), size_of(self.size));
        lines.push(row(
            if self.pack.is_some() {
                "file"
            } else {
                "component"
            },
            &file,
        ));
        lines.push(row("digest", &self.digest.to_string()));
        lines.push(row("pinned", &self.reference.at(self.manifest).to_string()));
        lines
    }
}

/// Puts a file into a registry.
pub(super) fn push(file: &Path, reference: &Reference, how: &How) -> anyhow::Result<ExitCode> {
    let component = file
        .extension()
        .is_some_and(|extension| extension == "wasm");
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let (artifact, pack) = if component {
        let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
        let shape = shape(&bytes).with_context(|| file.display().to_string())?;
        let interfaces = Interfaces {
            exports: shape.exports,
            imports: shape.imports,
        };
        let artifact = Artifact::component(bytes.into(), &name, &interfaces, BTreeMap::new())?;
        (artifact, None)
    } else {
        let pack = open_untrusted(file)?;
        let annotations = [
            ("title", pack.id().to_string()),
            ("version", pack.version().to_string()),
        ]
        .map(|(key, value)| (format!("org.opencontainers.image.{key}"), value));
        let bytes = pack.bytes().to_vec().into();
        let artifact = Artifact::pack(bytes, &name, annotations.into())?;
        (artifact, Some(pack))
    };
    if let Some(wanted) = reference
        .digest()
        .filter(|wanted| *wanted != artifact.digest())
    {
        bail!(
            "{} has digest {} as an artifact, not {wanted}: name a tag instead",
            file.display(),
            artifact.digest()
        );
    }
    let client = how.client(reference)?;
    let manifest = wait(client.push(reference, &artifact, &telling()))?;
    let (layer, _) = artifact
        .blobs
        .last()
        .context("an artifact without a layer")?;
    how.show(&Shown {
        done: "pushed",
        reference: reference.clone(),
        manifest,
        kind: if component {
            Kind::Component
        } else {
            Kind::Pack
        },
        pack: pack.as_ref().map(of_pack),
        digest: layer.digest,
        size: layer.size,
        file: file.to_owned(),
    });
    Ok(ExitCode::SUCCESS)
}

/// Writes what a registry has to a file. That a pack is whole is checked; who may sign it is for the bundle to say.
pub(super) fn pull(reference: &Reference, out: &Path, how: &How) -> anyhow::Result<ExitCode> {
    let fetched = how.fetch(reference)?;
    let pack = match fetched.kind {
        Kind::Pack => {
            let policy = Policy::allow_unsigned(Keyring::new());
            let name = reference.to_string();
            Some(Pack::open_named(&name, fetched.bytes.clone(), &policy)?)
        }
        Kind::Component => {
            shape(&fetched.bytes).with_context(|| reference.to_string())?;
            None
        }
    };
    write_whole(out, &fetched.bytes)?;
    how.show(&Shown {
        done: "pulled",
        reference: reference.clone(),
        manifest: fetched.manifest,
        kind: fetched.kind,
        pack: pack.as_ref().map(of_pack),
        digest: fetched.digest,
        size: u64::try_from(fetched.bytes.len()).unwrap_or(u64::MAX),
        file: out.to_owned(),
    });
    Ok(ExitCode::SUCCESS)
}

fn of_pack(pack: &Pack) -> (String, String, String) {
    let trust = pack.trust().to_string();
    (pack.id().to_string(), pack.version().to_string(), trust)
}

fn telling() -> Tell {
    Arc::new(|line| {
        use std::io::Write as _;
        // Somebody who does not read it waits without.
        let _ = writeln!(std::io::stderr(), "{line}");
    })
}

fn wait<T>(work: impl Future<Output = Result<T, RegistryError>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the system gives no runtime")?;
    let done = runtime.block_on(work);
    done.map_err(|error| anyhow!("{error}; {}", error.remedy()))
}
