// SPDX-License-Identifier: GPL-2.0

//! The one place where the memory type of a stage-2 mapping is decided.

use super::{
    facts::{
        Access,
        Caps,
        Facts,
        Frames,
        Host,
        HostType,
        Page,
        SlotPage,
        Target, //
    },
    mem_type::MemType, //
};

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Map the page.
    Map {
        /// With this type.
        mem_type: MemType,
        /// Whether the guest may fetch instructions from it.
        may_execute: bool,
        /// Who or what the type is due to.
        reason: Reason,
    },
    /// Tell the guest that there is nothing to be fetched.
    AbortFetch,
    /// Give up; the user of the VM is told.
    Reject(Refusal),
}

/// What the type of a mapping is due to. Of several who ask for the same the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It is the host's memory.
    Memory,
    /// It is memory behind a device, that the host caches too.
    DeviceMemory,
    /// The driver of the device allows more than Device.
    DriverGrant,
    /// It does not.
    NoDriverGrant,
    /// The machine, or its administrator, wants it.
    Machine,
    /// A guest hypervisor wants it for its guest.
    GuestHypervisor,
    /// They are registers of the host kernel's own.
    HostRegisters,
}

/// Why there is no mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The guest would cache what the kernel cannot clean the caches of.
    NotCoherent,
    /// The hypervisor at EL2 maps nothing but memory.
    Protected,
    /// Writes of the guest to a device cannot be logged.
    DirtyLog,
}

/// Decides how to map a page.
///
/// What only looks like memory, and has no address to clean its caches by, is Normal whatever a guest
/// hypervisor wants of it.
pub(crate) const fn decide(facts: &Facts) -> Decision {
    match facts.target {
        Target::HostRegisters => host_registers(&facts.host),
        Target::Slot(slot) => match (slot.frames, slot.page) {
            (Frames::Managed | Frames::Mixed | Frames::Raw, Page::Ram) => {
                memory(&facts.host, &slot)
            }
            (Frames::Managed, Page::Io) if facts.host.protected => {
                Decision::Reject(Refusal::Protected)
            }
            (Frames::Managed, Page::Io) => map(MemType::Normal, Reason::DeviceMemory),
            (Frames::Mixed | Frames::Raw, Page::Io) => match slot.host_type {
                HostType::Cacheable => device_memory(&facts.host),
                HostType::Uncached => device(&facts.host, &slot),
            },
        },
    }
}

const fn map(mem_type: MemType, reason: Reason) -> Decision {
    Decision::Map {
        mem_type,
        may_execute: mem_type.may_hold_code(),
        reason,
    }
}

/// Other guests may share such registers, so their own type is never up to a guest.
const fn host_registers(host: &Host) -> Decision {
    if host.protected {
        return Decision::Reject(Refusal::Protected);
    }

    map(MemType::Device, Reason::HostRegisters)
}

/// Memory is Normal, unless a guest hypervisor wants its guest to take it for a device.
///
/// Where he wants Non-cacheable it stays Normal: the guest sees the same as with forced write-back,
/// and could not fetch from it otherwise.
const fn memory(host: &Host, slot: &SlotPage) -> Decision {
    match (slot.guest_hypervisor, slot.access) {
        (None | Some(MemType::Normal | MemType::NormalNc), Access::Data | Access::Fetch) => {
            map(MemType::Normal, Reason::Memory)
        }
        (Some(MemType::Device), Access::Data | Access::Fetch) if host.protected => {
            Decision::Reject(Refusal::Protected)
        }
        (Some(MemType::Device), Access::Fetch) => Decision::AbortFetch,
        (Some(MemType::Device), Access::Data) => map(MemType::Device, Reason::GuestHypervisor),
    }
}

/// What the host caches has no linear map here, and so no address to clean it by.
const fn device_memory(host: &Host) -> Decision {
    if !host.keeps_caches_coherent() {
        return Decision::Reject(Refusal::NotCoherent);
    }
    if host.protected {
        return Decision::Reject(Refusal::Protected);
    }

    map(MemType::Normal, Reason::DeviceMemory)
}

const fn device(host: &Host, slot: &SlotPage) -> Decision {
    match slot.access {
        Access::Fetch => Decision::AbortFetch,
        Access::Data if host.protected => Decision::Reject(Refusal::Protected),
        Access::Data => {
            let (mem_type, reason) = strictest(&Caps::new(host, slot));
            map(mem_type, reason)
        }
    }
}

/// The host's own mapping bypasses the caches, so nobody's word can make it more than Non-cacheable.
const fn strictest(caps: &Caps) -> (MemType, Reason) {
    let mem_type = MemType::NormalNc
        .meet(caps.driver)
        .meet(caps.machine)
        .meet(caps.guest_hypervisor);

    let reason = match (
        mem_type,
        caps.driver.is(mem_type),
        caps.machine.is(mem_type),
    ) {
        (MemType::Device, true, true | false) => Reason::NoDriverGrant,
        (MemType::Device, false, true) => Reason::Machine,
        (MemType::Device, false, false) => Reason::GuestHypervisor,
        (MemType::NormalNc | MemType::Normal, true | false, true | false) => Reason::DriverGrant,
    };
    (mem_type, reason)
}

/// Who is told of an access that is not aligned to a page that stage 2 makes Device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misaligned {
    /// The guest, as if its own tables had said Device.
    Guest,
    /// The guest hypervisor, whose stage 2 it was.
    GuestHypervisor,
}

/// Decides who is told; `guest_hypervisor` is what that says in its own stage 2, if there is one.
pub(crate) const fn misaligned(guest_hypervisor: Option<MemType>) -> Misaligned {
    match guest_hypervisor {
        Some(MemType::Device) => Misaligned::GuestHypervisor,
        Some(MemType::NormalNc | MemType::Normal) | None => Misaligned::Guest,
    }
}

/// What must never change, so that a kernel where it did is not built.
mod promises {
    use super::{
        super::facts::{
            Access,
            Facts,
            Frames,
            Grant,
            Host,
            HostType,
            Page,
            SlotPage,
            Target, //
        },
        decide,
        Decision,
        MemType, //
    };

    /// A host and a page from which the guest gets as much as it ever can.
    const OPEN: Host = Host {
        fwb: true,
        dic: true,
        protected: false,
        devices: MemType::Normal,
    };
    const GRANTED: SlotPage = SlotPage {
        frames: Frames::Raw,
        page: Page::Io,
        host_type: HostType::Uncached,
        grant: Grant::AnyUncached,
        access: Access::Data,
        guest_hypervisor: None,
    };
    const PROTECTED: Host = Host {
        protected: true,
        ..OPEN
    };

    const fn of(host: Host, target: Target) -> Decision {
        decide(&Facts { host, target })
    }

    const fn is_device(decision: Decision) -> bool {
        matches!(
            decision,
            Decision::Map {
                mem_type: MemType::Device,
                may_execute: false,
                ..
            }
        )
    }

    // Registers that guests share are Device.
    const _: () = assert!(is_device(of(OPEN, Target::HostRegisters)));
    // Nothing but the word of a driver makes a device Normal Non-cacheable.
    const _: () = assert!(is_device(of(
        OPEN,
        Target::Slot(SlotPage {
            grant: Grant::None,
            ..GRANTED
        })
    )));
    // With it, nobody can run code from there.
    const _: () = assert!(matches!(
        of(OPEN, Target::Slot(GRANTED)),
        Decision::Map {
            mem_type: MemType::NormalNc,
            may_execute: false,
            ..
        }
    ));
    const _: () = assert!(matches!(
        of(
            OPEN,
            Target::Slot(SlotPage {
                access: Access::Fetch,
                ..GRANTED
            })
        ),
        Decision::AbortFetch
    ));
    // Each of the others has a veto.
    const _: () = assert!(is_device(of(
        Host {
            devices: MemType::Device,
            ..OPEN
        },
        Target::Slot(GRANTED)
    )));
    const _: () = assert!(is_device(of(
        OPEN,
        Target::Slot(SlotPage {
            guest_hypervisor: Some(MemType::Device),
            ..GRANTED
        })
    )));
    // A protected host maps memory only.
    const _: () = assert!(matches!(
        of(PROTECTED, Target::HostRegisters),
        Decision::Reject(_)
    ));
    const _: () = assert!(matches!(
        of(PROTECTED, Target::Slot(GRANTED)),
        Decision::Reject(_)
    ));
    const _: () = assert!(matches!(
        of(
            PROTECTED,
            Target::Slot(SlotPage {
                host_type: HostType::Cacheable,
                ..GRANTED
            })
        ),
        Decision::Reject(_)
    ));
}
