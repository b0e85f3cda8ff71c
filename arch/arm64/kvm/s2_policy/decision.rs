// SPDX-License-Identifier: GPL-2.0

//! The one place where the memory type of a stage-2 mapping is decided.

use super::{
    facts::{
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
    /// Map the page. Whether the guest may fetch instructions from it is up to the type; if not, and
    /// it does, that is an external abort in the guest.
    Map {
        /// With this type.
        mem_type: MemType,
        /// Who or what the type is due to.
        reason: Reason,
    },
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
    Decision::Map { mem_type, reason }
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
    match slot.guest_hypervisor {
        None | Some(MemType::Normal | MemType::NormalNc) => map(MemType::Normal, Reason::Memory),
        Some(MemType::Device) if host.protected => Decision::Reject(Refusal::Protected),
        Some(MemType::Device) => map(MemType::Device, Reason::GuestHypervisor),
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
    if host.protected {
        return Decision::Reject(Refusal::Protected);
    }

    let (mem_type, reason) = strictest(&Caps::new(host, slot));
    map(mem_type, reason)
}

/// Returns the least of what is said, and who is the first to say it.
///
/// The host's own mapping bypasses the caches, so nobody's word can make it more than Non-cacheable.
const fn strictest(caps: &Caps) -> (MemType, Reason) {
    use MemType::{
        Device,
        Normal,
        NormalNc, //
    };

    match (caps.driver, caps.machine, caps.guest_hypervisor) {
        (Device, Device | NormalNc | Normal, Device | NormalNc | Normal) => {
            (Device, Reason::NoDriverGrant)
        }
        (NormalNc | Normal, Device, Device | NormalNc | Normal) => (Device, Reason::Machine),
        (NormalNc | Normal, NormalNc | Normal, Device) => (Device, Reason::GuestHypervisor),
        (NormalNc | Normal, NormalNc | Normal, NormalNc | Normal) => {
            (NormalNc, Reason::DriverGrant)
        }
    }
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
            Caps,
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
        strictest,
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
                ..
            }
        )
    }

    const fn nth(number: u8) -> MemType {
        match number {
            0 => MemType::Device,
            1 => MemType::NormalNc,
            2..=u8::MAX => MemType::Normal,
        }
    }

    const fn is_least(caps: &Caps) -> bool {
        let least = MemType::NormalNc
            .meet(caps.driver)
            .meet(caps.machine)
            .meet(caps.guest_hypervisor);

        strictest(caps).0.is(least)
    }

    const fn is_always_least() -> bool {
        let mut number = 0;
        let mut holds = true;
        while number < 3 * 3 * 3 {
            holds = holds
                && is_least(&Caps {
                    driver: nth(number % 3),
                    machine: nth(number / 3 % 3),
                    guest_hypervisor: nth(number / 9),
                });
            number += 1;
        }
        holds
    }

    // Nobody runs code from where a device may be.
    const _: () = assert!(!MemType::Device.may_hold_code() && !MemType::NormalNc.may_hold_code());
    // Whoever says something, the least of it counts.
    const _: () = assert!(is_always_least());
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
    // With it, that is what a device is.
    const _: () = assert!(matches!(
        of(OPEN, Target::Slot(GRANTED)),
        Decision::Map {
            mem_type: MemType::NormalNc,
            ..
        }
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
