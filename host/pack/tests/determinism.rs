//! The same input gives the same bytes, and what was put in comes out.

// A test says what is wrong by failing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod folder;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use folder::{shop_files, write_files, write_shop};
use greentic_pack::{
    BuildError, BuildOptions, Keyring, Pack, PackBuilder, PackKind, Policy, SigningKey, build_dir,
    sign,
};
use proptest::prelude::*;

#[test]
fn a_folder_written_in_another_order_at_another_time_with_other_modes_gives_the_same_bytes() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut files = shop_files();
    write_shop(one.path());
    files.reverse();
    write_files(two.path(), &files);
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for (path, _) in &files {
        let file = std::fs::File::options()
            .append(true)
            .open(two.path().join(path))
            .unwrap();
        file.set_modified(old).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            file.set_permissions(std::fs::Permissions::from_mode(0o700))
                .unwrap();
        }
    }
    let build = |dir: &std::path::Path| build_dir(dir, &BuildOptions::default()).unwrap().bytes;
    let (first, second) = (build(one.path()), build(two.path()));
    assert_eq!(first, second);
    let key = SigningKey::from_bytes(&[5; 32]);
    assert_eq!(sign(first, &key).unwrap(), sign(second, &key).unwrap());
}

#[cfg(unix)]
#[test]
fn a_link_among_the_assets_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    write_files(dir.path(), &shop_files());
    std::os::unix::fs::symlink("/etc/hostname", dir.path().join("assets/name")).unwrap();
    match build_dir(dir.path(), &BuildOptions::default()) {
        Err(BuildError::Faults(faults)) => assert!(
            faults.to_string().contains("not a regular file"),
            "{faults}"
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_fixed_pack_has_the_same_bytes_on_every_machine() {
    let id = "demo/x".parse().unwrap();
    let unsigned = PackBuilder::new(id, semver::Version::new(1, 0, 0), PackKind::Library)
        .asset("hello.txt", "hello")
        .dependency(
            "demo/y".parse().unwrap(),
            semver::VersionReq::parse("^1.2").unwrap(),
        )
        .build()
        .unwrap()
        .bytes;
    let bytes = sign(unsigned, &SigningKey::from_bytes(&[5; 32])).unwrap();
    let pack = Pack::open(bytes, &Policy::allow_unsigned(Keyring::new())).unwrap();
    assert_eq!(
        pack.digest(),
        "sha256:a5faf6591411b4caffa5f9380a7c53164c0ef459b3ca0d5f75e348a5a231dd97"
    );
}

fn asset_path() -> impl Strategy<Value = String> {
    "[a-z0-9]{1,8}(/[a-z0-9]{1,8}\\.[a-z]{1,3}){1,3}"
}

proptest! {
    #[test]
    fn any_assets_come_out_as_they_went_in_and_in_any_order_of_adding(
        assets in prop::collection::btree_map(asset_path(), prop::collection::vec(any::<u8>(), 0..200), 0..12),
        turn in any::<prop::sample::Index>(),
    ) {
        let build = |list: &[(&String, &Vec<u8>)]| {
            let mut builder = PackBuilder::new("demo/x".parse().unwrap(), semver::Version::new(1, 0, 0), PackKind::Library);
            for (path, data) in list {
                builder.asset(path, (*data).clone());
            }
            builder.build().unwrap().bytes
        };
        let mut list: Vec<_> = assets.iter().collect();
        let one = build(&list);
        if !list.is_empty() {
            let turn = turn.index(list.len());
            list.rotate_left(turn);
        }
        let two = build(&list);
        prop_assert_eq!(&one, &two);
        let pack = Pack::open(one, &Policy::allow_unsigned(Keyring::new())).unwrap();
        let found: BTreeMap<String, Vec<u8>> = pack
            .manifest()
            .assets
            .iter()
            .map(|path| (path.trim_start_matches("assets/").to_owned(), pack.file(path).unwrap().to_vec()))
            .collect();
        prop_assert_eq!(found, assets);
    }
}
