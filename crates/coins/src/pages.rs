//! Zeroed memory straight from the system, in huge pages where it has them.
//!
//! The set takes hundreds of megabytes that are read here and there. With pages of 4 KiB the processor forgets where most of
//! them are, and looking that up costs several times what the memory itself does, the more so on a virtual machine, whose
//! pages have pages. In pages of 2 MiB it is remembered.

use std::ops::{Deref, DerefMut};

use memmap2::{Advice, MmapMut};

/// Bytes of a huge page, as on x86 and most of Arm.
const HUGE: usize = 2 << 20;

/// Memory that takes room only where it was written to.
#[derive(Debug)]
pub(crate) struct Pages(MmapMut);

impl Pages {
    /// At least `bytes`, all zero.
    ///
    /// # Panics
    /// If the system gives no memory, as any allocation would.
    pub(crate) fn zeroed(bytes: usize) -> Self {
        // A mapping of whole huge pages begins at one.
        let bytes = if bytes < HUGE {
            bytes.max(1)
        } else {
            bytes.next_multiple_of(HUGE)
        };
        let pages = MmapMut::map_anon(bytes).expect("the system gives memory");
        if bytes >= HUGE {
            // A system without huge pages has others.
            let _ = pages.advise(Advice::HugePage);
        }
        Self(pages)
    }

    /// Bytes that the first `used` bytes take, if the rest was never written to.
    pub(crate) fn taken(&self, used: usize) -> usize {
        let page = if self.0.len() < HUGE { 4 << 10 } else { HUGE };
        used.next_multiple_of(page)
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}
