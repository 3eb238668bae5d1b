//! When memory that is not needed any more goes back to the system.

/// Blocks of at least so many bytes are mapped by themselves, and unmapped when they are dropped.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN_MAPPING_BYTES: i32 = 8 << 20;
/// So much free memory may stay at the end of a heap.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const SPARE_BYTES: i32 = 64 << 20;

/// For a process that only makes items: slabs, meshes and buffers of many megabytes come and go on several threads.
/// glibc would learn from the first of them to take up to 32 MB from heaps, and would make heaps for up to eight threads a
/// processor, where a hole is of use to the threads of that heap alone (`mallopt(3)`). There is one a processor instead.
/// Other allocators are left as they are.
pub(crate) fn give_back_early() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(
        unsafe_code,
        reason = "three numbers for the allocator, set before there are threads"
    )]
    // SAFETY: `mallopt` takes plain numbers; one that it does not like changes nothing.
    unsafe {
        let heaps = std::thread::available_parallelism().map_or(2, |count| count.get().max(2));
        libc::mallopt(libc::M_ARENA_MAX, i32::try_from(heaps).unwrap_or(i32::MAX));
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, SPARE_BYTES);
    }
}
