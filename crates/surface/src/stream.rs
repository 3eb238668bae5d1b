//! A surface from slabs of slices, so that neither the volume nor the full surface is ever in memory as a whole.
//!
//! Each slab is extracted by itself, with a slice of overlap, loses its specks and is simplified; the vertices in the
//! planes that it shares with its neighbors are locked. Slabs may be worked on side by side. A [`Stitcher`] joins
//! them, drops the islands of the whole, and simplifies across the seams.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use geometry::GridGeometry;
use parallel::prelude::*;
use volume::Sample;

use crate::islands::{Component, DisjointSets, keep_triangles};
use crate::iso::{RawSlab, Shading, extract};
use crate::simplify::{Deviation, Goal, History, Working, fit_and_measure, measure, reduce};
use crate::{Closing, Components, IslandRule, MAX_TRIANGLES, Mesh, Surface, SurfaceError, Window, normals};

/// How far a surface is reduced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reduction {
    /// The share of the triangles that is enough, 0 to 1.
    pub share: f64,
    /// How far the surface may move away from any of its vertices, mm: where it is too rough for that, more triangles
    /// stay.
    pub max_error_mm: f32,
}

/// What surface is wanted of a volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurfacePlan {
    /// Where the samples lie.
    pub grid: GridGeometry,
    /// The stored value at which the surface lies; inside is at or above it.
    pub threshold: f64,
    /// What happens at the edge of the volume.
    pub closing: Closing,
    /// Which pieces are dropped.
    pub islands: IslandRule,
    /// How far the surface is simplified; nothing keeps every triangle.
    pub reduction: Option<Reduction>,
}

/// Part of a volume that is worked on by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlabRange {
    /// The planes of slices between which the slab lies; the first and the last are shared with its neighbors.
    pub planes: RangeInclusive<u32>,
    /// The slices that its window needs: those planes.
    pub slices: Range<u32>,
}

/// The reduced surface of a slab.
pub struct Slab {
    planes: RangeInclusive<u32>,
    mesh: Working,
    /// The vertices in the first and in the last plane, in an order on which neighbors agree.
    seams: [Vec<u32>; 2],
    component_of_vertex: Vec<u32>,
    components: Vec<Component>,
    triangles_extracted: u64,
    islands_dropped: u64,
    deviation: Deviation,
}

/// How far the reduced slabs of a surface are from the full one at most, as far as it is known: in a slab, only what
/// may be farther has to be measured to the end.
#[derive(Debug, Default)]
pub struct Farthest(AtomicU32);

impl Farthest {
    fn mm(&self) -> f32 {
        f32::from_bits(self.0.load(Relaxed))
    }

    fn add(&self, mm: f32) {
        // The bits of positive numbers are in the order of the numbers.
        self.0.fetch_max(mm.to_bits(), Relaxed);
    }
}

/// Layers of cells in a slab of a volume in memory.
const LAYERS_IN_MEMORY: u32 = 64;

impl SurfacePlan {
    /// Slabs of up to `layers` layers of cells that cover the volume, in order. A volume with a single slice has one
    /// slab, without surface.
    pub fn slabs(&self, layers: u32) -> impl Iterator<Item = SlabRange> + use<> {
        let slices = self.grid.dims()[2];
        let layers = layers.max(1);
        (0..(slices - 1).div_ceil(layers).max(1)).map(move |i| {
            let first = i * layers;
            let last = first.saturating_add(layers).min(slices - 1);
            SlabRange {
                planes: first..=last,
                slices: first..last + 1,
            }
        })
    }

    /// The reduced surface between the first and the last of `planes`, which `window` must hold.
    ///
    /// # Errors
    /// As [`crate::isosurface`], and when the window lacks slices.
    pub fn slab<T: Sample>(
        &self,
        window: Window<'_, T>,
        planes: RangeInclusive<u32>,
    ) -> Result<Slab, SurfaceError> {
        self.slab_beside(window, planes, &Farthest::default())
    }

    /// As [`Self::slab`], sooner, for a surface whose slabs share `farthest`.
    ///
    /// # Errors
    /// As [`Self::slab`].
    pub fn slab_beside<T: Sample>(
        &self,
        window: Window<'_, T>,
        planes: RangeInclusive<u32>,
        farthest: &Farthest,
    ) -> Result<Slab, SurfaceError> {
        let raw = extract(
            &self.grid,
            window,
            planes.clone(),
            self.threshold,
            self.closing,
            Shading::None,
        )?;
        let triangles_extracted = raw.mesh.triangles.len() as u64;
        let vertices = raw.mesh.positions_mm.len() as u32;
        let RawSlab {
            mut mesh,
            vertices_in_first_plane,
            vertices_in_last_plane,
        } = raw;
        let is_seam = [*planes.start() > 0, *planes.end() + 1 < self.grid.dims()[2]];
        let first_seam = 0..if is_seam[0] {
            vertices_in_first_plane as u32
        } else {
            0
        };
        let last_seam = vertices
            - if is_seam[1] {
                vertices_in_last_plane as u32
            } else {
                0
            }..vertices;
        let pieces = Components::of(&mesh);
        let (kept, islands_dropped) =
            self.drop_specks(&mut mesh, &pieces, first_seam.clone().chain(last_seam.clone()));
        let number = |v: u32| if kept.is_empty() { v } else { kept[v as usize] };
        let seams = [first_seam, last_seam].map(|seam| seam.map(number).collect::<Vec<u32>>());
        let mut component_of_vertex = vec![u32::MAX; mesh.positions_mm.len()];
        for (v, &piece) in pieces.of_vertex.iter().enumerate() {
            if let Some(place) = component_of_vertex.get_mut(number(v as u32) as usize) {
                *place = piece;
            }
        }
        let mut slab = Slab {
            planes,
            mesh: Working::full(mesh),
            seams,
            component_of_vertex,
            components: pieces.list,
            triangles_extracted,
            islands_dropped,
            deviation: Deviation::default(),
        };
        if let Some(reduction) = self.reduction {
            slab.reduce(reduction, farthest);
        }
        Ok(slab)
    }

    /// The whole surface of a volume in memory; `samples` is `[slice][row][column]`, stored values.
    ///
    /// # Errors
    /// As [`crate::isosurface`].
    pub fn surface<T: Sample>(&self, samples: &[T]) -> Result<Surface, SurfaceError> {
        if samples.len() as u64 != self.grid.len() {
            return Err(SurfaceError::SampleCount {
                expected: self.grid.len(),
                actual: samples.len() as u64,
            });
        }
        let window = Window {
            samples,
            first_slice: 0,
        };
        let ranges: Vec<SlabRange> = self.slabs(LAYERS_IN_MEMORY).collect();
        let farthest = Farthest::default();
        let slabs: Vec<Slab> = ranges
            .into_par_iter()
            .map(|range| self.slab_beside(window, range.planes, &farthest))
            .collect::<Result<_, _>>()?;
        let mut stitcher = Stitcher::new(*self);
        for slab in slabs {
            stitcher.push(slab)?;
        }
        stitcher.finish()
    }

    /// Drops pieces that are too small for the rule and touch no seam. Returns the new number of each vertex
    /// (nothing when all stay) and how many pieces went.
    fn drop_specks(
        &self,
        mesh: &mut Mesh,
        pieces: &Components,
        seam: impl Iterator<Item = u32>,
    ) -> (Vec<u32>, u64) {
        let mut is_dropped: Vec<bool> = pieces
            .list
            .iter()
            .map(|piece| piece.area_mm2 < self.islands.min_area_mm2)
            .collect();
        for v in seam {
            if let Some(is_dropped) = is_dropped.get_mut(pieces.of_vertex[v as usize] as usize) {
                *is_dropped = false;
            }
        }
        let dropped = is_dropped.iter().filter(|dropped| **dropped).count();
        if dropped == 0 {
            return (Vec::new(), 0);
        }
        let numbers = keep_triangles(mesh, |t| !is_dropped[pieces.of_vertex[t[0] as usize] as usize]);
        (numbers, dropped as u64)
    }
}

impl Slab {
    fn reduce(&mut self, reduction: Reduction, farthest: &Farthest) {
        let mut is_locked = vec![false; self.mesh.positions.len()];
        for &v in self.seams.iter().flatten() {
            is_locked[v as usize] = true;
        }
        let in_seams = self.seams.iter().map(Vec::len).sum::<usize>() as f64;
        let enough = self.mesh.triangles.len() as f64 * reduction.share;
        let goal = Goal {
            // A vertex that stays in a seam keeps about one triangle on this side.
            triangles: (enough + in_seams) as usize,
            max_error_mm: reduction.max_error_mm,
        };
        let (mut reduced, became) = reduce(&self.mesh, goal, &|v| is_locked[v]);
        let mut fixed = vec![false; reduced.positions.len()];
        for &v in self.seams.iter().flatten() {
            fixed[became[v as usize] as usize] = true;
        }
        self.deviation = fit_and_measure(
            self.mesh.shape(),
            &mut reduced,
            &became,
            &fixed,
            goal.max_error_mm,
            farthest.mm(),
        );
        farthest.add(self.deviation.max_mm() as f32);
        for v in self.seams.iter_mut().flatten() {
            *v = became[*v as usize];
        }
        let mut component_of_vertex = vec![u32::MAX; reduced.positions.len()];
        for (&now, &piece) in became.iter().zip(&self.component_of_vertex) {
            if let Some(place) = component_of_vertex.get_mut(now as usize) {
                *place = piece;
            }
        }
        self.component_of_vertex = component_of_vertex;
        self.mesh = reduced;
    }
}

/// Joins slabs to one surface.
pub struct Stitcher {
    plan: SurfacePlan,
    mesh: Working,
    /// The vertices in the last plane so far.
    seam: Vec<u32>,
    next_plane: u32,
    waiting: BTreeMap<u32, Slab>,
    component_of_vertex: Vec<u32>,
    components: Vec<Component>,
    sets: DisjointSets,
    triangles_extracted: u64,
    islands_dropped: u64,
    deviation: Deviation,
    vertices_measured: f64,
}

impl Stitcher {
    /// Begins a surface by `plan`.
    pub fn new(plan: SurfacePlan) -> Self {
        Self {
            plan,
            mesh: Working::default(),
            seam: Vec::new(),
            next_plane: 0,
            waiting: BTreeMap::new(),
            component_of_vertex: Vec::new(),
            components: Vec::new(),
            sets: DisjointSets::new(0),
            triangles_extracted: 0,
            islands_dropped: 0,
            deviation: Deviation::default(),
            vertices_measured: 0.0,
        }
    }

    /// Takes a slab. They may come in any order; each is joined as soon as the one before it is there.
    ///
    /// # Errors
    /// When the slab overlaps one that is joined already, or the surface becomes too large.
    pub fn push(&mut self, slab: Slab) -> Result<(), SurfaceError> {
        let first = *slab.planes.start();
        if first < self.next_plane || self.waiting.contains_key(&first) {
            return Err(SurfaceError::SlabOrder {
                expected: self.next_plane,
                actual: first,
            });
        }
        self.waiting.insert(first, slab);
        while let Some(slab) = self.waiting.remove(&self.next_plane) {
            let is_flat = slab.planes.start() == slab.planes.end();
            self.join(&slab)?;
            if is_flat {
                break;
            }
        }
        Ok(())
    }

    fn join(&mut self, slab: &Slab) -> Result<(), SurfaceError> {
        let triangles = self.mesh.triangles.len() + slab.mesh.triangles.len();
        if triangles as u64 > MAX_TRIANGLES {
            return Err(SurfaceError::TooManyTriangles {
                triangles: triangles as u64,
                limit: MAX_TRIANGLES,
            });
        }
        if slab.seams[0].len() != self.seam.len() {
            return Err(SurfaceError::Seam {
                plane: self.next_plane,
                expected: self.seam.len(),
                actual: slab.seams[0].len(),
            });
        }
        let first_component = self.components.len() as u32;
        for &component in &slab.components {
            self.components.push(component);
            self.sets.add();
        }
        let mut numbers = vec![u32::MAX; slab.mesh.positions.len()];
        for (&v, &here) in slab.seams[0].iter().zip(&self.seam) {
            numbers[v as usize] = here;
            self.sets.join(
                first_component + slab.component_of_vertex[v as usize],
                self.component_of_vertex[here as usize],
            );
            if let Some(history) = slab.mesh.histories.get(v as usize) {
                self.mesh.histories[here as usize].add(history);
            }
        }
        for (v, number) in numbers.iter_mut().enumerate() {
            if *number == u32::MAX {
                *number = self.mesh.positions.len() as u32;
                self.mesh.positions.push(slab.mesh.positions[v]);
                self.mesh.histories.extend(slab.mesh.histories.get(v));
                self.component_of_vertex
                    .push(first_component + slab.component_of_vertex[v]);
            }
        }
        let moved = slab.mesh.triangles.iter().map(|t| t.map(|v| numbers[v as usize]));
        self.mesh.triangles.extend(moved);
        self.seam = slab.seams[1].iter().map(|&v| numbers[v as usize]).collect();
        self.next_plane = *slab.planes.end();
        self.triangles_extracted += slab.triangles_extracted;
        self.islands_dropped += slab.islands_dropped;
        self.add_deviation(&slab.deviation, slab.triangles_extracted as f64);
        Ok(())
    }

    fn add_deviation(&mut self, other: &Deviation, weight: f64) {
        let (sum, all) = (&mut self.deviation, self.vertices_measured + weight);
        sum.max_from_full_mm = sum.max_from_full_mm.max(other.max_from_full_mm);
        sum.max_from_simplified_mm = sum.max_from_simplified_mm.max(other.max_from_simplified_mm);
        if all > 0.0 {
            let share = weight / all;
            sum.mean_from_full_mm += (other.mean_from_full_mm - sum.mean_from_full_mm) * share;
        }
        self.vertices_measured = all;
    }

    /// The finished surface.
    ///
    /// # Errors
    /// When slabs are missing.
    pub fn finish(mut self) -> Result<Surface, SurfaceError> {
        let last = self.plan.grid.dims()[2] - 1;
        if self.next_plane != last {
            return Err(SurfaceError::Unfinished {
                reached: self.next_plane,
                last,
            });
        }
        let (triangles_left, components) = self.drop_islands();
        let mut error_mm = self.deviation.max_mm();
        let mut mean_error_mm = self.deviation.mean_from_full_mm;
        let mut mesh = self.mesh;
        if let Some(reduction) = self.plan.reduction {
            let goal = Goal {
                triangles: (triangles_left as f64 * reduction.share) as usize,
                max_error_mm: reduction.max_error_mm,
            };
            let (reduced, became) = reduce(&mesh, goal, &|_| false);
            let deviation = measure(mesh.shape(), reduced.shape(), &became, 0.0);
            error_mm += deviation.max_mm();
            mean_error_mm += deviation.mean_from_full_mm;
            mesh = reduced;
        }
        let normals = normals::smooth(&mesh.positions, &mesh.triangles);
        Ok(Surface {
            mesh: Mesh {
                positions_mm: mesh.positions,
                normals,
                triangles: mesh.triangles,
            },
            threshold: self.plan.threshold,
            closing: self.plan.closing,
            triangles_extracted: self.triangles_extracted,
            islands_dropped: self.islands_dropped,
            components,
            error_mm,
            mean_error_mm,
        })
    }

    /// Drops the pieces that are small beside the largest one. Returns how many triangles the others had when they
    /// were extracted, and how many pieces they are.
    fn drop_islands(&mut self) -> (u64, u64) {
        let mut whole: BTreeMap<u32, Component> = BTreeMap::new();
        let mut is_used = vec![false; self.components.len()];
        for &component in &self.component_of_vertex {
            is_used[component as usize] = true;
        }
        for (i, part) in self.components.iter().enumerate() {
            // A speck that a slab dropped has no vertices left.
            if is_used[i] {
                let sum = whole.entry(self.sets.root(i as u32)).or_default();
                sum.triangles += part.triangles;
                sum.area_mm2 += part.area_mm2;
            }
        }
        let largest = whole.values().map(|piece| piece.area_mm2).fold(0.0, f64::max);
        let least = self.plan.islands.least_area_mm2(largest);
        let kept: Vec<&Component> = whole.values().filter(|piece| piece.area_mm2 >= least).collect();
        let is_kept: Vec<bool> = (0..self.components.len() as u32)
            .map(|i| {
                whole
                    .get(&self.sets.root(i))
                    .is_some_and(|piece| piece.area_mm2 >= least)
            })
            .collect();
        if kept.len() < whole.len() {
            let component_of_vertex = std::mem::take(&mut self.component_of_vertex);
            self.mesh
                .keep_triangles(|t| is_kept[component_of_vertex[t[0] as usize] as usize]);
            self.islands_dropped += (whole.len() - kept.len()) as u64;
        }
        (kept.iter().map(|piece| piece.triangles).sum(), kept.len() as u64)
    }
}

impl Working {
    /// A full surface.
    fn full(mesh: Mesh) -> Self {
        Self {
            positions: mesh.positions_mm,
            triangles: mesh.triangles,
            histories: Vec::new(),
        }
    }

    fn keep_triangles(&mut self, is_kept: impl Fn(&[u32; 3]) -> bool) {
        let mut mesh = Mesh {
            positions_mm: std::mem::take(&mut self.positions),
            normals: Vec::new(),
            triangles: std::mem::take(&mut self.triangles),
        };
        let numbers = keep_triangles(&mut mesh, is_kept);
        let mut at = numbers.iter();
        self.histories
            .retain(|_: &History| at.next().is_some_and(|&number| number != u32::MAX));
        self.positions = mesh.positions_mm;
        self.triangles = mesh.triangles;
    }
}
