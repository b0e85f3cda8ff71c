// SPDX-License-Identifier: GPL-2.0

//! IOVA ranges that were unmapped and wait for one common flush.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h)

use core::{
    marker::PhantomData,
    ops::RangeInclusive,
    ptr::NonNull, //
};

use crate::bindings;

/// The range that one series of [`unmap_pages`] calls has to have flushed.
///
/// The core calls [`iotlb_sync`] at its end unless the flush is [queued](Self::is_queued). If the
/// driver adds nothing, the core fills in the whole range that it asked to unmap.
///
/// # Invariants
///
/// The pointer references a valid `struct iommu_iotlb_gather` that nobody else accesses for `'a`.
///
/// [`unmap_pages`]: super::PagingDomain::unmap_pages
/// [`iotlb_sync`]: super::PagingDomain::iotlb_sync
pub struct Gather<'a> {
    raw: NonNull<bindings::iommu_iotlb_gather>,
    _borrow: PhantomData<&'a mut bindings::iommu_iotlb_gather>,
}

impl Gather<'_> {
    /// Wraps the gather that the core passed to a callback.
    ///
    /// # Safety
    ///
    /// `raw` must be valid, and only be accessed through the returned object while that lives.
    #[inline]
    pub(super) unsafe fn from_raw(raw: *mut bindings::iommu_iotlb_gather) -> Self {
        Self {
            // INVARIANT: Valid and exclusive by the safety requirements.
            // SAFETY: A valid pointer is not null.
            raw: unsafe { NonNull::new_unchecked(raw) },
            _borrow: PhantomData,
        }
    }

    /// Adds `size` bytes from `iova` on; everything between them and the range so far is included.
    #[inline]
    pub fn add_range(&mut self, iova: usize, size: usize) {
        if size == 0 {
            return;
        }
        // C computes the inclusive end as `iova + size - 1`, which must not wrap.
        let size = size.min((usize::MAX - iova).saturating_add(1));
        // SAFETY: The pointer is valid and exclusive by the type invariants.
        unsafe { bindings::iommu_iotlb_gather_add_range(self.raw.as_ptr(), iova, size) };
    }

    /// The range gathered so far, `None` if there is none.
    #[inline]
    pub fn range(&self) -> Option<RangeInclusive<usize>> {
        // SAFETY: The pointer is valid by the type invariants.
        let start = unsafe { (*self.raw.as_ptr()).start };
        // SAFETY: As above.
        let end = unsafe { (*self.raw.as_ptr()).end };

        (start <= end).then_some(start..=end)
    }

    /// Whether adding this range would also include bytes that belong to neither of the two.
    #[inline]
    pub fn is_disjoint(&self, iova: usize, size: usize) -> bool {
        let Some(range) = self.range() else {
            return false;
        };
        let Some(last) = iova.checked_add(size.saturating_sub(1)) else {
            return false;
        };

        last.checked_add(1)
            .is_some_and(|next| next < *range.start())
            || range.end().checked_add(1).is_some_and(|next| next < iova)
    }

    /// Whether [`flush_iotlb_all`] will be called some time later in place of [`iotlb_sync`].
    ///
    /// [`flush_iotlb_all`]: super::PagingDomain::flush_iotlb_all
    /// [`iotlb_sync`]: super::PagingDomain::iotlb_sync
    #[inline]
    pub fn is_queued(&self) -> bool {
        // SAFETY: The pointer is valid by the type invariants.
        unsafe { bindings::iommu_iotlb_gather_queued(self.raw.as_ptr()) }
    }
}
