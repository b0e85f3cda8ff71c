// SPDX-License-Identifier: GPL-2.0

//! The tables through which the IOMMU core calls a driver.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h)

use core::{
    marker::PhantomData,
    ptr, //
};

use super::{
    driver::{
        Driver,
        Endpoint, //
    },
    flags::Capability,
    fwspec::FwSpec,
    registration::{
        Instances,
        ProbeLock, //
    },
    resv::ReservedRegions, //
};
use crate::{
    bindings,
    device::Device,
    module::this_module,
    prelude::*,
    types::{
        ForeignOwnable,
        Opaque, //
    },
};

/// The tables of a driver type. Implemented by [`iommu_ops!`].
///
/// They are statics of the driver's crate and not generic constants of this one, because the core
/// tells drivers apart by the address of their `struct iommu_ops`.
///
/// [`iommu_ops!`]: crate::iommu_ops
pub trait HasOps: Sized + 'static {
    /// The callbacks.
    fn ops() -> &'static Ops<Self>;

    /// The IOMMUs that are registered with these callbacks.
    fn instances() -> &'static Instances<Self>;
}

/// Declares the tables of an IOMMU driver.
///
/// # Examples
///
/// ```ignore
/// kernel::iommu_ops! {
///     static MY_IOMMU_OPS: MyIommu;
/// }
///
/// #[vtable]
/// impl iommu::Driver for MyIommu {
///     // ...
/// }
/// ```
#[macro_export]
macro_rules! iommu_ops {
    ($(#[$meta:meta])* static $ops:ident: $driver:ty;) => {
        $(#[$meta])*
        static $ops: $crate::iommu::Ops<$driver> = {
            static BLOCKED: $crate::iommu::BlockedDomain<$driver> =
                $crate::iommu::BlockedDomain::new();

            $crate::iommu::Ops::new(&BLOCKED)
        };

        impl $crate::iommu::HasOps for $driver {
            fn ops() -> &'static $crate::iommu::Ops<Self> {
                &$ops
            }

            fn instances() -> &'static $crate::iommu::Instances<Self> {
                static INSTANCES: $crate::iommu::Instances<$driver> =
                    $crate::iommu::Instances::new();

                &INSTANCES
            }
        }
    };
}

/// The domain in which endpoints of the drivers of type `T` are cut off.
///
/// It has no state: attaching to it is [`Driver::block`].
///
/// # Invariants
///
/// All callbacks are those of [`VTable<T>`].
#[repr(transparent)]
pub struct BlockedDomain<T> {
    raw: Opaque<bindings::iommu_domain>,
    _driver: PhantomData<fn() -> T>,
}

// SAFETY: Only the core looks into it, from any thread as with every static domain.
unsafe impl<T> Sync for BlockedDomain<T> {}

impl<T: Driver> BlockedDomain<T> {
    /// Fills in the domain.
    #[allow(clippy::new_without_default)] // Not for use outside of `iommu_ops!`.
    pub const fn new() -> Self {
        // INVARIANT: All callbacks come from `VTable<T>`.
        Self {
            raw: Opaque::new(bindings::iommu_domain {
                type_: bindings::IOMMU_DOMAIN_BLOCKED,
                ops: VTable::<T>::BLOCKED_OPS,
                ..pin_init::zeroed()
            }),
            _driver: PhantomData,
        }
    }
}

/// A `struct iommu_ops` for the driver type `T`.
///
/// # Invariants
///
/// All callbacks are those of [`VTable<T>`].
#[repr(transparent)]
pub struct Ops<T> {
    raw: bindings::iommu_ops,
    _driver: PhantomData<fn() -> T>,
}

// SAFETY: The table is never written to, and what its pointers reference is constant.
unsafe impl<T> Sync for Ops<T> {}

impl<T: Driver> Ops<T> {
    /// Fills in the table.
    #[allow(clippy::new_without_default)] // Not for use outside of `iommu_ops!`.
    pub const fn new(blocked: &'static BlockedDomain<T>) -> Self {
        let blocked = if T::HAS_BLOCK {
            blocked.raw.get()
        } else {
            ptr::null_mut()
        };

        // INVARIANT: All callbacks come from `VTable<T>`.
        Self {
            raw: bindings::iommu_ops {
                blocked_domain: blocked,
                release_domain: blocked,
                ..VTable::<T>::OPS
            },
            _driver: PhantomData,
        }
    }
}

impl<T> Ops<T> {
    /// Returns the table for C.
    #[inline]
    pub(super) fn as_raw(&self) -> *const bindings::iommu_ops {
        &self.raw
    }
}

/// The callbacks of the driver type `T`.
struct VTable<T>(PhantomData<T>);

impl<T: Driver> VTable<T> {
    const OPS: bindings::iommu_ops = bindings::iommu_ops {
        capable: if T::HAS_CAPABLE {
            Some(Self::capable)
        } else {
            None
        },
        domain_alloc_identity: if T::HAS_ALLOC_IDENTITY {
            Some(Self::domain_alloc_identity)
        } else {
            None
        },
        domain_alloc_paging: Some(Self::domain_alloc_paging),
        probe_device: Some(Self::probe_device),
        release_device: Some(Self::release_device),
        device_group: Some(device_group),
        get_resv_regions: if T::HAS_RESERVED_REGIONS {
            Some(Self::get_resv_regions)
        } else {
            None
        },
        of_xlate: Some(of_xlate),
        owner: this_module::<T::OwnerModule>().as_ptr(),
        ..pin_init::zeroed()
    };

    const BLOCKED_OPS: &'static bindings::iommu_domain_ops = &bindings::iommu_domain_ops {
        attach_dev: if T::HAS_BLOCK {
            Some(Self::block)
        } else {
            None
        },
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `dev` must be a device that was probed by an IOMMU driver and not released.
    unsafe extern "C" fn block(
        _domain: *mut bindings::iommu_domain,
        dev: *mut bindings::device,
        _old: *mut bindings::iommu_domain,
    ) -> c_int {
        // SAFETY: By the safety requirements.
        let endpoint = unsafe { Endpoint::<T>::try_from_raw(dev) };

        match endpoint.ok_or(EINVAL).and_then(T::block) {
            Ok(()) => 0,
            Err(err) => err.to_errno(),
        }
    }

    /// # Safety
    ///
    /// `dev` must be a valid device that is being probed with the table of `T`, with
    /// `iommu_probe_device_lock` held.
    unsafe extern "C" fn probe_device(dev: *mut bindings::device) -> *mut bindings::iommu_device {
        // SAFETY: `dev` is valid by the safety requirements.
        let dev = unsafe { Device::from_raw(dev) };
        // SAFETY: By the safety requirements; nothing below lets go of the lock.
        let mut lock = unsafe { ProbeLock::assume_held() };

        // SAFETY: The lock is held.
        let probed = unsafe { Self::probe(&mut lock, dev) };
        probed.unwrap_or_else(Error::to_ptr)
    }

    /// # Safety
    ///
    /// As for [`Self::probe_device`].
    unsafe fn probe(lock: &mut ProbeLock, dev: &Device) -> Result<*mut bindings::iommu_device> {
        // An instance without a firmware node gets asked for devices that have no fwspec.
        // SAFETY: The lock is held by the safety requirements.
        let fwspec = unsafe { FwSpec::of(dev) }.ok_or(ENODEV)?;
        let iommu = T::instances().find(lock, &fwspec).ok_or(ENODEV)?;
        let raw = iommu.as_raw();
        let endpoint = Endpoint::<T>::new(iommu, dev, &fwspec)?;

        if T::LINK_ENDPOINTS {
            endpoint.link();
        }
        // SAFETY: The device has a fwspec and with it an `iommu`, and the lock is held.
        unsafe { bindings::dev_iommu_priv_set(dev.as_raw(), endpoint.into_foreign()) };
        // The endpoint holds a reference to what `raw` points to until the release.
        Ok(raw)
    }

    /// # Safety
    ///
    /// `dev` must be a device that was probed with the table of `T`. The core must not use it for
    /// calls of the driver any more.
    unsafe extern "C" fn release_device(dev: *mut bindings::device) {
        // SAFETY: By the safety requirements.
        T::release_device(unsafe { Endpoint::from_raw(dev) });
        // SAFETY: By the safety requirements this is the last call for the device, and the
        // reference above is not used any more. The stale pointer stays in `dev->iommu`, which the
        // core frees without a look at it.
        unsafe { Endpoint::<T>::free(dev) };
    }

    /// # Safety
    ///
    /// `dev` must be a device that was probed with the table of `T` and not released.
    unsafe extern "C" fn capable(dev: *mut bindings::device, cap: bindings::iommu_cap) -> bool {
        // SAFETY: By the safety requirements.
        let endpoint = unsafe { Endpoint::from_raw(dev) };

        Capability::from_raw(cap).is_some_and(|cap| T::capable(endpoint, cap))
    }

    /// # Safety
    ///
    /// `dev` must be a device that was probed with the table of `T` and not released.
    unsafe extern "C" fn domain_alloc_paging(
        dev: *mut bindings::device,
    ) -> *mut bindings::iommu_domain {
        // SAFETY: By the safety requirements.
        match T::alloc_paging(unsafe { Endpoint::from_raw(dev) }) {
            Ok(domain) => domain.into_raw(),
            Err(err) => err.to_ptr(),
        }
    }

    /// # Safety
    ///
    /// `dev` must be a device that was probed with the table of `T` and not released.
    unsafe extern "C" fn domain_alloc_identity(
        dev: *mut bindings::device,
    ) -> *mut bindings::iommu_domain {
        // SAFETY: By the safety requirements.
        match T::alloc_identity(unsafe { Endpoint::from_raw(dev) }) {
            Ok(domain) => domain.into_raw(),
            Err(err) => err.to_ptr(),
        }
    }

    /// # Safety
    ///
    /// * `dev` must be a device that was probed with the table of `T` and not released.
    /// * `list` must be a list of `struct iommu_resv_region` that nobody else uses.
    unsafe extern "C" fn get_resv_regions(
        dev: *mut bindings::device,
        list: *mut bindings::list_head,
    ) {
        // SAFETY: By the safety requirements.
        let endpoint = unsafe { Endpoint::<T>::from_raw(dev) };
        // SAFETY: By the safety requirements; no device is probed without a fwspec.
        let mut list = unsafe { ReservedRegions::from_raw(endpoint.device(), list) };

        if let Err(err) = T::reserved_regions(endpoint, &mut list) {
            dev_err!(
                endpoint.device(),
                "list of reserved regions is incomplete ({})\n",
                err.to_errno()
            );
        }
    }
}

/// # Safety
///
/// `dev` must be a valid device that is being probed.
unsafe extern "C" fn device_group(dev: *mut bindings::device) -> *mut bindings::iommu_group {
    // SAFETY: `dev` is valid by the safety requirements.
    if unsafe { bindings::dev_is_pci(dev) } {
        // SAFETY: As above, and it is a PCI device.
        unsafe { bindings::pci_device_group(dev) }
    } else {
        // SAFETY: As above.
        unsafe { bindings::generic_device_group(dev) }
    }
}

/// # Safety
///
/// `dev` must be a valid device, `args` a valid specifier, and `iommu_probe_device_lock` be held.
unsafe extern "C" fn of_xlate(
    dev: *mut bindings::device,
    args: *const bindings::of_phandle_args,
) -> c_int {
    // SAFETY: `args` is valid by the safety requirements.
    let args = unsafe { &*args };

    let cells = usize::try_from(args.args_count).unwrap_or(0);
    // With no cell, or more than one, the first is not the id.
    let Some([id]) = args.args.get(..cells) else {
        return EINVAL.to_errno();
    };
    // SAFETY: `dev` is valid, `id` references one id, and the lock is held.
    unsafe { bindings::iommu_fwspec_add_ids(dev, id, 1) }
}
