//! Triangles of any origin to a surface in patient millimeters, honestly: what is changed is counted and told.
//!
//! [`repair`] takes what a mesh file holds and
//!
//! 1. drops vertices that are not finite, with their triangles,
//! 2. takes vertices at the same place for one ([`Weld`]); those that differ in color, place on
//!    the texture or values stay apart in the model, but are one point to everything that follows,
//! 3. drops triangles that are a line or a point because two corners are one, and triangles that are there twice,
//! 4. turns triangles so that neighbors agree about the outside, as few as it takes, and closed pieces outward,
//! 5. counts pieces, holes and edges that are not of two triangles,
//! 6. drops vertices that nothing uses, converts to millimeters and makes smooth normals.
//!
//! Nothing is filled, smoothed or moved. A triangle without area whose corners differ stays: taking it away would open a
//! closed surface.
//!
//! # Unit and axes
//! The unit is the one given, else declared, else inferred ([`infer_unit`]); which it was is part of the report. Axes stay
//! as they are in the file, but for y-up ones (glTF), which become LPS with the front to the front: x stays, y becomes
//! superior, z becomes anterior.

mod edges;
mod orient;
mod report;
#[cfg(test)]
mod tests;
mod union;
mod unit;
mod weld;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use geometry::LengthUnit;
use parallel::prelude::*;

use crate::{Mesh, Model, Scalars, SurfaceError, Texture, normals};
use edges::Sides;
use orient::Pieces;
use weld::{Mixer, Places, representatives, snap};

pub use report::{RepairFinding, RepairReport, UnitChoice};
pub use unit::{UnitSource, infer_unit};

/// What a mesh file holds, in its own unit and axes; `capture::mesh::MeshFile` has the same fields.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// `[vertex][x, y, z]`; NaN and infinities are dealt with.
    pub positions: Vec<[f32; 3]>,
    /// `[x, y, z]`, what the positions are relative to; it stays so, and the report tells.
    pub origin: [f64; 3],
    /// `[triangle][corner]`, indexes of vertices.
    pub triangles: Vec<[u32; 3]>,
    /// `[vertex][red, green, blue, alpha]`, sRGB; empty, or one a vertex.
    pub colors: Vec<[u8; 4]>,
    /// The texture.
    pub texture: Option<Texture>,
    /// Measured values.
    pub scalars: Vec<Scalars>,
    /// The unit that the file declares.
    pub unit: Option<LengthUnit>,
    /// What its axes mean.
    pub axes: InputAxes,
}

/// What the axes of an [`Input`] mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputAxes {
    /// Patient space, or nothing is known: they stay.
    #[default]
    Patient,
    /// y upward, z to the front, x to the left (glTF 2.0 section 3.4).
    YUp,
}

/// Which vertices are one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Weld {
    /// Those at the same place, as far as numbers of 32 bits can tell: to a hundred-millionth of the longest side.
    #[default]
    Exact,
    /// Those at most so far apart, in the file's unit: each moves to the first one near it.
    Within(f64),
}

/// Whether normals are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Normals {
    /// Smooth ones, one a vertex.
    #[default]
    Smooth,
    /// None.
    Absent,
}

/// How to repair.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The unit of the file, if whoever uploads says so; it goes before what the file declares.
    pub unit: Option<LengthUnit>,
    /// Which vertices are one.
    pub weld: Weld,
    /// Whether normals are made.
    pub normals: Normals,
}

/// A repaired surface.
#[derive(Clone, Debug)]
pub struct Repaired {
    /// The surface, patient mm (relative to [`RepairReport::origin`] where that is not zero).
    pub model: Model,
    /// What was found and done.
    pub report: RepairReport,
}

/// Repairs a mesh (see [the module](self)). Takes some 30 bytes a triangle on top of the mesh itself.
///
/// # Errors
/// When an index is out of range, an attribute has not one entry a vertex, a tolerance is not a positive number, or there
/// are more than [`MAX_TRIANGLES`](crate::MAX_TRIANGLES).
pub fn repair(input: Input, options: &Options) -> Result<Repaired, SurfaceError> {
    check(&input, options)?;
    let mut report = RepairReport {
        vertices_read: input.positions.len() as u64,
        triangles_read: input.triangles.len() as u64,
        origin: input.origin,
        ..RepairReport::default()
    };
    let mut input = input;
    let is_cloud = input.triangles.is_empty();
    drop_undefined(&mut input, &mut report);
    if let Weld::Within(tolerance) = options.weld {
        snap(&mut input.positions, tolerance);
    }
    let points = weld(&mut input, &mut report);
    drop_degenerate(&mut input.triangles, points.as_deref(), &mut report);
    straighten(&mut input, points.as_deref(), &mut report);
    let mut points = points;
    if is_cloud {
        keep_clouds(&mut input);
    } else {
        drop_unused(&mut input, points.as_mut(), &mut report);
    }
    let model = into_patient(input, points.as_deref(), options, &mut report);
    Ok(Repaired { model, report })
}

fn check(input: &Input, options: &Options) -> Result<(), SurfaceError> {
    let vertices = input.positions.len();
    if input.triangles.len() as u64 > crate::MAX_TRIANGLES {
        return Err(SurfaceError::TooManyTriangles {
            triangles: input.triangles.len() as u64,
            limit: crate::MAX_TRIANGLES,
        });
    }
    if let Some(index) = input
        .triangles
        .par_iter()
        .flatten()
        .find_any(|&&v| v as usize >= vertices)
    {
        return Err(SurfaceError::Index {
            index: *index,
            vertices: vertices as u64,
        });
    }
    let attributes = [
        Some(input.colors.len()).filter(|len| *len > 0),
        input.texture.as_ref().map(|texture| texture.uv.len()),
    ];
    let scalars = input.scalars.iter().map(|scalars| Some(scalars.values.len()));
    if let Some(actual) = attributes
        .into_iter()
        .chain(scalars)
        .flatten()
        .find(|len| *len != vertices)
    {
        return Err(SurfaceError::AttributeCount {
            expected: vertices as u64,
            actual: actual as u64,
        });
    }
    match options.weld {
        Weld::Within(tolerance) if !(tolerance.is_finite() && tolerance > 0.0) => {
            Err(SurfaceError::Tolerance(tolerance))
        }
        _ => Ok(()),
    }
}

fn is_finite(position: &[f32; 3]) -> bool {
    position.iter().all(|v| v.is_finite())
}

/// Drops triangles of vertices that are not finite; the vertices go with the unused ones.
fn drop_undefined(input: &mut Input, report: &mut RepairReport) {
    let undefined = input.positions.par_iter().filter(|p| !is_finite(p)).count();
    if undefined == 0 {
        return;
    }
    report.vertices_undefined = undefined as u64;
    let before = input.triangles.len();
    let positions = &input.positions;
    input
        .triangles
        .retain(|triangle| triangle.iter().all(|&v| is_finite(&positions[v as usize])));
    report.triangles_undefined = (before - input.triangles.len()) as u64;
}

/// Lets triangles name the first of vertices that are the same in every respect. Where vertices carry more than a place,
/// returns the point of each: the first vertex at its place.
fn weld(input: &mut Input, report: &mut RepairReport) -> Option<Vec<u32>> {
    let mixer = Mixer::new();
    let positions = &input.positions;
    let places = Places::new(longest_side(positions));
    let place = |i: usize| places.of(positions[i]);
    let count = positions.len();
    let places = representatives(count, |i| mixer.mix(place(i)), |a, b| place(a) == place(b));
    let is_point = |(i, first): &(usize, &u32)| *i == **first as usize && is_finite(&positions[*i]);
    report.points = places.par_iter().enumerate().filter(is_point).count() as u64;
    if input.colors.is_empty() && input.texture.is_none() && input.scalars.is_empty() {
        rename(&mut input.triangles, &places);
        return None;
    }
    let input_ref = &*input;
    let dress = |i: usize| {
        let color = input_ref.colors.get(i).map(|color| u32::from_le_bytes(*color));
        let uv = input_ref
            .texture
            .as_ref()
            .map(|texture| texture.uv[i].map(|v| (v + 0.0).to_bits()));
        let values = input_ref
            .scalars
            .iter()
            .map(move |scalars| scalars.values[i].to_bits());
        color.into_iter().chain(uv.into_iter().flatten()).chain(values)
    };
    let same = representatives(
        count,
        |i| mixer.mix(std::iter::once(places[i]).chain(dress(i))),
        |a, b| places[a] == places[b] && dress(a).eq(dress(b)),
    );
    rename(&mut input.triangles, &same);
    Some(places)
}

fn rename(triangles: &mut [[u32; 3]], names: &[u32]) {
    triangles
        .par_iter_mut()
        .for_each(|triangle| *triangle = triangle.map(|v| names[v as usize]));
}

/// A triangle's points.
fn points_of(triangle: [u32; 3], points: Option<&[u32]>) -> [u32; 3] {
    points.map_or(triangle, |points| triangle.map(|v| points[v as usize]))
}

fn drop_degenerate(triangles: &mut Vec<[u32; 3]>, points: Option<&[u32]>, report: &mut RepairReport) {
    let is_degenerate = |&triangle: &[u32; 3]| {
        let [a, b, c] = points_of(triangle, points);
        a == b || b == c || c == a
    };
    let count = triangles.par_iter().filter(|t| is_degenerate(t)).count();
    if count > 0 {
        triangles.retain(|triangle| !is_degenerate(triangle));
    }
    report.degenerate = count as u64;
}

/// Drops triangles that are there twice, turns the others, and counts what hangs together.
fn straighten(input: &mut Input, points: Option<&[u32]>, report: &mut RepairReport) {
    let by_points = |triangles: &[[u32; 3]]| -> Option<Vec<[u32; 3]>> {
        points.map(|_| triangles.par_iter().map(|&t| points_of(t, points)).collect())
    };
    let count = input.positions.len();
    let mut own = by_points(&input.triangles);
    let mut topology = Sides::new(own.as_deref().unwrap_or(&input.triangles), count).topology();
    if topology.counts.duplicates > 0 {
        report.duplicates = topology.counts.duplicates;
        let mut is_duplicate = topology.is_duplicate.iter();
        input
            .triangles
            .retain(|_| !is_duplicate.next().is_some_and(|mark| mark.load(Relaxed)));
        own = by_points(&input.triangles);
        topology = Sides::new(own.as_deref().unwrap_or(&input.triangles), count).topology();
    }
    let triangles = own.as_deref().unwrap_or(&input.triangles);
    report.holes = topology.holes();
    report.boundary_edges = topology.counts.boundary;
    report.non_manifold_edges = topology.counts.non_manifold;
    let mut pieces = Pieces::new(triangles, &topology);
    report.components = pieces.count();
    let mut is_turned = vec![false; triangles.len()];
    if topology.counts.misoriented > 0 {
        let sides = Sides::new(triangles, count);
        drop(topology);
        report.one_sided_edges = pieces.align(&sides, triangles, &mut is_turned);
    }
    report.closed_components = pieces.closed();
    pieces.face_outward(triangles, &input.positions, &mut is_turned);
    report.flat = count_flat(triangles, &input.positions);
    drop(own);
    report.turned = is_turned.iter().filter(|turned| **turned).count() as u64;
    if report.turned > 0 {
        let turn = |(triangle, turned): (&mut [u32; 3], bool)| {
            if turned {
                triangle.swap(1, 2);
            }
        };
        input.triangles.par_iter_mut().zip(is_turned).for_each(turn);
    }
}

/// Triangles without area though their corners differ.
fn count_flat(triangles: &[[u32; 3]], positions: &[[f32; 3]]) -> u64 {
    let is_flat = |triangle: &&[u32; 3]| {
        let [a, b, c] = triangle.map(|v| positions[v as usize].map(f64::from));
        let [u, v] = [b, c].map(|p| [p[0] - a[0], p[1] - a[1], p[2] - a[2]]);
        u[1] * v[2] == u[2] * v[1] && u[2] * v[0] == u[0] * v[2] && u[0] * v[1] == u[1] * v[0]
    };
    triangles.par_iter().filter(is_flat).count() as u64
}

/// Point clouds keep all that is finite.
fn keep_clouds(input: &mut Input) {
    let keep: Vec<u32> = (0..input.positions.len() as u32)
        .filter(|&v| is_finite(&input.positions[v as usize]))
        .collect();
    if keep.len() < input.positions.len() {
        gather(input, &keep);
    }
}

/// Keeps the vertices that triangles use, in their order.
fn drop_unused(input: &mut Input, points: Option<&mut Vec<u32>>, report: &mut RepairReport) {
    let is_used: Vec<AtomicBool> = input
        .positions
        .par_iter()
        .map(|_| AtomicBool::new(false))
        .collect();
    input.triangles.par_iter().flatten().for_each(|&v| {
        // Reading is cheaper than writing where most are marked already.
        if !is_used[v as usize].load(Relaxed) {
            is_used[v as usize].store(true, Relaxed);
        }
    });
    let mut new_from_old = vec![u32::MAX; is_used.len()];
    let mut old_from_new = Vec::with_capacity(is_used.len());
    for ((old, new), is_used) in (0..).zip(&mut new_from_old).zip(is_used) {
        if is_used.into_inner() {
            *new = old_from_new.len() as u32;
            old_from_new.push(old);
        }
    }
    report.vertices_dropped = (input.positions.len() - old_from_new.len()) as u64;
    if report.vertices_dropped == 0 {
        return;
    }
    rename(&mut input.triangles, &new_from_old);
    if let Some(points) = points {
        // A point may be known by a vertex that nothing uses.
        let mut first = vec![u32::MAX; points.len()];
        *points = old_from_new
            .iter()
            .zip(0..)
            .map(|(&old, new)| {
                let first = &mut first[points[old as usize] as usize];
                *first = (*first).min(new);
                *first
            })
            .collect();
    }
    gather(input, &old_from_new);
}

fn gather(input: &mut Input, old_from_new: &[u32]) {
    fn of<T: Copy + Send + Sync>(values: &mut Vec<T>, old_from_new: &[u32]) {
        if !values.is_empty() {
            *values = old_from_new.par_iter().map(|&old| values[old as usize]).collect();
        }
    }
    of(&mut input.positions, old_from_new);
    of(&mut input.colors, old_from_new);
    if let Some(texture) = &mut input.texture {
        of(&mut texture.uv, old_from_new);
    }
    for scalars in &mut input.scalars {
        of(&mut scalars.values, old_from_new);
    }
}

/// Millimeters, patient axes and normals.
fn into_patient(input: Input, points: Option<&[u32]>, options: &Options, report: &mut RepairReport) -> Model {
    let mut positions = input.positions;
    let unit = UnitChoice::choose(options.unit, input.unit, longest_side(&positions));
    report.unit = unit;
    let factor = unit.unit.mm();
    let scaled = |v: f32| (f64::from(v) * factor) as f32;
    match input.axes {
        InputAxes::Patient if factor == 1.0 => {}
        InputAxes::Patient => positions.par_iter_mut().for_each(|p| *p = p.map(scaled)),
        InputAxes::YUp => positions
            .par_iter_mut()
            .for_each(|p| *p = [scaled(p[0]), -scaled(p[2]), scaled(p[1])]),
    }
    // Adding zero turns -0 into 0.
    report.origin = match input.axes {
        InputAxes::Patient => input.origin,
        InputAxes::YUp => [input.origin[0], -input.origin[2] + 0.0, input.origin[1]],
    };
    report.origin = report.origin.map(|v| v * factor);
    report.vertices = positions.len() as u64;
    report.triangles = input.triangles.len() as u64;
    let normals = match options.normals {
        Normals::Absent => Vec::new(),
        Normals::Smooth if input.triangles.is_empty() => Vec::new(),
        Normals::Smooth => match points {
            None => normals::smooth(&positions, &input.triangles),
            Some(points) => {
                let by_points: Vec<[u32; 3]> = input
                    .triangles
                    .par_iter()
                    .map(|&t| points_of(t, Some(points)))
                    .collect();
                let of_point = normals::smooth(&positions, &by_points);
                points.par_iter().map(|&point| of_point[point as usize]).collect()
            }
        },
    };
    Model {
        mesh: Mesh {
            positions_mm: positions,
            normals,
            triangles: input.triangles,
        },
        colors: input.colors,
        texture: input.texture,
        scalars: input.scalars,
    }
}

/// The longest side of the box around all finite positions; 0 for none.
fn longest_side(positions: &[[f32; 3]]) -> f64 {
    let pair = |p: &[f32; 3]| (*p, *p);
    let bounds = positions
        .par_iter()
        .filter(|p| is_finite(p))
        .map(pair)
        .reduce_with(|(a, b), (c, d)| {
            (
                [0, 1, 2].map(|i| a[i].min(c[i])),
                [0, 1, 2].map(|i| b[i].max(d[i])),
            )
        });
    let side = |(low, high): ([f32; 3], [f32; 3]), axis: usize| f64::from(high[axis]) - f64::from(low[axis]);
    bounds.map_or(0.0, |bounds| {
        (0..3).map(|axis| side(bounds, axis)).fold(0.0, f64::max)
    })
}
