// SPDX-License-Identifier: GPL-2.0

//! Features of virtio devices.

use crate::bindings;

/// The number of a feature bit.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature(u32);

impl Feature {
    /// Number of feature bits that the kernel knows.
    pub const COUNT: u32 = bindings::VIRTIO_FEATURES_BITS;

    /// Makes a feature out of the number of its bit.
    ///
    /// It must be smaller than [`Self::COUNT`], which is checked when a driver's features are
    /// compiled.
    pub const fn new(bit: u32) -> Self {
        assert!(bit < Self::COUNT);
        Self(bit)
    }

    /// Returns the number of the feature bit.
    #[inline]
    pub const fn bit(self) -> u32 {
        self.0
    }
}

macro_rules! features {
    ($($(#[$doc:meta])* $name:ident = $value:ident;)*) => {$(
        $(#[$doc])*
        pub const $name: Feature = Feature::new(bindings::$value);
    )*};
}

features! {
    /// A buffer can be a table of descriptors.
    INDIRECT_DESC = VIRTIO_RING_F_INDIRECT_DESC;
    /// Both sides say when they want to be notified next.
    EVENT_IDX = VIRTIO_RING_F_EVENT_IDX;
    /// The device follows version 1 of the specification or a later one.
    VERSION_1 = VIRTIO_F_VERSION_1;
    /// The device accesses memory as the platform allows it, perhaps through an IOMMU.
    ACCESS_PLATFORM = VIRTIO_F_ACCESS_PLATFORM;
    /// The device supports packed virtqueues.
    RING_PACKED = VIRTIO_F_RING_PACKED;
    /// The device uses buffers in the order in which they were made available.
    IN_ORDER = VIRTIO_F_IN_ORDER;
    /// Memory accesses are ordered as the platform does it.
    ORDER_PLATFORM = VIRTIO_F_ORDER_PLATFORM;
    /// Notifications carry data.
    NOTIFICATION_DATA = VIRTIO_F_NOTIFICATION_DATA;
}
