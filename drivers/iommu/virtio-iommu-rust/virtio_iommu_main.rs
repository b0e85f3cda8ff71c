// SPDX-License-Identifier: GPL-2.0

//! Virtio IOMMU driver.
//!
//! C version of this driver: [`drivers/iommu/virtio-iommu.c`](srctree/drivers/iommu/virtio-iommu.c)
//!
//! C header: [`include/uapi/linux/virtio_iommu.h`](srctree/include/uapi/linux/virtio_iommu.h)
//!
//! Specification: Virtual I/O Device (VIRTIO) Version 1.3, section 5.13 "IOMMU device".
//!
//! In QEMU: `-device virtio-iommu-pci`, and `iommu_platform=on` for each virtio device that is to
//! be behind it.
//!
//! The layers, from the bottom: the protocol and the bookkeeping of requests know nothing of the
//! kernel (`proto`, `probe`, `regions`, `fault`, `limits`, `identity`, `range`, `ledger`, `deferred`,
//! `words`, `hint`, `shadow`, `removal`, `stats`, `histogram`); on them stand the request queue (`requests`),
//! the mappings and domains (`radix`, `domain`), the endpoints (`endpoint`) and what the IOMMU core
//! sees (`viommu`). None of it is `unsafe`: what touches C is in the abstractions of the virtio bus
//! and of the IOMMU core.

use kernel::{
    device,
    iommu,
    new_mutex,
    sync::{
        aref::ARef,
        Arc,
        Mutex, //
    },
    virtio::{
        self,
        feature,
        queue_name,
        Feature as Bit,
        Negotiation,
        Queue,
        QueueSetup, //
    }, //
};

use kernel::prelude::*;

mod config;
mod convert;
mod deadlines;
mod debugfs;
mod deferred;
mod domain;
mod endpoint;
mod errno;
mod events;
mod fault;
mod faults;
mod hint;
mod histogram;
mod identity;
mod ledger;
mod limits;
mod probe;
mod proto;
mod radix;
mod range;
mod regions;
mod removal;
mod requests;
mod roll;
mod shadow;
mod sleep;
mod stats;
mod viommu;
mod wire;
mod words;

use faults::Faults;
use limits::{
    Feature,
    Features,
    Limits, //
};
use requests::Requests;
use sleep::Resets;
use viommu::Viommu;

kernel::virtio_device_table!(
    VIRTIO_TABLE,
    [virtio::DeviceId::new(virtio::device_type::IOMMU)]
);

/// Offset of `bypass` in the configuration space, 8 bits: whether endpoints in no domain reach all of
/// the memory.
const BYPASS: u32 = 36;

/// What the world can see of a device that is up. The files go first.
struct Visible {
    _files: Option<Pin<KBox<debugfs::Files>>>,
    _registration: iommu::Registration<Viommu>,
}

/// What is bound to the virtio device: the IOMMU that it is registered as.
#[pin_data]
struct VirtioIommu {
    /// Taken out when the device goes, while the device can still be talked to.
    #[pin]
    visible: Mutex<Option<Visible>>,
    parts: Parts,
}

/// What there is of a device that works.
struct Parts {
    viommu: Arc<Viommu>,
    events: Arc<Queue<Arc<events::Log>>>,
    /// What `bypass` of the configuration is while the device works, if there is such a field.
    bypass: Option<u8>,
    resets: Resets,
}

impl Parts {
    /// Prepares for a reset, in which the device forgets what the endpoints may reach.
    fn confine(&self, vdev: &virtio::Device<device::Core<'_>>) -> Result {
        if self.bypass.is_some() && self.viommu.translates() {
            vdev.write_config_u8(BYPASS, 0)?;
        }
        Ok(())
    }

    /// Has everything on the device again as it was, now that the queues are back.
    fn wake_up(&self, vdev: &virtio::Device<device::Core<'_>>) -> Result {
        // A reset of the whole machine changes the field.
        self.confine(vdev)?;
        // Attaching may already cause faults.
        let filled = events::fill(&self.events);
        // If it does not work, endpoints had better stay confined.
        self.viommu.wake_up().and(filled)?;
        if let Some(bypass) = self.bypass {
            vdev.write_config_u8(BYPASS, bypass)?;
        }
        Ok(())
    }
}

#[vtable]
impl virtio::Driver for VirtioIommu {
    type Data<'bound> = VirtioIommu;

    const ID_TABLE: virtio::IdTable = &VIRTIO_TABLE;

    const FEATURES: &'static [Bit] = &[
        Bit::new(Feature::MapUnmap.bit()),
        Bit::new(Feature::InputRange.bit()),
        Bit::new(Feature::DomainRange.bit()),
        Bit::new(Feature::Probe.bit()),
        Bit::new(Feature::Mmio.bit()),
        Bit::new(Feature::BypassConfig.bit()),
    ];

    // Endpoints cannot do without their IOMMU.
    const SUPPRESS_BIND_ATTRS: bool = true;

    fn validate(negotiation: &Negotiation<'_>) -> Result {
        // An indirect descriptor costs an allocation for each request, and UNMAP must not fail.
        negotiation.clear_feature(feature::INDIRECT_DESC);
        Ok(())
    }

    fn probe<'bound>(
        vdev: &'bound virtio::Device<device::Core<'_>>,
    ) -> impl PinInit<Self, Error> + 'bound {
        let (visible, parts) = match register(vdev) {
            Ok((visible, parts)) => (Ok(visible), Ok(parts)),
            Err(error) => (Err(error), Err(error)),
        };
        try_pin_init!(Self {
            visible <- new_mutex!(Some(visible?), "virtio_iommu_visible"),
            parts: parts?,
        })
    }

    fn unbind<'bound>(vdev: &'bound virtio::Device<device::Core<'_>>, data: Pin<&Self>) {
        let visible = data.visible.lock().take();
        drop(visible);
        dev_info!(vdev, "device removed\n");
    }

    fn freeze<'bound>(vdev: &'bound virtio::Device<device::Core<'_>>, data: Pin<&Self>) -> Result {
        data.parts.confine(vdev)?;
        data.parts.viommu.fall_asleep();
        Ok(())
    }

    fn restore<'bound>(vdev: &'bound virtio::Device<device::Core<'_>>, data: Pin<&Self>) -> Result {
        data.parts.wake_up(vdev)
    }

    fn reset_prepare<'bound>(
        vdev: &'bound virtio::Device<device::Core<'_>>,
        data: Pin<&Self>,
    ) -> Result {
        if !data.parts.resets.allow() {
            data.parts.viommu.requests().give_up();
            return Err(EIO);
        }
        data.parts.confine(vdev)?;
        data.parts.viommu.faint();
        Ok(())
    }

    fn reset_done<'bound>(
        vdev: &'bound virtio::Device<device::Core<'_>>,
        data: Pin<&Self>,
    ) -> Result {
        data.parts.wake_up(vdev)
    }

    fn shutdown<'bound>(vdev: &'bound virtio::Device<device::Core<'_>>, _data: Pin<&Self>) {
        // Endpoints may still be running, and what keeps them from memory that is not theirs is
        // this device: a reset would set them free. The memory that the device itself writes to,
        // for answers and events, stays what it is until the machine is reset. A kernel that is
        // started by kexec is another matter: before that, the PCI core keeps PCI devices from
        // writing to memory at all, and other buses do nothing of the kind.
        if !vdev.parent().is_some_and(is_pci) {
            vdev.shutdown_default();
        }
    }

    fn config_changed<'bound>(vdev: &'bound virtio::Device<device::Bound>, _data: Pin<&Self>) {
        dev_warn!(vdev, "config changed\n");
    }
}

/// Brings the device up and makes it known to the IOMMU core.
fn register(vdev: &virtio::Device<device::Core<'_>>) -> Result<(Visible, Parts)> {
    let features = Features::from_fn(|feature| vdev.has_feature(Bit::new(feature.bit())));
    if !vdev.has_feature(feature::VERSION_1) || !features.has(Feature::MapUnmap) {
        return Err(ENODEV);
    }
    let limits = read_limits(vdev, features)?;
    let dev: &device::Device<device::Bound> = vdev.as_ref();
    let name: ARef<device::Device> = ARef::from(&**dev);

    let faults = Faults::new()?;
    let mut setup = QueueSetup::new(vdev)?;
    let queue = setup.add(
        queue_name!(c"request"),
        Requests::LAYOUT,
        requests::State::new()?,
    )?;
    let events = setup.add_with_callback(
        queue_name!(c"event"),
        events::LAYOUT,
        events::Log::new(name.clone(), faults.clone())?,
        events::handle,
    )?;
    setup.find()?.ready();
    events::fill(&events)?;

    let resets = Resets::new()?;
    let viommu = Viommu::new(name.clone(), limits, Requests::new(name, queue), faults)?;
    let parent = vdev.parent().ok_or(ENODEV)?;
    let registration = iommu::Registration::new(dev, parent, vdev.bus_name(), viommu.clone())?;

    let parts = Parts {
        viommu,
        events,
        bypass: set_bypass(vdev, features),
        resets,
    };

    let limits = parts.viommu.limits();
    dev_info!(vdev, "input address: {} bits\n", limits.input_bits());
    dev_info!(vdev, "page mask: {:#x}\n", limits.page_size_mask);
    let visible = Visible {
        // Nobody needs the figures in order to use the device.
        _files: debugfs::create(&parts.viommu, vdev.bus_name()).ok(),
        _registration: registration,
    };
    Ok((visible, parts))
}

/// Keeps endpoints that are in no domain from memory, if that is wanted; returns the value of the
/// field that says so, if there is one.
///
/// All endpoints that there are so far have been attached.
fn set_bypass(vdev: &virtio::Device<device::Core<'_>>, features: Features) -> Option<u8> {
    let disable = module_parameters::disable_bypass.value();
    if !features.has(Feature::BypassConfig) {
        if disable {
            dev_warn!(vdev, "the device has no switch to disable bypass\n");
        }
        return None;
    }
    if disable {
        vdev.write_config_u8(BYPASS, 0).ok()?;
    }
    // The other bits are reserved, and not to be written back.
    let bypass: Result<u8> = vdev.read_config(BYPASS);
    bypass.map(|bypass| bypass & 1).ok()
}

impl config::Space for virtio::Device<device::Bound> {
    type Error = Error;

    fn u32_at(&self, offset: u32) -> Result<u32> {
        self.read_config(offset)
    }

    fn u64_at(&self, offset: u32) -> Result<u64> {
        self.read_config(offset)
    }
}

/// Whether a device is one of the PCI bus.
#[cfg(CONFIG_PCI)]
fn is_pci(dev: &device::Device) -> bool {
    <&kernel::pci::Device>::try_from(dev).is_ok()
}

#[cfg(not(CONFIG_PCI))]
fn is_pci(_dev: &device::Device) -> bool {
    false
}

/// Reads what the device says that it can do.
fn read_limits(vdev: &virtio::Device<device::Core<'_>>, features: Features) -> Result<Limits> {
    let config = vdev.read_config_stable(|vdev| config::read(vdev, features))?;
    Limits::new(&config, features).map_err(|error| {
        dev_err!(vdev, "invalid configuration: {:?}\n", error);
        convert::to_error(error.errno())
    })
}

kernel::module_virtio_driver! {
    type: VirtioIommu,
    name: "virtio_iommu",
    authors: ["Linux Virtualization in Rust"],
    description: "Virtio IOMMU driver",
    license: "GPL v2",
    params: {
        disable_bypass: bool {
            default: false,
            description: "Keep devices that are in no domain from memory (default: as the device has it)",
        },
    },
}
