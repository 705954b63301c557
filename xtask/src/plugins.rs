//! Building components: all in one cargo invocation, so that what they share is compiled once.

use anyhow::bail;
use clap::Args;

use crate::project::Project;
use crate::run::{cargo, run, step};
use crate::target::{self, TARGET};

/// Build the plugins as WebAssembly components.
#[derive(Debug, Args)]
pub struct BuildPlugins {
    /// Only this one; may be given again.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Those written for tests too.
    #[arg(long)]
    tests: bool,
}

/// Which components are built.
pub enum Which {
    /// Those in `plugins/`.
    Plugins,
    /// Those in `tests/plugins/` too.
    WithTests,
    /// Those named.
    Named(Vec<String>),
}

impl BuildPlugins {
    /// Builds, and says where each component is.
    pub fn run(self, project: &Project) -> anyhow::Result<()> {
        let which = match (self.only.is_empty(), self.tests) {
            (false, _) => Which::Named(self.only),
            (true, true) => Which::WithTests,
            (true, false) => Which::Plugins,
        };
        for name in build(project, &which)? {
            let file = project.component_file(&name);
            let size = std::fs::metadata(&file)?.len().div_ceil(1024);
            println!("{name:24} {size:6} KiB  {}", project.shown(&file));
        }
        Ok(())
    }
}

/// Builds and gives the names of what was built.
pub fn build(project: &Project, which: &Which) -> anyhow::Result<Vec<String>> {
    let names = chosen(project, which)?;
    target::ensure()?;
    step(&format!("building {} plugins for {TARGET}", names.len()));
    let mut command = cargo();
    command
        .current_dir(&project.root)
        .args(["build", "--profile", "plugin", "--target", TARGET]);
    for name in &names {
        command.args(["--package", name]);
    }
    run(&mut command)?;
    Ok(names)
}

fn chosen(project: &Project, which: &Which) -> anyhow::Result<Vec<String>> {
    let name = |package: &crate::project::Package| package.name.clone();
    let mut known: Vec<String> = project
        .components("plugins")
        .into_iter()
        .map(name)
        .collect();
    if !matches!(which, Which::Plugins) {
        known.extend(project.components("tests/plugins").into_iter().map(name));
    }
    let Which::Named(wanted) = which else {
        return Ok(known);
    };
    if let Some(unknown) = wanted.iter().find(|wanted| !known.contains(wanted)) {
        bail!(
            "there is no plugin `{unknown}`; there are {}",
            known.join(", ")
        );
    }
    Ok(wanted.clone())
}
