// SPDX-License-Identifier: GPL-2.0

//! Everything that the policy can be asked, in the words of C.

use super::{
    facts::{
        Facts,
        Frames,
        Grant,
        Host,
        HostType,
        Page,
        SlotPage,
        Target, //
    },
    mem_type::MemType,
    slot::SlotArea,
    stage2::MemAttr,
    Case, //
};

/// All types, the strictest first.
pub(super) const TYPES: [MemType; 3] = [MemType::Device, MemType::NormalNc, MemType::Normal];
const BOTH: [bool; 2] = [false, true];
/// The three bits of an index in `MAIR_EL1`.
const MAIR_INDICES: u8 = 8;
/// The four bits of `MemAttr`.
const MEM_ATTRS: u8 = 16;

/// What a guest hypervisor has in its tables, and whether it forces write-back.
pub(super) type Nested = Option<(u8, bool)>;

/// What is known when a guest touches a page of a slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Raw {
    pub(super) pfnmap: bool,
    pub(super) mixedmap: bool,
    pub(super) any_uncached: bool,
    pub(super) mair_index: u8,
    pub(super) map_memory: bool,
    pub(super) fetch: bool,
    pub(super) host: Host,
    pub(super) nested: Nested,
}

impl Raw {
    /// The same with types.
    pub(super) fn facts(&self) -> Facts {
        Facts {
            host: self.host,
            target: Target::Slot(SlotPage {
                frames: Frames::from_flags(self.pfnmap, self.mixedmap),
                page: Page::new(self.map_memory),
                host_type: HostType::from_mair_index(self.mair_index),
                grant: Grant::new(self.any_uncached),
                guest_hypervisor: self.guest_hypervisor(),
            }),
        }
    }

    /// What the guest hypervisor says.
    pub(super) fn guest_hypervisor(&self) -> Option<MemType> {
        self.nested
            .map(|(bits, fwb)| MemAttr::from_bits(bits).mem_type(fwb))
    }
}

/// What is known of a part of a slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RawArea {
    pub(super) pfnmap: bool,
    pub(super) mixedmap: bool,
    pub(super) any_uncached: bool,
    pub(super) mair_index: u8,
    pub(super) log_dirty: bool,
    pub(super) first: Option<Page>,
    pub(super) host: Host,
}

impl RawArea {
    /// The same with types.
    pub(super) fn area(&self) -> SlotArea {
        SlotArea {
            frames: Frames::from_flags(self.pfnmap, self.mixedmap),
            host_type: HostType::from_mair_index(self.mair_index),
            grant: Grant::new(self.any_uncached),
            first: self.first,
            log_dirty: self.log_dirty,
        }
    }

    /// A data access to a page of the area that is found to be `page`.
    pub(super) fn touched(&self, page: Page) -> Facts {
        Facts {
            host: self.host,
            target: Target::Slot(SlotPage {
                frames: Frames::from_flags(self.pfnmap, self.mixedmap),
                page,
                host_type: HostType::from_mair_index(self.mair_index),
                grant: Grant::new(self.any_uncached),
                guest_hypervisor: None,
            }),
        }
    }
}

/// The number of machines.
pub(super) const HOSTS: usize = 2 * 2 * 2 * 3;
/// The number of faults.
pub(super) const FAULTS: usize = 2 * 2 * 2 * 8 * 2 * 2 * HOSTS * (1 + 2 * 16);
/// The number of parts of slots.
pub(super) const AREAS: usize = 2 * 2 * 2 * 8 * 2 * 3 * HOSTS;

/// All machines.
pub(super) fn hosts() -> impl Iterator<Item = Host> {
    BOTH.into_iter().flat_map(|fwb| {
        BOTH.into_iter().flat_map(move |dic| {
            BOTH.into_iter().flat_map(move |protected| {
                TYPES.into_iter().map(move |devices| Host {
                    fwb,
                    dic,
                    protected,
                    devices,
                })
            })
        })
    })
}

/// No guest hypervisor, and all that one can say.
pub(super) fn nested() -> impl Iterator<Item = Nested> {
    let said = BOTH
        .into_iter()
        .flat_map(|fwb| (0..MEM_ATTRS).map(move |bits| Some((bits, fwb))));
    core::iter::once(None).chain(said)
}

/// `pfnmap`, `mixedmap`, `any_uncached` and the index in `MAIR_EL1`.
fn areas() -> impl Iterator<Item = (bool, bool, bool, u8)> {
    BOTH.into_iter().flat_map(|pfnmap| {
        BOTH.into_iter().flat_map(move |mixedmap| {
            BOTH.into_iter().flat_map(move |any_uncached| {
                (0..MAIR_INDICES).map(move |index| (pfnmap, mixedmap, any_uncached, index))
            })
        })
    })
}

/// Whether memory is mapped, and whether the guest fetches.
fn touches() -> impl Iterator<Item = (bool, bool)> {
    BOTH.into_iter()
        .flat_map(|map_memory| BOTH.into_iter().map(move |fetch| (map_memory, fetch)))
}

/// All faults that there can be.
pub(super) fn faults() -> impl Iterator<Item = Raw> {
    areas().flat_map(|(pfnmap, mixedmap, any_uncached, mair_index)| {
        touches().flat_map(move |(map_memory, fetch)| {
            hosts().flat_map(move |host| {
                nested().map(move |nested| Raw {
                    pfnmap,
                    mixedmap,
                    any_uncached,
                    mair_index,
                    map_memory,
                    fetch,
                    host,
                    nested,
                })
            })
        })
    })
}

/// All parts of slots that there can be.
pub(super) fn slot_areas() -> impl Iterator<Item = RawArea> {
    let firsts = [None, Some(Page::Ram), Some(Page::Io)];
    areas().flat_map(move |(pfnmap, mixedmap, any_uncached, mair_index)| {
        firsts.into_iter().flat_map(move |first| {
            BOTH.into_iter().flat_map(move |log_dirty| {
                hosts().map(move |host| RawArea {
                    pfnmap,
                    mixedmap,
                    any_uncached,
                    mair_index,
                    log_dirty,
                    first,
                    host,
                })
            })
        })
    })
}

/// Runs `test` on each of them, and checks how many they were.
pub(super) fn each_fault(mut test: impl FnMut(&Raw) -> Case) -> Case {
    let mut seen = 0;
    for raw in faults() {
        test(&raw).map_err(|failed| super::Failed {
            raw: Some(raw),
            ..failed
        })?;
        seen += 1;
    }
    super::same("the number of faults", seen, FAULTS)
}

/// Runs `test` on each of them, and checks how many they were.
pub(super) fn each_area(mut test: impl FnMut(&RawArea) -> Case) -> Case {
    let mut seen = 0;
    for area in slot_areas() {
        test(&area).map_err(|failed| super::Failed {
            area: Some(area),
            ..failed
        })?;
        seen += 1;
    }
    super::same("the number of areas", seen, AREAS)
}
