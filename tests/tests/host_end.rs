//! The end of a host and its next start.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::sync::Mutex;

use greentic_tests::host::Host;
use greentic_tests::host::folder::Folder;
use greentic_tests::host::web::Web;

#[test]
fn incident_06_what_was_acknowledged_is_answered_though_the_host_is_stopped_meanwhile() {
    let folder = Folder::of("talk");
    let host = Host::start(&folder);
    // The flow has the channel write a file for each reply it delivers, which is there after the end.
    let hook = format!(
        "{}/v1/messaging/ingress/bad/demo/default/bad/say",
        host.origin
    );
    let acknowledged = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for sender in 0..4 {
            let (acknowledged, hook) = (&acknowledged, &hook);
            scope.spawn(move || {
                let web = Web::new();
                for number in 0.. {
                    let (id, conversation) = (format!("{sender}-{number}"), number % 7);
                    let url = format!(
                        "{hook}?id={id}&conversation=c{conversation}&text=say:write?path=/sent/{id}"
                    );
                    match web.attempt("POST", &url, &[], b"x") {
                        Ok(answer) if answer.status == 200 => {
                            acknowledged.lock().unwrap().insert(id);
                        }
                        Ok(answer) => assert_eq!(answer.problem(), 503),
                        // The listener is closed, and with it this connection.
                        Err(_) => break,
                    }
                }
            });
        }
        while acknowledged.lock().unwrap().len() < 100 {
            std::thread::yield_now();
        }
        host.terminate();
    });
    let ended = host.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
    let sent: BTreeSet<String> = std::fs::read_dir(folder.path().join("sent"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let acknowledged = acknowledged.into_inner().unwrap();
    let lost: Vec<_> = acknowledged.difference(&sent).collect();
    assert!(
        lost.is_empty(),
        "of {} acknowledged messages {lost:?} were lost",
        acknowledged.len()
    );
    let errors = ended
        .log
        .iter()
        .filter(|line| line.contains("\"ERROR\""))
        .count();
    assert_eq!(errors, 0, "{}", ended.log.join("\n"));
}

#[test]
fn the_second_start_takes_compiled_code_from_the_cache() {
    let folder = Folder::of("talk").but("env: test", "env: test\ncache: compiled");
    let code = |host: &Host| -> Vec<(String, String)> {
        let plugins = host.shown["plugins"].as_array().unwrap();
        let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
        plugins
            .iter()
            .map(|row| (text(row, "name"), text(row, "code")))
            .collect()
    };
    let first = Host::start(&folder);
    assert!(
        code(&first)
            .iter()
            .all(|(_, code)| code.starts_with("compiled ")),
        "{:?}",
        code(&first)
    );
    assert_eq!(first.stop().code, Some(0));
    let second = Host::start(&folder);
    assert!(
        code(&second)
            .iter()
            .all(|(_, code)| code.starts_with("hit ")),
        "{:?}",
        code(&second)
    );
    assert_eq!(second.stop().code, Some(0));

    // What lies in the cache is not trusted: a damaged file is compiled anew.
    let files = files_below(&folder.path().join("compiled"));
    assert!(files.len() >= 10, "{files:?}");
    for file in &files {
        let mut bytes = std::fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 1;
        }
        std::fs::write(file, bytes).unwrap();
    }
    let third = Host::start(&folder);
    assert!(
        !code(&third)
            .iter()
            .any(|(_, code)| code.starts_with("hit ")),
        "{:?}",
        code(&third)
    );
    assert_eq!(third.stop().code, Some(0));
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}
