// SPDX-License-Identifier: GPL-2.0

//! What was looked up last, for those who ask for one page of a mapping after the other.
//!
//! VFIO and iommufd do so for all that a virtual machine has when they unmap it. Whoever looks up
//! takes no lock, here neither: what is kept is read and checked, and who cannot write it at once
//! does not.
//!
//! What is kept may be about a mapping that is gone. It counts only as long as nothing was removed
//! since before it was looked up.

use super::words::Word;

/// Addresses next to each other that are mapped to addresses next to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first address.
    pub(crate) first: u64,
    /// How far it is to the last.
    pub(crate) extent: u64,
    /// What the first is mapped to.
    pub(crate) phys: u64,
}

impl Span {
    /// Returns what `address` is mapped to, if this says so.
    #[inline]
    pub(crate) fn translate(&self, address: u64) -> Option<u64> {
        let distance = address.wrapping_sub(self.first);
        (distance <= self.extent).then(|| self.phys.wrapping_add(distance))
    }
}

/// How many times something was removed, at one point in time.
#[derive(Clone, Copy)]
pub(crate) struct Since(u64);

/// The span that was looked up last.
///
/// # Invariants
///
/// While `version` is odd, one caller of [`Hint::keep`] changes the other words but `removals`. It
/// has another value after that.
pub(crate) struct Hint<W> {
    /// How many times something was removed.
    removals: W,
    version: W,
    /// What `removals` was before the span was looked up, and 1 more, so that 0 is no time.
    since: W,
    first: W,
    extent: W,
    phys: W,
}

impl<W: Word> Hint<W> {
    /// Creates one that says nothing.
    pub(crate) fn new() -> Self {
        // INVARIANT: The version is even.
        Self {
            removals: W::zero(),
            version: W::zero(),
            since: W::zero(),
            first: W::zero(),
            extent: W::zero(),
            phys: W::zero(),
        }
    }

    /// Notes that mappings were removed, which nobody finds any more. The caller has the lock that
    /// changing mappings needs.
    #[inline]
    pub(crate) fn removed(&self) {
        self.removals.publish(self.removals.get().wrapping_add(1));
    }

    /// Returns the point in time for what is going to be looked up.
    #[inline]
    pub(crate) fn now(&self) -> Since {
        Since(self.removals.observe())
    }

    /// Returns what `address` is mapped to, if that is known.
    #[inline]
    pub(crate) fn translate(&self, address: u64) -> Option<u64> {
        let version = self.version.observe();
        let span = Span {
            first: self.first.observe(),
            extent: self.extent.observe(),
            phys: self.phys.observe(),
        };
        let phys = span.translate(address)?;
        let since = self.since.observe();
        // An odd version cannot be that of a span that is complete.
        let whole = version % 2 == 0 && self.version.get() == version;
        let lasting = since == self.removals.observe().wrapping_add(1);
        (whole && lasting).then_some(phys)
    }

    /// Keeps a span that was looked up after `since`, unless somebody else is about to keep one.
    #[cold]
    pub(crate) fn keep(&self, since: Since, span: &Span) {
        let version = self.version.get();
        let odd = version.wrapping_add(1);
        // INVARIANT: Whoever has the same version fails here.
        if version % 2 != 0 || !self.version.replace(version, odd) {
            return;
        }
        self.since.publish(since.0.wrapping_add(1));
        self.first.publish(span.first);
        self.extent.publish(span.extent);
        self.phys.publish(span.phys);
        // INVARIANT: The words are not changed any more.
        self.version.publish(odd.wrapping_add(1));
    }
}
