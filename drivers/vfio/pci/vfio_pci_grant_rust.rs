// SPDX-License-Identifier: GPL-2.0

//! Policy for the BARs that KVM may map with more than Device memory.
//!
//! C version of this rule: [`vfio_pci_core_mmap()`](srctree/drivers/vfio/pci/vfio_pci_core.c), which
//! grants it to all of them.
//!
//! C header: [`include/linux/vfio_pci_grant.h`](srctree/include/linux/vfio_pci_grant.h)
//!
//! This is the boundary: it turns numbers into types and answers into numbers. What is decided is
//! in `policy`, which knows nothing of the kernel. Everything goes by value, but for words that are
//! constants.
//!
//! In QEMU: `-machine virt,virtualization=on,gic-version=3,iommu=smmuv3 -cpu max`, with a device
//! that has memory, such as `ivshmem-plain`, and vfio-pci bound to it.

use kernel::bindings;

use kernel::prelude::*;

#[path = "grant/bar.rs"]
mod bar;
#[path = "grant/function.rs"]
mod function;
#[path = "grant/policy.rs"]
mod policy;
#[path = "grant/quirk.rs"]
mod quirk;

use bar::Bar;
use function::{
    Function,
    PortType, //
};
use policy::{
    Cap,
    Erratum,
    Mode,
    Request,
    Word, //
};
use quirk::{
    Id,
    Model,
    Place, //
};

type Facts = bindings::vfio_pci_grant_facts;
type RawPlace = bindings::vfio_pci_grant_place;
type RawAnswer = bindings::vfio_pci_grant_answer;

fn function(place: &RawPlace) -> Function {
    Function::classify(
        place.pcie.then(|| PortType::from_number(place.port_type)),
        place.root_port != 0,
        place.has_bridge,
    )
}

/// A number that nothing is defined for gives nothing.
fn mode(number: u8) -> Mode {
    match u32::from(number) {
        bindings::vfio_pci_grant_mode_VFIO_PCI_GRANT_COMPAT => Mode::Compat,
        bindings::vfio_pci_grant_mode_VFIO_PCI_GRANT_PCIE => Mode::Pcie,
        bindings::vfio_pci_grant_mode_VFIO_PCI_GRANT_PREFETCHABLE => Mode::Prefetchable,
        _ => Mode::Off,
    }
}

/// A number that nothing is defined for gives nothing.
fn word(number: u8) -> Word {
    match u32::from(number) {
        bindings::vfio_pci_grant_word_VFIO_PCI_GRANT_AUTO => Word::Auto,
        bindings::vfio_pci_grant_word_VFIO_PCI_GRANT_NORMAL_NC => Word::NormalNc,
        _ => Word::Device,
    }
}

fn erratum(facts: &Facts) -> Option<Erratum<'static>> {
    let place = Place {
        function: Id::from_number(facts.place.function),
        root_port: Id::from_number(facts.place.root_port),
        host_bridge: Id::from_number(facts.place.host_bridge),
        model: Model::from_midr(facts.midr),
    };

    quirk::find(quirk::TABLE, &place)
        .map(Erratum::Known)
        .or_else(|| quirk::is_named(Id::from_number(facts.named), &place).then_some(Erratum::Named))
}

const fn cap(more_than_device: bool) -> Cap {
    if more_than_device {
        Cap::NormalNc
    } else {
        Cap::Device
    }
}

fn request(facts: &Facts) -> Request<'static> {
    Request {
        mode: mode(facts.mode),
        word: word(facts.word),
        limit: cap(!facts.lowered),
        erratum: erratum(facts),
        function: function(&facts.place),
        bar: Bar {
            prefetchable: facts.prefetchable,
            wide: facts.wide,
            sub_page: facts.sub_page,
            has_msix_table: facts.has_msix_table,
        },
    }
}

/// Decides whether KVM may map a BAR with more than Device memory.
///
/// # Safety
///
/// Always safe to call: nothing is pointed at.
#[export]
pub unsafe extern "C" fn vfio_pci_grant_decide(facts: Facts) -> RawAnswer {
    let request = request(&facts);
    let answer = policy::decide(&request);

    RawAnswer {
        granted: answer.grant.is_some(),
        why: answer.reason.text().as_char_ptr(),
        position: request.function.text().as_char_ptr(),
    }
}

/// Returns whether somebody who has `allowed` may ask for `wanted`, both whether it is more than
/// Device.
///
/// # Safety
///
/// Always safe to call: nothing is pointed at.
#[export]
pub unsafe extern "C" fn vfio_pci_grant_may_have(allowed: bool, wanted: bool) -> bool {
    Cap::lower(cap(allowed), cap(wanted)).is_some()
}
