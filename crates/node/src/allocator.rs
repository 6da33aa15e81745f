//! How the system's allocator treats threads.

/// Has all threads share one pool of memory. Where the allocator is not glibc's, nothing is done.
///
/// Most of what a node allocates in a first sync is blocks, on one thread, and they are freed on another. Left to itself
/// glibc keeps freed memory apart for each of the many threads: measured, that is forty megabytes more at the peak, and no
/// faster. Small allocations have caches of their own in each thread, so that hardly ever one waits for another.
pub(crate) fn share_between_threads() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "the allocator has no other face")]
    // SAFETY: it takes two numbers and changes nothing but how later allocations are made. If it fails, that stays as it was.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}
