//! The default scene as one mesh: nodes, instances, primitives.

use std::collections::HashMap;

use rayon::prelude::*;

use super::super::reference::Upload;
use super::super::text::channel;
use super::super::{MeshFile, MeshFinding, check_counts};
use super::accessor::{get, indexes, vectors};
use super::buffers::{Buffers, missing};
use super::json::{Node, Primitive, Root};
use super::malformed;
use super::texture::{self, Textures};
use super::transform::Affine;
use crate::CaptureError;

pub(super) fn assemble(
    root: &Root,
    buffers: &mut Buffers<'_>,
    upload: &Upload<'_>,
) -> Result<MeshFile, CaptureError> {
    let mut builder = Builder {
        root,
        mesh: MeshFile::default(),
        wide: None,
        textures: Textures::choose(root, buffers, upload)?,
        bare_colors: 0,
        has_colors: false,
        others: 0,
        at_rest: !root.animations.is_empty(),
    };
    for (mesh, scene_from_mesh) in instances(root)? {
        builder.instance(buffers, mesh, &scene_from_mesh)?;
    }
    builder.finish()
}

/// Every mesh of the scene with where it is. Nodes are visited without recursion, each once: a node with two parents, or
/// above itself, is against section 3.5.2.
fn instances(root: &Root) -> Result<Vec<(usize, Affine)>, CaptureError> {
    if root.nodes.is_empty() {
        // Nothing is placed: a library of meshes.
        return Ok((0..root.meshes.len()).map(|i| (i, Affine::IDENTITY)).collect());
    }
    let scene = root.scene.unwrap_or(0);
    let roots: Vec<usize> = match root.scenes.get(scene) {
        Some(scene) => scene.nodes.clone(),
        None if root.scene.is_some() => return Err(missing("scene", scene)),
        None => {
            let mut has_parent = vec![false; root.nodes.len()];
            for child in root.nodes.iter().flat_map(|node| &node.children) {
                if let Some(mark) = has_parent.get_mut(*child) {
                    *mark = true;
                }
            }
            (0..)
                .zip(has_parent)
                .filter(|(_, has)| !has)
                .map(|(i, _)| i)
                .collect()
        }
    };
    let mut instances = Vec::new();
    let mut is_visited = vec![false; root.nodes.len()];
    let mut waiting: Vec<(usize, Affine)> = roots.into_iter().rev().map(|i| (i, Affine::IDENTITY)).collect();
    while let Some((i, scene_from_parent)) = waiting.pop() {
        let (Some(node), Some(visited)) = (root.nodes.get(i), is_visited.get_mut(i)) else {
            return Err(missing("node", i));
        };
        if std::mem::replace(visited, true) {
            return Err(malformed(format!("node {i} is above itself or has two parents")));
        }
        let scene_from_node = scene_from_parent.after(&Affine::of(node));
        if let Some(mesh) = node.mesh {
            instances.push((mesh, place(node, scene_from_node)));
        }
        waiting.extend(node.children.iter().rev().map(|&child| (child, scene_from_node)));
    }
    Ok(instances)
}

/// The joints of a skin place its mesh, not its node (section 3.7.3.3).
fn place(node: &Node, scene_from_node: Affine) -> Affine {
    if node.skin.is_some() {
        Affine::IDENTITY
    } else {
        scene_from_node
    }
}

struct Builder<'a> {
    root: &'a Root,
    mesh: MeshFile,
    /// All positions so far in 64 bits, from the first one on that a node moves.
    wide: Option<Vec<[f64; 3]>>,
    textures: Option<Textures>,
    bare_colors: u64,
    has_colors: bool,
    /// Primitives that are no triangles.
    others: u64,
    at_rest: bool,
}

// Section 5.24.4.
const POINTS: u32 = 0;
const TRIANGLES: u32 = 4;
const STRIP: u32 = 5;
const FAN: u32 = 6;

impl Builder<'_> {
    fn instance(
        &mut self,
        buffers: &mut Buffers<'_>,
        mesh: usize,
        scene_from_mesh: &Affine,
    ) -> Result<(), CaptureError> {
        let root = self.root;
        let mesh = root.meshes.get(mesh).ok_or_else(|| missing("mesh", mesh))?;
        // Primitives of several materials often share their vertices.
        let mut starts = HashMap::new();
        for primitive in &mesh.primitives {
            self.at_rest |= !primitive.targets.is_empty();
            let mode = primitive.mode.unwrap_or(TRIANGLES);
            if ![POINTS, TRIANGLES, STRIP, FAN].contains(&mode) {
                self.others += 1;
                continue;
            }
            let Some(&positions) = primitive.attributes.get("POSITION") else {
                return Err(malformed("a primitive has no positions".to_owned()));
            };
            let accessor = get(root, positions)?;
            let draco = primitive.extensions.draco.as_ref();
            if let Some(draco) = draco.filter(|_| accessor.buffer_view.is_none()) {
                buffers.load_draco(primitive, draco)?;
            }
            let count = accessor.count as usize;
            let key = (&primitive.attributes, primitive.material);
            let start = match starts.get(&key) {
                Some(&start) => start,
                None => {
                    let start = self.vertices(buffers, primitive, positions, scene_from_mesh)?;
                    starts.insert(key, start);
                    start
                }
            };
            if mode != POINTS {
                self.triangles(
                    buffers,
                    primitive,
                    mode,
                    (start, count),
                    scene_from_mesh.is_mirror(),
                )?;
            }
        }
        Ok(())
    }

    fn vertex_count(&self) -> usize {
        self.wide.as_ref().map_or(self.mesh.positions.len(), Vec::len)
    }

    /// Appends the vertices of a primitive and returns the number of the first.
    fn vertices(
        &mut self,
        buffers: &mut Buffers<'_>,
        primitive: &Primitive,
        positions: usize,
        scene_from_mesh: &Affine,
    ) -> Result<u32, CaptureError> {
        let start = self.vertex_count();
        let count = get(self.root, positions)?.count;
        check_counts((start as u64).saturating_add(count), 0)?;
        let local: Vec<[f32; 3]> = vectors(self.root, buffers, positions, &["VEC3"], 0.0)?;
        if self.wide.is_none() && *scene_from_mesh == Affine::IDENTITY {
            if self.mesh.positions.is_empty() {
                self.mesh.positions = local;
            } else {
                self.mesh.positions.extend(local);
            }
        } else {
            let narrow = &mut self.mesh.positions;
            let wide = self.wide.get_or_insert_with(|| {
                std::mem::take(narrow)
                    .into_iter()
                    .map(|p| p.map(f64::from))
                    .collect()
            });
            wide.par_extend(local.into_par_iter().map(|p| scene_from_mesh.apply(p)));
        }
        self.colors(buffers, primitive, start, count as usize)?;
        if let Some(textures) = &mut self.textures {
            textures.append(self.root, buffers, primitive, start, count as usize)?;
        }
        Ok(start as u32)
    }

    fn colors(
        &mut self,
        buffers: &mut Buffers<'_>,
        primitive: &Primitive,
        start: usize,
        count: usize,
    ) -> Result<(), CaptureError> {
        let colors = &mut self.mesh.colors;
        let Some(&accessor) = primitive.attributes.get("COLOR_0") else {
            if self.has_colors {
                colors.resize(start + count, [255; 4]);
            }
            self.bare_colors += count as u64;
            return Ok(());
        };
        let linear: Vec<[f32; 4]> = vectors(self.root, buffers, accessor, &["VEC3", "VEC4"], 1.0)?;
        if linear.len() != count {
            return Err(malformed(format!("{} colors for {count} vertices", linear.len())));
        }
        self.has_colors = true;
        colors.resize(start, [255; 4]);
        colors.par_extend(linear.into_par_iter().map(|[r, g, b, a]| {
            let [r, g, b] = [r, g, b].map(|v| channel(srgb(f64::from(v))));
            [r, g, b, channel(f64::from(a))]
        }));
        Ok(())
    }

    fn triangles(
        &mut self,
        buffers: &mut Buffers<'_>,
        primitive: &Primitive,
        mode: u32,
        (start, count): (u32, usize),
        is_mirror: bool,
    ) -> Result<(), CaptureError> {
        let list = match primitive.indices {
            Some(accessor) => indexes(self.root, buffers, accessor, count)?,
            None => (0..count as u32).collect(),
        };
        let corners = match mode {
            TRIANGLES => list.len() / 3,
            _ => list.len().saturating_sub(2),
        };
        let before = self.mesh.triangles.len();
        check_counts(0, (before as u64).saturating_add(corners as u64))?;
        let place = |[a, b, c]: [u32; 3]| {
            let [a, b, c] = [a + start, b + start, c + start];
            if is_mirror { [b, a, c] } else { [a, b, c] }
        };
        let triangles = &mut self.mesh.triangles;
        match (mode, list.as_slice()) {
            (TRIANGLES, _) => {
                let (whole, rest) = list.as_chunks::<3>();
                self.others += u64::from(!rest.is_empty());
                triangles.par_extend(whole.par_iter().map(|&triangle| place(triangle)));
            }
            (STRIP, _) => {
                let corners = list.windows(3).enumerate();
                triangles.extend(corners.filter_map(|(i, corners)| match *corners {
                    // Strips turn corners by triangles without area.
                    [a, b, c] if a != b && b != c && c != a => {
                        Some(place(if i % 2 == 0 { [a, b, c] } else { [b, a, c] }))
                    }
                    _ => None,
                }));
            }
            (_, [center, rest @ ..]) => {
                triangles.extend(rest.windows(2).filter_map(|pair| match *pair {
                    [b, c] => Some(place([*center, b, c])),
                    _ => None,
                }));
            }
            _ => {}
        }
        if let Some(textures) = &mut self.textures {
            textures.count(primitive.material, corners);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<MeshFile, CaptureError> {
        let vertices = self.vertex_count();
        let mut mesh = self.mesh;
        if self.has_colors {
            mesh.colors.resize(vertices, [255; 4]);
            if self.bare_colors > 0 {
                mesh.findings.push(MeshFinding::ColorsPartly {
                    vertices: self.bare_colors,
                });
            }
        }
        if let Some(textures) = self.textures.take() {
            texture::finish(textures, &mut mesh, vertices);
        }
        if let Some(wide) = self.wide {
            mesh.set_positions(wide);
        }
        let has_skin = self.root.nodes.iter().any(|node| node.skin.is_some());
        if self.at_rest || has_skin {
            mesh.findings.push(MeshFinding::AtRest);
        }
        if self.others > 0 {
            mesh.findings.push(MeshFinding::NotTriangles {
                elements: self.others,
            });
        }
        if self.root.scenes.len() > 1 {
            mesh.findings.push(MeshFinding::ScenesDropped {
                scenes: self.root.scenes.len() as u64 - 1,
            });
        }
        mesh.note_emptiness();
        Ok(mesh)
    }
}

/// IEC 61966-2-1.
fn srgb(linear: f64) -> f64 {
    if linear <= 0.003_130_8 {
        linear * 12.92
    } else {
        1.055 * linear.powf(1.0 / 2.4) - 0.055
    }
}
