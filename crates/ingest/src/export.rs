//! Stored items in other programs' formats, for the operator of the machine.

use std::io::Write;

use artifact::nifti::NiftiWriter;
use artifact::pyramid::{BrickEntry, PyramidHead};
use catalog::{Artifact, ObjectRow};
use domain::{ArtifactKind, ItemId};
use flate2::Compression;
use flate2::write::GzEncoder;
use volume::{AnyVolume, BrickKey, Sample, SampleType};

use crate::IngestError;
use crate::place::Place;
use crate::steps::find::chain;

/// A format of triangle meshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeshFormat {
    /// glTF 2.0 binary, plain.
    Glb,
    /// STL, binary.
    Stl,
    /// PLY, binary.
    Ply,
}

impl MeshFormat {
    /// Writes a surface with as much of what is on it as the format takes.
    pub(crate) fn write(
        self,
        model: &surface::Model,
        provenance: &serde_json::Value,
        out: &mut dyn Write,
    ) -> Result<(), IngestError> {
        match self {
            Self::Glb => artifact::mesh::write_model_glb(model, provenance, out)?,
            Self::Stl => artifact::mesh::write_stl(&model.mesh, out)?,
            Self::Ply => artifact::mesh::write_model_ply(model, out)?,
        }
        Ok(())
    }
}

/// One of the two objects of a pyramid (`artifact::pyramid`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PyramidPart {
    /// What is known of the volume, and the coarse levels.
    Head,
    /// The bricks of the finest level.
    Body,
}

/// A stored pyramid.
pub(crate) struct StoredPyramid<'a> {
    place: &'a Place,
    head_object: ObjectRow,
    body_object: ObjectRow,
    pub(crate) head: PyramidHead,
}

impl Place {
    /// Writes the volume of an item as NIfTI-1, compressed by gzip where `packed`.
    ///
    /// # Errors
    /// When the item has no volume, stored bytes are damaged, or `out` fails.
    pub fn export_nifti(
        &self,
        item: ItemId,
        packing: Packing,
        out: &mut dyn Write,
    ) -> Result<(), IngestError> {
        let pyramid = self.pyramid(item)?;
        match packing {
            Packing::Plain => pyramid.write_nifti(out),
            Packing::Gzip => {
                let mut packed = GzEncoder::new(out, Compression::fast());
                pyramid.write_nifti(&mut packed)?;
                packed.finish().map(|_| ()).map_err(|source| IngestError::Io {
                    what: "writing".to_owned(),
                    source,
                })
            }
        }
    }

    /// Writes one object of an item's pyramid, as it is stored but for the encryption.
    ///
    /// # Errors
    /// When the item has no volume, stored bytes are damaged, or `out` fails.
    pub fn export_pyramid(
        &self,
        item: ItemId,
        part: PyramidPart,
        out: &mut dyn Write,
    ) -> Result<(), IngestError> {
        /// Bytes that are decrypted at a time.
        const PIECE: u64 = 8 << 20;
        let pyramid = self.pyramid(item)?;
        let object = match part {
            PyramidPart::Head => &pyramid.head_object,
            PyramidPart::Body => &pyramid.body_object,
        };
        for start in (0..object.len).step_by(PIECE as usize) {
            let piece = self.read_range(object, start..object.len.min(start + PIECE))?;
            out.write_all(&piece).map_err(|source| IngestError::Io {
                what: "writing".to_owned(),
                source,
            })?;
        }
        Ok(())
    }

    /// Writes a surface of an item, with its colors where the format has a place for them.
    ///
    /// # Errors
    /// When the item has no such surface, stored bytes are damaged, or `out` fails.
    pub fn export_surface(
        &self,
        item: ItemId,
        name: &str,
        format: MeshFormat,
        out: &mut dyn Write,
    ) -> Result<(), IngestError> {
        let (model, provenance) = self.surface(item, name)?;
        format.write(&model, &provenance, out)
    }

    /// A surface of an item with what is on it, and its provenance.
    pub(crate) fn surface(
        &self,
        item: ItemId,
        name: &str,
    ) -> Result<(surface::Model, serde_json::Value), IngestError> {
        let artifacts = self.artifacts(item)?;
        let surfaces: Vec<&Artifact> = artifacts
            .iter()
            .filter(|a| a.kind == ArtifactKind::Surface)
            .collect();
        let found = surfaces
            .iter()
            .find(|a| a.name == name)
            .and_then(|a| a.object("glb"));
        let object = found.ok_or_else(|| {
            let names: Vec<&str> = surfaces.iter().map(|a| a.name.as_str()).collect();
            IngestError::Missing(match names.as_slice() {
                [] => "the item has no surfaces".to_owned(),
                names => format!("the item has no surface {name}; it has {}", names.join(", ")),
            })
        })?;
        Ok(artifact::mesh::read_model(&self.read(object)?)?)
    }

    /// The pyramid of an item, with its index read.
    pub(crate) fn pyramid(&self, item: ItemId) -> Result<StoredPyramid<'_>, IngestError> {
        let artifacts = self.artifacts(item)?;
        let pyramid = artifacts.iter().find(|a| a.kind == ArtifactKind::Pyramid);
        let objects = pyramid.and_then(|a| Some((a.object("head")?, a.object("body")?)));
        let (head_object, body_object) =
            objects.ok_or_else(|| IngestError::Missing("the item is no volume".to_owned()))?;
        let start = self.read_range(head_object, 0..head_object.len.min(256))?;
        let index = PyramidHead::index_len(&start)?.min(head_object.len);
        let head = PyramidHead::parse(&self.read_range(head_object, 0..index)?)?;
        Ok(StoredPyramid {
            place: self,
            head_object: head_object.clone(),
            body_object: body_object.clone(),
            head,
        })
    }
}

/// Whether an export is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As it is.
    Plain,
    /// By gzip.
    Gzip,
}

impl StoredPyramid<'_> {
    fn write_nifti(&self, out: &mut dyn Write) -> Result<(), IngestError> {
        match self.head.sample_type() {
            SampleType::U8 => self.write_nifti_of::<u8>(out),
            SampleType::I16 => self.write_nifti_of::<i16>(out),
            SampleType::U16 => self.write_nifti_of::<u16>(out),
            SampleType::I32 => self.write_nifti_of::<i32>(out),
            SampleType::U32 => self.write_nifti_of::<u32>(out),
            SampleType::F32 => self.write_nifti_of::<f32>(out),
        }
    }

    fn write_nifti_of<T: Sample>(&self, out: &mut dyn Write) -> Result<(), IngestError> {
        let grid = self
            .head
            .layout()
            .grid(0)
            .ok_or_else(|| IngestError::Broken("a pyramid without levels".to_owned()))?;
        let mut writer = NiftiWriter::new(out, grid, T::TYPE, self.head.rescale())?;
        for layer in 0..self.head.layers(0) {
            let slices = self
                .head
                .assemble_layer::<T, _, _, _>(0, layer, |key, entry| self.brick(key, entry))
                .map_err(|e| IngestError::Broken(chain(&e)))?;
            writer.write_slices(&slices)?;
        }
        writer.finish()?;
        Ok(())
    }

    /// The finest level of at most `samples` samples, or the coarsest.
    pub(crate) fn level_with_at_most(&self, samples: u64) -> Result<AnyVolume, IngestError> {
        let levels = self.head.layout().levels();
        let level = levels
            .iter()
            .position(|grid| grid.len() <= samples)
            .unwrap_or(levels.len().saturating_sub(1));
        self.head
            .assemble_level(level as u32, |key, entry| self.brick(key, entry))
            .map_err(|e| IngestError::Broken(chain(&e)))
    }

    fn brick(&self, _key: BrickKey, entry: &BrickEntry) -> Result<Vec<u8>, IngestError> {
        let object = match entry.object {
            artifact::pyramid::BrickObject::Head => &self.head_object,
            artifact::pyramid::BrickObject::Body => &self.body_object,
        };
        self.place
            .read_range(object, entry.offset..entry.offset + u64::from(entry.len))
    }
}
