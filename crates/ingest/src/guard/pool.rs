//! The pipeline's side of the wall: starting workers, asking them, burying them.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use capture::depth::{Capture, Layout};
use capture::photo::PhotoFacts;
use dicom_series::Instance;

use super::arena::Arena;
use super::depth::{DepthReply, FrameRequest};
use super::protocol::{
    ARENAS, ArenaNumber, FrameJob, FrameReply, MeshJob, MeshReply, NamedLen, Reply, Request,
};
use super::transport;

/// What a worker may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of private memory (`RLIMIT_DATA`).
    pub memory_bytes: u64,
    /// Time for one request; a longer one ends the worker.
    pub request_timeout: Duration,
}

impl Limits {
    /// For meshes: 8 GiB, which holds 50 million triangles read and repaired; ten minutes.
    pub const MESH: Self = Self {
        memory_bytes: 8 << 30,
        request_timeout: Duration::from_secs(600),
    };
}

impl Default for Limits {
    /// 2 GiB, which holds the largest frame (512 MiB) compressed, decoded and converted; 60 seconds.
    fn default() -> Self {
        Self {
            memory_bytes: 2 << 30,
            request_timeout: Duration::from_secs(60),
        }
    }
}

/// Why a request got no result.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The worker understood the file and refuses it; the sentence says why.
    #[error("{0}")]
    Refused(String),
    /// The file ended its worker.
    #[error("{0}; the file may be damaged or hostile")]
    Died(String),
    /// No worker could be started.
    #[error("no worker process could be started ({program})")]
    Spawn {
        /// The program that was to be started.
        program: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Starts workers and keeps those that idle.
#[derive(Debug)]
pub struct Pool {
    program: PathBuf,
    arguments: Vec<OsString>,
    limits: Limits,
    idle: Mutex<Vec<Worker>>,
}

impl Pool {
    /// A pool whose workers are `program arguments...`, a program that calls [`super::run_worker`].
    pub fn new(program: PathBuf, arguments: Vec<OsString>, limits: Limits) -> Self {
        Self {
            program,
            arguments,
            limits,
            idle: Mutex::default(),
        }
    }

    /// Runs `work` with a worker of its own. A worker that died is not used again.
    ///
    /// # Errors
    /// What `work` returns, or [`GuardError::Spawn`].
    pub fn with<R>(&self, work: impl FnOnce(&mut Worker) -> Result<R, GuardError>) -> Result<R, GuardError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .pop();
        let mut worker = match idle {
            Some(worker) => worker,
            None => self.spawn()?,
        };
        let result = work(&mut worker);
        if worker.alive {
            self.idle
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push(worker);
        }
        result
    }

    fn spawn(&self) -> Result<Worker, GuardError> {
        let fail = |source| GuardError::Spawn {
            program: self.program.display().to_string(),
            source,
        };
        let (ours, theirs) = UnixStream::pair().map_err(fail)?;
        ours.set_read_timeout(Some(self.limits.request_timeout))
            .map_err(fail)?;
        ours.set_write_timeout(Some(self.limits.request_timeout))
            .map_err(fail)?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(self.limits.memory_bytes.to_string())
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(fail)?;
        Ok(Worker {
            child,
            stream: ours,
            arenas: [None; ARENAS],
            alive: true,
            timeout: self.limits.request_timeout,
        })
    }
}

/// One worker process.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    stream: UnixStream,
    /// Which arenas it has mapped.
    arenas: [Option<u64>; ARENAS],
    alive: bool,
    timeout: Duration,
}

impl Worker {
    /// What the file is.
    ///
    /// # Errors
    /// [`GuardError::Refused`] with the reason, or [`GuardError::Died`].
    pub fn read(&mut self, file: impl AsFd) -> Result<Instance, GuardError> {
        self.read_beside(file, || ()).0
    }

    /// As [`Worker::read`], and what `work` gives, which is done meanwhile.
    pub(crate) fn read_beside<R>(
        &mut self,
        file: impl AsFd,
        work: impl FnOnce() -> R,
    ) -> (Result<Instance, GuardError>, R) {
        let sent = transport::send(&mut self.stream, &Request::Read, &[file.as_fd()]);
        let done = work();
        let instance = match self.answer(sent) {
            Ok(Reply::Instance(Ok(instance))) => Ok(*instance),
            Ok(Reply::Instance(Err(reason))) => Err(GuardError::Refused(reason)),
            Ok(_) => Err(self.bury("the worker gave a wrong answer")),
            Err(error) => Err(error),
        };
        (instance, done)
    }

    /// Decodes frames of `instance`, whose bytes are `file`, into `arena`. One result a job.
    ///
    /// # Errors
    /// As [`Worker::read`].
    pub fn decode(
        &mut self,
        arena: &Arena,
        file: impl AsFd,
        instance: &Instance,
        jobs: Vec<FrameJob>,
    ) -> Result<Vec<Result<FrameReply, String>>, GuardError> {
        let number = match self.arenas {
            [first, _] if first == Some(arena.id()) => ArenaNumber::First,
            [_, second] if second == Some(arena.id()) => ArenaNumber::Second,
            // Blocks are used in turn: the one before is likely to be needed next.
            [None, _] => self.map(arena, ArenaNumber::First)?,
            [_, None] => self.map(arena, ArenaNumber::Second)?,
            [Some(first), Some(second)] if first < second => self.map(arena, ArenaNumber::First)?,
            _ => self.map(arena, ArenaNumber::Second)?,
        };
        let expected = jobs.len();
        let request = Request::Decode(number, Box::new(instance.clone()), jobs);
        match self.ask(&request, &[file.as_fd()])? {
            Reply::Frames(frames) if frames.len() == expected => Ok(frames),
            _ => Err(self.bury("the worker gave a wrong answer")),
        }
    }

    /// Writes the upright pixels of the photograph `file` to the beginning of `arena`, which holds
    /// [`capture::photo::MAX_PICTURE_BYTES`].
    ///
    /// # Errors
    /// As [`Worker::read`].
    pub fn photo(&mut self, arena: &Arena, file: impl AsFd) -> Result<PhotoFacts, GuardError> {
        self.use_arena(arena)?;
        match self.ask_once(&Request::Photo, &[file.as_fd()])? {
            Reply::Photo(Ok(facts)) if facts.picture_bytes() <= arena.bytes().len() as u64 => Ok(facts),
            Reply::Photo(Err(reason)) => Err(GuardError::Refused(reason)),
            _ => Err(self.bury("the worker gave a wrong answer")),
        }
    }

    /// The last parts of the paths of the files that a mesh file or material library names.
    ///
    /// # Errors
    /// As [`Worker::read`].
    pub fn references(&mut self, file: impl AsFd) -> Result<Vec<String>, GuardError> {
        match self.ask(&Request::References, &[file.as_fd()])? {
            Reply::References(Ok(names)) => Ok(names),
            Reply::References(Err(reason)) => Err(GuardError::Refused(reason)),
            _ => Err(self.bury("the worker gave a wrong answer")),
        }
    }

    /// Reads and repairs the mesh in the first of `files`, one for each name of `job`, and writes it to `arena`.
    ///
    /// # Errors
    /// As [`Worker::read`].
    pub fn mesh(&mut self, arena: &Arena, files: &[File], job: MeshJob) -> Result<MeshReply, GuardError> {
        self.use_arena(arena)?;
        let files: Vec<BorrowedFd<'_>> = files.iter().map(File::as_fd).collect();
        match self.ask_once(&Request::Mesh(job), &files)? {
            Reply::Mesh(Ok(reply)) => Ok(*reply),
            Reply::Mesh(Err(reason)) => Err(GuardError::Refused(reason)),
            _ => Err(self.bury("the worker gave a wrong answer")),
        }
    }

    /// What the frames of a capture are, from the files that describe it, each with its name in the upload.
    ///
    /// # Errors
    /// As [`Worker::read`].
    pub fn capture(&mut self, layout: &Layout, files: &[(String, Vec<u8>)]) -> Result<Capture, GuardError> {
        let arena = Arena::holding(files.iter().map(|(_, bytes)| bytes.as_slice()));
        let arena = arena.map_err(|error| GuardError::Refused(error.to_string()))?;
        self.use_arena(&arena)?;
        let parts = files.iter().map(|(name, bytes)| NamedLen {
            name: name.clone(),
            len: bytes.len() as u64,
        });
        match self.ask_once(&Request::Capture(Box::new(layout.clone()), parts.collect()), &[])? {
            Reply::Capture(Ok(capture)) => Ok(*capture),
            Reply::Capture(Err(reason)) => Err(GuardError::Refused(reason)),
            _ => Err(self.bury("the worker gave a wrong answer")),
        }
    }

    /// Decodes a depth frame from `files` to `arena`.
    ///
    /// # Errors
    /// As [`Worker::read`].
    pub fn frame(
        &mut self,
        arena: &Arena,
        files: &[File],
        request: FrameRequest,
    ) -> Result<DepthReply, GuardError> {
        self.use_arena(arena)?;
        let files: Vec<BorrowedFd<'_>> = files.iter().map(File::as_fd).collect();
        match self.ask_once(&Request::Frame(Box::new(request)), &files)? {
            Reply::Frame(Ok(reply)) => Ok(*reply),
            Reply::Frame(Err(reason)) => Err(GuardError::Refused(reason)),
            _ => Err(self.bury("the worker gave a wrong answer")),
        }
    }

    fn use_arena(&mut self, arena: &Arena) -> Result<(), GuardError> {
        if self.arenas[0] != Some(arena.id()) {
            self.map(arena, ArenaNumber::First)?;
        }
        Ok(())
    }

    fn map(&mut self, arena: &Arena, number: ArenaNumber) -> Result<ArenaNumber, GuardError> {
        match self.ask(&Request::UseArena(number), &[arena.fd()])? {
            Reply::Ready(result) => result.map_err(GuardError::Refused)?,
            _ => return Err(self.bury("the worker gave a wrong answer")),
        }
        self.arenas[number as usize] = Some(arena.id());
        Ok(number)
    }

    /// Asks for something that ends the worker's use of its shared memory.
    fn ask_once(&mut self, request: &Request, files: &[BorrowedFd<'_>]) -> Result<Reply, GuardError> {
        self.arenas[0] = None;
        self.ask(request, files)
    }

    fn ask(&mut self, request: &Request, files: &[BorrowedFd<'_>]) -> Result<Reply, GuardError> {
        let sent = transport::send(&mut self.stream, request, files);
        self.answer(sent)
    }

    /// The answer to what was sent.
    fn answer(&mut self, sent: io::Result<()>) -> Result<Reply, GuardError> {
        match sent.and_then(|()| transport::receive::<Reply>(&mut self.stream)) {
            Ok(Some((reply, _))) => Ok(reply),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                let secs = self.timeout.as_secs();
                Err(self.bury(&format!("reading it took longer than {secs} s and was stopped")))
            }
            Ok(None) | Err(_) => Err(self.bury("reading it ended the worker")),
        }
    }

    /// Ends the process and says how it ended.
    fn bury(&mut self, what: &str) -> GuardError {
        self.alive = false;
        // A closed stream means that the process is ending by itself: its status says why.
        let mut status = None;
        for _ in 0..50 {
            status = self.child.try_wait().ok().flatten();
            if status.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        if status.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let how = match status.and_then(|status| status.signal()) {
            Some(6) => " (it ran out of its memory or aborted)",
            Some(7) => " (the file was cut while it was read)",
            Some(11) => " (it ran out of its stack)",
            Some(_) => " (it was ended by a signal)",
            None => "",
        };
        GuardError::Died(format!("{what}{how}"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
