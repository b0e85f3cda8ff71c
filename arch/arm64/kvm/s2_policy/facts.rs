// SPDX-License-Identifier: GPL-2.0

//! What the decision is made from: one type for each thing that somebody has to say.

use super::mem_type::MemType;

/// The memory type that the host itself uses for a mapping, by its index in `MAIR_EL1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostType {
    /// The host reaches it through its caches.
    Cacheable,
    /// Normal Non-cacheable, or a Device type.
    Uncached,
}

impl HostType {
    /// The indices are those of `MT_*` in `arch/arm64/include/asm/memory.h`.
    ///
    /// The C code takes an index that nothing is defined for as cacheable. There is no such
    /// mapping, and so no reason to differ.
    pub(crate) const fn from_mair_index(index: u8) -> Self {
        match index {
            // MT_NORMAL_NC, MT_DEVICE_nGnRnE, MT_DEVICE_nGnRE
            2..=4 => Self::Uncached,
            0..=1 | 5..=u8::MAX => Self::Cacheable,
        }
    }
}

/// How the virtual memory area behind a slot holds its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frames {
    /// Pages that the kernel manages.
    Managed,
    /// Page frames and managed pages, `VM_MIXEDMAP`.
    Mixed,
    /// Page frames only, `VM_PFNMAP`.
    Raw,
}

impl Frames {
    /// An area with both flags holds page frames, whatever else.
    pub(crate) const fn from_flags(pfnmap: bool, mixedmap: bool) -> Self {
        match (pfnmap, mixedmap) {
            (true, true | false) => Self::Raw,
            (false, true) => Self::Mixed,
            (false, false) => Self::Managed,
        }
    }
}

/// What is at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// Memory in the kernel's linear map.
    Ram,
    /// Anything else: registers of devices, and memory behind them.
    Io,
}

impl Page {
    /// `ram` is what `pfn_is_map_memory()` says.
    pub(crate) const fn new(ram: bool) -> Self {
        if ram {
            Self::Ram
        } else {
            Self::Io
        }
    }
}

/// What a driver said when it let a user map its device, `VM_ALLOW_ANY_UNCACHED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    /// Nothing: Device, as the host has it.
    None,
    /// The device can deal with Normal Non-cacheable as well.
    AnyUncached,
}

impl Grant {
    /// `any_uncached` is the flag of the virtual memory area.
    pub(crate) const fn new(any_uncached: bool) -> Self {
        if any_uncached {
            Self::AnyUncached
        } else {
            Self::None
        }
    }

    const fn cap(self) -> MemType {
        match self {
            Self::None => MemType::Device,
            Self::AnyUncached => MemType::NormalNc,
        }
    }
}

/// What the machine and the administrator have to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// Stage 2 can force memory to be write-back, `ARM64_HAS_STAGE2_FWB`.
    pub(crate) fwb: bool,
    /// Instruction caches see what data caches see, `ARM64_HAS_CACHE_DIC`.
    pub(crate) dic: bool,
    /// A hypervisor at EL2 owns the page tables, `is_protected_kvm_enabled()`.
    pub(crate) protected: bool,
    /// The most that a device may be reached with on this machine.
    pub(crate) devices: MemType,
}

impl Host {
    /// Returns whether memory that the kernel cannot maintain the caches of may be cached by a
    /// guest: nothing has to be cleaned then.
    pub(crate) const fn keeps_caches_coherent(self) -> bool {
        self.fwb && self.dic
    }
}

/// A page of a memory slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotPage {
    pub(crate) frames: Frames,
    pub(crate) page: Page,
    pub(crate) host_type: HostType,
    pub(crate) grant: Grant,
    /// What a guest hypervisor says, where the page is mapped for its guest.
    pub(crate) guest_hypervisor: Option<MemType>,
}

/// What is to be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Registers that the kernel hands to a guest: the virtual CPU interface of a GICv2.
    HostRegisters,
    /// A page of a memory slot that the guest touched.
    Slot(SlotPage),
}

/// All that a decision is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) host: Host,
    pub(crate) target: Target,
}

/// What those have to say who let a guest reach the registers of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caps {
    pub(crate) driver: MemType,
    pub(crate) machine: MemType,
    pub(crate) guest_hypervisor: MemType,
}

impl Caps {
    pub(crate) const fn new(host: &Host, slot: &SlotPage) -> Self {
        Self {
            driver: slot.grant.cap(),
            machine: host.devices,
            guest_hypervisor: match slot.guest_hypervisor {
                Some(cap) => cap,
                None => MemType::Normal,
            },
        }
    }
}
