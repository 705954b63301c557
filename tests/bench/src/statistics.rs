//! Medians and what lies around them.

use serde::Serialize;

/// The middle of some measurements, with the least and the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The median; of an even number the lower of the two in the middle.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub most: f64,
}

impl Spread {
    /// Of at least one measurement; zeros of none.
    pub fn of(measured: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = measured.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Self {
            median: part(&sorted, 1, 2).unwrap_or_default(),
            least: sorted.first().copied().unwrap_or_default(),
            most: sorted.last().copied().unwrap_or_default(),
        }
    }
}

/// The element of a sorted list below which `numerator` of `denominator` parts lie; `None` of an empty one.
pub fn part<T: Copy>(sorted: &[T], numerator: usize, denominator: usize) -> Option<T> {
    let last = sorted.len().checked_sub(1)?;
    sorted
        .get(last.saturating_mul(numerator) / denominator.max(1))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::{Spread, part};

    #[test]
    fn the_median_does_not_depend_on_the_order() {
        let spread = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!((spread.median, spread.least, spread.most), (2.0, 1.0, 3.0));
        assert_eq!(Spread::of([4.0, 1.0, 3.0, 2.0]).median, 2.0);
        assert_eq!(Spread::of([]).most, 0.0);
    }

    #[test]
    fn a_percentile_is_an_element_of_the_list() {
        let sorted: Vec<u32> = (1..=100).collect();
        assert_eq!(part(&sorted, 1, 2), Some(50));
        assert_eq!(part(&sorted, 99, 100), Some(99));
        assert_eq!(part(&sorted, 1, 1), Some(100));
        assert_eq!(part::<u32>(&[], 1, 2), None);
    }
}
