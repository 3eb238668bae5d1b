//! Meshes on both sides of the wall: read and repaired in the worker, taken from shared memory in the pipeline.

use std::ops::Range;

use bytemuck::{AnyBitPattern, NoUninit};
use capture::mesh::{Axes, FileTexture, MeshFile};
use capture::{NamedBytes, photo};
use serde::Serialize;
use surface::repair::{self, Input, InputAxes, RepairFinding};
use surface::{ImageMedia, Mesh, Model, Texture};
use volume::{Note, Severity};

use super::protocol::{MeshJob, MeshReply, ModelLayout};
use crate::steps::find::chain;
use crate::steps::record::{severity, typed_note};

/// Bytes that a surface may take in shared memory: 100 million vertices with all that they can have, 50 million
/// triangles, and a texture. Memory is taken only for what is written.
pub(crate) const ARENA_BYTES: u64 = 6 << 30;

/// A surface with its colors as seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) model: Model,
    /// `[vertex][red, green, blue, alpha]`, sRGB, with the texture; empty, or one a vertex.
    pub(crate) seen_colors: Vec<[u8; 4]>,
}

/// Reads and repairs the first of `files`, and writes it to `out`.
pub(super) fn read(files: &[NamedBytes<'_>], job: &MeshJob, out: &mut [u8]) -> Result<MeshReply, String> {
    let file = capture::mesh::read(files, 0).map_err(|e| chain(&e))?;
    if file.positions.is_empty() {
        return Err("the file holds nothing to show".to_owned());
    }
    let format = file
        .format
        .map_or("mesh", capture::mesh::MeshFormat::word)
        .to_owned();
    let mut notes: Vec<Note> = file
        .findings
        .iter()
        .map(|finding| typed_note(finding, severity(finding.severity()), finding.to_string()))
        .collect();
    let input = input(file, &mut notes);
    let options = repair::Options {
        unit: job.unit,
        ..repair::Options::default()
    };
    let repaired = repair::repair(input, &options).map_err(|e| chain(&e))?;
    let findings = repaired.report.findings();
    notes.extend(
        findings
            .iter()
            .map(|finding| typed_note(finding, weight(finding), finding.to_string())),
    );
    let seen_colors = seen_colors(&repaired.model);
    let layout =
        write(&repaired.model, &seen_colors, out).ok_or("the surface does not fit the shared memory")?;
    Ok(MeshReply {
        format,
        notes,
        report: repaired.report,
        layout,
    })
}

fn input(file: MeshFile, notes: &mut Vec<Note>) -> Input {
    Input {
        positions: file.positions,
        origin: file.origin,
        triangles: file.triangles,
        colors: file.colors,
        texture: file.texture.and_then(|texture| clean(texture, notes)),
        scalars: Vec::new(),
        unit: file.unit,
        axes: match file.axes {
            Axes::YUp => InputAxes::YUp,
            Axes::Patient | Axes::Unknown => InputAxes::Patient,
        },
    }
}

/// A texture that says nothing of a finding of its own.
#[derive(Serialize)]
enum TextureFinding {
    TextureUnreadable,
}

/// The texture without the metadata of its picture; none, with a note, where the picture cannot be read.
fn clean(texture: FileTexture, notes: &mut Vec<Note>) -> Option<Texture> {
    let cleaned = photo::stripped(&texture.image);
    match cleaned.map(|image| (ImageMedia::of(&image), image)) {
        Ok((Some(media), image)) => Some(Texture {
            uv: texture.uv,
            media,
            image,
        }),
        Ok((None, _)) | Err(_) => {
            let told = "The texture cannot be read and was left out.".to_owned();
            notes.push(typed_note(
                &TextureFinding::TextureUnreadable,
                Severity::Caution,
                told,
            ));
            None
        }
    }
}

/// How much a finding of repair matters.
fn weight(finding: &RepairFinding) -> Severity {
    match finding {
        RepairFinding::UnitInferred { .. }
        | RepairFinding::SizeImplausible { .. }
        | RepairFinding::Undefined { .. }
        | RepairFinding::OneSided { .. }
        | RepairFinding::NonManifold { .. } => Severity::Caution,
        _ => Severity::Info,
    }
}

/// The color of each vertex under the texture; empty without one, or where its picture cannot be decoded.
fn seen_colors(model: &Model) -> Vec<[u8; 4]> {
    let Some(texture) = &model.texture else {
        return Vec::new();
    };
    let Ok(picture) = photo::read_texture(&texture.image) else {
        return Vec::new();
    };
    let (columns, rows) = (picture.facts.columns as usize, picture.facts.rows as usize);
    let pixels = picture.rgb.as_chunks::<3>().0;
    let at = |v: f32, n: usize| ((v - v.floor()) * n as f32) as usize % n.max(1);
    let colors = texture.uv.iter().enumerate().map(|(vertex, &[u, v])| {
        let [red, green, blue] = pixels[at(v, rows) * columns + at(u, columns)];
        let over = model.colors.get(vertex).copied().unwrap_or([255; 4]);
        let mixed = |a: u8, b: u8| (u16::from(a) * u16::from(b) / 255) as u8;
        [
            mixed(red, over[0]),
            mixed(green, over[1]),
            mixed(blue, over[2]),
            over[3],
        ]
    });
    colors.collect()
}

/// Writes the arrays of a surface; `None` where they do not fit.
fn write(model: &Model, seen_colors: &[[u8; 4]], out: &mut [u8]) -> Option<ModelLayout> {
    let mesh = &model.mesh;
    let texture = model.texture.as_ref();
    let layout = ModelLayout {
        vertices: mesh.positions_mm.len() as u64,
        has_normals: !mesh.normals.is_empty(),
        has_colors: !model.colors.is_empty(),
        has_seen_colors: !seen_colors.is_empty(),
        texture_bytes: texture.map(|texture| texture.image.len() as u64),
        triangles: mesh.triangles.len() as u64,
    };
    let parts = [
        bytes(&mesh.positions_mm),
        bytes(&mesh.normals),
        bytes(&model.colors),
        bytes(seen_colors),
        bytes(texture.map_or(&[], |texture| &texture.uv)),
        bytes(&mesh.triangles),
        texture.map_or(&[], |texture| &texture.image),
    ];
    let (ranges, _) = layout.ranges()?;
    for (range, part) in ranges.into_iter().zip(parts) {
        out.get_mut(range)?.get_mut(..part.len())?.copy_from_slice(part);
    }
    Some(layout)
}

fn bytes<T: NoUninit>(values: &[T]) -> &[u8] {
    bytemuck::cast_slice(values)
}

impl ModelLayout {
    /// Where each array lies (positions, normals, colors, colors as seen, places on the texture, triangles, picture), and
    /// where they end; `None` for counts that no memory holds.
    fn ranges(&self) -> Option<([Range<usize>; 7], usize)> {
        let per_vertex =
            |is_there: bool, size: u64| self.vertices.checked_mul(if is_there { size } else { 0 });
        let lens = [
            per_vertex(true, 12)?,
            per_vertex(self.has_normals, 12)?,
            per_vertex(self.has_colors, 4)?,
            per_vertex(self.has_seen_colors, 4)?,
            per_vertex(self.texture_bytes.is_some(), 8)?,
            self.triangles.checked_mul(12)?,
            self.texture_bytes.unwrap_or(0),
        ];
        let mut end = 0usize;
        let mut ranges = [const { 0..0 }; 7];
        for (range, len) in ranges.iter_mut().zip(lens) {
            let start = end.checked_next_multiple_of(8)?;
            end = start.checked_add(usize::try_from(len).ok()?)?;
            *range = start..end;
        }
        Some((ranges, end))
    }

    /// The surface in shared memory; `None` where it does not fit there or contradicts itself.
    pub(crate) fn take(&self, memory: &[u8]) -> Option<Shown> {
        let ([positions, normals, colors, seen, uv, triangles, image], end) = self.ranges()?;
        let memory = memory.get(..end)?;
        let texture = match self.texture_bytes {
            None => None,
            Some(_) => {
                let image = memory.get(image)?.to_vec();
                Some(Texture {
                    uv: values(memory, uv)?,
                    media: ImageMedia::of(&image)?,
                    image,
                })
            }
        };
        Some(Shown {
            model: Model {
                mesh: Mesh {
                    positions_mm: values(memory, positions)?,
                    normals: values(memory, normals)?,
                    triangles: values(memory, triangles)?,
                },
                colors: values(memory, colors)?,
                texture,
                scalars: Vec::new(),
            },
            seen_colors: values(memory, seen)?,
        })
    }
}

fn values<T: AnyBitPattern>(memory: &[u8], range: Range<usize>) -> Option<Vec<T>> {
    Some(bytemuck::try_cast_slice(memory.get(range)?).ok()?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surface_passes_through_shared_memory() {
        let model = Model {
            mesh: Mesh {
                positions_mm: vec![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, f32::MAX]],
                normals: vec![[0.0, 0.0, 1.0]; 3],
                triangles: vec![[0, 1, 2]],
            },
            colors: vec![[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]],
            texture: Some(Texture {
                uv: vec![[0.0, 0.25], [0.5, 1.0], [2.0, -1.0]],
                media: ImageMedia::Jpeg,
                image: b"\xFF\xD8\xFFsome".to_vec(),
            }),
            scalars: Vec::new(),
        };
        let seen = vec![[7; 4]; 3];
        let mut memory = vec![0u64; 64];
        let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut memory);
        let layout = write(&model, &seen, memory).unwrap();
        let shown = layout.take(memory).unwrap();
        assert_eq!((shown.model, shown.seen_colors), (model.clone(), seen.clone()));
        let (_, end) = layout.ranges().unwrap();
        assert!(layout.take(&memory[..end - 1]).is_none());
        assert!(write(&model, &seen, &mut memory[..end - 1]).is_none());
        let absurd = ModelLayout {
            vertices: u64::MAX / 12,
            ..layout
        };
        assert!(absurd.take(memory).is_none());
    }
}
