// SPDX-License-Identifier: GPL-2.0

//! What the device supports, taken from its features and its configuration space.
//!
//! Reference: Virtual I/O Device (VIRTIO) specification, "IOMMU device", "Feature bits" and
//! "Device configuration layout".

use super::{
    errno::Errno,
    identity::whole_granules,
    proto::{
        DomainId,
        MapFlags, //
    },
    range::{
        Granule,
        IovaRange,
        SMALLEST_SHIFT, //
    },
};

/// The longest list of properties that a device is believed to have.
///
/// The driver allocates it in one piece for each endpoint, so it must not be for the device to say
/// how much memory that takes. This leaves room for more than 2700 reserved regions; devices in use
/// announce about 512 bytes.
pub(crate) const MAX_PROBE_SIZE: u32 = 64 << 10;

/// Bytes of an entry in the page tables of a 64 bit processor.
const PAGE_TABLE_ENTRY: u64 = 8;

/// A feature of the device that the driver makes use of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    /// MAP and UNMAP requests.
    MapUnmap,
    /// `input_range` of the configuration is valid.
    InputRange,
    /// `domain_range` of the configuration is valid.
    DomainRange,
    /// PROBE requests, and `probe_size` of the configuration is valid.
    Probe,
    /// Mappings of devices.
    Mmio,
    /// Bypass domains, and `bypass` of the configuration is valid.
    BypassConfig,
}

impl Feature {
    /// All features.
    pub(crate) const ALL: [Self; 6] = [
        Self::MapUnmap,
        Self::InputRange,
        Self::DomainRange,
        Self::Probe,
        Self::Mmio,
        Self::BypassConfig,
    ];

    /// Returns the number of the feature bit.
    pub(crate) const fn bit(self) -> u32 {
        match self {
            Self::InputRange => 0,
            Self::DomainRange => 1,
            Self::MapUnmap => 2,
            Self::Probe => 4,
            Self::Mmio => 5,
            Self::BypassConfig => 6,
        }
    }
}

/// The set of features that device and driver agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Features(u64);

impl Features {
    /// The empty set.
    pub(crate) const NONE: Self = Self(0);

    /// Collects the features for which `negotiated` holds.
    pub(crate) fn from_fn(mut negotiated: impl FnMut(Feature) -> bool) -> Self {
        Feature::ALL.into_iter().fold(Self::NONE, |set, feature| {
            if negotiated(feature) {
                set.with(feature)
            } else {
                set
            }
        })
    }

    /// Returns the set with `feature` in it.
    pub(crate) const fn with(self, feature: Feature) -> Self {
        Self(self.0 | 1 << feature.bit())
    }

    /// Returns whether `feature` is in the set.
    pub(crate) const fn has(self, feature: Feature) -> bool {
        self.0 & (1 << feature.bit()) != 0
    }
}

/// The configuration as the device presents it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    /// The page sizes. The lowest one is the granule, the others are hints.
    pub(crate) page_size_mask: u64,
    /// First address that can be mapped, with [`Feature::InputRange`].
    pub(crate) input_start: u64,
    /// Last address that can be mapped, with [`Feature::InputRange`].
    pub(crate) input_end: u64,
    /// First domain id, with [`Feature::DomainRange`].
    pub(crate) domain_start: u32,
    /// Last domain id, with [`Feature::DomainRange`].
    pub(crate) domain_end: u32,
    /// Size of the properties in a PROBE request, with [`Feature::Probe`].
    pub(crate) probe_size: u32,
}

/// A non-empty range of domain ids, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DomainIds {
    /// The first id.
    pub(crate) first: DomainId,
    /// The last id, not less than the first.
    pub(crate) last: DomainId,
}

/// What the device supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The page sizes. The lowest one is the granule, the others are hints.
    pub(crate) page_size_mask: u64,
    /// The smallest size and alignment of a mapping.
    pub(crate) granule: Granule,
    /// The addresses that can be mapped.
    pub(crate) aperture: IovaRange,
    /// The ids for domains with mappings.
    ///
    /// [`None`] if the only id of the device is that of the identity domain: such a device is of
    /// use for passing everything through.
    pub(crate) domains: Option<DomainIds>,
    /// The id that is set aside for the bypass domain, with [`Feature::BypassConfig`].
    pub(crate) identity: Option<DomainId>,
    /// The id that is set aside for the domain that nothing is ever mapped in.
    ///
    /// [`None`] if there would be none left for a domain with mappings.
    pub(crate) blocked: Option<DomainId>,
    /// The flags that a mapping may have.
    pub(crate) map_flags: MapFlags,
    /// Size of the properties in a PROBE request; zero if there is nothing to probe.
    pub(crate) probe_size: usize,
}

impl Limits {
    /// Checks a configuration.
    ///
    /// Fields without their feature are not looked at.
    pub(crate) fn new(config: &Config, features: Features) -> Result<Self, ConfigError> {
        let granule = Granule::lowest_of(config.page_size_mask).ok_or(ConfigError::NoPageSize)?;
        let ids = domain_ids(config, features)?;
        let (identity, unused) = if features.has(Feature::BypassConfig) {
            (Some(ids.first), without_first(ids))
        } else {
            (None, Some(ids))
        };
        let (blocked, domains) = match unused.and_then(without_first) {
            Some(rest) => (unused.map(|ids| ids.first), Some(rest)),
            None => (None, unused),
        };

        Ok(Self {
            page_size_mask: config.page_size_mask,
            granule,
            aperture: aperture(config, features, granule)?,
            domains,
            identity,
            blocked,
            map_flags: MapFlags::new(true, true, features.has(Feature::Mmio)),
            probe_size: probe_size(config, features)?,
        })
    }

    /// Returns whether a system with pages of `page_size` bytes can use the granule.
    pub(crate) const fn granule_fits(&self, page_size: u64) -> bool {
        self.granule.bytes() <= page_size
    }

    /// Returns the page sizes that mappings are asked for in, by a system with pages of `page_size`
    /// bytes: the smallest, and what one entry of the next two levels of a page table covers.
    ///
    /// One call maps or unmaps any number of pages of one size, and becomes one request. With all
    /// the sizes that the device hints at, a buffer would come in pieces of every power of two.
    pub(crate) const fn page_sizes(&self, page_size: u64) -> u64 {
        let entries = page_size / PAGE_TABLE_ENTRY;
        // Of powers of two the product is 0 where it does not fit.
        let block = page_size.wrapping_mul(entries);
        let large_block = block.wrapping_mul(entries);
        let hints = self.page_size_mask & (block | large_block);

        self.smallest_page().bytes() | hints
    }

    /// Returns the smallest page size that mappings are asked for in: the granule, or 4 KiB if that
    /// is larger, since no system has smaller pages.
    pub(crate) const fn smallest_page(&self) -> Granule {
        self.granule.or_larger(SMALLEST_SHIFT)
    }

    /// Returns the number of address bits that the driver announces.
    ///
    /// It is that of the last address rounded up to a power of two, which for the last addresses of
    /// the form 2^n - 1 that devices have is n.
    pub(crate) const fn input_bits(&self) -> u32 {
        u64::BITS - self.aperture.last().saturating_sub(1).leading_zeros()
    }
}

/// Returns the addresses that can be mapped, among which there has to be a whole granule.
fn aperture(
    config: &Config,
    features: Features,
    granule: Granule,
) -> Result<IovaRange, ConfigError> {
    let (start, end) = if features.has(Feature::InputRange) {
        (config.input_start, config.input_end)
    } else {
        (0, u64::MAX)
    };

    IovaRange::new(start, end)
        .filter(|range| whole_granules(*range, granule).is_some())
        .ok_or(ConfigError::InputRange { start, end })
}

/// Returns all domain ids of the device.
fn domain_ids(config: &Config, features: Features) -> Result<DomainIds, ConfigError> {
    let (start, end) = if features.has(Feature::DomainRange) {
        (config.domain_start, config.domain_end)
    } else {
        (0, u32::MAX)
    };

    if end < start {
        return Err(ConfigError::DomainRange { start, end });
    }

    Ok(DomainIds {
        first: DomainId::new(start),
        last: DomainId::new(end),
    })
}

/// Returns the ids that remain without the first one.
fn without_first(ids: DomainIds) -> Option<DomainIds> {
    let second = ids.first.get().checked_add(1)?;

    (second <= ids.last.get()).then_some(DomainIds {
        first: DomainId::new(second),
        last: ids.last,
    })
}

/// Returns the size of the properties in a PROBE request.
fn probe_size(config: &Config, features: Features) -> Result<usize, ConfigError> {
    if !features.has(Feature::Probe) {
        return Ok(0);
    }

    let error = ConfigError::ProbeSize(config.probe_size);

    if config.probe_size > MAX_PROBE_SIZE {
        return Err(error);
    }

    usize::try_from(config.probe_size).map_err(|_| error)
}

/// Why a device cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConfigError {
    /// There is no page size.
    NoPageSize,
    /// The input range is inverted, or has no room for a page.
    InputRange {
        /// Its start.
        start: u64,
        /// Its end.
        end: u64,
    },
    /// The range of domain ids is inverted.
    DomainRange {
        /// Its start.
        start: u32,
        /// Its end.
        end: u32,
    },
    /// The properties would be longer than [`MAX_PROBE_SIZE`].
    ProbeSize(u32),
}

impl ConfigError {
    /// Returns the error that probing the device fails with.
    pub(crate) const fn errno(self) -> Errno {
        match self {
            Self::NoPageSize
            | Self::InputRange { .. }
            | Self::DomainRange { .. }
            | Self::ProbeSize(_) => Errno::Inval,
        }
    }
}
