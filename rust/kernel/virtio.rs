// SPDX-License-Identifier: GPL-2.0

//! Virtio drivers.
//!
//! A driver implements [`Driver`], is registered by
//! [`module_virtio_driver!`](crate::module_virtio_driver), and makes its virtqueues by a
//! [`QueueSetup`]. The buffers belong to the [`Queue`]s: a driver hands over bytes and gets bytes
//! back, and never has to promise that memory outlives the device's use of it.
//!
//! C headers: [`include/linux/virtio.h`](srctree/include/linux/virtio.h),
//! [`include/linux/virtio_config.h`](srctree/include/linux/virtio_config.h)
//!
//! Reference: Virtual I/O Device (VIRTIO), sections "Basic Facilities of a Virtio Device" and
//! "General Initialization And Device Operation".
//!
//! # Locking and lifetime
//!
//! 1. A queue has one lock, taken with local interrupts disabled. No two queues of the same name
//!    are locked at once.
//! 2. A virtqueue is used under the lock of its queue, except for a [`Kick`], which is protected by
//!    RCU.
//! 3. When a driver is unbound or the system sleeps: the virtqueues are taken away from the queues
//!    under their locks, a grace period passes, the device is reset, the virtqueues are deleted,
//!    and only then the buffers in flight are forgotten.
//! 4. The device's own lock is the driver core's. A device that asks for a reset gets it from a
//!    work item, which holds the lock of the parent as the buses do when they reset it; what the
//!    driver does for a reset, it does with the device locked.
//!
//! # Limitations
//!
//! - A device has as many virtqueues as the driver has queues, without gaps.
//! - A buffer is at most one part that the device reads, and one part that it writes.
//! - Virtqueues cannot be reset or resized one by one.

pub mod feature;
pub mod layout;
pub mod slots;

#[cfg(CONFIG_VIRTIO = "y")]
mod buffer;
#[cfg(CONFIG_VIRTIO = "y")]
mod context;
#[cfg(CONFIG_VIRTIO = "y")]
mod device;
#[cfg(CONFIG_VIRTIO = "y")]
mod driver;
#[cfg(all(CONFIG_VIRTIO = "y", CONFIG_KUNIT = "y", CONFIG_RUST_VIRTIO_KUNIT_TEST))]
mod fake_device;
#[cfg(CONFIG_VIRTIO = "y")]
mod lock;
#[cfg(CONFIG_RUST_VIRTIO_LOOPBACK)]
pub mod loopback;
#[cfg(CONFIG_VIRTIO = "y")]
mod queue;
#[cfg(CONFIG_VIRTIO = "y")]
mod recovery;
#[cfg(CONFIG_VIRTIO = "y")]
mod ring;
#[cfg(CONFIG_VIRTIO = "y")]
mod virtqueue;

pub use self::{
    feature::Feature,
    layout::BufferLayout,
    slots::Slot, //
};

#[cfg(CONFIG_VIRTIO = "y")]
pub use self::{
    buffer::{
        OwnedBuffer,
        UNWRITTEN, //
    },
    context::{
        FoundQueues,
        QueueSetup, //
    },
    device::{
        ConfigField,
        Device,
        DeviceId,
        IdTable,
        Negotiation, //
    },
    driver::{
        Adapter,
        Driver, //
    },
    queue::{
        Callback,
        Queue,
        QueueGuard,
        QueueName, //
    },
    ring::Completion,
    virtqueue::Kick, //
};

#[cfg(CONFIG_VIRTIO = "y")]
pub use crate::virtio_queue_name as queue_name;

/// Types of virtio devices.
pub mod device_type {
    use crate::bindings;

    /// An entropy source.
    pub const RNG: u32 = bindings::VIRTIO_ID_RNG;
    /// An IOMMU.
    pub const IOMMU: u32 = bindings::VIRTIO_ID_IOMMU;
}

#[cfg(CONFIG_RUST_VIRTIO_KUNIT_TEST)]
#[macros::kunit_tests(rust_virtio)]
mod tests {
    use super::{
        feature::*,
        layout::*,
        slots::*, //
    };
    use crate::prelude::*;

    fn slots(count: usize) -> Result<Slots<KVec<Entry>>> {
        // Whatever the entries say before, all slots are free after.
        Ok(Slots::new(KVec::from_elem(
            Entry::InFlight,
            count,
            GFP_KERNEL,
        )?))
    }

    #[test]
    fn feature_bits_are_those_of_the_specification() {
        for (feature, bit) in [
            (INDIRECT_DESC, 28),
            (EVENT_IDX, 29),
            (VERSION_1, 32),
            (ACCESS_PLATFORM, 33),
            (RING_PACKED, 34),
            (IN_ORDER, 35),
            (ORDER_PLATFORM, 36),
            (NOTIFICATION_DATA, 38),
        ] {
            assert_eq!(feature.bit(), bit);
        }
        // The core takes a table of plain numbers.
        assert_eq!(size_of::<Feature>(), size_of::<u32>());
    }

    #[test]
    fn every_slot_is_handed_out_once() -> Result {
        let mut slots = slots(3)?;
        for index in 0..3 {
            let slot = slots.acquire().ok_or(ENOSPC)?;
            assert_eq!(slot.index(), index);
            assert!(slot.token() != 0);
        }
        assert_eq!(slots.acquire(), None);
        assert_eq!(
            (slots.free(), slots.in_flight(), slots.capacity()),
            (0, 3, 3)
        );
        Ok(())
    }

    #[test]
    fn only_tokens_in_flight_complete() -> Result {
        let mut slots = slots(4)?;
        let slot = slots.acquire().ok_or(ENOSPC)?;

        for token in [0, slot.token() + 1, 4, 5, 1 << 15, 1 << 16, usize::MAX] {
            assert_eq!(slots.complete(token), Err(BadToken));
        }
        assert_eq!(slots.in_flight(), 1);

        assert_eq!(slots.complete(slot.token()), Ok(slot));
        assert_eq!(slots.complete(slot.token()), Err(BadToken));
        assert_eq!((slots.free(), slots.in_flight()), (3, 0));

        assert!(!slots.retract(slot));
        assert!(slots.release(slot));
        assert!(!slots.release(slot));
        assert_eq!(slots.complete(slot.token()), Err(BadToken));
        assert_eq!(slots.free(), 4);
        Ok(())
    }

    #[test]
    fn failed_submissions_give_their_slot_back() -> Result {
        let mut slots = slots(1)?;
        let slot = slots.acquire().ok_or(ENOSPC)?;
        assert!(!slots.release(slot));
        assert!(slots.retract(slot));
        assert_eq!(slots.acquire(), Some(slot));
        Ok(())
    }

    #[test]
    fn reset_makes_all_slots_free() -> Result {
        let mut slots = slots(3)?;
        let first = slots.acquire().ok_or(ENOSPC)?;
        let second = slots.acquire().ok_or(ENOSPC)?;
        assert_eq!(slots.complete(first.token()), Ok(first));

        slots.reset();
        assert_eq!((slots.free(), slots.in_flight()), (3, 0));
        assert_eq!(slots.complete(second.token()), Err(BadToken));
        assert!(!slots.release(first));
        Ok(())
    }

    #[test]
    fn no_slots_are_no_slots() -> Result {
        let mut slots = slots(0)?;
        assert_eq!(slots.acquire(), None);
        assert_eq!(slots.complete(1), Err(BadToken));
        Ok(())
    }

    #[test]
    fn number_of_slots_follows_the_ring() {
        for (slots, readable, writable, ring, expected) in [
            (0, 36, 4, 256, 128),
            (0, 0, 24, 256, 256),
            (0, 8, 0, 64, 64),
            (0, 8, 8, 1, 0),
            (0, 8, 0, 1, 1),
            (16, 8, 8, 256, 16),
            (128, 8, 8, 256, 128),
            (128, 8, 8, 16, 8),
            (128, 8, 8, 1, 0),
            (512, 8, 8, 256, 128),
        ] {
            let layout = BufferLayout {
                slots,
                readable,
                writable,
            };
            assert_eq!(layout.slots_for_ring(ring), expected);
        }
    }

    #[test]
    fn parts_share_no_cache_line() -> Result {
        let layout = BufferLayout {
            slots: 2,
            readable: 65,
            writable: 4,
        };
        let geometry = layout.geometry(64).ok_or(EINVAL)?;
        assert_eq!(geometry.readable_at(0), 0);
        assert_eq!(geometry.writable_at(0), 128);
        assert_eq!(geometry.readable_at(1), 192);
        assert_eq!(geometry.writable_at(1), 320);
        assert_eq!(geometry.total(2), Some(384));
        Ok(())
    }

    #[test]
    fn impossible_layouts_are_refused() {
        for (readable, writable, align) in [
            (0, 0, 64),
            (1, 1, 0),
            (usize::MAX, 1, 64),
            (1, usize::MAX, 64),
            (usize::MAX / 2, usize::MAX / 2, 64),
        ] {
            let layout = BufferLayout {
                slots: 1,
                readable,
                writable,
            };
            assert_eq!(layout.geometry(align), None);
        }
        let layout = BufferLayout {
            slots: 0,
            readable: 64,
            writable: 0,
        };
        let overflow = layout
            .geometry(64)
            .map(|geometry| geometry.total(usize::MAX));
        assert_eq!(overflow, Some(None));
    }
}
