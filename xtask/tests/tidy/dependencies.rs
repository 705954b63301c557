//! Who may depend on whom. A layer knows only the layers below it; what is pure knows no sandbox; a plugin knows no host crate.

use std::process::Command;

use serde_json::Value;

use crate::none;
use crate::sources::root;

/// The host's crates from the ground up.
const LAYERS: [&[&str]; 8] = [
    &["greentic-types", "greentic-diagnostics"],
    &[
        "greentic-telemetry",
        "greentic-interfaces",
        "greentic-config",
        "greentic-flow",
        "greentic-registry",
    ],
    &["greentic-sandbox", "greentic-pack"],
    &["greentic-session"],
    &["greentic-state", "greentic-mcp"],
    &["greentic-runner"],
    &["greentic-gateway"],
    &["greentic-host"],
];

/// Crates that work without a sandbox: in tools, most of them inside components too.
const PURE: [&str; 6] = [
    "greentic-types",
    "greentic-diagnostics",
    "greentic-config",
    "greentic-flow",
    "greentic-registry",
    "greentic-pack",
];

/// What only some crates may know.
const ONLY: [(&str, &[&str]); 3] = [
    ("wasmtime", &["greentic-interfaces", "greentic-sandbox"]),
    ("opentelemetry", &["greentic-telemetry"]),
    (
        "hyper",
        &[
            "greentic-sandbox",
            "greentic-gateway",
            "greentic-telemetry",
            "greentic-registry",
        ],
    ),
];

/// The one plugin that carries a host crate: the engine is that crate's interpreter.
const ENGINE: (&str, &str) = ("flow-engine", "greentic-flow");

struct Package {
    name: String,
    folder: String,
    /// Names of what is shipped with it: no dependencies of tests or build scripts.
    needs: Vec<String>,
}

fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let prefix = format!("{}/", root().display());
    let package = |value: &Value| {
        let needs = value["dependencies"].as_array().unwrap().iter();
        let manifest = value["manifest_path"].as_str().unwrap();
        Package {
            name: value["name"].as_str().unwrap().to_owned(),
            folder: manifest.strip_prefix(&prefix).unwrap().to_owned(),
            needs: needs
                .filter(|need| need["kind"].is_null())
                .map(|need| need["name"].as_str().unwrap().to_owned())
                .collect(),
        }
    };
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(package)
        .collect()
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

#[test]
fn every_host_crate_has_its_layer_and_knows_only_lower_ones() {
    let mut faults = Vec::new();
    for package in packages()
        .iter()
        .filter(|package| package.folder.starts_with("host/"))
    {
        let Some(own) = layer(&package.name) else {
            faults.push(format!("{}: has no layer here", package.name));
            continue;
        };
        for need in &package.needs {
            if layer(need).is_some_and(|other| other >= own) {
                faults.push(format!(
                    "{} depends on {need}, which is not below it",
                    package.name
                ));
            }
        }
    }
    none(&faults, "dependencies point downwards");
}

#[test]
fn what_is_pure_knows_no_sandbox() {
    let mut faults = Vec::new();
    for package in packages()
        .iter()
        .filter(|package| PURE.contains(&package.name.as_str()))
    {
        let impure =
            |need: &&String| need.starts_with("greentic-") && !PURE.contains(&need.as_str());
        faults.extend(
            package
                .needs
                .iter()
                .filter(impure)
                .map(|need| format!("{} depends on {need}", package.name)),
        );
    }
    none(&faults, "pure crates depend on pure crates");
}

#[test]
fn each_of_the_large_libraries_is_known_to_the_crates_that_are_there_for_it() {
    let mut faults = Vec::new();
    for package in packages()
        .iter()
        .filter(|package| package.folder.starts_with("host/"))
    {
        for (library, known_to) in ONLY {
            let knows = package.needs.iter().any(|need| need == library);
            if knows && !known_to.contains(&package.name.as_str()) {
                faults.push(format!(
                    "{} depends on {library}; only {} may",
                    package.name,
                    known_to.join(" and ")
                ));
            }
        }
    }
    none(&faults, "go through the crate that is there for it");
}

#[test]
fn a_plugin_knows_the_sdk_and_no_host_crate() {
    let mut faults = Vec::new();
    for package in packages()
        .iter()
        .filter(|package| package.folder.contains("plugins/"))
    {
        for need in package.needs.iter().filter(|need| layer(need).is_some()) {
            if (package.name.as_str(), need.as_str()) != ENGINE {
                faults.push(format!("{} depends on {need}", package.name));
            }
        }
    }
    none(&faults, "a plugin's only ground is the contract");
}

#[test]
fn every_package_takes_the_workspace_s_lints_and_licence() {
    let mut faults = Vec::new();
    for package in packages() {
        let text = std::fs::read_to_string(root().join(&package.folder)).unwrap();
        if !text.contains("[lints]\nworkspace = true") {
            faults.push(format!("{}: no `[lints] workspace = true`", package.folder));
        }
        if !text.contains("license.workspace = true") {
            faults.push(format!("{}: no `license.workspace = true`", package.folder));
        }
    }
    none(&faults, "every manifest inherits these");
}
