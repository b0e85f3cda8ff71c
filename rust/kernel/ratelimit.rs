// SPDX-License-Identifier: GPL-2.0

//! Limits on how often something is done, such as logging what a device can cause at will.
//!
//! C header: [`include/linux/ratelimit.h`](srctree/include/linux/ratelimit.h)

use crate::{
    bindings,
    prelude::*,
    str::CStr,
    types::Opaque, //
};

/// The rate of the kernel's `*_ratelimited()` messages: 10 in 5 seconds.
///
/// Each instance counts on its own, so that a flood of one kind of message does not silence
/// another. How many were suppressed is logged when the flood is over.
///
/// # Examples
///
/// ```
/// use kernel::ratelimit::RateLimit;
///
/// let limit = KBox::pin_init(RateLimit::new(c"example"), GFP_KERNEL)?;
/// let allowed = (0..1000).filter(|_| limit.allow()).count();
/// assert!(allowed > 0);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// `inner` is an initialised `struct ratelimit_state`, which has its own lock.
#[pin_data]
pub struct RateLimit {
    name: &'static CStr,
    #[pin]
    inner: Opaque<bindings::ratelimit_state>,
}

// SAFETY: By the type invariant, `struct ratelimit_state` does its own locking; it has no thread
// affinity.
unsafe impl Send for RateLimit {}

// SAFETY: By the type invariant, concurrent use is serialised by the lock of the state.
unsafe impl Sync for RateLimit {}

impl RateLimit {
    /// Creates a limit; `name` is what the note on suppressed calls begins with.
    pub fn new(name: &'static CStr) -> impl PinInit<Self> {
        // INVARIANT: `ratelimit_default_init()` initialises the state and its lock.
        pin_init!(Self {
            name,
            inner <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes and stays pinned.
                unsafe { bindings::ratelimit_default_init(slot) }
            }),
        })
    }

    /// Whether it may be done once more. Can be called in any context.
    pub fn allow(&self) -> bool {
        // SAFETY:
        // - By the type invariant, `self.inner` is an initialised `struct ratelimit_state`.
        // - `self.name` ends with NUL.
        let allowed = unsafe { bindings::___ratelimit(self.inner.get(), self.name.as_char_ptr()) };
        allowed != 0
    }
}
