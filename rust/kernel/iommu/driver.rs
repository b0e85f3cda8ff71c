// SPDX-License-Identifier: GPL-2.0

//! IOMMU drivers and the endpoints that they serve.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h)

use core::{
    convert::Infallible,
    marker::PhantomData,
    ptr, //
};

use super::{
    domain::{
        Domain,
        NewBypassDomain,
        NewDomain,
        PagingDomain, //
    },
    flags::Capability,
    fwspec::FwSpec,
    ops::HasOps,
    registration::Instance,
    resv::ReservedRegions, //
};
use crate::{
    bindings,
    device::Device,
    error::VTABLE_DEFAULT_ERROR,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
    types::ForeignOwnable, //
};

/// A driver for IOMMUs.
///
/// It is implemented by the state of one IOMMU, of which a [`Registration`] holds a reference. The
/// type gets its tables from [`iommu_ops!`].
///
/// [`Registration`]: super::Registration
/// [`iommu_ops!`]: crate::iommu_ops
#[vtable]
pub trait Driver: HasOps + Send + Sync + Sized + 'static {
    /// State of one device behind the IOMMU.
    type Endpoint: Send + Sync + 'static;

    /// Domains made of mappings.
    type Paging: PagingDomain<Driver = Self>;

    /// Domains that do not translate; [`NoIdentity`] if there are none.
    type Identity: Domain<Driver = Self>;

    /// Whether endpoints cannot do without the device that the IOMMU was registered with.
    ///
    /// They sleep before it and wake up after it, have no driver before it has one, and lose their
    /// drivers before it loses its own. Only for devices that have a driver.
    const LINK_ENDPOINTS: bool = false;

    /// Takes `dev` as an endpoint of `instance`.
    ///
    /// Called in process context with `iommu_probe_device_lock` held, before any domain is
    /// attached. The initialiser runs right after the function returned.
    fn probe_device(
        instance: &Arc<Self>,
        dev: &Device,
        fwspec: &FwSpec<'_>,
    ) -> Result<impl PinInit<Self::Endpoint, Error>>;

    /// Allocates an address space for `endpoint`, to which it is not attached yet.
    fn alloc_paging(endpoint: &Endpoint<Self>) -> Result<NewDomain<Self::Paging>>;

    /// Cuts `endpoint` off: no access of it gets anywhere until it is attached to a domain.
    ///
    /// Called in process context with the lock of the endpoint's group held, and in particular
    /// before [`Self::release_device`]. After an error, the endpoint has to be as it was before.
    fn block(_endpoint: &Endpoint<Self>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Detaches `endpoint` from whatever domain it has, if it is not cut off.
    ///
    /// The domain may be freed, and the endpoint is freed, after the function returned.
    fn release_device(_endpoint: &Endpoint<Self>) {}

    /// Whether the IOMMU has `cap` as far as `endpoint` is concerned.
    fn capable(_endpoint: &Endpoint<Self>, _cap: Capability) -> bool {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Lists what must not be used for mappings of `endpoint`.
    ///
    /// The core has no way to take an error: it is reported, and the list stays incomplete.
    fn reserved_regions(_endpoint: &Endpoint<Self>, _list: &mut ReservedRegions<'_>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Allocates a domain in which `endpoint` sees all addresses untranslated.
    fn alloc_identity(_endpoint: &Endpoint<Self>) -> Result<IdentityDomain<Self>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// A domain that translates every address to itself.
pub enum IdentityDomain<T: Driver> {
    /// The IOMMU does not translate at all.
    Bypass(NewBypassDomain<T::Identity>),
    /// The IOMMU translates with mappings that the driver has put in.
    Mapped(NewDomain<T::Paging>),
}

impl<T: Driver> IdentityDomain<T> {
    /// Gives the domain to the core.
    pub(super) fn into_raw(self) -> *mut bindings::iommu_domain {
        match self {
            Self::Bypass(domain) => domain.into_raw(),
            Self::Mapped(domain) => domain.into_raw(),
        }
    }
}

/// The [`Driver::Identity`] of a driver that has none. There are no values of it.
pub struct NoIdentity<T> {
    never: Infallible,
    _driver: PhantomData<fn() -> T>,
}

impl<T: Driver> Domain for NoIdentity<T> {
    type Driver = T;

    fn attach(&self, _endpoint: &Endpoint<T>) -> Result {
        match self.never {}
    }
}

/// A device behind an IOMMU, as the driver of the IOMMU sees it.
///
/// It exists from [`Driver::probe_device`] to the end of [`Driver::release_device`].
#[pin_data]
pub struct Endpoint<T: Driver> {
    /// Keeps the `struct iommu_device` valid that the core stores for this device.
    iommu: Arc<Instance<T>>,
    dev: ARef<Device>,
    /// A copy, because nothing keeps firmware code from adding ids after the probe.
    ids: KVec<u32>,
    #[pin]
    data: T::Endpoint,
}

impl<T: Driver> Endpoint<T> {
    /// The state of the IOMMU that the device is behind.
    #[inline]
    pub fn instance(&self) -> &Arc<T> {
        self.iommu.driver()
    }

    /// The device.
    #[inline]
    pub fn device(&self) -> &Device {
        &self.dev
    }

    /// The ids with which the device tags its requests.
    #[inline]
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The driver's own state of the device.
    #[inline]
    pub fn data(&self) -> &T::Endpoint {
        &self.data
    }

    /// Makes the endpoint of a device that is being probed.
    pub(super) fn new(
        iommu: Arc<Instance<T>>,
        dev: &Device,
        fwspec: &FwSpec<'_>,
    ) -> Result<Pin<KBox<Self>>> {
        let mut ids = KVec::new();
        ids.extend_from_slice(fwspec.ids(), GFP_KERNEL)?;
        let driver = iommu.driver().clone();
        let data = T::probe_device(&driver, dev, fwspec)?;

        KBox::try_pin_init(
            try_pin_init!(Self {
                iommu,
                dev: ARef::from(dev),
                ids,
                data <- data,
            }),
            GFP_KERNEL,
        )
    }

    /// Makes the device depend on that of the IOMMU until one of them goes.
    ///
    /// The link outlasts the driver of the IOMMU: links that go with the driver are written to by
    /// the driver core after they were freed. The next driver finds it again.
    ///
    /// That fails for a device which the IOMMU itself depends on, such as the bridge that it is
    /// behind; no order would be right then.
    pub(super) fn link(&self) {
        // SAFETY: Both devices are valid; the link takes references of its own.
        unsafe { bindings::device_link_add(self.dev.as_raw(), self.iommu.supplier().as_raw(), 0) };
    }

    /// The endpoint of a device.
    ///
    /// # Safety
    ///
    /// `dev` must be a device that was probed through the tables of `T` and that is not released
    /// for `'a`.
    #[inline]
    pub(super) unsafe fn from_raw<'a>(dev: *mut bindings::device) -> &'a Self {
        // SAFETY: `dev` is valid by the safety requirements.
        let endpoint = unsafe { bindings::dev_iommu_priv_get(dev) };
        // SAFETY: The probe stored a `Pin<KBox<Self>>` there, which only the release takes away.
        unsafe { &*endpoint.cast::<Self>() }
    }

    /// The endpoint of a device, if it was probed through the tables of `T`.
    ///
    /// # Safety
    ///
    /// `dev` must be a device that was probed by an IOMMU driver and that is not released for `'a`.
    pub(super) unsafe fn try_from_raw<'a>(dev: *mut bindings::device) -> Option<&'a Self> {
        // SAFETY: A probed device has an `iommu`, which references the instance that it is behind.
        let ops = unsafe { (*(*(*dev).iommu).iommu_dev).ops };

        if !ptr::eq(ops, T::ops().as_raw()) {
            return None;
        }
        // SAFETY: The tables are those of `T`; the rest is by the safety requirements.
        Some(unsafe { Self::from_raw(dev) })
    }

    /// Frees the endpoint of a device.
    ///
    /// # Safety
    ///
    /// As for [`Self::from_raw`]; in addition, nobody may use the endpoint any more.
    pub(super) unsafe fn free(dev: *mut bindings::device) {
        // SAFETY: `dev` is valid by the safety requirements.
        let endpoint = unsafe { bindings::dev_iommu_priv_get(dev) };
        // SAFETY: The probe stored it there by `into_foreign()`, and this is the last use.
        drop(unsafe { Pin::<KBox<Self>>::from_foreign(endpoint) });
    }
}
