//! Pictures of stored items.

use artifact::photo::{Level, PhotoHead};
use domain::{ArtifactKind, ItemId, ItemKind};
use geometry::{Aabb, PatientDirection};
use renderer::cpu::{self, Quality};
use renderer::{
    Camera, Clip, Paint, ResidentSurface, ResidentVolume, Scene, SurfaceLayer, VolumeLayer, preset,
    preset_names,
};
use surface::Model;

use crate::IngestError;
use crate::place::Place;
use crate::steps::build::mesh::SURFACE;
use crate::steps::build::thumbnail::{GROUND, meaningful_range, preset_for};

/// What is drawn, how large, from where.
#[derive(Clone, Debug)]
pub struct DrawOptions {
    /// Width and height, pixels.
    pub size: (u32, u32),
    /// What of the item.
    pub what: What,
    /// The side of the patient that faces the viewer.
    pub side: PatientDirection,
    /// Turn about the body axis, counter-clockwise seen from above the head.
    pub turn_radians: f64,
}

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

impl Place {
    /// A picture of an item, as PNG.
    ///
    /// # Errors
    /// When the item has nothing to draw, there is no such preset, or stored bytes are damaged.
    pub fn draw(&self, item: ItemId, options: &DrawOptions) -> Result<Vec<u8>, IngestError> {
        let kind = self.item(&item.to_string())?.kind;
        let picture = match (&options.what, kind) {
            (What::Comparison { name }, _) => self.draw_comparison(item, name.as_deref(), options)?,
            (_, ItemKind::Photo) => self.draw_photo(item, options)?,
            (What::Surfaces, _) | (_, ItemKind::Mesh | ItemKind::Capture) => {
                self.draw_surfaces(item, options)?
            }
            (What::Volume { preset }, _) => self.draw_volume(item, preset.as_deref(), options)?,
        };
        Ok(artifact::thumbnail::encode_png(
            picture.width,
            picture.height,
            &picture.rgba,
        )?)
    }

    fn draw_volume(
        &self,
        item: ItemId,
        wanted: Option<&str>,
        options: &DrawOptions,
    ) -> Result<renderer::Picture, IngestError> {
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
        let transfer = preset.transfer(meaningful_range(pyramid.head.statistics(), &rescale));
        let volume = pyramid.level_with_at_most(DRAWN_SAMPLES)?;
        let grid = *volume.grid();
        let volume = ResidentVolume::dense(grid, volume.into_samples(), rescale)
            .map_err(|e| IngestError::Broken(e.to_string()))?;
        let layer = VolumeLayer {
            volume: &volume,
            transfer: &transfer,
        };
        let camera = camera(grid.bounds_mm(), options);
        draw(
            &Scene {
                volumes: vec![layer],
                surfaces: Vec::new(),
                clip: Clip::NONE,
                camera,
                background: GROUND,
            },
            options,
        )
    }

    /// The photograph as large as it fits, from the level that has just enough pixels.
    fn draw_photo(&self, item: ItemId, options: &DrawOptions) -> Result<renderer::Picture, IngestError> {
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
        let (width, height) = options.size;
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
        let mut rgb = vec![0; level.columns as usize * level.rows as usize * 3];
        let (across, down) = level.tiles();
        for (column, row) in (0..down).flat_map(|row| (0..across).map(move |column| (column, row))) {
            let key = (index as u32, column, row);
            let range = head.byte_range(key.0, column, row).ok_or_else(broken)?;
            let tile = head.decode_tile(key, &self.read_range(body, range)?)?;
            level.place_tile((column, row), &tile, &mut rgb);
        }
        let (width, height, rgba) = artifact::photo::fitted((level.columns, level.rows), &rgb, longest);
        Ok(renderer::Picture { width, height, rgba })
    }

    fn draw_surfaces(&self, item: ItemId, options: &DrawOptions) -> Result<renderer::Picture, IngestError> {
        let artifacts = self.artifacts(item)?;
        let names = artifacts
            .iter()
            .filter(|a| a.kind == ArtifactKind::Surface)
            .map(|a| a.name.as_str());
        let surfaces = names
            .map(|name| Ok((name, resident(self.surface(item, name)?.0)?)))
            .collect::<Result<Vec<(&str, ResidentSurface)>, IngestError>>()?;
        if surfaces.is_empty() {
            return Err(IngestError::Missing(
                "the item has no surfaces to draw".to_owned(),
            ));
        }
        let alone = surfaces.len() == 1;
        let layers = surfaces.iter().map(|(name, surface)| {
            let layer = SurfaceLayer::new(surface);
            let (color, opacity) = paint(name);
            SurfaceLayer {
                // A surface with colors of its own shows those.
                paint: match (layer.paint, color) {
                    (Paint::Plain(_), Some(color)) => Paint::Plain(color),
                    (own, _) => own,
                },
                opacity: if alone { 1.0 } else { opacity },
                ..layer
            }
        });
        draw_all(layers.collect(), options)
    }

    /// The surface that distances were measured from, in their colors.
    fn draw_comparison(
        &self,
        item: ItemId,
        name: Option<&str>,
        options: &DrawOptions,
    ) -> Result<renderer::Picture, IngestError> {
        let model = self.comparison(item, name)?;
        let colors = crate::compare::colors(&model);
        let surface = resident(Model { colors, ..model })?;
        draw_all(vec![SurfaceLayer::new(&surface)], options)
    }
}

fn resident(model: Model) -> Result<ResidentSurface, IngestError> {
    ResidentSurface::new(model.mesh)
        .and_then(|surface| surface.with_colors(model.colors))
        .map_err(|e| IngestError::Broken(e.to_string()))
}

fn draw_all(
    surfaces: Vec<SurfaceLayer<'_>>,
    options: &DrawOptions,
) -> Result<renderer::Picture, IngestError> {
    let scene = Scene {
        volumes: Vec::new(),
        surfaces,
        clip: Clip::NONE,
        camera: camera(Aabb::EMPTY, options),
        background: GROUND,
    };
    let camera = camera(scene.bounds_mm(), options);
    draw(&Scene { camera, ..scene }, options)
}

fn draw(scene: &Scene<'_>, options: &DrawOptions) -> Result<renderer::Picture, IngestError> {
    let (width, height) = options.size;
    cpu::Renderer::new()
        .draw(scene, width, height, Quality::FINE)
        .map_err(|e| IngestError::Broken(e.to_string()))
}

fn camera(bounds: Aabb, options: &DrawOptions) -> Camera {
    let (width, height) = options.size;
    Camera::from_side(options.side, bounds, f64::from(width) / f64::from(height)).turned(options.turn_radians)
}

/// Color (sRGB) and opacity of a surface by its name; no color for one that its layer knows best.
fn paint(name: &str) -> (Option<[f32; 3]>, f32) {
    match name {
        "skin" => (Some([0.88, 0.68, 0.57]), 0.45),
        "bone" => (Some([0.93, 0.88, 0.76]), 1.0),
        SURFACE => (None, 1.0),
        _ => (Some([0.62, 0.74, 0.82]), 1.0),
    }
}
