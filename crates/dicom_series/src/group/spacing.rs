//! Positions along the normal to planes of a regular grid. Pure arithmetic: no DICOM in here.

use super::model::Plane;

/// Positions may be off the regular grid by this much, or by a hundredth of the spacing where that is more: text
/// with few decimals rounds positions by as much.
const JITTER_MM: f64 = 0.01;
const JITTER_PART: f64 = 0.01;

/// A gap of more missing planes than this, and than half of the slices, is not bridged.
const WIDEST_GAP: f64 = 16.0;

/// Two positions are the same when they are closer than this part of the spacing, within the limits, mm.
const SAME_PLACE_PART: f64 = 0.05;
const SAME_PLACE_MM: [f64; 2] = [1e-3, 5e-2];

/// Slices on a regular grid.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Arrangement {
    /// One entry a plane.
    pub(super) planes: Vec<Plane>,
    /// How the positions lie.
    pub(super) kind: Kind,
}

/// How the positions of slices lie.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// One slice a plane.
    Regular,
    /// Every slice on a plane of its own, but some planes without a slice.
    Gaps,
    /// Slices between planes.
    Uneven {
        /// Smallest, median and largest distance between neighbors, mm.
        min_mm: f64,
        median_mm: f64,
        max_mm: f64,
    },
}

/// How far positions may be from a regular grid of this spacing, mm.
pub(super) fn tolerance_mm(spacing_mm: f64) -> f64 {
    JITTER_MM.max(JITTER_PART * spacing_mm).min(0.25 * spacing_mm)
}

/// Distances between neighbors of ascending positions.
pub(super) fn gaps(positions_mm: &[f64]) -> Vec<f64> {
    positions_mm
        .windows(2)
        .map(|pair| match pair {
            [below, above] => above - below,
            _ => 0.0,
        })
        .collect()
}

/// The lower median; zero for none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len().saturating_sub(1) / 2;
    sorted.get(middle).copied().unwrap_or(0.0)
}

/// How far apart two ascending positions may be and still be the same place, mm: a small part of the spacing. Where
/// positions repeat with some jitter, most gaps are that jitter; the large gaps, all alike, are then the spacing.
pub(super) fn same_place_mm(positions_mm: &[f64]) -> f64 {
    let [least, most] = SAME_PLACE_MM;
    let distinct: Vec<f64> = gaps(positions_mm)
        .into_iter()
        .filter(|&gap| gap > least)
        .collect();
    let largest = distinct.iter().copied().fold(0.0, f64::max);
    let large: Vec<f64> = distinct
        .iter()
        .copied()
        .filter(|&gap| gap > 0.1 * largest)
        .collect();
    let are_alike = large.len() > 1 && large.iter().all(|&gap| gap > 0.5 * largest);
    let spacing_mm = median(if are_alike { &large } else { &distinct });
    (SAME_PLACE_PART * spacing_mm).clamp(least, most)
}

/// Where ascending positions fall apart into parts that no interpolation should bridge: indexes of the first
/// position of each part but the first.
pub(super) fn wide_gaps(positions_mm: &[f64]) -> Vec<usize> {
    let gaps = gaps(positions_mm);
    let widest = WIDEST_GAP.max(positions_mm.len() as f64 * 0.5) + 1.5;
    let limit = median(&gaps) * widest;
    (1..)
        .zip(&gaps)
        .filter(|&(_, &gap)| gap > limit)
        .map(|(index, _)| index)
        .collect()
}

/// The planes of at least two positions, ascending and distinct, mm along the normal.
pub(super) fn arrange(positions_mm: &[f64]) -> Arrangement {
    let gaps = gaps(positions_mm);
    let median_mm = median(&gaps);
    let min_mm = gaps.iter().copied().fold(f64::INFINITY, f64::min);
    let max_mm = gaps.iter().copied().fold(0.0, f64::max);
    let ending_before = |spacing_mm: f64, planes: usize| {
        grid_indexes(positions_mm, &gaps, spacing_mm)
            .filter(|all| all.last().is_some_and(|&last| last < planes))
    };
    // The smallest gap is the spacing where most gaps span several planes; then at most half may be empty.
    let slices = positions_mm.len();
    let on_grid = ending_before(median_mm, most_planes(slices))
        .or_else(|| ending_before(min_mm, slices.saturating_mul(2)));
    match on_grid {
        Some(indexes) if indexes.last().is_some_and(|&last| last + 1 == slices) => Arrangement {
            planes: (0..slices).map(Plane::Slice).collect(),
            kind: Kind::Regular,
        },
        Some(indexes) => Arrangement {
            planes: bridged(&indexes),
            kind: Kind::Gaps,
        },
        None => Arrangement {
            planes: resampled(positions_mm, median_mm),
            kind: Kind::Uneven {
                min_mm,
                median_mm,
                max_mm,
            },
        },
    }
}

/// How many planes so many slices may become: positions in tight clusters would ask for very many.
fn most_planes(slices: usize) -> usize {
    slices.saturating_mul(4).saturating_add(64)
}

/// The plane of each position on a grid of about this spacing, when all lie on one.
fn grid_indexes(positions_mm: &[f64], gaps: &[f64], spacing_mm: f64) -> Option<Vec<usize>> {
    let mut index = 0usize;
    let mut indexes = vec![0];
    for gap in gaps {
        let steps = (gap / spacing_mm).round();
        if !(1.0..=1e6).contains(&steps) {
            return None;
        }
        index = index.checked_add(steps as usize)?;
        indexes.push(index);
    }
    // Measured over the whole length, the spacing is better known than from any one gap.
    let (first, last) = (positions_mm.first()?, positions_mm.last()?);
    let spacing_mm = (last - first) / index as f64;
    let tolerance = tolerance_mm(spacing_mm);
    let fits = indexes
        .iter()
        .zip(positions_mm)
        .all(|(&index, position)| (first + spacing_mm * index as f64 - position).abs() <= tolerance);
    fits.then_some(indexes)
}

/// Slices on their planes, the planes between them interpolated.
fn bridged(indexes: &[usize]) -> Vec<Plane> {
    let mut planes = vec![Plane::Slice(0)];
    for (below, pair) in indexes.windows(2).enumerate() {
        let [from, to] = *pair else { continue };
        let steps = to.saturating_sub(from);
        planes.extend((1..steps).map(|step| Plane::Interpolated {
            below,
            above: below + 1,
            weight: step as f64 / steps as f64,
        }));
        planes.push(Plane::Slice(below + 1));
    }
    planes
}

/// Planes from the first to the last position at about this spacing, interpolated where no slice lies.
fn resampled(positions_mm: &[f64], spacing_mm: f64) -> Vec<Plane> {
    let (Some(&first), Some(&last)) = (positions_mm.first(), positions_mm.last()) else {
        return Vec::new();
    };
    let slices = positions_mm.len();
    let wanted = ((last - first) / spacing_mm).round();
    // Where that would be too many planes, as many as there are slices must do.
    let steps = if wanted >= 1.0 && wanted < most_planes(slices) as f64 {
        wanted as usize
    } else {
        slices.saturating_sub(1).max(1)
    };
    let step_mm = (last - first) / steps as f64;
    let tolerance = tolerance_mm(step_mm);
    let mut below = 0;
    (0..=steps)
        .map(|plane| {
            let position = first + step_mm * plane as f64;
            while below + 2 < slices && positions_mm.get(below + 1).is_some_and(|&next| next <= position) {
                below += 1;
            }
            plane_at(position, below, positions_mm, tolerance)
        })
        .collect()
}

/// The plane at `position`, between slice `below` and the next.
fn plane_at(position: f64, below: usize, positions_mm: &[f64], tolerance: f64) -> Plane {
    let above = below + 1;
    let (Some(&low), Some(&high)) = (positions_mm.get(below), positions_mm.get(above)) else {
        return Plane::Slice(below);
    };
    if (position - low).abs() <= tolerance {
        Plane::Slice(below)
    } else if (position - high).abs() <= tolerance {
        Plane::Slice(above)
    } else {
        Plane::Interpolated {
            below,
            above,
            weight: ((position - low) / (high - low)).clamp(0.0, 1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices(planes: &[Plane]) -> Vec<usize> {
        planes
            .iter()
            .filter_map(|plane| match plane {
                Plane::Slice(index) => Some(*index),
                Plane::Interpolated { .. } => None,
            })
            .collect()
    }

    #[test]
    fn jitter_and_rounding_are_regular() {
        let jitter = [0.004, 0.996, 2.003, 3.0, 3.996];
        assert_eq!(arrange(&jitter).kind, Kind::Regular);
        let rounded: Vec<f64> = (0..40).map(|i| (f64::from(i) * 62.5).round() / 100.0).collect();
        assert_eq!(arrange(&rounded).kind, Kind::Regular);
        let tiny: Vec<f64> = (0..40).map(|i| f64::from(i) * 0.009).collect();
        assert_eq!(arrange(&tiny).kind, Kind::Regular);
    }

    #[test]
    fn small_errors_do_not_add_up_unseen() {
        // Each gap is within the tolerance of the next, but the last position is far off any regular grid.
        let drifting: Vec<f64> = (0..60).map(|i| f64::from(i) + 0.002 * f64::from(i * i)).collect();
        assert!(matches!(arrange(&drifting).kind, Kind::Uneven { .. }));
    }

    #[test]
    fn missing_planes_are_bridged_in_proportion() {
        let arrangement = arrange(&[10.0, 11.5, 16.0, 17.5, 19.0]);
        assert_eq!(arrangement.kind, Kind::Gaps);
        let between = |weight| Plane::Interpolated {
            below: 1,
            above: 2,
            weight,
        };
        let expected = [
            Plane::Slice(0),
            Plane::Slice(1),
            between(1.0 / 3.0),
            between(2.0 / 3.0),
            Plane::Slice(2),
            Plane::Slice(3),
            Plane::Slice(4),
        ];
        assert_eq!(arrangement.planes, expected);
    }

    #[test]
    fn the_smallest_gap_may_be_the_spacing() {
        let arrangement = arrange(&[0.0, 1.0, 3.0, 5.0, 7.0]);
        assert_eq!(arrangement.kind, Kind::Gaps);
        assert_eq!(arrangement.planes.len(), 8);
        assert_eq!(slices(&arrangement.planes), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn uneven_positions_are_resampled_at_the_median() {
        let positions = [0.0, 1.0, 2.0, 3.3, 4.0];
        let Arrangement { planes, kind } = arrange(&positions);
        let Kind::Uneven {
            min_mm,
            median_mm,
            max_mm,
        } = kind
        else {
            panic!("{kind:?}")
        };
        assert!((min_mm - 0.7).abs() < 1e-9 && median_mm == 1.0 && (max_mm - 1.3).abs() < 1e-9);
        assert_eq!(slices(&planes), [0, 1, 2, 4]);
        let Plane::Interpolated { below, above, weight } = planes[3] else {
            panic!("{planes:?}")
        };
        assert!((below, above) == (2, 3) && (weight - 1.0 / 1.3).abs() < 1e-9);
    }

    #[test]
    fn planes_always_end_at_the_outer_slices() {
        for positions in [
            vec![0.0, 0.3],
            vec![-7.0, 0.0, 0.001, 0.002, 9.0],
            vec![0.0, 1e-3, 1000.0, 1000.001, 2000.0],
            vec![5.0, 6.1, 8.4, 8.9, 12.0, 13.7],
        ] {
            let planes = arrange(&positions).planes;
            assert_eq!(planes[0], Plane::Slice(0), "{positions:?}");
            assert_eq!(
                planes[planes.len() - 1],
                Plane::Slice(positions.len() - 1),
                "{positions:?}"
            );
            assert!(planes.len() <= 4 * positions.len() + 65);
        }
    }

    #[test]
    fn repeated_positions_may_jitter() {
        let twice = [0.0, 0.02, 2.5, 2.51, 5.0, 5.03, 7.5];
        assert_eq!(same_place_mm(&twice), 0.05);
        let fine: Vec<f64> = (0..9).map(|i| f64::from(i) * 0.009).chain([5.0]).collect();
        assert_eq!(same_place_mm(&fine), 1e-3);
        assert_eq!(same_place_mm(&[0.0, 0.0, 0.0]), 1e-3);
    }

    #[test]
    fn only_very_wide_gaps_divide() {
        assert_eq!(wide_gaps(&[0.0, 1.0, 2.0, 12.0, 13.0]), Vec::<usize>::new());
        assert_eq!(wide_gaps(&[0.0, 1.0, 2.0, 30.0, 31.0]), [3]);
        assert_eq!(wide_gaps(&[0.0, 500.0]), Vec::<usize>::new());
    }
}
