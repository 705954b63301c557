//! Each of these changes one thing an intruder, a crash or another process could change.

use super::*;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;
use wasmtime::Config;
use wasmtime::component::Linker;

const ROOMY: u64 = 1 << 30;

/// A component whose `run` returns `number`.
fn component(number: u32) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component
            (core module $m (func (export "run") (result i32) i32.const {number}))
            (core instance $i (instantiate $m))
            (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
    ))
    .unwrap()
}

fn run(engine: &Engine, component: &Component) -> u32 {
    let mut store = wasmtime::Store::new(engine, ());
    let instance = Linker::new(engine)
        .instantiate(&mut store, component)
        .unwrap();
    instance
        .get_typed_func::<(), (u32,)>(&mut store, "run")
        .unwrap()
        .call(&mut store, ())
        .unwrap()
        .0
}

/// Loads a component and checks that it is the right one.
fn load(cache: &CompiledCache, engine: &Engine, number: u32) -> CacheOutcome {
    let loaded = cache.load_or_compile(engine, &component(number)).unwrap();
    assert_eq!(run(engine, &loaded.component), number);
    loaded.outcome
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "code")
    });
    paths.sort();
    paths
}

#[test]
fn the_second_load_is_a_hit_also_for_another_process() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let cache = CompiledCache::open(dir.path(), ROOMY).unwrap();
    assert_eq!(load(&cache, &engine, 1), CacheOutcome::Compiled);
    assert_eq!(load(&cache, &engine, 1), CacheOutcome::Hit);
    assert_eq!(
        load(&cache, &engine, 2),
        CacheOutcome::Compiled,
        "another component"
    );
    let again = CompiledCache::open(dir.path(), ROOMY).unwrap();
    assert_eq!(load(&again, &Engine::default(), 1), CacheOutcome::Hit);
}

#[test]
fn without_a_directory_everything_is_compiled() {
    let cache = CompiledCache::none();
    let engine = Engine::default();
    assert_eq!(load(&cache, &engine, 1), CacheOutcome::Compiled);
    assert_eq!(load(&cache, &engine, 1), CacheOutcome::Compiled);
}

#[test]
fn any_flipped_byte_of_an_entry_is_noticed_and_the_entry_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let cache = CompiledCache::open(dir.path(), ROOMY).unwrap();
    load(&cache, &engine, 1);
    let path = entries(dir.path()).remove(0);
    let good = fs::read(&path).unwrap();
    // Magic, key, tag, first and last byte of the code, and places between.
    for at in [0, 7, 8, 39, 40, 71, 72, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, bad).unwrap();
        assert_eq!(load(&cache, &engine, 1), CacheOutcome::Rebuilt, "byte {at}");
        assert_eq!(load(&cache, &engine, 1), CacheOutcome::Hit, "byte {at}");
    }
    for length in [0, 5, 71, 72, good.len() - 1] {
        fs::write(&path, &good[..length]).unwrap();
        assert_eq!(
            load(&cache, &engine, 1),
            CacheOutcome::Rebuilt,
            "cut to {length}"
        );
    }
    let mut longer = good;
    longer.push(0);
    fs::write(&path, longer).unwrap();
    assert_eq!(load(&cache, &engine, 1), CacheOutcome::Rebuilt);
}

#[test]
fn an_entry_under_another_name_is_not_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let cache = CompiledCache::open(dir.path(), ROOMY).unwrap();
    load(&cache, &engine, 1);
    let one = entries(dir.path()).remove(0);
    load(&cache, &engine, 2);
    let two = entries(dir.path())
        .into_iter()
        .find(|path| *path != one)
        .unwrap();
    fs::copy(&one, &two).unwrap();
    assert_eq!(
        load(&cache, &engine, 2),
        CacheOutcome::Rebuilt,
        "authentic, but another component's code"
    );
}

#[test]
fn an_entry_of_another_directory_is_not_loaded() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = Engine::default();
    let cache = CompiledCache::open(ours.path(), ROOMY).unwrap();
    load(
        &CompiledCache::open(theirs.path(), ROOMY).unwrap(),
        &engine,
        1,
    );
    let foreign = entries(theirs.path()).remove(0);
    fs::copy(&foreign, ours.path().join(foreign.file_name().unwrap())).unwrap();
    assert_eq!(
        load(&cache, &engine, 1),
        CacheOutcome::Rebuilt,
        "written under another key"
    );
}

#[test]
fn authentic_bytes_that_are_not_code_are_compiled_again() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let cache = CompiledCache::open(dir.path(), ROOMY).unwrap();
    let key = entry_key(&engine, &component(1));
    cache
        .store
        .as_ref()
        .unwrap()
        .write(&key, b"not code")
        .unwrap();
    assert_eq!(load(&cache, &engine, 1), CacheOutcome::Rebuilt);
    assert_eq!(load(&cache, &engine, 1), CacheOutcome::Hit);
}

#[test]
fn another_engine_configuration_has_entries_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let cache = CompiledCache::open(dir.path(), ROOMY).unwrap();
    let plain = Engine::default();
    let mut config = Config::new();
    config.epoch_interruption(true);
    let other = Engine::new(&config).unwrap();
    assert_ne!(entry_key(&plain, b"x"), entry_key(&other, b"x"));
    assert_eq!(load(&cache, &plain, 1), CacheOutcome::Compiled);
    // Its code has no epoch checks: loaded here it could not be stopped.
    let loaded = cache.load_or_compile(&other, &component(1)).unwrap();
    assert_eq!(loaded.outcome, CacheOutcome::Compiled);
    assert_eq!(
        load(&cache, &plain, 1),
        CacheOutcome::Hit,
        "neither replaces the other"
    );
}

#[test]
fn a_directory_others_can_write_is_refused() {
    for mode in [0o777, 0o770, 0o702] {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
        let error = CompiledCache::open(dir.path(), ROOMY).unwrap_err();
        assert!(
            matches!(error, CacheError::NotPrivate { .. }),
            "{mode:o}: {error}"
        );
        assert!(entries(dir.path()).is_empty());
    }
}

#[test]
fn a_key_others_can_read_is_refused_and_a_damaged_one_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    load(&CompiledCache::open(dir.path(), ROOMY).unwrap(), &engine, 1);
    let key = dir.path().join("key");
    assert_eq!(
        fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(
        CompiledCache::open(dir.path(), ROOMY),
        Err(CacheError::NotPrivate { .. })
    ));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&key, b"short").unwrap();
    let cache = CompiledCache::open(dir.path(), ROOMY).unwrap();
    assert_eq!(
        load(&cache, &engine, 1),
        CacheOutcome::Rebuilt,
        "nothing under the lost key is trusted"
    );
}

#[test]
fn a_new_directory_is_the_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("a/b");
    CompiledCache::open(&inner, ROOMY).unwrap();
    assert_eq!(
        fs::metadata(&inner).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    assert!(matches!(
        CompiledCache::open(&file, ROOMY),
        Err(CacheError::Io { .. })
    ));
}

#[test]
fn the_least_recently_used_entries_go_first() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let cache = CompiledCache::open(dir.path(), ROOMY).unwrap();
    for number in [1, 2, 3] {
        load(&cache, &engine, number);
    }
    // An hour old, each a minute apart, so that the clock's resolution plays no part.
    let store = cache.store.as_ref().unwrap();
    let size = fs::metadata(&entries(dir.path())[0]).unwrap().len();
    for number in [1, 2, 3] {
        let path = dir
            .path()
            .join(hex::encode(entry_key(&engine, &component(number))))
            .with_extension("code");
        let age = Duration::from_secs(3600 - 60 * u64::from(number));
        fs::File::open(path)
            .unwrap()
            .set_modified(SystemTime::now() - age)
            .unwrap();
    }
    assert!(
        store
            .read(&entry_key(&engine, &component(1)))
            .unwrap()
            .is_some(),
        "used now, so 2 is the oldest"
    );
    let tight = CompiledCache::open(dir.path(), size * 7 / 2).unwrap();
    assert_eq!(load(&tight, &engine, 4), CacheOutcome::Compiled);
    assert_eq!(load(&tight, &engine, 1), CacheOutcome::Hit);
    assert_eq!(load(&tight, &engine, 3), CacheOutcome::Hit);
    assert_eq!(load(&tight, &engine, 4), CacheOutcome::Hit);
    assert_eq!(load(&tight, &engine, 2), CacheOutcome::Compiled);
    let tiny = CompiledCache::open(dir.path(), 1).unwrap();
    load(&tiny, &engine, 5);
    assert_eq!(entries(dir.path()).len(), 1, "what was just made stays");
}

#[test]
fn many_writers_of_one_entry_leave_one_whole_entry() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let start = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                // Each opens the directory by itself, as processes do: the key is made once, too.
                start.wait();
                let cache = CompiledCache::open(dir.path(), ROOMY).unwrap();
                assert_ne!(
                    load(&cache, &engine, 1),
                    CacheOutcome::Rebuilt,
                    "nobody sees half an entry or another key"
                );
            });
        }
    });
    assert_eq!(entries(dir.path()).len(), 1);
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        2,
        "the key and the entry, and nothing half made"
    );
    assert_eq!(
        load(&CompiledCache::open(dir.path(), ROOMY).unwrap(), &engine, 1),
        CacheOutcome::Hit
    );
}

#[test]
fn a_write_that_never_ended_is_cleared_away_later() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join(".new-old"), dir.path().join(".new-new"));
    fs::write(&old, b"half").unwrap();
    fs::write(&new, b"half").unwrap();
    fs::File::open(&old)
        .unwrap()
        .set_modified(SystemTime::now() - Duration::from_secs(7200))
        .unwrap();
    CompiledCache::open(dir.path(), ROOMY).unwrap();
    assert!(!old.exists());
    assert!(new.exists(), "somebody may be writing it");
}

#[test]
fn what_does_not_compile_is_an_error_and_no_entry() {
    let dir = tempfile::tempdir().unwrap();
    let cache = CompiledCache::open(dir.path(), ROOMY).unwrap();
    assert!(
        cache
            .load_or_compile(&Engine::default(), b"\0asm\x0d\0\x01\0rubbish")
            .is_err()
    );
    assert!(entries(dir.path()).is_empty());
}

#[tokio::test]
async fn a_batch_keeps_order_and_thread_limit_and_reports_every_job() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Arc::new(CompiledCache::open(dir.path(), ROOMY).unwrap());
    let engine = Engine::default();
    let mut jobs: Vec<Job> = (0..12)
        .map(|n| Job {
            name: n.to_string(),
            bytes: component(n).into(),
        })
        .collect();
    jobs.insert(
        5,
        Job {
            name: "broken".into(),
            bytes: Arc::from(&b"\0asm"[..]),
        },
    );
    let seen = Arc::new(Mutex::new(Vec::new()));
    let threads = Arc::new(Mutex::new(std::collections::HashSet::new()));
    let inside = Arc::new(AtomicUsize::new(0));
    let results = {
        let (seen, threads, inside) = (seen.clone(), threads.clone(), inside.clone());
        let limit = NonZeroUsize::new(3).unwrap();
        cache
            .clone()
            .compile_all(engine.clone(), jobs, limit, move |progress| {
                assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
                threads.lock().unwrap().insert(std::thread::current().id());
                seen.lock().unwrap().push((
                    progress.name.to_owned(),
                    progress.done,
                    progress.outcome,
                ));
                inside.fetch_sub(1, Ordering::SeqCst);
            })
            .await
    };
    assert_eq!(results.len(), 13);
    assert!(results[5].is_err(), "one failure is that job's alone");
    for (number, result) in (0..12).zip(
        results
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != 5)
            .map(|(_, result)| result),
    ) {
        assert_eq!(run(&engine, &result.as_ref().unwrap().component), number);
    }
    let seen = seen.lock().unwrap();
    let mut counts: Vec<_> = seen.iter().map(|(_, done, _)| *done).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=13).collect::<Vec<_>>());
    assert_eq!(
        seen.iter()
            .filter(|(_, _, outcome)| outcome.is_none())
            .map(|(name, ..)| name.as_str())
            .collect::<Vec<_>>(),
        ["broken"]
    );
    let threads = threads.lock().unwrap();
    assert!(
        threads.len() <= 3 && !threads.contains(&std::thread::current().id()),
        "not on the async thread"
    );
}
