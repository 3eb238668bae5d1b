//! Surfaces while the slices of a volume pass by.
//!
//! Slices are gathered to slabs. Each slab is extracted and reduced by tasks, one a surface, while later slices are
//! decoded and packed. The task that brings the last slab of a surface joins, simplifies and stores the whole.
//!
//! Tasks run on threads of their own, each from its beginning to its end. As tasks of the thread pool they would take up
//! others wherever they wait for a part of themselves, and be finished late: of two surfaces, one would lie there nearly
//! done while its only thread worked on the other.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use catalog::NewArtifact;
use domain::ArtifactKind;
use geometry::GridGeometry;
use rayon::{ThreadPool, ThreadPoolBuilder};
use surface::{Farthest, SlabRange, Stitcher, Window};
use vault::ObjectId;
use volume::Sample;

use super::surfaces::{ERROR_SHARE, Plan, details};
use crate::IngestError;
use crate::place::Place;
use crate::steps::find::chain;
use crate::steps::record::artifact;

/// Layers of cells that are extracted and reduced together.
const LAYERS: u32 = 24;
/// Slabs in memory, at least and at most: one that is being gathered, and those that are worked on or wait for it.
const SLABS: [usize; 2] = [3, 6];

/// The surfaces of a volume in the making. It outlives the tasks that work on it.
pub(super) struct Streams<'a, T> {
    place: &'a Place,
    surfaces: Vec<Growing>,
    slabs: Vec<SlabRange>,
    slabs_at_once: usize,
    slice_len: usize,
    tolerance_mm: f64,
    store: Mutex<Store<T>>,
    /// A slab was given back.
    freed: Condvar,
}

/// A surface that grows.
struct Growing {
    plan: Plan,
    object: ObjectId,
    farthest: Farthest,
    state: Mutex<State>,
}

enum State {
    /// With so many slabs to come.
    Open(Box<Stitcher>, usize),
    Done(Box<NewArtifact>),
    /// Something went wrong, or it is being finished.
    Closed,
}

/// Memory for slabs, and what went wrong in a task.
struct Store<T> {
    in_use: usize,
    spare: Vec<Vec<T>>,
    error: Option<IngestError>,
}

/// A slab with its slices, `[slice][row][column]`; its memory goes back when the last task drops it.
struct Gathered<'s, T> {
    samples: Vec<T>,
    planes: RangeInclusive<u32>,
    store: (&'s Mutex<Store<T>>, &'s Condvar),
}

impl<T> Drop for Gathered<'_, T> {
    fn drop(&mut self) {
        let (store, freed) = self.store;
        let mut store = locked(store);
        let mut samples = std::mem::take(&mut self.samples);
        samples.clear();
        store.spare.push(samples);
        store.in_use -= 1;
        freed.notify_all();
    }
}

/// A surface, and a slab for it.
type Task<'env, T> = (&'env Growing, Arc<Gathered<'env, T>>);

/// Where the slices of a volume go in. The threads that work on them end when it is dropped.
pub(super) struct Feed<'env, T> {
    streams: &'env Streams<'env, T>,
    tasks: Sender<Task<'env, T>>,
    /// Slabs to come.
    slabs: VecDeque<SlabRange>,
    /// The slices of the first of them that are there.
    samples: Vec<T>,
}

impl<'a, T: Sample> Streams<'a, T> {
    /// Surfaces by `plans` of a volume on `grid`, to be stored under the names `objects`.
    pub(super) fn new(
        place: &'a Place,
        grid: GridGeometry,
        plans: Vec<Plan>,
        objects: Vec<ObjectId>,
    ) -> Self {
        let [columns, rows, _] = grid.dims();
        let slabs: Vec<SlabRange> = plans
            .first()
            .map_or_else(Vec::new, |plan| plan.surface.slabs(LAYERS).collect());
        let smallest_mm = grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
        let growing = |(plan, object): (Plan, ObjectId)| Growing {
            state: Mutex::new(State::Open(Box::new(Stitcher::new(plan.surface)), slabs.len())),
            farthest: Farthest::default(),
            plan,
            object,
        };
        Self {
            place,
            surfaces: plans.into_iter().zip(objects).map(growing).collect(),
            slabs,
            // Skin and bone of a slab keep two threads at work.
            slabs_at_once: (2 + rayon::current_num_threads() / 2).clamp(SLABS[0], SLABS[1]),
            slice_len: columns as usize * rows as usize,
            tolerance_mm: smallest_mm * ERROR_SHARE,
            store: Mutex::new(Store {
                in_use: 0,
                spare: Vec::new(),
                error: None,
            }),
            freed: Condvar::new(),
        }
    }

    /// Takes slices; threads of `scope` work on them.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(super) fn feed<'scope, 'env>(
        &'env self,
        scope: &'scope std::thread::Scope<'scope, 'env>,
    ) -> Result<Feed<'env, T>, IngestError>
    where
        'a: 'env,
    {
        let (sender, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let tasks = self.slabs.len().min(self.slabs_at_once) * self.surfaces.len();
        for _ in 0..tasks.min(rayon::current_num_threads()) {
            let alone = ThreadPoolBuilder::new().num_threads(1).build();
            let alone = alone.map_err(|e| IngestError::Broken(chain(&e)))?;
            let receiver = Arc::clone(&receiver);
            scope.spawn(move || self.run(&receiver, &alone));
        }
        Ok(Feed {
            streams: self,
            tasks: sender,
            slabs: self.slabs.iter().cloned().collect(),
            samples: Vec::new(),
        })
    }

    /// Works until nothing more can come, on slabs by a single thread, the one of `alone`.
    fn run<'env>(&'env self, tasks: &Mutex<Receiver<Task<'env, T>>>, alone: &ThreadPool) {
        loop {
            let next = locked(tasks).recv();
            let Ok((surface, slab)) = next else {
                return;
            };
            if let Err(error) = self.work(surface, slab, alone) {
                locked(&self.store).error.get_or_insert(error);
                self.freed.notify_all();
            }
        }
    }

    /// The stored surfaces, once all slices have come and all tasks are over.
    ///
    /// # Errors
    /// What went wrong in a task.
    pub(super) fn finish(self) -> Result<Vec<NewArtifact>, IngestError> {
        let store = self.store.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = store.error {
            return Err(error);
        }
        let surfaces = self.surfaces.into_iter();
        surfaces
            .map(|surface| {
                let state = surface.state.into_inner().unwrap_or_else(PoisonError::into_inner);
                match state {
                    State::Done(artifact) => Ok(*artifact),
                    State::Open(..) | State::Closed => Err(IngestError::Broken(format!(
                        "the surface \"{}\" lacks slices",
                        surface.plan.name
                    ))),
                }
            })
            .collect()
    }

    /// Memory for a slab, as soon as there is some.
    fn take(&self) -> Result<Vec<T>, IngestError> {
        let mut store = locked(&self.store);
        loop {
            if let Some(error) = store.error.take() {
                return Err(error);
            }
            if store.in_use < self.slabs_at_once {
                store.in_use += 1;
                return Ok(store.spare.pop().unwrap_or_default());
            }
            store = self.freed.wait(store).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Extracts and reduces a slab of a surface on the thread of `alone`, and finishes the surface, with the help of all
    /// threads, where it was the last one.
    fn work(
        &self,
        surface: &Growing,
        slab: Arc<Gathered<'_, T>>,
        alone: &ThreadPool,
    ) -> Result<(), IngestError> {
        let fault = |source| surface.plan.fault(source);
        let window = Window {
            samples: slab.samples.as_slice(),
            first_slice: *slab.planes.start(),
        };
        let planes = slab.planes.clone();
        let piece = alone
            .install(|| {
                let plan = &surface.plan.surface;
                plan.slab_beside(window, planes, &surface.farthest)
            })
            .map_err(fault)?;
        drop(slab);
        let whole = {
            let mut state = locked(&surface.state);
            let State::Open(stitcher, left) = &mut *state else {
                return Ok(());
            };
            stitcher.push(piece).map_err(fault)?;
            *left -= 1;
            if *left > 0 {
                return Ok(());
            }
            std::mem::replace(&mut *state, State::Closed)
        };
        let State::Open(stitcher, _) = whole else {
            return Ok(());
        };
        let done = stitcher.finish().map_err(fault)?;
        let details = details(&surface.plan, &done);
        let bytes = artifact::mesh::encode_surface(&done.mesh, &details, self.tolerance_mm)?;
        let object = self.place.put(surface.object, &bytes)?;
        let name = &surface.plan.name;
        let artifact = artifact(ArtifactKind::Surface, name, details, vec![("glb", object)])?;
        *locked(&surface.state) = State::Done(Box::new(artifact));
        Ok(())
    }
}

impl<T: Sample> Feed<'_, T> {
    /// Takes the next whole slices. Waits while too many slabs are in memory.
    ///
    /// # Errors
    /// What went wrong in a task.
    pub(super) fn push(&mut self, mut planes: &[T]) -> Result<(), IngestError> {
        let streams = self.streams;
        while let Some(slab) = self.slabs.front()
            && !planes.is_empty()
        {
            if self.samples.capacity() == 0 {
                self.samples = streams.take()?;
            }
            let needed = slab.slices.len() * streams.slice_len;
            self.samples
                .reserve_exact(needed.saturating_sub(self.samples.len()));
            let missing = needed.saturating_sub(self.samples.len()).min(planes.len());
            let (now, later) = planes.split_at(missing);
            self.samples.extend_from_slice(now);
            planes = later;
            if self.samples.len() == needed {
                self.start()?;
            }
        }
        Ok(())
    }

    /// Starts the tasks of the slab that is complete, and begins the next one with the slice that both share.
    fn start(&mut self) -> Result<(), IngestError> {
        let streams = self.streams;
        let Some(range) = self.slabs.pop_front() else {
            return Ok(());
        };
        let slab = Arc::new(Gathered {
            samples: std::mem::take(&mut self.samples),
            planes: range.planes,
            store: (&streams.store, &streams.freed),
        });
        for surface in &streams.surfaces {
            // Nobody takes it only when the threads have panicked, which is told where they are joined.
            let _ = self.tasks.send((surface, Arc::clone(&slab)));
        }
        if !self.slabs.is_empty() {
            let mut next = streams.take()?;
            let shared = slab.samples.len() - streams.slice_len;
            next.extend_from_slice(&slab.samples[shared..]);
            self.samples = next;
        }
        Ok(())
    }
}

fn locked<V>(value: &Mutex<V>) -> MutexGuard<'_, V> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
