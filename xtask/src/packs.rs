//! The demo's packs: built from `packs/<name>/` and signed with a development key that never leaves this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::host::{Profile, binary};
use crate::project::Project;
use crate::run::{run, step};

/// The private key, below the repository's folder; its public half, which the demo's bundle trusts, has `.pub` added.
const KEY: &str = ".greentic/dev-key";

/// Builds and signs every pack. Plugins and `greentic-pack` are there already.
pub fn build(project: &Project, profile: Profile) -> anyhow::Result<()> {
    let tool = binary(project, "greentic-pack", profile);
    key(project, &tool)?;
    step("building and signing the packs");
    for folder in folders(project)? {
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .context("a pack's folder has no name")?
            .to_owned();
        let out = format!("packs/{name}.gtpack");
        let mut command = Command::new(&tool);
        command
            .current_dir(&project.root)
            .arg("build")
            .arg(Path::new("packs").join(&name))
            .args(["--out", &out, "--key", KEY]);
        for component in components(project, &folder)? {
            let file = project.component_file(&component);
            command
                .arg("--component")
                .arg(format!("{component}={}", file.display()));
        }
        run(&mut command)?;
    }
    Ok(())
}

/// A key of one's own for each clone: nothing signed with it is worth anything elsewhere.
fn key(project: &Project, tool: &Path) -> anyhow::Result<()> {
    let private = project.root.join(KEY);
    let public = project.root.join(format!("{KEY}.pub"));
    match (private.exists(), public.exists()) {
        (true, true) => return Ok(()),
        (false, false) => {}
        _ => bail!(
            "half of the development key is missing: remove {KEY} and {KEY}.pub, and they are made anew"
        ),
    }
    step("making a development key to sign packs with");
    let folder = private.parent().context("the key has no folder")?;
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    run(Command::new(tool)
        .current_dir(&project.root)
        .args(["keygen", "--out", KEY]))
}

fn folders(project: &Project) -> anyhow::Result<Vec<PathBuf>> {
    let packs = project.root.join("packs");
    let entries = std::fs::read_dir(&packs).with_context(|| packs.display().to_string())?;
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.join("pack.yaml").is_file() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// The names under `components:` in a pack.yaml. `greentic-pack` reads that file properly and refuses what does not fit;
/// here only the names of our own four files are needed, and a YAML parser would double what a fresh machine compiles first.
fn components(project: &Project, folder: &Path) -> anyhow::Result<Vec<String>> {
    let path = folder.join("pack.yaml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let names = names(&text);
    for name in &names {
        if !project.component_file(name).is_file() {
            bail!(
                "{} names the component `{name}`, which is not built: there is no plugin of that name in plugins/",
                project.shown(&path)
            );
        }
    }
    Ok(names)
}

fn names(text: &str) -> Vec<String> {
    text.lines()
        .skip_while(|line| line.trim_end() != "components:")
        .skip(1)
        .take_while(|line| line.starts_with(' ') || line.trim().is_empty() || line.starts_with('#'))
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with([' ', '#']))
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn the_names_of_components_are_read_and_nothing_else() {
        let text = "id: a/b\ncomponents:\n  one:\n    requests: { read: [/x] }\n\n  # two is last\n  two-three:   # note\nsecrets:\n  four: x\n";
        assert_eq!(names(text), ["one", "two-three"]);
        assert!(names("id: a/b\nflows: [x]\n").is_empty());
    }
}
