// SPDX-License-Identifier: GPL-2.0

//! The configuration space of the device.
//!
//! C header: [`include/uapi/linux/virtio_iommu.h`](srctree/include/uapi/linux/virtio_iommu.h)
//!
//! Reference: Virtual I/O Device (VIRTIO) specification, "IOMMU device", "Device configuration
//! layout".

use super::limits::{
    Config,
    Feature,
    Features, //
};

/// Offsets of the fields.
mod offset {
    /// Mask of the supported page sizes, 64 bits.
    pub(super) const PAGE_SIZE_MASK: u32 = 0;
    /// First address of the input range, 64 bits.
    pub(super) const INPUT_START: u32 = 8;
    /// Last address of the input range, 64 bits.
    pub(super) const INPUT_END: u32 = 16;
    /// First domain id, 32 bits.
    pub(super) const DOMAIN_START: u32 = 24;
    /// Last domain id, 32 bits.
    pub(super) const DOMAIN_END: u32 = 28;
    /// Size of the properties in a PROBE request, 32 bits.
    pub(super) const PROBE_SIZE: u32 = 32;
}

/// Something that fields can be read from.
pub(crate) trait Space {
    /// Why a field could not be read.
    type Error;

    /// Returns the 32 bits at `offset`.
    fn u32_at(&self, offset: u32) -> Result<u32, Self::Error>;

    /// Returns the 64 bits at `offset`.
    fn u64_at(&self, offset: u32) -> Result<u64, Self::Error>;
}

/// Reads the fields whose features were negotiated.
///
/// A field whose feature was not offered may lie past the end of the configuration space, which
/// transports do not survive.
pub(crate) fn read<S: Space>(space: &S, features: Features) -> Result<Config, S::Error> {
    let mut config = Config {
        page_size_mask: space.u64_at(offset::PAGE_SIZE_MASK)?,
        ..Config::default()
    };

    if features.has(Feature::InputRange) {
        config.input_start = space.u64_at(offset::INPUT_START)?;
        config.input_end = space.u64_at(offset::INPUT_END)?;
    }
    if features.has(Feature::DomainRange) {
        config.domain_start = space.u32_at(offset::DOMAIN_START)?;
        config.domain_end = space.u32_at(offset::DOMAIN_END)?;
    }
    if features.has(Feature::Probe) {
        config.probe_size = space.u32_at(offset::PROBE_SIZE)?;
    }

    Ok(config)
}
