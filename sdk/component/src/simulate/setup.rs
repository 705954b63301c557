//! What a bundle must have so that its channel speaks to the simulation.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use greentic_conformance::platform::Profile;

/// The lines for the bundle, and the secrets.
pub fn lines(name: &str, profile: &Profile, reveal: &[&str]) -> String {
    let mut text = String::new();
    let secrets: Vec<_> = profile
        .secrets
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let hosts: Vec<_> = profile
        .http
        .iter()
        .map(|host| format!("\"{host}\""))
        .collect();
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "# The simulated platform `{name}` is at {}. A channel speaks to it with these lines in the bundle:\n\
         #   plugins:\n\
         #     {name}:\n\
         #       component: {}\n\
         #       grants: {{ http: [{}], secrets: [{}], reveal: [{}] }}\n\
         #       config: {}\n\
         # and with these secrets, which are of no use anywhere else:\n",
        profile.http.first().map_or("", String::as_str),
        profile.component,
        hosts.join(", "),
        secrets.join(", "),
        reveal.join(", "),
        profile.config_tree(),
    );
    for (name, value) in &profile.secrets {
        let value = String::from_utf8_lossy(value);
        let first = value.lines().next().unwrap_or_default();
        let more = if value.lines().count() > 1 {
            " … (several lines)"
        } else {
            ""
        };
        let _ = writeln!(text, "#   {name} = {first}{more}");
    }
    text
}

/// Writes the secrets, a file each.
pub fn write_secrets(folder: &Path, profile: &Profile) -> anyhow::Result<()> {
    for (name, value) in &profile.secrets {
        ensure!(
            !name.split('/').any(|part| part == ".." || part.is_empty()),
            "the secret's name `{name}` is no path"
        );
        let path = folder.join(name);
        let parent = path.parent().context("a secret's file has a folder")?;
        std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        std::fs::write(&path, value).with_context(|| path.display().to_string())?;
        eprintln!("# wrote {}", path.display());
    }
    Ok(())
}
