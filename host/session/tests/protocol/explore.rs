//! Every order of steps within a bound, the shortest first, so that what is found is found by the shortest way there.

use std::collections::{HashMap, VecDeque};

use crate::rules::{Rule, small};
use crate::world::{Fault, Setup, Step, World};

/// One in so many states that were reached on two ways is gone on from on both.
const COMPARED: usize = 16;

/// A rule that did not hold, and the way there.
#[derive(Debug)]
pub struct Found {
    pub fault: Fault,
    /// The shortest; everything may have come to its end by itself after it. Read by whom a test fails for.
    #[allow(dead_code)]
    pub steps: Vec<Step>,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub states: usize,
    pub steps: usize,
}

fn replay(setup: &Setup, rule: Rule, steps: &[Step]) -> World {
    let mut world = World::new(setup, rule);
    for step in steps {
        world.take(*step).unwrap();
    }
    world
}

/// Looks at every state that can be reached, and from each at what becomes of it when nothing breaks any more.
///
/// # Errors
/// The first rule that does not hold.
pub fn explore(setup: &Setup, rule: Rule) -> Result<Size, Found> {
    let mut known: HashMap<u64, Vec<Step>> = HashMap::new();
    let mut todo = VecDeque::from([Vec::new()]);
    known.insert(World::new(setup, rule).print(), Vec::new());
    let mut size = Size {
        states: 1,
        steps: 0,
    };
    let mut met = 0;
    while let Some(way) = todo.pop_front() {
        for step in replay(setup, rule, &way).enabled() {
            let mut world = replay(setup, rule, &way);
            let mut way = way.clone();
            way.push(step);
            size.steps += 1;
            if let Err(fault) = world.take(step) {
                return Err(Found { fault, steps: way });
            }
            let print = world.print();
            if let Some(other) = known.get(&print) {
                met += 1;
                if rule == Rule::Kept && met % COMPARED == 0 {
                    same(setup, &way, other);
                }
                continue;
            }
            if let Err(fault) = world.settle_down() {
                return Err(Found { fault, steps: way });
            }
            size.states += 1;
            known.insert(print, way.clone());
            todo.push_back(way);
        }
    }
    Ok(size)
}

/// Two ways to one state: the same can happen, and leads to the same. That is what a state's name promises.
fn same(setup: &Setup, one: &[Step], other: &[Step]) {
    let enabled = replay(setup, Rule::Kept, one).enabled();
    assert_eq!(
        enabled,
        replay(setup, Rule::Kept, other).enabled(),
        "{one:?} and {other:?}"
    );
    for step in enabled {
        let prints = [one, other].map(|way| {
            let mut world = replay(setup, Rule::Kept, way);
            world.take(step).unwrap();
            world.print()
        });
        assert_eq!(
            prints[0], prints[1],
            "{step:?} after {one:?} and after {other:?}"
        );
    }
}

fn holds(name: &str, setup: &Setup) {
    match explore(setup, Rule::Kept) {
        Ok(size) => println!("{name}: {} states, {} steps", size.states, size.steps),
        Err(found) => panic!("{name}: {:?} after {:#?}", found.fault, found.steps),
    }
}

#[test]
fn incident_04_a_lease_that_ran_out_does_not_commit_whatever_else_happens() {
    holds("crashes and waits", &small());
}

#[test]
fn incident_03_an_event_that_comes_twice_at_once_has_one_turn() {
    let mut setup = small();
    setup.events = vec![0];
    setup.budget.repeats = 2;
    holds("repeats", &setup);
}

#[test]
fn an_answer_that_is_lost_and_a_turn_that_fails_change_nothing_but_the_time() {
    let mut setup = small();
    setup.budget.lost = 1;
    setup.budget.failures = 1;
    setup.budget.crashes = 0;
    holds("lost answers", &setup);
}

#[test]
fn incident_07_an_event_that_cannot_be_handled_ends_as_one_dead_letter_and_one_failure_text() {
    let mut setup = small();
    setup.poison = Some(0);
    holds("poison", &setup);
}

#[test]
fn two_pieces_of_work_of_one_host_share_its_leases_and_still_write_once() {
    let mut setup = small();
    setup.hosts = vec![0, 0];
    holds("one host", &setup);
}

#[test]
fn incident_05_with_three_hosts_nothing_is_left_behind() {
    let mut setup = small();
    setup.hosts = vec![0, 1, 2];
    setup.budget.crashes = 0;
    setup.budget.waits = 2;
    holds("three hosts", &setup);
}

#[test]
fn two_sessions_on_two_hosts_do_not_disturb_each_other() {
    let mut setup = small();
    setup.events = vec![0, 1];
    setup.budget.waits = 1;
    holds("two sessions", &setup);
}
