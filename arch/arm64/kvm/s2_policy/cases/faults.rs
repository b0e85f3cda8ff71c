// SPDX-License-Identifier: GPL-2.0

//! What becomes of a fault.

use super::{
    c_rules::{
        self,
        Ending, //
    },
    decision::{
        decide,
        misaligned,
        Decision,
        Misaligned,
        Reason,
        Refusal, //
    },
    domain::{
        each_fault,
        hosts,
        nested,
        Raw,
        HOSTS,
        TYPES, //
    },
    facts::{
        Facts,
        Host,
        Target, //
    },
    holds,
    mem_type::MemType,
    same,
    Case, //
};

/// What C would have said. It is C that tells the guest of a fetch that it may not make.
fn ending(decision: Decision, fetch: bool) -> Ending {
    match decision {
        Decision::Map { mem_type, .. } if fetch && !mem_type.may_hold_code() => Ending::Enoexec,
        Decision::Map {
            mem_type: MemType::Normal,
            ..
        } => Ending::Normal,
        Decision::Map {
            mem_type: MemType::NormalNc,
            ..
        } => Ending::NormalNc,
        Decision::Map {
            mem_type: MemType::Device,
            ..
        } => Ending::Device,
        Decision::Reject(Refusal::NotCoherent) => Ending::Efault,
        Decision::Reject(Refusal::Protected | Refusal::DirtyLog) => Ending::Einval,
    }
}

/// The type of a mapping, if there is one.
fn mapped(decision: Decision) -> Option<MemType> {
    match decision {
        Decision::Map { mem_type, .. } => Some(mem_type),
        Decision::Reject(_) => None,
    }
}

/// Whether a guest hypervisor or the machine wants a device to be reached as one.
fn somebody_wants_device(raw: &Raw) -> bool {
    raw.guest_hypervisor() == Some(MemType::Device) || raw.host.devices == MemType::Device
}

/// As C has it, but where somebody whom C does not ask says Device.
pub(crate) fn as_c() -> Case {
    let mut differences = 0;
    let mut of_memory = 0;
    let mut fetches = 0;
    each_fault(|raw| {
        let mut want = c_rules::fault(raw);
        if raw.map_memory && raw.guest_hypervisor() == Some(MemType::Device) {
            want = match (raw.host.protected, raw.fetch) {
                (true, _) => Ending::Einval,
                (false, true) => Ending::Enoexec,
                (false, false) => Ending::Device,
            };
            of_memory += 1;
        } else if raw.host.protected && want == Ending::Enoexec {
            want = Ending::Einval;
            fetches += 1;
        }
        if want == Ending::NormalNc && somebody_wants_device(raw) {
            want = Ending::Device;
            differences += 1;
        }
        same("as in C", ending(decide(&raw.facts()), raw.fetch), want)
    })?;

    // PFNMAP, MIXEDMAP or both, a grant or not, three indices; half of the machines.
    same(
        "fetches from devices of protected hosts",
        fetches,
        3 * 2 * 3 * (HOSTS / 2) * 33,
    )?;
    // All flags and indices, fetches or not, all machines; 12 words of a guest hypervisor.
    same(
        "memory of guest hypervisors",
        of_memory,
        64 * 2 * HOSTS * 12,
    )?;
    // PFNMAP, MIXEDMAP or both, three indices; FWB, DIC; and of 33 words of a guest hypervisor and
    // three of the machine: all with Device by the machine, and 12 by the guest hypervisor.
    same(
        "as many differences as there should be",
        differences,
        3 * 3 * 2 * 2 * (33 + 2 * 12),
    )
}

/// What C does not ask about, since the answer is always the same. A protected host's hypervisor
/// refuses what is not memory itself.
pub(crate) fn not_asked() -> Case {
    each_fault(|raw| {
        let asked = raw.pfnmap || raw.mixedmap || raw.nested.is_some();
        let decision = decide(&raw.facts());
        let normal = matches!(
            decision,
            Decision::Map {
                mem_type: MemType::Normal,
                ..
            }
        );
        holds(
            "Normal",
            asked || normal || decision == Decision::Reject(Refusal::Protected),
        )
    })
}

/// What is not memory is never executable.
pub(crate) fn never_executable() -> Case {
    each_fault(|raw| match decide(&raw.facts()) {
        Decision::Map { mem_type, .. } => same(
            "code in memory only",
            mem_type.may_hold_code(),
            mem_type == MemType::Normal,
        ),
        Decision::Reject(_) => Ok(()),
    })
}

/// Normal Non-cacheable needs the word of a driver.
pub(crate) fn needs_grant() -> Case {
    each_fault(|raw| {
        let decision = decide(&raw.facts());
        let nc = mapped(decision) == Some(MemType::NormalNc);
        holds("granted", !nc || raw.any_uncached)?;
        holds("a device", !nc || !raw.map_memory)?;
        let by_grant = matches!(
            decision,
            Decision::Map {
                reason: Reason::DriverGrant,
                ..
            }
        );
        same("the reason", by_grant, nc)
    })
}

/// A protected host maps memory only.
pub(crate) fn protected() -> Case {
    each_fault(|raw| {
        let refused = !raw.host.protected || raw.map_memory;
        let decision = decide(&raw.facts());
        holds("memory only", refused || mapped(decision).is_none())?;
        holds(
            "without types",
            !raw.host.protected || mapped(decision).is_none_or(|got| got == MemType::Normal),
        )?;
        holds(
            "no other is told so",
            raw.host.protected || decision != Decision::Reject(Refusal::Protected),
        )
    })
}

/// Whoever says something stricter does not get something weaker.
pub(crate) fn monotone() -> Case {
    each_fault(|raw| {
        let least = mapped(decide(&raw.facts()));
        let no_more = |row, more: Raw| holds(row, least <= mapped(decide(&more.facts())));

        no_more(
            "the driver",
            Raw {
                any_uncached: true,
                ..*raw
            },
        )?;
        for devices in TYPES.into_iter().filter(|more| *more >= raw.host.devices) {
            let host = Host {
                devices,
                ..raw.host
            };
            no_more("the machine", Raw { host, ..*raw })?;
        }
        for other in nested() {
            let more = Raw {
                nested: other,
                ..*raw
            };
            let weaker = match (raw.guest_hypervisor(), more.guest_hypervisor()) {
                (Some(_), None) => true,
                (Some(says), Some(other)) => says <= other,
                (None, _) => false,
            };
            if weaker {
                no_more("the guest hypervisor", more)?;
            }
        }
        Ok(())
    })
}

/// Who is named as the reason wanted what was decided.
pub(crate) fn reasons() -> Case {
    each_fault(|raw| {
        let Decision::Map {
            mem_type, reason, ..
        } = decide(&raw.facts())
        else {
            return Ok(());
        };
        let row = match reason {
            Reason::Memory => raw.map_memory || !(raw.pfnmap || raw.mixedmap),
            Reason::DeviceMemory => !raw.map_memory && mem_type == MemType::Normal,
            Reason::DriverGrant => raw.any_uncached && mem_type == MemType::NormalNc,
            Reason::NoDriverGrant => !raw.any_uncached && mem_type == MemType::Device,
            Reason::Machine => raw.any_uncached && raw.host.devices == mem_type,
            Reason::GuestHypervisor => raw.guest_hypervisor() == Some(mem_type),
            Reason::HostRegisters => false,
        };
        holds("the reason holds", row)
    })
}

/// Registers that guests share are Device on every machine.
pub(crate) fn host_registers() -> Case {
    let mut seen = 0;
    for host in hosts() {
        let target = Target::HostRegisters;
        let want = if host.protected {
            Decision::Reject(Refusal::Protected)
        } else {
            Decision::Map {
                mem_type: MemType::Device,
                reason: Reason::HostRegisters,
            }
        };
        same("Device", decide(&Facts { host, target }), want)?;
        seen += 1;
    }
    same("the number of machines", seen, HOSTS)
}

/// Who is told of an access that is not aligned.
pub(crate) fn misaligned_accesses() -> Case {
    same("no other", misaligned(None), Misaligned::Guest)?;
    same(
        "its own Device",
        misaligned(Some(MemType::Device)),
        Misaligned::GuestHypervisor,
    )?;
    same(
        "not its Device",
        misaligned(Some(MemType::NormalNc)),
        Misaligned::Guest,
    )?;
    same(
        "nor its memory",
        misaligned(Some(MemType::Normal)),
        Misaligned::Guest,
    )
}
