// SPDX-License-Identifier: GPL-2.0

//! Whose faults they are, who is told of them, and how many there were.
//!
//! The lock of the table is held while a fault is told of, which is what keeps the device there.
//!
//! # Lock order
//!
//! 1. `Member::current`
//! 2. `Faults::table`
//! 3. the lock of the `DomainFaults`
//! 4. what a fault handler takes: the lock of the request queue, `Radix::growing`

use kernel::{
    device,
    iommu::{
        DomainFaults,
        FaultAccess,
        PageFault, //
    },
    rbtree::{
        RBTree,
        RBTreeNodeReservation, //
    },
    sync::{
        aref::ARef,
        new_spinlock_irq,
        Arc,
        SpinLockIrq, //
    }, //
};

use kernel::prelude::*;

use core::fmt;

use crate::{
    fault::Fault,
    proto::EndpointId, //
};

/// Several devices can have one ID: those behind a bridge that puts its own in the place of theirs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    id: u32,
    /// Later ones are greater.
    serial: u64,
}

/// An ID of a device.
struct Entry {
    dev: ARef<device::Device>,
    faults: u64,
    /// The domain that the device is in, unless it is cut off.
    domain: Option<Arc<DomainFaults>>,
}

struct Table {
    entries: RBTree<Key, Entry>,
    next_serial: u64,
    /// Faults of an ID that no device has.
    unknown: u64,
    /// Events that are no fault reports.
    invalid: u64,
}

impl Table {
    /// Returns the ID of the device that had `id` first.
    fn first(&mut self, id: EndpointId) -> Option<&mut Entry> {
        let lowest = Key {
            id: id.get(),
            serial: 0,
        };
        let cursor = self.entries.cursor_lower_bound(&lowest)?;
        let key = *cursor.current().0;
        if key.id != id.get() {
            return None;
        }
        self.entries.get_mut(&key)
    }

    /// Whether another device has the ID of `key`, too, and is in a domain that `wanted` accepts.
    fn has_another(&self, key: &Key, wanted: impl Fn(&Arc<DomainFaults>) -> bool) -> bool {
        self.entries.iter().any(|(other, entry)| {
            other.id == key.id && other != key && entry.domain.as_ref().is_some_and(&wanted)
        })
    }
}

/// The endpoints of one IOMMU as far as faults are concerned.
#[pin_data]
pub(crate) struct Faults {
    #[pin]
    table: SpinLockIrq<Table>,
}

impl Faults {
    /// Creates an empty table.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let table = Table {
            entries: RBTree::new(),
            next_serial: 0,
            unknown: 0,
            invalid: 0,
        };
        Arc::pin_init(
            pin_init!(Self {
                table <- new_spinlock_irq!(table, "virtio_iommu_faults"),
            }),
            GFP_KERNEL,
        )
    }

    /// Makes `dev` the device that `ids` are resolved to, as long as the result lives.
    pub(crate) fn register(self: &Arc<Self>, dev: &device::Device, ids: &[u32]) -> Result<Source> {
        let mut source = Source {
            faults: self.clone(),
            keys: KVec::with_capacity(ids.len(), GFP_KERNEL)?,
        };
        for id in ids {
            let node = RBTreeNodeReservation::new(GFP_KERNEL)?;
            let entry = Entry {
                dev: ARef::from(dev),
                faults: 0,
                domain: None,
            };
            let mut table = self.table.lock();
            let key = Key {
                id: *id,
                serial: table.next_serial,
            };
            // There is room for all of them.
            source.keys.push_within_capacity(key).map_err(|_| EINVAL)?;
            table.next_serial += 1;
            table.entries.insert(node.into_node(key, entry));
        }
        Ok(source)
    }

    /// Counts a fault, tells the user of the domain and records it in the trace.
    ///
    /// Where the device does not tell an address, there is nothing to tell but that it happened.
    pub(crate) fn report(&self, fault: &Fault) {
        let mut table = self.table.lock();
        let Some(entry) = table.first(fault.endpoint) else {
            table.unknown += 1;
            return;
        };
        entry.faults += 1;
        let Some(page_fault) = page_fault(fault) else {
            return;
        };
        match &entry.domain {
            None => page_fault.trace(&entry.dev),
            Some(domain) => {
                // The log has the fault already, whether somebody takes care of it or not.
                let _ = domain.report(&entry.dev, &page_fault);
            }
        }
    }

    /// Counts an event that is no fault report.
    pub(crate) fn invalid(&self) {
        self.table.lock().invalid += 1;
    }

    /// Writes one line for each ID, and one for each kind of event that belongs to none.
    pub(crate) fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table.lock();
        for (key, entry) in &table.entries {
            let name = entry.dev.name().to_str().unwrap_or("?");
            writeln!(f, "{} {} {}", key.id, name, entry.faults)?;
        }
        writeln!(f, "unknown {}", table.unknown)?;
        writeln!(f, "invalid {}", table.invalid)
    }
}

/// Returns a fault as the kernel describes it.
fn page_fault(fault: &Fault) -> Option<PageFault> {
    let access = if fault.access.writes() {
        FaultAccess::Write
    } else {
        FaultAccess::Read
    };
    let iova = usize::try_from(fault.address?).ok()?;
    Some(PageFault { iova, access })
}

/// A device whose faults are resolved.
pub(crate) struct Source {
    faults: Arc<Faults>,
    keys: KVec<Key>,
}

impl Source {
    /// Whether another device has `id`, too, and is in a domain.
    pub(crate) fn is_used_by_another(&self, id: u32) -> bool {
        self.has_another(id, |_| true)
    }

    /// Whether another device has `id`, too, and is in `domain`.
    pub(crate) fn is_with_another_in(&self, id: u32, domain: &Arc<DomainFaults>) -> bool {
        self.has_another(id, |other| Arc::ptr_eq(other, domain))
    }

    fn has_another(&self, id: u32, wanted: impl Fn(&Arc<DomainFaults>) -> bool) -> bool {
        let table = self.faults.table.lock();
        let mut keys = self.keys.iter().filter(|key| key.id == id);
        keys.any(|key| table.has_another(key, &wanted))
    }

    /// Tells the user of `domain` of the device's faults from now on.
    pub(crate) fn set_domain(&self, domain: Option<&Arc<DomainFaults>>) {
        for key in &self.keys {
            let mut domain = domain.cloned();
            let mut table = self.faults.table.lock();
            if let Some(entry) = table.entries.get_mut(key) {
                core::mem::swap(&mut entry.domain, &mut domain);
            }
            // What may be the last reference is dropped after the lock.
            drop(table);
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        for key in &self.keys {
            // What may be the last reference to the device is dropped after the lock.
            let node = self.faults.table.lock().entries.remove_node(key);
            drop(node);
        }
    }
}
