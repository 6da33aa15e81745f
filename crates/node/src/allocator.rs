//! How the system's allocator treats large buffers.

/// Buffers of at least so many bytes are mappings of their own, which are given back at once when they are freed.
///
/// Most of what a node allocates in a first sync is blocks, on one thread, and they are freed on another. Left to itself
/// glibc soon keeps such memory, up to 32 MiB a piece, for the thread that allocated it: measured, that makes a hundred
/// megabytes more at the peak and saves no time.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN_MAPPING: libc::c_int = 256 << 10;

/// Has large buffers given back when they are freed. Where the allocator is another one, nothing is done.
pub(crate) fn give_large_buffers_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "the allocator has no other face")]
    // SAFETY: it takes two numbers and changes nothing but how later allocations are made. If it fails, that stays as it was.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING);
    }
}
