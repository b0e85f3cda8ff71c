// SPDX-License-Identifier: GPL-2.0

//! Allocation of small integers out of a sparse range.
//!
//! C header: [`include/linux/idr.h`](srctree/include/linux/idr.h)

use core::ops::RangeInclusive;

use crate::{
    alloc::Flags,
    bindings,
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// A set of allocated IDs.
///
/// Wraps the kernel's `struct ida`. IDs are handed out lowest first. Unlike [`IdPool`], memory
/// grows with the number of IDs in use and not with the size of the range, so a range may be as
/// wide as [`Ida::MAX`].
///
/// [`IdPool`]: crate::id_pool::IdPool
///
/// # Examples
///
/// ```
/// use kernel::ida::Ida;
///
/// let ida = KBox::pin_init(Ida::new(), GFP_KERNEL)?;
/// assert_eq!(ida.alloc(5..=6, GFP_KERNEL)?, 5);
/// assert_eq!(ida.alloc(5..=6, GFP_KERNEL)?, 6);
/// assert_eq!(ida.alloc(5..=6, GFP_KERNEL), Err(ENOSPC));
/// ida.free(5);
/// assert_eq!(ida.alloc(5..=6, GFP_KERNEL)?, 5);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// `inner` is initialised and has its own lock, so that it may be used from any thread.
#[pin_data(PinnedDrop)]
pub struct Ida {
    #[pin]
    inner: Opaque<bindings::ida>,
}

// SAFETY: By the type invariant, `struct ida` does its own locking and has no thread affinity.
unsafe impl Send for Ida {}

// SAFETY: By the type invariant, all operations on `struct ida` are serialised by its own lock.
unsafe impl Sync for Ida {}

impl Ida {
    /// The highest ID that can be allocated.
    pub const MAX: u32 = i32::MAX.unsigned_abs();

    /// Creates an empty set.
    pub fn new() -> impl PinInit<Self> {
        // INVARIANT: `ida_init()` initialises the set and its lock.
        pin_init!(Self {
            inner <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes and stays pinned.
                unsafe { bindings::ida_init(slot) }
            }),
        })
    }

    /// Allocates the lowest free ID of `range`; an end above [`Ida::MAX`] means [`Ida::MAX`].
    ///
    /// Returns [`ENOSPC`] if none is free or the range starts above [`Ida::MAX`], and [`ENOMEM`]
    /// if there is no memory to record the ID.
    pub fn alloc(&self, range: RangeInclusive<u32>, flags: Flags) -> Result<u32> {
        let (first, last) = range.into_inner();
        // SAFETY: By the type invariant, `self.inner` is an initialised `struct ida`.
        let id = unsafe {
            bindings::ida_alloc_range(self.inner.get(), first, last.min(Self::MAX), flags.as_raw())
        };
        to_result(id)?;
        u32::try_from(id).map_err(|_| EINVAL)
    }

    /// Gives an ID back. An ID that is not allocated is reported and otherwise ignored.
    pub fn free(&self, id: u32) {
        // SAFETY: By the type invariant, `self.inner` is an initialised `struct ida`.
        unsafe { bindings::ida_free(self.inner.get(), id) }
    }
}

#[pinned_drop]
impl PinnedDrop for Ida {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: `self.inner` is initialised and nobody else can hold a reference to it.
        unsafe { bindings::ida_destroy(self.inner.get()) }
    }
}
