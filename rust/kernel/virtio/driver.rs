// SPDX-License-Identifier: GPL-2.0

//! Virtio drivers and their registration.

use super::{
    context::Context,
    device::{
        Device,
        IdTable,
        Negotiation, //
    },
    feature::Feature,
    recovery::Recovery, //
};
use crate::{
    bindings,
    device::{
        self,
        Bound,
        Core,
        CoreInternal, //
    },
    driver,
    error::{
        from_result,
        to_result,
        VTABLE_DEFAULT_ERROR, //
    },
    prelude::*,
    types::{
        ForeignOwnable,
        Opaque, //
    },
    ThisModule, //
};
use core::{
    mem::offset_of,
    ptr::null_mut, //
};

/// A virtio driver.
///
/// # Examples
///
/// ```
/// # use kernel::{device::Core, prelude::*, virtio};
/// struct MyDriver;
///
/// kernel::virtio_device_table!(MY_TABLE, [virtio::DeviceId::new(virtio::device_type::RNG)]);
///
/// #[vtable]
/// impl virtio::Driver for MyDriver {
///     type Data<'bound> = Self;
///
///     const ID_TABLE: virtio::IdTable = &MY_TABLE;
///     const FEATURES: &'static [virtio::Feature] = &[];
///
///     fn probe<'bound>(
///         _dev: &'bound virtio::Device<Core<'_>>,
///     ) -> impl PinInit<Self, Error> + 'bound {
///         Err(ENODEV)
///     }
/// }
/// ```
#[vtable]
pub trait Driver {
    /// The type of the driver's private data for a device.
    ///
    /// It is dropped after the device was reset and has lost its queues.
    type Data<'bound>: Send + Sync + 'bound;

    /// The devices that the driver supports.
    const ID_TABLE: IdTable;

    /// The features that the driver supports, besides those of the transport.
    const FEATURES: &'static [Feature];

    /// Whether user space is kept from binding and unbinding the driver.
    const SUPPRESS_BIND_ATTRS: bool = false;

    /// Binds the driver to a device.
    fn probe<'bound>(
        dev: &'bound Device<Core<'_>>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound;

    /// Called before the driver is unbound from a device, while its queues still work.
    fn unbind<'bound>(dev: &'bound Device<Core<'_>>, data: Pin<&Self::Data<'bound>>) {
        let _ = (dev, data);
    }

    /// Looks at the features that device and driver have in common, before [`Self::probe`].
    fn validate(negotiation: &Negotiation<'_>) -> Result {
        let _ = negotiation;
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called before the system sleeps.
    ///
    /// After this has succeeded, the device is reset and has no queues; all that is in flight is
    /// lost. That is so for drivers without this as well.
    fn freeze<'bound>(dev: &'bound Device<Core<'_>>, data: Pin<&Self::Data<'bound>>) -> Result {
        let _ = (dev, data);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called after the system slept, with the same queues as before, which are ready and empty.
    fn restore<'bound>(dev: &'bound Device<Core<'_>>, data: Pin<&Self::Data<'bound>>) -> Result {
        let _ = (dev, data);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called before the device is reset, because it or its bus asks for that.
    ///
    /// After this has succeeded, everything is as after [`Self::freeze`]. A device that asks for a
    /// reset answers nothing until it gets one.
    fn reset_prepare<'bound>(
        dev: &'bound Device<Core<'_>>,
        data: Pin<&Self::Data<'bound>>,
    ) -> Result {
        let _ = (dev, data);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called after the device was reset, with the same queues as before, which are ready and
    /// empty.
    ///
    /// A driver that has this has its device reset whenever that says, by a change of its
    /// configuration, that it needs a reset.
    fn reset_done<'bound>(dev: &'bound Device<Core<'_>>, data: Pin<&Self::Data<'bound>>) -> Result {
        let _ = (dev, data);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called when the system shuts down, instead of what the bus does then:
    /// [`Device::shutdown_default`].
    fn shutdown<'bound>(dev: &'bound Device<Core<'_>>, data: Pin<&Self::Data<'bound>>) {
        let _ = (dev, data);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called when the device has changed its configuration.
    ///
    /// This must not sleep, and so cannot read the configuration.
    fn config_changed<'bound>(dev: &'bound Device<Bound>, data: Pin<&Self::Data<'bound>>) {
        let _ = (dev, data);
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// An adapter for the registration of virtio drivers.
pub struct Adapter<T: Driver>(T);

// SAFETY:
// - `bindings::virtio_driver` is a C type declared as `repr(C)`.
// - `T::Data` is the type of the driver's device private data.
// - `struct virtio_driver` embeds a `struct device_driver` at the given offset.
unsafe impl<T: Driver> driver::DriverLayout for Adapter<T> {
    type DriverType = bindings::virtio_driver;
    type DriverData<'bound> = T::Data<'bound>;
    const DEVICE_DRIVER_OFFSET: usize = offset_of!(Self::DriverType, driver);
}

// SAFETY: A call to `unregister` for a given instance of `DriverType` is guaranteed to be valid if
// a preceding call to `register` has been successful.
unsafe impl<T: Driver> driver::RegistrationOps for Adapter<T> {
    unsafe fn register(
        vdrv: &Opaque<Self::DriverType>,
        name: &'static CStr,
        module: &'static ThisModule,
    ) -> Result {
        let feature_count = u32::try_from(T::FEATURES.len()).map_err(|_| EINVAL)?;
        let recovers = T::HAS_RESET_PREPARE || T::HAS_RESET_DONE;

        // SAFETY: It's safe to set the fields of `struct virtio_driver` on initialization.
        unsafe {
            let vdrv = vdrv.get();
            (*vdrv).driver.name = name.as_char_ptr();
            (*vdrv).driver.suppress_bind_attrs = T::SUPPRESS_BIND_ATTRS;
            (*vdrv).id_table = T::ID_TABLE.as_ptr();
            (*vdrv).feature_table = T::FEATURES.as_ptr().cast();
            (*vdrv).feature_table_size = feature_count;
            (*vdrv).probe = Some(Self::probe_callback);
            (*vdrv).remove = Some(Self::remove_callback);
            (*vdrv).validate = T::HAS_VALIDATE.then_some(Self::validate_callback);
            (*vdrv).freeze = Some(Self::freeze_callback);
            (*vdrv).restore = Some(Self::restore_callback);
            (*vdrv).reset_prepare = recovers.then_some(Self::reset_prepare_callback);
            (*vdrv).reset_done = recovers.then_some(Self::reset_done_callback);
            (*vdrv).shutdown = T::HAS_SHUTDOWN.then_some(Self::shutdown_callback);
            (*vdrv).config_changed = (T::HAS_CONFIG_CHANGED || T::HAS_RESET_DONE)
                .then_some(Self::config_changed_callback);
        }

        // SAFETY: `vdrv` is guaranteed to be a valid `DriverType`.
        to_result(unsafe { bindings::__register_virtio_driver(vdrv.get(), module.as_ptr()) })
    }

    unsafe fn unregister(vdrv: &Opaque<Self::DriverType>) {
        // SAFETY: `vdrv` is guaranteed to be a valid `DriverType`.
        unsafe { bindings::unregister_virtio_driver(vdrv.get()) }
    }
}

/// Returns the device that the bus hands to one of the driver's callbacks.
///
/// # Safety
///
/// `vdev` must be valid for `'a`, in which the caller must be one of the bus callbacks.
unsafe fn from_bus<'a, Ctx: device::DeviceContext>(
    vdev: *mut bindings::virtio_device,
) -> &'a Device<Ctx> {
    // SAFETY: By the safety requirements; `Device` is a transparent wrapper.
    unsafe { &*vdev.cast() }
}

/// Sets up the context of a device, whose driver may be able to go on after a reset.
fn create_context(dev: &Device<CoreInternal<'_>>, recovers: bool) -> Result {
    let recovery = if recovers {
        Some(Recovery::new(dev)?)
    } else {
        None
    };
    let context = KBox::pin_init(Context::new(recovery), GFP_KERNEL)?;
    // SAFETY: The device is valid, and the private pointer is the driver's.
    unsafe { (*dev.as_raw()).priv_ = context.into_foreign().cast() };
    Ok(())
}

/// Stops a device and frees its context.
fn destroy_context(dev: &Device<CoreInternal<'_>>) {
    if let Some(context) = dev.context() {
        if let Some(recovery) = context.recovery() {
            // SAFETY: The bus has the device locked while it binds or unbinds a driver, which is
            // when this is called.
            unsafe { recovery.end() };
        }
        context.stop(dev, true);
    }

    // SAFETY: The device is valid.
    let context = unsafe { (*dev.as_raw()).priv_ };
    // SAFETY: As above; nobody else looks at the pointer, since there are no virtqueues any more.
    unsafe { (*dev.as_raw()).priv_ = null_mut() };
    if !context.is_null() {
        // SAFETY: The pointer comes from `into_foreign()` in `create_context()`.
        drop(unsafe { Pin::<KBox<Context>>::from_foreign(context.cast()) });
    }
}

impl<T: Driver> Adapter<T> {
    extern "C" fn probe_callback(vdev: *mut bindings::virtio_device) -> c_int {
        // SAFETY: The bus calls this with a valid device.
        let dev: &Device<CoreInternal<'_>> = unsafe { from_bus(vdev) };

        from_result(|| {
            create_context(dev, T::HAS_RESET_DONE)?;
            let bound = dev.as_ref().set_drvdata(T::probe(dev));
            match (&bound, dev.context()) {
                (Ok(()), Some(context)) => context.ready(dev),
                _ => destroy_context(dev),
            }
            bound.map(|()| 0)
        })
    }

    extern "C" fn remove_callback(vdev: *mut bindings::virtio_device) {
        // SAFETY: The bus calls this with a valid device.
        let dev: &Device<CoreInternal<'_>> = unsafe { from_bus(vdev) };
        // SAFETY: The bus calls this after a successful `probe_callback()`, which stored the data.
        let data = unsafe { dev.as_ref().drvdata_borrow::<T::Data<'_>>() };

        T::unbind(dev, data);
        destroy_context(dev);
    }

    extern "C" fn validate_callback(vdev: *mut bindings::virtio_device) -> c_int {
        // SAFETY: The bus calls this with a valid device, whose driver is being bound.
        let dev: &Device<Bound> = unsafe { from_bus(vdev) };

        from_result(|| T::validate(&Negotiation::new(dev)).map(|()| 0))
    }

    extern "C" fn freeze_callback(vdev: *mut bindings::virtio_device) -> c_int {
        // SAFETY: The bus calls this with a valid device.
        let dev: &Device<CoreInternal<'_>> = unsafe { from_bus(vdev) };
        // SAFETY: The bus calls this between `probe_callback()`, which stored the data, and
        // `remove_callback()`.
        let data = unsafe { dev.as_ref().drvdata_borrow::<T::Data<'_>>() };

        from_result(|| {
            if T::HAS_FREEZE {
                T::freeze(dev, data)?;
            }
            if let Some(context) = dev.context() {
                context.stop(dev, false);
            }
            Ok(0)
        })
    }

    extern "C" fn restore_callback(vdev: *mut bindings::virtio_device) -> c_int {
        // SAFETY: The bus calls this with a valid device.
        let dev: &Device<CoreInternal<'_>> = unsafe { from_bus(vdev) };
        // SAFETY: The bus calls this between `probe_callback()`, which stored the data, and
        // `remove_callback()`.
        let data = unsafe { dev.as_ref().drvdata_borrow::<T::Data<'_>>() };

        from_result(|| {
            let context = dev.context().ok_or(ENODEV)?;
            context.find_again(dev)?;
            context.ready(dev);
            if T::HAS_RESTORE {
                T::restore(dev, data).inspect_err(|_| context.stop(dev, false))?;
            }
            Ok(0)
        })
    }

    /// Runs `call` for a device whose driver is `T` and stays so meanwhile.
    ///
    /// # Safety
    ///
    /// `vdev` must be valid, and not be locked by the caller. If a driver is bound to it once it is
    /// locked, that must be `T`.
    unsafe fn while_bound(
        vdev: *mut bindings::virtio_device,
        call: impl for<'a> FnOnce(
            &'a Device<CoreInternal<'a>>,
            &'a Context,
            Pin<&'a T::Data<'a>>,
        ) -> Result,
    ) -> c_int {
        // SAFETY: By the safety requirements, and because the lock is held where it is used.
        let dev: &Device<CoreInternal<'_>> = unsafe { from_bus(vdev) };
        let _lock = dev.lock();

        from_result(|| {
            // Set first in `probe_callback()`, cleared last in `remove_callback()`; both have the
            // lock.
            let context = dev.context().ok_or(ENODEV)?;
            // SAFETY: So the driver is bound, and by the safety requirements it is `T`, whose
            // `probe_callback()` stored the data.
            let data = unsafe { dev.as_ref().drvdata_borrow::<T::Data<'_>>() };
            call(dev, context, data).map(|()| 0)
        })
    }

    extern "C" fn reset_prepare_callback(vdev: *mut bindings::virtio_device) -> c_int {
        // SAFETY: The bus calls this with a valid device, for a reset of its parent, so that only
        // that is locked. It has found `T` to be the driver; two drivers for the same device would
        // have to be exchanged meanwhile for another one to be there.
        unsafe {
            Self::while_bound(vdev, |dev, context, data| {
                if T::HAS_RESET_PREPARE {
                    T::reset_prepare(dev, data)?;
                }
                context.stop(dev, false);
                Ok(())
            })
        }
    }

    extern "C" fn reset_done_callback(vdev: *mut bindings::virtio_device) -> c_int {
        // SAFETY: As in `reset_prepare_callback()`.
        unsafe {
            Self::while_bound(vdev, |dev, context, data| {
                context.find_again(dev)?;
                context.ready(dev);
                if T::HAS_RESET_DONE {
                    T::reset_done(dev, data).inspect_err(|_| context.stop(dev, false))?;
                }
                Ok(())
            })
        }
    }

    extern "C" fn shutdown_callback(vdev: *mut bindings::virtio_device) {
        // SAFETY: The bus calls this with a valid device.
        let dev: &Device<CoreInternal<'_>> = unsafe { from_bus(vdev) };
        // SAFETY: The bus calls this between `probe_callback()`, which stored the data, and
        // `remove_callback()`.
        let data = unsafe { dev.as_ref().drvdata_borrow::<T::Data<'_>>() };

        if let Some(recovery) = dev.context().and_then(Context::recovery) {
            // The driver may leave the device running, which a reset would end.
            // SAFETY: The driver core has the device locked.
            unsafe { recovery.end() };
        }
        T::shutdown(dev, data);
    }

    extern "C" fn config_changed_callback(vdev: *mut bindings::virtio_device) {
        // SAFETY: The bus calls this with a valid device. That can be at any time, so nothing but
        // the data and the context are taken from this view of it.
        let internal: &Device<CoreInternal<'_>> = unsafe { from_bus(vdev) };
        // SAFETY: The core calls this only between `probe_callback()`, which stored the data, and
        // `remove_callback()`, since it enables and disables it outside of them.
        let data = unsafe { internal.as_ref().drvdata_borrow::<T::Data<'_>>() };

        if let Some(recovery) = internal.context().and_then(Context::recovery) {
            recovery.schedule();
        }
        if T::HAS_CONFIG_CHANGED {
            T::config_changed(internal, data);
        }
    }
}

/// Declares a kernel module that exposes a single virtio driver.
#[macro_export]
macro_rules! module_virtio_driver {
    ($($f:tt)*) => {
        $crate::module_driver!(<T>, $crate::virtio::Adapter<T>, { $($f)* });
    };
}
