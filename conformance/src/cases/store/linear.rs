//! Whether what several clients saw of one value can have happened one after another (linearizability), after Wing and Gong:
//! an operation may come next if none that is still to come had ended before it began, and its answer fits the state.

use std::collections::HashSet;

/// What a client asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The value.
    Read,
    /// To set a value, whatever is there.
    Put(u32),
    /// To set a value where the revision is this; 0 stands for no value.
    Swap(u64, u32),
}

/// What it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    /// The value and its revision; no value has revision 0.
    Value(u32, u64),
    /// It was set, with this revision.
    Set(u64),
    /// The expectation did not hold.
    Conflict,
}

/// One operation with when it began and ended.
#[derive(Debug, Clone, Copy)]
pub struct Op {
    /// When it was asked.
    pub began: u64,
    /// When it was answered.
    pub ended: u64,
    /// What was asked.
    pub ask: Ask,
    /// What was answered.
    pub got: Got,
}

/// The value and its revision.
type State = (u32, u64);

/// Whether there is an order. At most 64 operations.
#[must_use]
pub fn is_linearizable(history: &[Op]) -> bool {
    history.len() <= 64 && search(history, 0, (0, 0), &mut HashSet::new())
}

fn search(history: &[Op], done: u64, state: State, seen: &mut HashSet<(u64, State)>) -> bool {
    let open = || (0..history.len()).filter(|index| done & (1 << index) == 0);
    let Some(first_end) = open()
        .filter_map(|index| history.get(index))
        .map(|op| op.ended)
        .min()
    else {
        return true;
    };
    if !seen.insert((done, state)) {
        return false;
    }
    open().any(|index| {
        let Some(op) = history.get(index).filter(|op| op.began <= first_end) else {
            return false;
        };
        step(op, state).is_some_and(|state| search(history, done | 1 << index, state, seen))
    })
}

/// The state after an operation, if its answer fits the state before.
fn step(op: &Op, (value, revision): State) -> Option<State> {
    match (op.ask, op.got) {
        (Ask::Read, Got::Value(v, r)) => ((v, r) == (value, revision)).then_some((value, revision)),
        (Ask::Put(new), Got::Set(r)) => (r > revision).then_some((new, r)),
        (Ask::Swap(expected, new), Got::Set(r)) => {
            (expected == revision && r > revision).then_some((new, r))
        }
        (Ask::Swap(expected, _), Got::Conflict) => {
            (expected != revision).then_some((value, revision))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Ask, Got, Op, is_linearizable};

    fn op(began: u64, ended: u64, ask: Ask, got: Got) -> Op {
        Op {
            began,
            ended,
            ask,
            got,
        }
    }

    #[test]
    fn overlapping_operations_may_be_put_in_either_order() {
        let put = op(0, 10, Ask::Put(1), Got::Set(1));
        for got in [Got::Value(0, 0), Got::Value(1, 1)] {
            assert!(is_linearizable(&[put, op(5, 6, Ask::Read, got)]));
        }
    }

    #[test]
    fn a_stale_read_a_lost_write_and_two_winners_are_found() {
        let put = op(0, 1, Ask::Put(1), Got::Set(1));
        let stale = op(2, 3, Ask::Read, Got::Value(0, 0));
        assert!(!is_linearizable(&[put, stale]));
        let swap =
            |began, new, revision| op(began, began + 5, Ask::Swap(1, new), Got::Set(revision));
        assert!(!is_linearizable(&[put, swap(2, 2, 2), swap(3, 3, 3)]));
        let back = [
            put,
            op(2, 3, Ask::Put(2), Got::Set(2)),
            op(4, 5, Ask::Read, Got::Value(1, 1)),
        ];
        assert!(!is_linearizable(&back));
        // One read saw the new value, and a later one the old.
        let long = op(0, 20, Ask::Put(1), Got::Set(1));
        let reads = [
            long,
            op(2, 3, Ask::Read, Got::Value(1, 1)),
            op(4, 5, Ask::Read, Got::Value(0, 0)),
        ];
        assert!(!is_linearizable(&reads));
    }

    #[test]
    fn a_refused_swap_needs_another_revision_at_some_moment() {
        let put = op(0, 1, Ask::Put(1), Got::Set(1));
        assert!(!is_linearizable(&[
            put,
            op(2, 3, Ask::Swap(1, 2), Got::Conflict)
        ]));
        assert!(is_linearizable(&[
            put,
            op(2, 3, Ask::Swap(0, 2), Got::Conflict)
        ]));
    }
}
