//! Vertices on their way to the patient: gathered one by one, then placed together.
//!
//! Gathering waits for memory and placing computes; apart from each other, many loads are under way at once and the
//! arithmetic runs on whole vectors.

use geometry::{DMat3, DVec3};

/// Vertices placed at once.
const CAPACITY: usize = 64;

/// Places of vertices to be filled in order.
pub(super) struct Vertices<'a> {
    pub(super) positions_mm: &'a mut [[f32; 3]],
    pub(super) normals: &'a mut [[f32; 3]],
}

/// The map from voxels to the patient, for positions and for gradients.
pub(super) struct Placement {
    /// Linear part of `patient_from_voxel`.
    pub(super) axes_mm: DMat3,
    /// Patient position of voxel (0, 0, 0), mm.
    pub(super) origin_mm: DVec3,
    /// Inverse transpose of `axes_mm`: gradients by voxel to gradients by mm.
    pub(super) gradient_from_voxel: DMat3,
}

/// A vertex in voxel space.
pub(super) struct Gathered {
    /// Column, row and slice in the volume.
    pub(super) voxel: [f64; 3],
    /// Away from the body, by voxel, of any length.
    pub(super) outward: [f32; 3],
    /// Outward too, for a vertex whose samples have no gradient: along an axis of the grid.
    pub(super) fallback: [f32; 3],
}

/// Up to [`CAPACITY`] vertices, and the places that they go to.
pub(super) struct Batch<'a> {
    placement: &'a Placement,
    out: Vertices<'a>,
    voxel: [[f64; CAPACITY]; 3],
    outward: [[f32; CAPACITY]; 3],
    fallback: [[f32; 3]; CAPACITY],
    len: usize,
}

impl<'a> Batch<'a> {
    pub(super) fn new(placement: &'a Placement, out: Vertices<'a>) -> Self {
        Self {
            placement,
            out,
            voxel: [[0.0; CAPACITY]; 3],
            outward: [[0.0; CAPACITY]; 3],
            fallback: [[0.0; 3]; CAPACITY],
            len: 0,
        }
    }

    #[inline(always)]
    pub(super) fn push(&mut self, vertex: &Gathered) {
        let at = self.len % CAPACITY;
        for axis in 0..3 {
            self.voxel[axis][at] = vertex.voxel[axis];
            self.outward[axis][at] = vertex.outward[axis];
        }
        self.fallback[at] = vertex.fallback;
        self.len += 1;
        if self.len == CAPACITY {
            self.flush();
        }
    }

    /// Places what was gathered.
    pub(super) fn flush(&mut self) {
        self.place();
        if !self.out.normals.is_empty() {
            self.orient();
        }
        self.len = 0;
    }

    fn place(&mut self) {
        let mut placed = [[0.0f32; CAPACITY]; 3];
        let [x, y, z] = &self.voxel;
        for (axis, placed) in placed.iter_mut().enumerate() {
            let [mx, my, mz] = self.placement.axes_mm.row(axis).to_array();
            let origin = self.placement.origin_mm[axis];
            for i in 0..CAPACITY {
                placed[i] = (origin + mx * x[i] + my * y[i] + mz * z[i]) as f32;
            }
        }
        let places = self
            .out
            .positions_mm
            .split_off_mut(..self.len)
            .unwrap_or_default();
        for (i, place) in places.iter_mut().enumerate() {
            *place = [placed[0][i], placed[1][i], placed[2][i]];
        }
    }

    fn orient(&mut self) {
        let mut turned = [[0.0f32; CAPACITY]; 3];
        let [x, y, z] = &self.outward;
        for (axis, turned) in turned.iter_mut().enumerate() {
            let row = self.placement.gradient_from_voxel.row(axis);
            let [mx, my, mz] = row.as_vec3().to_array();
            for i in 0..CAPACITY {
                turned[i] = mx * x[i] + my * y[i] + mz * z[i];
            }
        }
        let mut squares = [0.0f32; CAPACITY];
        let mut scale = [0.0f32; CAPACITY];
        let [tx, ty, tz] = &turned;
        for i in 0..CAPACITY {
            squares[i] = tx[i] * tx[i] + ty[i] * ty[i] + tz[i] * tz[i];
            scale[i] = 1.0 / squares[i].sqrt();
        }
        let places = self.out.normals.split_off_mut(..self.len).unwrap_or_default();
        for (i, place) in places.iter_mut().enumerate() {
            *place = if squares[i] > 1e-30 && squares[i] < 1e30 {
                [tx[i] * scale[i], ty[i] * scale[i], tz[i] * scale[i]]
            } else {
                self.carefully([x[i], y[i], z[i]], self.fallback[i])
            };
        }
    }

    /// The normal of a vertex whose gradient is too long or too short to be squared.
    #[cold]
    fn carefully(&self, outward: [f32; 3], fallback: [f32; 3]) -> [f32; 3] {
        let to_patient = |v: [f32; 3]| {
            let v = DVec3::from_array(v.map(f64::from));
            (self.placement.gradient_from_voxel * v).try_normalize()
        };
        let normal = to_patient(outward).or_else(|| to_patient(fallback));
        normal.unwrap_or(DVec3::Z).as_vec3().to_array()
    }
}
