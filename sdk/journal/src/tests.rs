//! What was synced is there again, whatever happened to the file behind it.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::{Damage, Fault, Format, Journal, Opening};

const FORMAT: Format = Format {
    kind: "test",
    version: 3,
};

fn read(folder: &Path, damage: Damage) -> Result<(Vec<Vec<u8>>, Opening), Fault> {
    let mut records = Vec::new();
    let opening = Opening::read(folder, FORMAT, owner(), damage, |record| {
        records.push(record.to_vec());
        Ok(())
    })?;
    Ok((records, opening))
}

/// Another one each time.
fn owner() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn open(folder: &Path) -> (Vec<Vec<u8>>, Journal) {
    let (records, opening) = read(folder, Damage::Refuse).unwrap();
    let journal = opening
        .begin(|sink| records.iter().for_each(|record| sink.add(record)))
        .unwrap();
    (records, journal)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn newest(folder: &Path) -> PathBuf {
    let names = names(folder);
    folder.join(
        names
            .iter()
            .rfind(|name| name.ends_with(".journal"))
            .unwrap(),
    )
}

fn texts(records: &[Vec<u8>]) -> Vec<String> {
    records
        .iter()
        .map(|record| String::from_utf8(record.clone()).unwrap())
        .collect()
}

#[test]
fn what_was_synced_or_written_is_there_again_and_what_was_only_appended_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (records, mut journal) = open(folder.path());
    assert!(records.is_empty());
    journal.append(b"a");
    journal.append(b"b");
    journal.sync().unwrap();
    journal.append(b"c");
    journal.write().unwrap();
    journal.append(b"d");
    assert_eq!(journal.pending(), 5);
    drop(journal);
    let (records, journal) = open(folder.path());
    assert_eq!(texts(&records), ["a", "b", "c"]);
    drop(journal);
    assert_eq!(names(folder.path()).len(), 1);
    let (records, _) = open(folder.path());
    assert_eq!(texts(&records), ["a", "b", "c"]);
}

#[test]
fn a_state_written_anew_takes_the_place_of_all_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut journal) = open(folder.path());
    for n in 0..1000 {
        journal.append(format!("{n}").as_bytes());
    }
    assert!(journal.rewrite(|sink| sink.add(b"all")).unwrap());
    journal.append(b"more");
    journal.sync().unwrap();
    assert_eq!(names(folder.path()).len(), 1);
    let (records, _) = open(folder.path());
    assert_eq!(texts(&records), ["all", "more"]);
}

#[test]
fn a_file_grows_before_it_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut journal) = open(folder.path());
    let mut written = 0;
    while !journal.has_grown() {
        journal.append(&[7; 1 << 20]);
        journal.write().unwrap();
        written += 1;
        assert!(written < 100);
    }
    assert!(written > 20, "{written}");
}

#[test]
fn who_opens_a_folder_takes_it_over_with_all_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut old) = open(folder.path());
    old.append(b"kept");
    old.sync().unwrap();
    let (records, mut new) = open(folder.path());
    assert_eq!(texts(&records), ["kept"]);
    old.append(b"late");
    assert!(matches!(old.sync(), Err(Fault::Taken)));
    assert!(matches!(old.sync(), Err(Fault::Taken)), "it stays so");
    new.append(b"new");
    new.sync().unwrap();
    assert_eq!(texts(&open(folder.path()).0), ["kept", "new"]);
}

#[test]
fn a_write_between_taking_over_and_beginning_is_not_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut old) = open(folder.path());
    let (_, opening) = read(folder.path(), Damage::Refuse).unwrap();
    old.append(b"late");
    assert!(matches!(old.sync(), Err(Fault::Taken)));
    assert!(matches!(old.rewrite(|_| {}), Err(Fault::Taken)));
    drop(opening.begin(|_| {}).unwrap());
    assert_eq!(names(folder.path()).len(), 1);
}

#[test]
fn a_crash_while_a_folder_is_opened_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut journal) = open(folder.path());
    journal.append(b"kept");
    journal.sync().unwrap();
    drop(journal);
    drop(read(folder.path(), Damage::Refuse).unwrap());
    fs::write(
        folder.path().join("0000000000000002.00000000000000ff.new"),
        "half",
    )
    .unwrap();
    let (records, _) = open(folder.path());
    assert_eq!(texts(&records), ["kept"]);
    assert_eq!(names(folder.path()).len(), 1, "{:?}", names(folder.path()));
}

#[test]
fn a_torn_end_is_set_aside_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut journal) = open(folder.path());
    journal.append(b"kept");
    journal.sync().unwrap();
    journal.append(b"torn");
    journal.write().unwrap();
    drop(journal);
    let path = newest(folder.path());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 2]).unwrap();
    let (records, opening) = read(folder.path(), Damage::Refuse).unwrap();
    assert_eq!(texts(&records), ["kept"]);
    let said = opening.set_aside().unwrap().to_owned();
    assert!(said.contains("never acknowledged"), "{said}");
    drop(opening.begin(|sink| sink.add(b"kept")).unwrap());
    let names = names(folder.path());
    assert!(
        names.iter().any(|name| name.ends_with(".torn")) && names.len() == 2,
        "{names:?}"
    );
}

#[test]
fn what_was_not_synced_may_be_missing_in_the_middle_after_a_power_failure() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut journal) = open(folder.path());
    journal.append(b"kept");
    journal.sync().unwrap();
    let synced = fs::metadata(newest(folder.path())).unwrap().len();
    journal.append(b"first");
    journal.write().unwrap();
    journal.append(b"second");
    journal.write().unwrap();
    drop(journal);
    let path = newest(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    bytes[usize::try_from(synced).unwrap() + 22] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (records, _) = open(folder.path());
    assert_eq!(texts(&records), ["kept"]);
}

#[test]
fn damage_to_what_was_synced_is_refused_and_set_aside_on_demand() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut journal) = open(folder.path());
    for text in ["one", "two", "three"] {
        journal.append(text.as_bytes());
        journal.sync().unwrap();
    }
    drop(journal);
    let path = newest(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.windows(3).position(|part| part == b"two").unwrap();
    bytes[place] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let fault = read(folder.path(), Damage::Refuse).map(drop).unwrap_err();
    assert!(
        fault.to_string().contains("damaged at byte") && matches!(fault, Fault::Damaged { .. }),
        "{fault}"
    );
    assert!(
        matches!(
            read(folder.path(), Damage::Refuse).map(drop),
            Err(Fault::Damaged { .. })
        ),
        "refusing changes nothing"
    );
    let (records, opening) = read(folder.path(), Damage::KeepBefore).unwrap();
    assert_eq!(texts(&records), ["one"]);
    drop(opening.begin(|sink| sink.add(b"one")).unwrap());
    let names = names(folder.path());
    let kept = names
        .iter()
        .find(|name| name.ends_with(".damaged"))
        .unwrap();
    assert_eq!(fs::read(folder.path().join(kept)).unwrap(), bytes);
    assert_eq!(texts(&open(folder.path()).0), ["one"]);
}

#[test]
fn damage_to_the_state_a_file_begins_with_is_never_taken_for_a_torn_end() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut journal) = open(folder.path());
    journal.append(b"one");
    journal.sync().unwrap();
    drop(journal);
    drop(open(folder.path()));
    let path = newest(folder.path());
    let bytes = fs::read(&path).unwrap();
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for length in line..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let found = read(folder.path(), Damage::Refuse).map(drop);
        assert!(
            matches!(found, Err(Fault::Damaged { .. })),
            "{length}: {found:?}"
        );
        fs::rename(newest(folder.path()), &path).unwrap();
    }
}

#[test]
fn a_file_of_something_else_is_named() {
    for (content, says) in [
        ("something else\n", "is not a journal of test"),
        ("", "is not a journal of test"),
        ("greentic journal other 3\n", "is not a journal of test"),
        ("greentic journal test 4\n", "version 4"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder
                .path()
                .join("0000000000000001.0000000000000001.journal"),
            content,
        )
        .unwrap();
        let fault = read(folder.path(), Damage::KeepBefore)
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(fault.contains(says), "{fault}");
    }
    let missing = tempfile::tempdir().unwrap().path().join("missing");
    let fault = read(&missing, Damage::Refuse).map(drop).unwrap_err();
    assert!(fault.to_string().contains("missing"), "{fault}");
}

#[test]
fn a_record_nobody_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut journal) = open(folder.path());
    journal.append(b"x");
    journal.sync().unwrap();
    let fault = Opening::read(folder.path(), FORMAT, owner(), Damage::Refuse, |_| {
        Err("it is of no kind".into())
    });
    let text = fault.map(drop).unwrap_err().to_string();
    assert!(text.contains("it is of no kind"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Cut anywhere, a file gives back a prefix of what was appended, with everything that had been synced before the cut.
    #[test]
    fn a_file_cut_anywhere_gives_a_prefix_with_all_that_was_synced(
        steps in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..40), 0..3_u8), 1..30),
        cut in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (_, mut journal) = open(folder.path());
        let path = newest(folder.path());
        let begun = fs::metadata(&path).unwrap().len();
        let mut synced = vec![(begun, 0)];
        for (number, (record, then)) in steps.iter().enumerate() {
            journal.append(record);
            match then {
                0 => {}
                1 => journal.write().unwrap(),
                _ => {
                    journal.sync().unwrap();
                    synced.push((fs::metadata(&path).unwrap().len(), number + 1));
                }
            }
        }
        drop(journal);
        let length = fs::metadata(&path).unwrap().len();
        let at = begun + u64::try_from(cut.index(usize::try_from(length - begun + 1).unwrap())).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_len(at).unwrap();
        let (records, _) = open(folder.path());
        let all: Vec<_> = steps.iter().map(|(record, _)| record.clone()).collect();
        prop_assert!(all.starts_with(&records));
        let certain = synced.iter().rfind(|(end, _)| *end <= at).unwrap().1;
        prop_assert!(records.len() >= certain);
    }
}
