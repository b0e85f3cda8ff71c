// SPDX-License-Identifier: GPL-2.0

//! Virtio devices and their configuration space.

use super::{
    context::Context,
    feature::Feature,
    lock::DeviceLock, //
};
use crate::{
    bindings,
    device,
    device_id::RawDeviceId,
    prelude::*,
    sync::aref::AlwaysRefCounted,
    types::Opaque, //
};
use core::{
    marker::PhantomData,
    mem::offset_of,
    ops::Deref,
    ptr::{
        addr_of_mut,
        NonNull, //
    },
};

/// How often a read of the configuration space is repeated when the device changes it meanwhile.
const CONFIG_READ_TRIES: usize = 64;

/// The bytes of configuration that any transport has room for: those of CCW, which has the fewest.
const CONFIG_MAX: u32 = 0x100;

/// A virtio device.
///
/// # Invariants
///
/// An instance represents a valid `struct virtio_device` created by the C portion of the kernel.
#[repr(transparent)]
pub struct Device<Ctx: device::DeviceContext = device::Normal>(
    Opaque<bindings::virtio_device>,
    PhantomData<Ctx>,
);

impl<Ctx: device::DeviceContext> Device<Ctx> {
    pub(super) fn as_raw(&self) -> *mut bindings::virtio_device {
        self.0.get()
    }

    /// Returns the type of the device, one of those in [`device_type`](super::device_type).
    pub fn device_id(&self) -> u32 {
        // SAFETY: By the type invariants, the pointer is valid; the type of a device never changes.
        unsafe { (*self.as_raw()).id.device }
    }

    /// Returns the vendor of the device.
    pub fn vendor_id(&self) -> u32 {
        // SAFETY: By the type invariants, the pointer is valid; the vendor never changes.
        unsafe { (*self.as_raw()).id.vendor }
    }
}

impl Device<device::Bound> {
    /// Returns the device that implements the transport.
    pub fn parent(&self) -> Option<&device::Device> {
        // SAFETY: By the type invariants, the pointer is valid; the parent never changes.
        let parent = unsafe { (*self.as_raw()).dev.parent };
        if parent.is_null() {
            return None;
        }
        // SAFETY: A device holds a reference to its parent until it is taken off its bus, and no
        // driver is bound to it any more then.
        Some(unsafe { device::Device::from_raw(parent) })
    }

    /// Returns the name that the transport has for the device.
    pub fn bus_name(&self) -> &CStr {
        // SAFETY: By the type invariants, the pointer is valid. The name lives as long as the
        // transport, which a bound device has.
        unsafe { CStr::from_char_ptr(bindings::virtio_bus_name(self.as_raw())) }
    }

    /// Returns whether the device and the driver both support a feature.
    pub fn has_feature(&self, feature: Feature) -> bool {
        // SAFETY: By the type invariants, the pointer is valid. The features change only while
        // the driver is being bound.
        unsafe { bindings::__virtio_test_bit(self.as_raw(), feature.bit()) }
    }

    /// Reads a field of the configuration space.
    ///
    /// Fails with [`EAGAIN`] if the device never stops to change it, with [`ENODEV`] if the device
    /// has no configuration, and with [`EINVAL`] if no device's configuration is that long. This
    /// may sleep.
    ///
    /// How long that of this device is, only the transport knows: PCI calls `BUG()` for a field
    /// that is behind its end.
    pub fn read_config<T: ConfigField>(&self, offset: u32) -> Result<T> {
        if size_of::<T>() <= size_of::<u32>() {
            return T::read(self, offset);
        }
        self.read_config_stable(|dev| T::read(dev, offset))
    }

    /// Reads several fields of the configuration space that belong together.
    ///
    /// `read` is called again if the device has changed the configuration meanwhile. Fails with
    /// [`EAGAIN`] if the device never stops to do so. This may sleep.
    pub fn read_config_stable<R>(&self, mut read: impl FnMut(&Self) -> Result<R>) -> Result<R> {
        for _ in 0..CONFIG_READ_TRIES {
            let before = self.config_generation();
            let value = read(self)?;
            if self.config_generation() == before {
                return Ok(value);
            }
        }
        Err(EAGAIN)
    }

    /// Writes one byte of the configuration space.
    ///
    /// The same holds for the offset and for errors as in [`Self::read_config`]. This may sleep.
    pub fn write_config_u8(&self, offset: u32, value: u8) -> Result {
        check_field(offset, 1)?;
        self.config_ops()?.set.ok_or(ENODEV)?;
        // SAFETY: By the type invariants, the pointer is valid. The transport of a bound device
        // works, and as just seen it can write one byte at this offset.
        unsafe { bindings::virtio_cwrite8(self.as_raw(), offset, value) };
        Ok(())
    }

    /// What the transport does for the configuration.
    fn config_ops(&self) -> Result<&bindings::virtio_config_ops> {
        // SAFETY: By the type invariants, the pointer is valid. The transport sets the table before
        // it registers the device, and keeps it.
        unsafe { (*self.as_raw()).config.as_ref() }.ok_or(ENODEV)
    }

    fn config_generation(&self) -> u32 {
        // SAFETY: By the type invariants, the pointer is valid; the transport of a bound device
        // works.
        unsafe { bindings::virtio_config_generation(self.as_raw()) }
    }

    /// Copies from the configuration space and returns whether it is little endian.
    fn config_get<const N: usize>(&self, offset: u32) -> Result<([u8; N], bool)> {
        const { assert!(N == 1 || N == 2 || N == 4 || N == 8) };
        let mut bytes = [0; N];
        // CAST: At most 8, as asserted.
        let len = const { N as u32 };
        check_field(offset, len)?;
        // The table of a PCI device without a configuration has nothing here.
        self.config_ops()?.get.ok_or(ENODEV)?;
        // SAFETY: By the type invariants, the pointer is valid. The transport of a bound device
        // works, and as just seen it can read at this offset. `bytes` is valid for writes of `len`
        // bytes, which is a width that all transports support.
        unsafe {
            bindings::virtio_config_get(self.as_raw(), offset, bytes.as_mut_ptr().cast(), len)
        };
        // SAFETY: By the type invariants, the pointer is valid.
        let little_endian = unsafe { bindings::virtio_is_little_endian(self.as_raw()) };
        Ok((bytes, little_endian))
    }
}

impl Device<device::Core<'_>> {
    /// Does what the bus does at shutdown for a driver that has no `shutdown` of its own: makes the
    /// virtqueues broken and resets the device.
    pub fn shutdown_default(&self) {
        // SAFETY: By the type invariants, the pointer is valid; the transport of a bound device
        // works.
        unsafe { bindings::virtio_device_shutdown(self.as_raw()) }
    }

    /// Locks the device: no driver is bound to it or unbound from it meanwhile.
    pub(super) fn lock(&self) -> DeviceLock<'_> {
        let dev: &device::Device<device::Core<'_>> = self.as_ref();
        DeviceLock::new(dev)
    }

    /// Returns what the abstraction keeps for the device.
    pub(super) fn context(&self) -> Option<&Context> {
        // SAFETY: The pointer is valid. Bus callbacks are the only ones that have a
        // `Device<Core<'_>>`; they get it from the adapter, which has set the private pointer to
        // its context or to null before, and frees the context after all of them.
        unsafe { (*self.as_raw()).priv_.cast::<Context>().as_ref() }
    }
}

mod private {
    pub trait Sealed {}
}

/// Refuses what cannot be a field: a transport need not look at the offset itself.
fn check_field(offset: u32, len: u32) -> Result {
    match offset.checked_add(len) {
        Some(end) if end <= CONFIG_MAX => Ok(()),
        _ => Err(EINVAL),
    }
}

/// An integer that can be a field of the configuration space.
pub trait ConfigField: private::Sealed + Sized {
    #[doc(hidden)]
    fn read(dev: &Device<device::Bound>, offset: u32) -> Result<Self>;
}

macro_rules! impl_config_field {
    ($($int:ty),*) => {$(
        impl private::Sealed for $int {}

        impl ConfigField for $int {
            fn read(dev: &Device<device::Bound>, offset: u32) -> Result<Self> {
                Ok(match dev.config_get(offset)? {
                    (bytes, true) => <$int>::from_le_bytes(bytes),
                    (bytes, false) => <$int>::from_ne_bytes(bytes),
                })
            }
        }
    )*};
}

impl_config_field!(u8, u16, u32, u64);

/// A device whose features are not settled yet.
pub struct Negotiation<'a>(&'a Device<device::Bound>);

impl<'a> Negotiation<'a> {
    pub(super) fn new(dev: &'a Device<device::Bound>) -> Self {
        Self(dev)
    }

    /// Gives up a feature, so that the device works without it.
    pub fn clear_feature(&self, feature: Feature) {
        // SAFETY: By the type invariants of `Device`, the pointer is valid. The core calls the
        // driver's `validate` at a time when it allows the features to change.
        unsafe { bindings::__virtio_clear_bit(self.0.as_raw(), feature.bit()) }
    }
}

impl Deref for Negotiation<'_> {
    type Target = Device<device::Bound>;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

// SAFETY: `Device` is a transparent wrapper of `struct virtio_device`, and the offset is that of
// its `struct device`.
unsafe impl<Ctx: device::DeviceContext> device::AsBusDevice<Ctx> for Device<Ctx> {
    const OFFSET: usize = offset_of!(bindings::virtio_device, dev);
}

// SAFETY: `Device` is a transparent wrapper of a type that doesn't depend on `Device`'s generic
// argument.
kernel::impl_device_context_deref!(unsafe { Device });
kernel::impl_device_context_into_aref!(Device);

// SAFETY: Instances of `Device` are always reference-counted.
unsafe impl AlwaysRefCounted for Device {
    fn inc_ref(&self) {
        // SAFETY: The existence of a shared reference guarantees that the refcount is non-zero.
        unsafe { bindings::get_device(self.as_ref().as_raw()) };
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // CAST: `Self` is a transparent wrapper of `bindings::virtio_device`.
        let vdev: *mut bindings::virtio_device = obj.cast().as_ptr();
        // SAFETY: By the type invariants of `Self`, `vdev` is valid.
        let dev = unsafe { addr_of_mut!((*vdev).dev) };
        // SAFETY: The safety requirements guarantee that the refcount is non-zero.
        unsafe { bindings::put_device(dev) }
    }
}

impl<Ctx: device::DeviceContext> AsRef<device::Device<Ctx>> for Device<Ctx> {
    fn as_ref(&self) -> &device::Device<Ctx> {
        // SAFETY: By the type invariants, the pointer is valid.
        let dev = unsafe { addr_of_mut!((*self.as_raw()).dev) };
        // SAFETY: `dev` points to a valid `struct device`, which lives as long as `self`.
        unsafe { device::Device::from_raw(dev) }
    }
}

// SAFETY: A `Device` is always reference-counted and can be released from any thread.
unsafe impl Send for Device {}

// SAFETY: The methods of `Device` only read what never changes.
unsafe impl Sync for Device {}

// SAFETY: The same device; what its methods access besides is synchronised by the transport.
unsafe impl Sync for Device<device::Bound> {}

/// What a driver's table says about a device that it supports.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct DeviceId(bindings::virtio_device_id);

impl DeviceId {
    /// Stands for the devices of one type, whoever made them.
    pub const fn new(device: u32) -> Self {
        Self::with_vendor(device, bindings::VIRTIO_DEV_ANY_ID)
    }

    /// Stands for the devices of one type and one vendor.
    pub const fn with_vendor(device: u32, vendor: u32) -> Self {
        Self(bindings::virtio_device_id { device, vendor })
    }
}

// SAFETY: `DeviceId` is a `#[repr(transparent)]` wrapper of `virtio_device_id`.
unsafe impl RawDeviceId for DeviceId {
    type RawType = bindings::virtio_device_id;
}

/// The table of the devices that a driver supports.
///
/// There is no room for data of the driver in it; look at [`Device::device_id`] instead.
pub type IdTable = &'static dyn kernel::device_id::IdTable<DeviceId, ()>;

/// Creates an [`IdTable`](kernel::virtio::IdTable) with its alias for modpost.
#[macro_export]
macro_rules! virtio_device_table {
    ($name:ident, [$($id:expr),* $(,)?]) => {
        $crate::module_device_table!("virtio", $crate::virtio::DeviceId, $name, @none, [$($id),*]);
    };
}
