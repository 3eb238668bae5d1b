//! The order of packets (ISO/IEC 15444-1 B.12).
//!
//! Precincts are listed with their place on the reference grid and sorted by what the order puts first; walking
//! the grid point by point, as the standard words it, visits them in the same order but takes as long as the grid
//! is large.

use super::header::{Order, Progression};
use super::tile::{Layout, Rect};

/// One precinct in the order of its progression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) component: usize,
    pub(super) resolution: u8,
    /// Index of the precinct in the layout's pool.
    pub(super) precinct: usize,
    /// Row and column of the reference grid at which it is visited.
    place: [u64; 2],
}

/// Calls `visit` for each packet of `progression` in order; packets that an earlier progression has had are
/// among them. `layers` is the number of layers there are, `area` the tile on the reference grid.
///
/// # Errors
/// The first that `visit` returns.
pub(super) fn walk<E>(
    progression: &Progression,
    layout: &mut Layout,
    area: Rect,
    layers: u16,
    mut visit: impl FnMut(&mut Layout, Stop, u16) -> Result<(), E>,
) -> Result<(), E> {
    let mut stops = stops(progression, layout, area);
    let layers = 0..progression.layers_end.min(layers);
    match progression.order {
        Order::Lrcp => {
            stops.sort_by_key(|stop| (stop.resolution, stop.component, stop.precinct));
            for layer in layers {
                for stop in &stops {
                    visit(layout, *stop, layer)?;
                }
            }
        }
        Order::Rlcp => {
            stops.sort_by_key(|stop| (stop.resolution, stop.component, stop.precinct));
            for level in stops.chunk_by(|a, b| a.resolution == b.resolution) {
                for layer in layers.clone() {
                    for stop in level {
                        visit(layout, *stop, layer)?;
                    }
                }
            }
        }
        Order::Rpcl | Order::Pcrl | Order::Cprl => {
            stops.sort_by_key(|stop| {
                let [row, column] = stop.place;
                let (resolution, component) = (u64::from(stop.resolution), stop.component as u64);
                match progression.order {
                    Order::Rpcl => ([resolution, row, column, component], stop.precinct),
                    Order::Pcrl => ([row, column, component, resolution], stop.precinct),
                    _ => ([component, row, column, resolution], stop.precinct),
                }
            });
            for stop in &stops {
                for layer in layers.clone() {
                    visit(layout, *stop, layer)?;
                }
            }
        }
    }
    Ok(())
}

/// The precincts in the bounds of `progression`.
fn stops(progression: &Progression, layout: &Layout, area: Rect) -> Vec<Stop> {
    let mut stops = Vec::new();
    let [first, end] = progression.components;
    for (index, component) in layout.components.iter().enumerate().take(end).skip(first) {
        for (level, resolution) in component.resolutions.iter().enumerate() {
            let number = level as u8;
            if !(progression.resolutions[0]..progression.resolutions[1]).contains(&number) {
                continue;
            }
            let depth = component.style.levels - number;
            // Where row or column `k` of precincts is visited (the conditions inside the loops of B.12.1.3).
            let place = |start: u32, log: u8, k: u32, step: u32, edge: u32| {
                let cell = (u64::from(start) >> log) + u64::from(k);
                let at = u128::from(cell) << (u32::from(log) + u32::from(depth));
                let at = at * u128::from(step);
                u64::try_from(at).unwrap_or(u64::MAX).max(u64::from(edge))
            };
            let (log, start) = (resolution.precinct, resolution.rect.start);
            for y in 0..resolution.grid[1] {
                let row = place(start[1], log[1], y, component.step[1], area.start[1]);
                for x in 0..resolution.grid[0] {
                    let column = place(start[0], log[0], x, component.step[0], area.start[0]);
                    stops.push(Stop {
                        component: index,
                        resolution: number,
                        precinct: resolution.first_precinct
                            + y as usize * resolution.grid[0] as usize
                            + x as usize,
                        place: [row, column],
                    });
                }
            }
        }
    }
    stops
}
