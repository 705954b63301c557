//! Faulty bundles and what is said of them: each `cases/NAME.yaml` has a `cases/NAME.txt` with every fault in its one-line
//! form, followed by its second places and its remedy. `UPDATE_EXPECTED=1` writes the expected texts anew, to be reviewed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use greentic_config::{Bundle, CellPolicy, FlowRef, KeySource, Origin};
use greentic_diagnostics::Source;

fn lookup(name: &str) -> Option<String> {
    match name {
        "ADMIN_TOKEN" => Some("t0ken-of-the-test".to_owned()),
        "NOT_A_BOOL" => Some("hunter2".to_owned()),
        _ => None,
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

fn faults(text: &str) -> String {
    let source = Source::new("bundle.yaml", text);
    let found = match Bundle::parse(&source, Path::new("/bundle"), lookup) {
        Ok(loaded) => loaded.warnings,
        Err(found) => found,
    };
    assert!(
        !found.render(false).contains("hunter2"),
        "a value from outside is never shown"
    );
    let mut out = String::new();
    for one in &found {
        out.push_str(&format!("{one}\n"));
        for more in &one.related {
            let at = more.span.start;
            out.push_str(&format!(
                "    also {}:{}: {}
",
                at.line, at.column, more.label
            ));
        }
        if let Some(help) = &one.help {
            out.push_str(&format!("    help: {help}\n"));
        }
    }
    out
}

#[test]
fn every_faulty_bundle_is_told_its_faults_places_and_remedies() {
    let mut names: Vec<_> = std::fs::read_dir(folder("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    names.sort();
    assert!(names.len() >= 40, "{} cases", names.len());
    let mut wrong = String::new();
    for path in names {
        let seen = faults(&std::fs::read_to_string(&path).unwrap());
        let expected = path.with_extension("txt");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&expected, &seen).unwrap();
        }
        let wanted = std::fs::read_to_string(&expected).unwrap_or_default();
        if seen != wanted || seen.is_empty() {
            writeln!(
                wrong,
                "{}\n--- expected\n{wanted}--- seen\n{seen}",
                path.display()
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_bundle_an_operator_writes_first_loads_whole() {
    let path = folder("bundles").join("operator.yaml");
    let loaded = Bundle::load(&path, |name| {
        (name == "GREENTIC_ADMIN_TOKEN").then(|| "t0ken".to_owned())
    })
    .unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let bundle = &loaded.bundle;
    assert_eq!(bundle.env.as_str(), "dev");
    assert_eq!(bundle.admin.as_ref().unwrap().token.reveal(), "t0ken");
    assert!(!format!("{bundle:?}").contains("t0ken"));
    assert!(
        matches!(bundle.trust.keys["demo"].key.value, KeySource::Ed25519(key) if key[0] == 0x19)
    );
    let slack = &bundle.plugins["slack"];
    assert_eq!(
        slack.from.value,
        Origin::Oci("registry.example/greentic/channel-slack:1.4".to_owned())
    );
    assert_eq!(slack.grants.http[1].value.to_string(), "files.slack.com");
    assert_eq!(
        (slack.limits.memory, slack.limits.cpu_per_call.as_millis()),
        (32 << 20, 50)
    );
    assert_eq!(
        slack.limits.instances, 16,
        "what is not said keeps its default"
    );
    assert_eq!(
        bundle.plugins["env-file"].grants.read[0].value,
        folder("bundles").join("secrets")
    );
    assert_eq!(
        bundle.plugins["redis"].config.value["url"],
        "redis://127.0.0.1:6379"
    );
    assert_eq!(
        bundle.bindings.secrets.as_ref().unwrap().as_str(),
        "env-file"
    );
    let team = &bundle.tenants["demo"].teams["default"];
    assert_eq!(team.tools[0].as_str(), "tickets");
    assert!(team.channels["web"].enabled && !team.channels["slack"].enabled);
    assert_eq!(
        team.channels["web"].flow.value.to_string(),
        "helpdesk/welcome"
    );
    assert_eq!(
        team.channels["slack"].failure_text,
        "Sorry, that did not work. We have been told."
    );
    let fault = loaded.error(
        slack.from.span,
        "unreachable",
        "the registry does not answer",
    );
    assert!(
        fault.to_string().contains(":14:22: error[unreachable]"),
        "{fault}"
    );
}

#[test]
fn a_tenant_inherits_what_it_does_not_say() {
    let path = folder("bundles").join("complete.yaml");
    let loaded = Bundle::load(&path, |name| {
        (name == "ADMIN_TOKEN").then(|| "t0ken".to_owned())
    })
    .unwrap();
    let bundle = &loaded.bundle;
    assert_eq!(
        bundle.public_url.as_ref().unwrap().value,
        "https://chat.example.com"
    );
    assert_eq!(
        bundle.plugins["chat"].policy.as_ref().unwrap().value,
        CellPolicy::PerCall
    );
    let tenant = &bundle.tenants["demo"];
    let limits = tenant.limits_of(&bundle.plugins["chat"]);
    assert_eq!(
        (limits.memory, limits.instances),
        (16 << 20, 16),
        "lowered, and the rest as it is"
    );
    assert_eq!(tenant.quota.burst, 10);
    assert_eq!(
        tenant.quota.events_per_second,
        bundle.limits.quota.events_per_second
    );
    assert_eq!(tenant.defaults.locale, "fr");
    assert!(
        tenant.teams["default"].tools.is_empty(),
        "the tenant has it already"
    );
    let channel = &tenant.teams["default"].channels["web"];
    assert_eq!(
        (channel.locale.as_str(), channel.failure_text.as_str()),
        ("en", "Oh.")
    );
    assert!(
        matches!(&channel.rules[0].flow.value, FlowRef::Plugin(plugin) if plugin.as_str() == "greeter")
    );
}

#[test]
fn a_file_that_cannot_be_read_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Bundle::load(&folder.path().join("none.yaml"), lookup)
        .unwrap_err()
        .to_string();
    assert!(
        missing.contains("none.yaml: error[unreadable]: the bundle cannot be read"),
        "{missing}"
    );
    let not_a_file = Bundle::load(folder.path(), lookup).unwrap_err().to_string();
    assert!(not_a_file.contains("this is not a bundle"), "{not_a_file}");
    let binary = folder.path().join("binary.yaml");
    std::fs::write(&binary, [0xff, 0xfe]).unwrap();
    let binary = Bundle::load(&binary, lookup).unwrap_err().to_string();
    assert!(binary.contains("not UTF-8"), "{binary}");
}

#[test]
fn a_fault_is_drawn_with_its_line_and_place() {
    let text = std::fs::read_to_string(folder("cases").join("provider-dangling.yaml")).unwrap();
    let found = Bundle::parse(&Source::new("demo.yaml", text), Path::new("."), lookup).unwrap_err();
    let drawn = found.render(false);
    assert!(
        drawn.contains("{ provider: webchta, flow: helpdesk/welcome }\n"),
        "{drawn}"
    );
    assert!(drawn.contains("                 ^^^^^^^\n"), "{drawn}");
    assert!(drawn.ends_with("1 error"), "{drawn}");
}

#[test]
fn a_bundle_of_ten_thousand_tenants_loads() {
    let mut text = std::fs::read_to_string(folder("bundles").join("operator.yaml")).unwrap();
    for tenant in 0..10_000 {
        text.push_str(&format!(
            "  t{tenant}:\n    teams:\n      default:\n        channels:\n          \
             web: {{ provider: webchat, flow: helpdesk/welcome, config: {{ title: \"Hilfe für {tenant}\" }} }}\n"
        ));
    }
    let read = Bundle::parse(&Source::new("b.yaml", text), Path::new("/b"), |name| {
        (name == "GREENTIC_ADMIN_TOKEN").then(|| "t0ken".to_owned())
    })
    .unwrap();
    assert_eq!(read.bundle.tenants.len(), 10_001);
}
