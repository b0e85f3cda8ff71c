// SPDX-License-Identifier: GPL-2.0

//! What is said of slots before they are used.

use super::{
    c_rules,
    decision::{
        decide,
        Decision,
        Refusal, //
    },
    domain::{
        each_area,
        RawArea, //
    },
    facts::{
        HostType,
        Page, //
    },
    holds,
    slot::check,
    Case, //
};

fn verdict(area: &RawArea) -> Result<(), Refusal> {
    check(&area.host, &area.area())
}

/// Whether it is certain that a device is behind the area.
fn is_device(area: &RawArea) -> bool {
    let uncached = HostType::from_mair_index(area.mair_index) == HostType::Uncached;
    match area.first {
        Some(page) => page == Page::Io,
        None => uncached && area.any_uncached,
    }
}

/// Whatever C refuses is refused.
pub(crate) fn no_less_than_c() -> Case {
    each_area(|area| {
        holds(
            "refused as in C",
            verdict(area).is_err() || !c_rules::slot_is_refused(area),
        )
    })
}

/// What else is refused: devices of protected hosts, and in mixed areas what C refuses elsewhere.
pub(crate) fn no_more_than_said() -> Case {
    each_area(|area| {
        if c_rules::slot_is_refused(area) {
            return Ok(());
        }
        match verdict(area) {
            Ok(()) => Ok(()),
            Err(Refusal::Protected) => holds("a device", is_device(area) && area.host.protected),
            Err(Refusal::DirtyLog) => holds(
                "mixed, and hardly memory",
                area.mixedmap && area.log_dirty && area.first != Some(Page::Ram),
            ),
            Err(Refusal::NotCoherent) => {
                holds("mixed, and a device", area.mixedmap && is_device(area))
            }
        }
    })
}

/// A mixed area is treated as one of page frames where a device is known to be behind it.
pub(crate) fn mixed_as_raw() -> Case {
    each_area(|area| {
        let raw = RawArea {
            pfnmap: true,
            ..*area
        };
        let mixed = RawArea {
            pfnmap: false,
            mixedmap: true,
            ..*area
        };
        holds(
            "as page frames",
            !is_device(area) || verdict(&mixed) == verdict(&raw),
        )
    })
}

/// Nothing is refused early that would work later, but what C refuses.
pub(crate) fn no_sooner_than_needed() -> Case {
    each_area(|area| {
        let (Some(page), Err(Refusal::Protected | Refusal::NotCoherent)) =
            (area.first, verdict(area))
        else {
            return Ok(());
        };
        holds(
            "would fail later",
            matches!(decide(&area.touched(page)), Decision::Reject(_))
                || c_rules::slot_is_refused(area),
        )
    })
}

/// A device behind a protected host is never found out by the guest.
pub(crate) fn protected_is_early() -> Case {
    each_area(|area| {
        let frames = area.pfnmap || area.mixedmap;
        holds(
            "refused",
            !(frames && area.host.protected && is_device(area)) || verdict(area).is_err(),
        )
    })
}

/// Nobody is promised a log of writes that go past the caches to what may be a device.
pub(crate) fn no_log_of_devices() -> Case {
    each_area(|area| {
        let frames = area.pfnmap || area.mixedmap;
        let uncached = HostType::from_mair_index(area.mair_index) == HostType::Uncached;
        let maybe = frames && uncached && area.first != Some(Page::Ram);
        holds(
            "refused",
            !(maybe && area.log_dirty) || verdict(area) == Err(Refusal::DirtyLog),
        )
    })
}
