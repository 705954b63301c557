//! `pack.yaml`: what an author writes. Read with places, so that each fault is shown where it stands, all at once.

use greentic_diagnostics::{Node, Report, Span, Spanned, Table, yaml};
use semver::{Version, VersionReq};

use crate::manifest::{PackKind, Requests, SecretRequirement, is_component_name, is_secret_name};
use crate::pack_id::PackId;

/// A `pack.yaml` as read. Absent lists mean the defaults of the folder.
pub(super) struct PackSource {
    pub(super) id: PackId,
    pub(super) version: Version,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) publisher: Option<String>,
    pub(super) kind: PackKind,
    pub(super) components: Option<Vec<ComponentLine>>,
    pub(super) flows: Option<Vec<Spanned<String>>>,
    pub(super) assets: Option<Vec<Spanned<String>>>,
    pub(super) dependencies: Vec<(PackId, VersionReq)>,
    pub(super) secrets: Vec<SecretRequirement>,
}

/// A component as `pack.yaml` names it.
pub(super) struct ComponentLine {
    pub(super) name: Spanned<String>,
    /// Path of the file; `components/<name>.wasm` unless given.
    pub(super) file: Option<Spanned<String>>,
    pub(super) version: Option<Version>,
    pub(super) requests: Requests,
    pub(super) config_schema: Option<Spanned<String>>,
}

/// Reads `pack.yaml`. Faults go to the report; without an id or version there is nothing to go on with.
pub(super) fn read(report: &Report) -> Option<PackSource> {
    let root = yaml::read(report)?;
    let table = Table::new(&root, report)?;
    let id = table
        .required_str("id")
        .and_then(|id| parsed::<PackId>(report, &id, "bad-id"));
    let version = table
        .required_str("version")
        .and_then(|text| version(report, &text));
    let name = table.str("name").map(|text| text.value);
    let description = table.str("description").map(|text| text.value);
    let publisher = table.str("publisher").map(|text| text.value);
    let kind = table
        .choice("kind", &PackKind::NAMES)
        .and_then(|kind| PackKind::named(kind.value));
    let components = table.map("components").map(|entries| {
        entries
            .into_iter()
            .filter_map(|(name, node)| component(report, name, node))
            .collect()
    });
    let flows = table.strings("flows");
    let assets = table.strings("assets");
    let dependencies = table.map("dependencies").unwrap_or_default();
    let dependencies = dependencies
        .into_iter()
        .filter_map(|(id, node)| dependency(report, &id, node))
        .collect();
    let secrets = table.map("secrets").unwrap_or_default();
    let secrets = secrets
        .into_iter()
        .filter_map(|(name, node)| secret(report, &name, node))
        .collect();
    table.finish();
    Some(PackSource {
        id: id?,
        version: version?,
        name,
        description,
        publisher,
        kind: kind.unwrap_or(PackKind::Application),
        components,
        flows,
        assets,
        dependencies,
        secrets,
    })
}

/// `name: path` or `name: {file, version, requests, config-schema}` or `name:` alone for the default path.
fn component(report: &Report, name: Spanned<String>, node: &Node) -> Option<ComponentLine> {
    if !is_component_name(&name.value) {
        report
            .error(
                name.span,
                "bad-name",
                format!("`{}` is not a component's name", name.value),
            )
            .help("use small letters, digits and `-`, first a letter: `channel-webchat`");
        return None;
    }
    let mut line = ComponentLine {
        name,
        file: None,
        version: None,
        requests: Requests::default(),
        config_schema: None,
    };
    if node.as_str().is_some() {
        line.file = node.expect_string(report);
    } else if !node.to_json().is_null() {
        let table = Table::new(node, report)?;
        line.file = table.str("file");
        line.version = table.str("version").and_then(|text| version(report, &text));
        line.config_schema = table.str("config-schema");
        if let Some(requests) = table.table("requests") {
            line.requests = self::requests(report, requests);
        }
        table.finish();
    }
    Some(line)
}

fn requests(report: &Report, table: Table<'_, '_>) -> Requests {
    let list = |key: &str| -> Vec<Spanned<String>> { table.strings(key).unwrap_or_default() };
    let plain = |key: &str| list(key).into_iter().map(|one| one.value).collect();
    let secrets = |key: &str| {
        let sound = |one: &Spanned<String>| secret_name(report, one).is_some();
        list(key)
            .into_iter()
            .filter(sound)
            .map(|one| one.value)
            .collect()
    };
    let requests = Requests {
        http: plain("http"),
        tcp: plain("tcp"),
        udp: plain("udp"),
        secrets: secrets("secrets"),
        reveal: secrets("reveal"),
        read: plain("read"),
        write: plain("write"),
        env: plain("env"),
    };
    table.finish();
    requests
}

fn dependency(report: &Report, id: &Spanned<String>, node: &Node) -> Option<(PackId, VersionReq)> {
    let id = parsed::<PackId>(report, id, "bad-id");
    let text = node.expect_string(report)?;
    match VersionReq::parse(&text.value) {
        Ok(range) => Some((id?, range)),
        Err(error) => {
            report
                .error(
                    text.span,
                    "bad-range",
                    format!("`{}` is not a range of versions: {error}", text.value),
                )
                .help("write a range such as `^1.2`, `>=1.2, <2` or `=1.2.3`");
            None
        }
    }
}

/// `name: description` or `name: {description, required}`.
fn secret(report: &Report, name: &Spanned<String>, node: &Node) -> Option<SecretRequirement> {
    let sound = secret_name(report, name);
    let (description, required) = if node.as_str().is_some() {
        (node.expect_string(report), None)
    } else {
        let table = Table::new(node, report)?;
        let read = (table.str("description"), table.bool("required"));
        table.finish();
        read
    };
    Some(SecretRequirement {
        name: sound?,
        description: description.map(|text| text.value).unwrap_or_default(),
        required: required.is_none_or(|required| required.value),
    })
}

fn secret_name(report: &Report, name: &Spanned<String>) -> Option<String> {
    if is_secret_name(&name.value) {
        return Some(name.value.clone());
    }
    report
        .error(name.span, "bad-name", format!("`{}` is not a secret's name", name.value))
        .help("use segments of letters, digits, `_`, `-` and `.`, separated by `/`: `webchat/signing-key`");
    None
}

fn version(report: &Report, text: &Spanned<String>) -> Option<Version> {
    match Version::parse(&text.value) {
        Ok(version) => Some(version),
        Err(error) => {
            report
                .error(
                    text.span,
                    "bad-version",
                    format!("`{}` is not a version: {error}", text.value),
                )
                .help("write three numbers: `1.0.0`");
            None
        }
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    report: &Report,
    text: &Spanned<String>,
    code: &'static str,
) -> Option<T> {
    text.value
        .parse()
        .map_err(|error: T::Err| at(report, text.span, code, &error))
        .ok()
}

fn at(report: &Report, span: Span, code: &'static str, error: &dyn std::fmt::Display) {
    report.error(span, code, error.to_string());
}
