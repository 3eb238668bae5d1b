//! Stored items made ready to be drawn, once for as many pictures as are wanted.

use std::fs::File;
use std::io::Write;
use std::sync::LazyLock;

use artifact::photo::{Level, PhotoHead};
use artifact::pyramid::Polarity;
use domain::{ArtifactKind, ItemId, ItemKind};
use geometry::{Aabb, GridGeometry};
use renderer::{
    Camera, Clip, ColorScale, ControlPoint, Inversion, Paint, Picture, Projection, ResidentSurface,
    ResidentVolume, Scene, Slab, Slice, SliceLayer, SlicePlane, SurfaceLayer, TextureImage, TransferFunction,
    VolumeLayer, Window, WindowFunction, preset, preset_names,
};
use rustix::fs::MemfdFlags;
use surface::{Model, Texture};

use crate::guard::{Arena, GuardError, Pool};
use crate::place::Place;
use crate::steps::build::mesh::SURFACE;
use crate::steps::build::thumbnail::{GROUND, meaningful_range, preset_for};
use crate::{IngestError, Options};

/// What of an item is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Its volume through a preset, or the one of its modality; the surface of a mesh, the picture of a photograph.
    Volume {
        /// Name of the preset.
        preset: Option<String>,
    },
    /// Its surfaces: the outer ones like glass, so that the inner ones are seen.
    Surfaces,
    /// How far its surface lies from another one, in colors.
    Comparison {
        /// Name of the comparison; the last by name without one.
        name: Option<String>,
    },
}

/// Samples that a picture is drawn from, at most: 512 cubed.
const DRAWN_SAMPLES: u64 = 1 << 27;

/// Items made ready to be drawn.
#[derive(Default)]
pub struct Stage {
    volumes: Vec<StagedVolume>,
    surfaces: Vec<StagedSurface>,
    photos: Vec<Picture>,
}

struct StagedVolume {
    volume: ResidentVolume,
    transfer: TransferFunction,
    projection: Projection,
    window: Window,
    inversion: Inversion,
}

struct StagedSurface {
    surface: ResidentSurface,
    /// Of one that has no colors of its own.
    color: Option<[f32; 3]>,
    opacity: f32,
    scale: Option<ColorScale>,
}

impl Place {
    /// Makes items ready to be drawn; photographs as large as they fit `size`, width and height in pixels.
    ///
    /// # Errors
    /// When an item has nothing to draw, there is no such preset, or stored bytes are damaged.
    pub fn stage(
        &self,
        items: &[ItemId],
        what: &What,
        size: (u32, u32),
        options: &Options,
    ) -> Result<Stage, IngestError> {
        let mut stage = Stage::default();
        let pool = options.pool();
        for &item in items {
            let kind = self.item(&item.to_string())?.kind;
            match (what, kind) {
                (What::Comparison { name }, _) => {
                    stage.surfaces.push(self.stage_comparison(item, name.as_deref())?);
                }
                (_, ItemKind::Photo) => stage.photos.push(self.stage_photo(item, size)?),
                (What::Surfaces, _) | (_, ItemKind::Mesh | ItemKind::Capture) => {
                    stage.surfaces.extend(self.stage_surfaces(item, &pool)?);
                }
                (What::Volume { preset }, _) => {
                    stage.volumes.push(self.stage_volume(item, preset.as_deref())?);
                }
            }
        }
        Ok(stage)
    }

    fn stage_volume(&self, item: ItemId, wanted: Option<&str>) -> Result<StagedVolume, IngestError> {
        let modality = self.item(&item.to_string())?.details["modality"]
            .as_str()
            .map(str::to_owned);
        let name = wanted.unwrap_or_else(|| preset_for(modality.as_deref()));
        let preset = preset(name).ok_or_else(|| {
            let names: Vec<&str> = preset_names().collect();
            IngestError::Missing(format!(
                "there is no preset {name}; there are {}",
                names.join(", ")
            ))
        })?;
        let pyramid = self.pyramid(item)?;
        let rescale = pyramid.head.rescale().clone();
        let range = meaningful_range(pyramid.head.statistics(), &rescale);
        let description = pyramid.head.description();
        let window = match (description.windows.first(), modality.as_deref()) {
            (Some(given), _) => Window::new(given.center, given.width),
            (None, Some("CT")) => Window::new(40.0, 400.0),
            (None, _) => Window {
                center: (range.0 + range.1) * 0.5,
                width: (range.1 - range.0).max(f64::EPSILON),
                function: WindowFunction::LinearExact,
            },
        };
        let inversion = match description.polarity {
            Polarity::LargeIsBright => Inversion::Off,
            Polarity::SmallIsBright => Inversion::On,
        };
        let volume = pyramid.level_with_at_most(DRAWN_SAMPLES)?;
        let grid = *volume.grid();
        Ok(StagedVolume {
            volume: ResidentVolume::dense(grid, volume.into_samples(), rescale)
                .map_err(|e| IngestError::Broken(e.to_string()))?,
            transfer: preset.transfer(range),
            projection: preset.projection,
            window: if window.is_valid() {
                window
            } else {
                Window::new(40.0, 400.0)
            },
            inversion,
        })
    }

    /// The photograph as large as it fits, from the level that has just enough pixels.
    pub(crate) fn stage_photo(
        &self,
        item: ItemId,
        (width, height): (u32, u32),
    ) -> Result<Picture, IngestError> {
        let broken = || IngestError::Broken("the photograph is not complete".to_owned());
        let artifacts = self.artifacts(item)?;
        let photo = artifacts
            .iter()
            .find(|a| a.kind == ArtifactKind::Photo)
            .ok_or_else(broken)?;
        let (head, body) = photo
            .object("head")
            .zip(photo.object("body"))
            .ok_or_else(broken)?;
        let head = PhotoHead::parse(&self.read(head)?)?;
        let finest = head.levels().first().ok_or_else(broken)?;
        let scale = (f64::from(width) / f64::from(finest.columns))
            .min(f64::from(height) / f64::from(finest.rows))
            .min(1.0);
        let longest = (f64::from(finest.columns.max(finest.rows)) * scale)
            .round()
            .max(1.0) as u32;
        let enough = |level: &Level| level.columns.max(level.rows) >= longest;
        let index = head.levels().iter().rposition(enough).unwrap_or(0);
        let level = *head.levels().get(index).ok_or_else(broken)?;
        let rgb = crate::look::level_pixels(&head, index as u32, &|range| self.read_range(body, range))?;
        let (width, height, rgba) = artifact::photo::fitted((level.columns, level.rows), &rgb, longest);
        Ok(Picture { width, height, rgba })
    }

    fn stage_surfaces(&self, item: ItemId, pool: &Pool) -> Result<Vec<StagedSurface>, IngestError> {
        let artifacts = self.artifacts(item)?;
        let names: Vec<&str> = artifacts
            .iter()
            .filter(|a| a.kind == ArtifactKind::Surface)
            .map(|a| a.name.as_str())
            .collect();
        if names.is_empty() {
            return Err(IngestError::Missing(
                "the item has no surfaces to draw".to_owned(),
            ));
        }
        let stage = |name: &&str| {
            let (model, _) = self.surface(item, name)?;
            let (color, opacity) = paint(name);
            Ok(StagedSurface {
                surface: resident(model, pool)?,
                color,
                opacity: if names.len() == 1 { 1.0 } else { opacity },
                scale: None,
            })
        };
        names.iter().map(stage).collect()
    }

    /// The surface that distances were measured from, in their colors.
    fn stage_comparison(&self, item: ItemId, name: Option<&str>) -> Result<StagedSurface, IngestError> {
        let model = self.comparison(item, name)?;
        let values = crate::compare::measured(&model);
        let mut sizes: Vec<f32> = values
            .iter()
            .map(|mm| mm.abs())
            .filter(|mm| mm.is_finite())
            .collect();
        sizes.sort_unstable_by(f32::total_cmp);
        // Nearly the largest, so that a stray vertex does not pale the rest.
        let full_mm = sizes.get(sizes.len() * 998 / 1000).map_or(1.0, |mm| mm.max(0.5));
        let surface = ResidentSurface::new(model.mesh)
            .and_then(|surface| surface.with_values(values))
            .map_err(broken)?;
        Ok(StagedSurface {
            surface,
            color: None,
            opacity: 1.0,
            scale: Some(ColorScale::of_distances(full_mm)),
        })
    }
}

impl Stage {
    /// The box around everything, patient mm.
    pub fn bounds_mm(&self) -> Aabb {
        let nowhere = Camera::from_direction(geometry::DVec3::NEG_Y, Aabb::EMPTY, 1.0);
        self.scene(nowhere, Clip::NONE).bounds_mm()
    }

    /// The grid of the first volume.
    pub fn grid(&self) -> Option<&GridGeometry> {
        Some(self.volumes.first()?.volume.grid())
    }

    /// The window that the first volume is first seen through in slices.
    pub fn window(&self) -> Option<Window> {
        Some(self.volumes.first()?.window)
    }

    /// Whether there is nothing but photographs, which have no other side.
    pub fn is_flat(&self) -> bool {
        self.volumes.is_empty() && self.surfaces.is_empty()
    }

    /// Bytes of everything that is held.
    pub fn resident_bytes(&self) -> u64 {
        let volumes = self.volumes.iter().map(|staged| staged.volume.resident_bytes());
        let surfaces = self.surfaces.iter().map(|staged| staged.surface.resident_bytes());
        let photos = self.photos.iter().map(|picture| picture.rgba.len() as u64);
        volumes.chain(surfaces).chain(photos).sum()
    }

    /// The scale of the colors of a comparison, and the unit of its values.
    pub fn color_scale(&self) -> Option<(&ColorScale, &'static str)> {
        let scale = self.surfaces.iter().find_map(|staged| staged.scale.as_ref())?;
        Some((scale, "mm"))
    }

    /// The photograph as it is, where there is nothing else.
    pub fn photo(&self) -> Option<&Picture> {
        self.photos.first().filter(|_| self.is_flat())
    }

    /// Everything as a scene.
    pub fn scene(&self, camera: Camera, clip: Clip) -> Scene<'_> {
        let volumes = self.volumes.iter().map(|staged| VolumeLayer {
            projection: staged.projection,
            ..VolumeLayer::new(&staged.volume, &staged.transfer)
        });
        let surfaces = self.surfaces.iter().map(|staged| {
            let layer = SurfaceLayer::new(&staged.surface);
            let paint = match (&staged.scale, layer.paint, staged.color) {
                (Some(scale), ..) => Paint::Distances(scale),
                // A surface with colors of its own shows those.
                (None, Paint::Plain(_), Some(color)) => Paint::Plain(color),
                (None, own, _) => own,
            };
            SurfaceLayer {
                paint,
                opacity: staged.opacity,
                ..layer
            }
        });
        Scene {
            volumes: volumes.collect(),
            surfaces: surfaces.collect(),
            clip,
            camera,
            background: self.ground(),
        }
    }

    /// A projected volume fills its box with the color of what is lowest; behind it lies the same.
    fn ground(&self) -> [f32; 3] {
        let projected = self
            .volumes
            .iter()
            .find(|staged| staged.projection != Projection::Composite);
        let lowest = projected.and_then(|staged| staged.transfer.points().first());
        lowest.map_or(GROUND, |point| point.color)
    }

    /// A plane through the volumes: the first one gray, others over it in hot colors. A window, where one is given, is that
    /// of the first.
    pub fn slice(&self, plane: SlicePlane, slab: Slab, window: Option<Window>, clip: Clip) -> Slice<'_> {
        let layers = self.volumes.iter().enumerate().map(|(index, staged)| SliceLayer {
            inversion: staged.inversion,
            colors: (index > 0).then_some(&*HOT),
            ..SliceLayer::new(
                &staged.volume,
                window.filter(|_| index == 0).unwrap_or(staged.window),
            )
        });
        Slice {
            layers: layers.collect(),
            plane,
            slab,
            clip,
            background: [0.0; 3],
        }
    }
}

/// A surface with its colors and its texture.
pub(crate) fn resident(model: Model, pool: &Pool) -> Result<ResidentSurface, IngestError> {
    let surface = ResidentSurface::new(model.mesh)
        .and_then(|surface| surface.with_colors(model.colors))
        .map_err(broken)?;
    let Some(texture) = model.texture else {
        return Ok(surface);
    };
    let image = decode(&texture, pool)?;
    surface.with_texture(texture.uv, image).map_err(broken)
}

/// The picture of a texture, which came from strangers: a worker decodes it.
fn decode(texture: &Texture, pool: &Pool) -> Result<TextureImage, IngestError> {
    let io = |source: std::io::Error| IngestError::Io {
        what: "handing a texture to a worker".to_owned(),
        source,
    };
    let memory =
        rustix::fs::memfd_create("vitrine-texture", MemfdFlags::CLOEXEC).map_err(|e| io(e.into()))?;
    let mut file = File::from(memory);
    file.write_all(&texture.image).map_err(io)?;
    let arena = Arena::new(capture::photo::MAX_PICTURE_BYTES)?;
    let facts = match pool.with(|worker| worker.photo(&arena, &file)) {
        Ok(facts) => facts,
        Err(error @ GuardError::Spawn { .. }) => return Err(error.into()),
        Err(error) => {
            return Err(IngestError::Broken(format!(
                "a texture cannot be decoded: {error}"
            )));
        }
    };
    let pixels = arena.bytes().get(..facts.picture_bytes() as usize);
    Ok(TextureImage {
        columns: facts.columns,
        rows: facts.rows,
        rgb: pixels.unwrap_or_default().to_vec(),
    })
}

fn broken(error: renderer::SurfaceError) -> IngestError {
    IngestError::Broken(error.to_string())
}

/// From nothing over red and yellow to white.
static HOT: LazyLock<TransferFunction> = LazyLock::new(|| {
    let point = |value, color, opacity| ControlPoint {
        value,
        color,
        opacity,
    };
    TransferFunction::new(vec![
        point(0.0, [0.0, 0.0, 0.0], 0.0),
        point(0.35, [0.85, 0.05, 0.0], 0.45),
        point(0.75, [1.0, 0.85, 0.1], 0.7),
        point(1.0, [1.0, 1.0, 1.0], 0.85),
    ])
    .expect("its points rise and stay in range")
});

/// Color (sRGB) and opacity of a surface by its name; no color for one that its layer knows best.
fn paint(name: &str) -> (Option<[f32; 3]>, f32) {
    match name {
        "skin" => (Some([0.88, 0.68, 0.57]), 0.30),
        "bone" => (Some([0.93, 0.88, 0.76]), 1.0),
        SURFACE => (None, 1.0),
        _ => (Some([0.62, 0.74, 0.82]), 1.0),
    }
}
