//! Random orders of steps, far beyond what can be looked at one by one. A failing one is shrunk to the choices that matter.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

use crate::rules::Rule;
use crate::world::{Budget, Setup, Step, World};

fn setup() -> impl Strategy<Value = Setup> {
    let hosts = prop_oneof![
        Just(vec![0, 1]),
        Just(vec![0, 1, 2]),
        Just(vec![0, 0, 1]),
        Just(vec![0, 0, 1, 1]),
    ];
    let events = proptest::collection::vec(0_usize..3, 1..8);
    let budget = (0_u8..5, 0_u8..12, 0_u8..4, 0_u8..4, 0_u8..4);
    (hosts, events, proptest::option::of(0_usize..8), budget).prop_map(
        |(hosts, events, poison, (crashes, waits, lost, repeats, failures))| Setup {
            poison: poison.filter(|event| *event < events.len()),
            hosts,
            events,
            budget: Budget {
                crashes,
                waits,
                lost,
                repeats,
                failures,
            },
        },
    )
}

/// Takes one of the steps that can happen, for each choice, and lets everything come to its end.
fn walk(setup: &Setup, choices: &[Index], rule: Rule) -> Result<(), TestCaseError> {
    let mut world = World::new(setup, rule);
    let mut steps: Vec<Step> = Vec::new();
    for choice in choices {
        let enabled = world.enabled();
        if enabled.is_empty() {
            break;
        }
        let step = *choice.get(&enabled);
        steps.push(step);
        let taken = world.take(step);
        prop_assert!(taken.is_ok(), "{taken:?} after {steps:#?}");
    }
    let end = world.settle_down();
    prop_assert!(end.is_ok(), "{end:?} at the end of {steps:#?}");
    Ok(())
}

fn choices() -> impl Strategy<Value = Vec<Index>> {
    proptest::collection::vec(any::<Index>(), 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn whatever_happens_in_whatever_order_each_event_has_its_effects_once(
        setup in setup(),
        choices in choices(),
    ) {
        walk(&setup, &choices, Rule::Kept)?;
    }
}

#[test]
fn random_orders_find_a_broken_rule_too() {
    for rule in [Rule::Blind, Rule::AckFirst, Rule::MarkFirst, Rule::FreshIds] {
        let config = ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(4_000)
        };
        let tried = TestRunner::new(config).run(&(setup(), choices()), |(setup, choices)| {
            walk(&setup, &choices, rule)
        });
        assert!(tried.is_err(), "{rule:?} was not found");
    }
}
