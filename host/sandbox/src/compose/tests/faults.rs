//! What is refused, and in which words.

use super::*;

fn faults(root: &Root, candidates: &[Candidate], offers: &[&str]) -> Vec<Fault> {
    compose(root, candidates, &names(offers))
        .unwrap_err()
        .faults
}

#[test]
fn all_faults_are_told_at_once_with_the_choices() {
    let root = root(&[
        "acme:pricing/quote@2.0.0",
        "acme:rates/rates@1.0.0",
        "greentic:secret/secret-store@0.1.0",
    ]);
    let candidates = [
        candidate("prices", &[], "acme:pricing/quote@1.0.0", 10),
        candidate("one", &[], "acme:rates/rates@1.0.0", 1),
        candidate("two", &[], "acme:rates/rates@1.0.0", 2),
    ];
    let error = compose(
        &root,
        &candidates,
        &names(&["greentic:secrets/secret-store@0.1.0"]),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string().lines().collect::<Vec<_>>(),
        [
            "`root` needs `acme:pricing/quote@2.0.0`, which nobody offers; the nearest is `acme:pricing/quote@1.0.0`, exported by `prices`",
            "`root` needs `acme:rates/rates@1.0.0`, and several components export it: `acme:rates/rates@1.0.0`, exported by `one` and \
             `acme:rates/rates@1.0.0`, exported by `two`; leave one of them in the bundle",
            "`root` needs `greentic:secret/secret-store@0.1.0`, which nobody offers; the nearest is \
             `greentic:secrets/secret-store@0.1.0`, offered by the host",
        ]
    );
}

#[test]
fn a_cycle_is_shown_as_the_way_round() {
    let candidates = [
        candidate("one", &["acme:two/two@1.0.0"], "acme:one/one@1.0.0", 1),
        candidate("two", &["acme:one/one@1.0.0"], "acme:two/two@1.0.0", 2),
    ];
    let path = [
        "one [acme:two/two@1.0.0]",
        "two [acme:one/one@1.0.0]",
        "one",
    ]
    .map(Into::into)
    .to_vec();
    assert_eq!(
        faults(&root(&["acme:one/one@1.0.0"]), &candidates, &[]),
        [Fault::Cycle { path: path.clone() }]
    );
    // The same between cells: each would wait for the other to be there.
    let linked = candidates.map(|c| Candidate {
        force_link: true,
        ..c
    });
    assert_eq!(
        faults(&root(&["acme:one/one@1.0.0"]), &linked, &[]),
        [Fault::Cycle { path }]
    );
}

#[test]
fn types_that_differ_are_found_for_fused_and_linked_alike() {
    let other_type = wat::parse_str(
        r#"(component
            (core module $m (func (export "f") (result i64) i64.const 1))
            (core instance $i (instantiate $m))
            (func $f (result u64) (canon lift (core func $i "f")))
            (instance $x (export "f" (func $f)))
            (export "acme:pricing/quote@1.0.0" (instance $x)))"#,
    )
    .unwrap();
    for force_link in [false, true] {
        let prices = Candidate {
            force_link,
            ..candidate_of("prices", other_type.clone())
        };
        match &faults(&root(&["acme:pricing/quote@1.0.0"]), &[prices], &[])[..] {
            [
                Fault::Mismatch {
                    importer,
                    provider,
                    detail,
                    ..
                },
            ] => {
                assert_eq!((importer.as_str(), provider.as_str()), ("root", "prices"));
                assert!(detail.contains("u32") && detail.contains("u64"), "{detail}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn resources_are_fused_but_never_linked() {
    let provider = wat::parse_str(
        r#"(component
            (component $inner
                (core module $m (func (export "new") (result i32) i32.const 1))
                (core instance $i (instantiate $m))
                (type $row (resource (rep i32)))
                (export $row' "row" (type $row))
                (core func $make (canon resource.new $row))
                (func (export "open") (result (own $row')) (canon lift (core func $i "new"))))
            (instance $x (instantiate $inner))
            (export "acme:db/db@1.0.0" (instance $x)))"#,
    )
    .unwrap();
    let importer = wat::parse_str(
        r#"(component
            (import "acme:db/db@1.0.0" (instance (export "row" (type $r (sub resource))) (export "open" (func (result (own $r)))))))"#,
    )
    .unwrap();
    let candidate = candidate_of("db", provider);
    assert_eq!(
        compose(
            &root_of(importer.clone()),
            std::slice::from_ref(&candidate),
            &[]
        )
        .unwrap()
        .fused,
        ["db"]
    );
    let linked = Candidate {
        force_link: true,
        ..candidate
    };
    assert!(
        matches!(&faults(&root_of(importer), &[linked], &[])[..], [Fault::NotLinkable { function, .. }] if function == "open"),
        "a handle of one store means nothing in another"
    );
}

#[test]
fn versions_that_merge_must_come_from_one_provider() {
    let candidates = [
        candidate(
            "quotes",
            &["acme:rates/rates@1.1.0"],
            "acme:pricing/quote@1.0.0",
            10,
        ),
        Candidate {
            force_link: true,
            ..candidate("rates-old", &[], "acme:rates/rates@1.0.0", 1)
        },
        Candidate {
            force_link: true,
            ..candidate("rates-new", &[], "acme:rates/rates@1.1.0", 2)
        },
    ];
    let faults = faults(
        &root(&["acme:pricing/quote@1.0.0", "acme:rates/rates@1.0.0"]),
        &candidates,
        &[],
    );
    assert!(
        matches!(&faults[..], [Fault::Merged { providers, .. }] if providers.len() == 2),
        "{faults:?}"
    );
}

#[test]
fn functions_imported_by_themselves_and_equal_names_are_refused() {
    let lone = root_of(wat::parse_str(r#"(component (import "f" (func)))"#).unwrap());
    assert!(
        matches!(&faults(&lone, &[], &[])[..], [Fault::Unsatisfied { import, .. }] if import == "f")
    );
    let twins = [
        candidate("a", &[], "acme:a/a@1.0.0", 1),
        candidate("a", &[], "acme:b/b@1.0.0", 1),
    ];
    assert_eq!(
        faults(&root(&[]), &twins, &[]),
        [Fault::SameName { name: "a".into() }]
    );
}
