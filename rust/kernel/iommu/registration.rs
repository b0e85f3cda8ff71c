// SPDX-License-Identifier: GPL-2.0

//! Registration of IOMMUs with the core.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h)

use core::{
    cell::UnsafeCell,
    ptr, //
};

use super::{
    driver::Driver,
    fwspec::FwSpec,
    ops::Ops, //
};
use crate::{
    bindings,
    device::{
        property::FwNode,
        Bound,
        Device, //
    },
    error::to_result,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
    types::{
        NotThreadSafe,
        Opaque,
        ScopeGuard, //
    },
};

/// Proof that this thread holds `iommu_probe_device_lock`.
///
/// The core holds it during every probe of an endpoint, so what a probe looks at and what is only
/// changed under this lock does not change during the probe.
///
/// # Invariants
///
/// The lock is held by this thread as long as the object lives.
pub(super) struct ProbeLock(NotThreadSafe);

impl ProbeLock {
    /// # Safety
    ///
    /// The caller must hold the lock as long as the returned object lives, and there must be no
    /// other such object.
    pub(super) unsafe fn assume_held() -> Self {
        // INVARIANT: By the safety requirements.
        Self(NotThreadSafe)
    }

    /// Runs `f` with the lock held.
    pub(super) fn with<R>(f: impl FnOnce(&mut Self) -> R) -> R {
        probe_lock();
        // INVARIANT: Taken above and not released before `f` returned.
        let result = f(&mut Self(NotThreadSafe));
        // SAFETY: Taken above.
        unsafe { probe_unlock() };
        result
    }
}

// The lock is not exported to modules: both functions must be compiled into this crate.
#[inline(never)]
fn probe_lock() {
    // SAFETY: The lock is statically initialised.
    unsafe { bindings::mutex_lock(&raw mut bindings::iommu_probe_device_lock) };
}

/// # Safety
///
/// The lock must have been taken by [`probe_lock`] on this thread.
#[inline(never)]
unsafe fn probe_unlock() {
    // SAFETY: The lock is statically initialised, and held by the safety requirements.
    unsafe { bindings::mutex_unlock(&raw mut bindings::iommu_probe_device_lock) };
}

/// One registered IOMMU.
#[pin_data]
pub(super) struct Instance<T> {
    /// Only the core looks into it between registration and unregistration.
    #[pin]
    iommu: Opaque<bindings::iommu_device>,
    /// What the IOMMU was registered with.
    supplier: ARef<Device>,
    /// A reference, so that no other node can get the same address.
    fwnode: Option<ARef<FwNode>>,
    driver: Arc<T>,
}

// SAFETY: The core synchronises its accesses of `iommu`, through which nothing else is reachable
// here; a firmware node may be used from any thread; the rest is in an `Arc`.
unsafe impl<T: Send + Sync> Send for Instance<T> {}
// SAFETY: As above.
unsafe impl<T: Send + Sync> Sync for Instance<T> {}

impl<T> Instance<T> {
    /// The driver's state.
    #[inline]
    pub(super) fn driver(&self) -> &Arc<T> {
        &self.driver
    }

    /// The device that the IOMMU was registered with.
    pub(super) fn supplier(&self) -> &Device {
        &self.supplier
    }

    /// The firmware node by which endpoints name the IOMMU.
    pub(super) fn fwnode(&self) -> Option<&FwNode> {
        self.fwnode.as_deref()
    }

    /// The core's part.
    pub(super) fn as_raw(&self) -> *mut bindings::iommu_device {
        self.iommu.get()
    }

    fn raw_fwnode(&self) -> *mut bindings::fwnode_handle {
        self.fwnode().map_or(ptr::null_mut(), FwNode::as_raw)
    }
}

/// The registered IOMMUs of one driver type.
///
/// # Invariants
///
/// `list` is only accessed with `iommu_probe_device_lock` held.
pub struct Instances<T> {
    list: UnsafeCell<KVec<Arc<Instance<T>>>>,
}

// SAFETY: The lock makes all accesses exclusive by the type invariants.
unsafe impl<T: Send + Sync> Sync for Instances<T> {}

impl<T> Instances<T> {
    /// No IOMMU.
    #[allow(clippy::new_without_default)] // Not for use outside of `iommu_ops!`.
    pub const fn new() -> Self {
        Self {
            list: UnsafeCell::new(KVec::new()),
        }
    }

    fn list<'a>(&'a self, _lock: &'a mut ProbeLock) -> &'a mut KVec<Arc<Instance<T>>> {
        // SAFETY: There is only one `ProbeLock` at a time, which the result borrows exclusively.
        unsafe { &mut *self.list.get() }
    }

    fn add(&self, lock: &mut ProbeLock, instance: Arc<Instance<T>>) -> Result {
        Ok(self.list(lock).push(instance, GFP_KERNEL)?)
    }

    fn remove(&self, lock: &mut ProbeLock, instance: &Arc<Instance<T>>) {
        let list = self.list(lock);

        list.retain(|entry| !Arc::ptr_eq(entry, instance));
        if list.is_empty() {
            // A static is never dropped, not even when its module goes.
            *list = KVec::new();
        }
    }

    /// The IOMMU that `fwspec` names.
    pub(super) fn find(
        &self,
        lock: &mut ProbeLock,
        fwspec: &FwSpec<'_>,
    ) -> Option<Arc<Instance<T>>> {
        self.list(lock)
            .iter()
            .find(|instance| fwspec.is_behind(instance.raw_fwnode()))
            .cloned()
    }
}

/// The registration of an IOMMU.
///
/// While it exists, devices that name the IOMMU in their fwspec become its endpoints. Dropping it
/// first makes sure that there will be no new endpoints, then releases those that there are: the
/// IOMMU must be working until then.
///
/// The state of the IOMMU must not own its own registration, or neither is ever dropped.
///
/// # Invariants
///
/// `instance` is registered with `ops`, has a sysfs device, and is in `instances`.
pub struct Registration<T: Driver> {
    instance: Arc<Instance<T>>,
    instances: &'static Instances<T>,
}

impl<T: Driver> Registration<T> {
    /// Registers the IOMMU that firmware knows as `hwdev`.
    ///
    /// `dev` becomes the parent of the sysfs device called `name`. Endpoints that are there already
    /// are probed before this function returns.
    pub fn new(dev: &Device<Bound>, hwdev: &Device, name: &CStr, instance: Arc<T>) -> Result<Self> {
        Self::with_fwnode(dev, hwdev.fwnode().map(ARef::from), name, instance)
    }

    /// Registers the IOMMU that has the firmware node `fwnode`.
    ///
    /// The rest is as for [`Self::new`]. Without a node, the IOMMU gets no endpoints.
    pub fn with_fwnode(
        dev: &Device<Bound>,
        fwnode: Option<ARef<FwNode>>,
        name: &CStr,
        instance: Arc<T>,
    ) -> Result<Self> {
        let instance = Arc::pin_init(
            pin_init!(Instance {
                iommu: Opaque::new(pin_init::zeroed()),
                supplier: ARef::from(&**dev),
                fwnode,
                driver: instance,
            }),
            GFP_KERNEL,
        )?;

        let instances = T::instances();

        sysfs_add(&instance, dev, name)?;
        let sysfs = ScopeGuard::new(|| {
            // SAFETY: Added above, and a registration that fails releases all endpoints.
            unsafe { sysfs_remove(&instance) }
        });
        // The core probes endpoints while it registers the IOMMU.
        ProbeLock::with(|lock| instances.add(lock, instance.clone()))?;
        let listed = ScopeGuard::new(|| {
            ProbeLock::with(|lock| instances.remove(lock, &instance));
        });
        register(&instance, T::ops())?;

        listed.dismiss();
        sysfs.dismiss();
        // INVARIANT: All three steps are done.
        Ok(Self {
            instance,
            instances,
        })
    }

    /// The state of the IOMMU.
    pub fn instance(&self) -> &Arc<T> {
        self.instance.driver()
    }

    /// The firmware node by which endpoints name the IOMMU.
    pub(super) fn fwnode(&self) -> Option<&FwNode> {
        self.instance.fwnode()
    }
}

impl<T: Driver> Drop for Registration<T> {
    fn drop(&mut self) {
        // Whoever probes an endpoint holds the lock: after this there are no new ones. An endpoint
        // that the core finds too late to release it here keeps the instance alive.
        ProbeLock::with(|lock| self.instances.remove(lock, &self.instance));
        // SAFETY: Registered by the type invariants, and this is the only place to undo that.
        unsafe { bindings::iommu_device_unregister(self.instance.as_raw()) };
        // Whoever found the IOMMU in the core's list before that looks into it with this lock held.
        ProbeLock::with(|_| ());
        // The release of an endpoint uses the sysfs device, so that goes last.
        // SAFETY: Added by the type invariants, and this is the only place to remove it.
        unsafe { sysfs_remove(&self.instance) };
    }
}

/// Gives the IOMMU a device in `/sys/class/iommu`.
fn sysfs_add<T>(instance: &Instance<T>, parent: &Device<Bound>, name: &CStr) -> Result {
    // SAFETY: The IOMMU is not registered yet, `parent` is valid, and the format takes one string.
    to_result(unsafe {
        bindings::iommu_device_sysfs_add(
            instance.as_raw(),
            parent.as_raw(),
            ptr::null_mut(),
            c"%s".as_char_ptr(),
            name.as_char_ptr(),
        )
    })
}

/// # Safety
///
/// The device must have been added by [`sysfs_add`], and no endpoint must be linked to it.
unsafe fn sysfs_remove<T>(instance: &Instance<T>) {
    // SAFETY: By the safety requirements.
    unsafe { bindings::iommu_device_sysfs_remove(instance.as_raw()) };
}

/// Makes the IOMMU known to the core, which probes its endpoints.
fn register<T>(instance: &Instance<T>, ops: &'static Ops<T>) -> Result {
    let raw = instance.as_raw();

    // SAFETY: `raw` is valid and not registered yet, so that nobody else looks into it.
    unsafe { (*raw).fwnode = instance.raw_fwnode() };
    // SAFETY:
    // * `raw` stays valid: the core uses it up to `iommu_device_unregister()` and what follows it
    //   with the probe lock held, and for an endpoint up to the release of the endpoint, which
    //   holds a reference.
    // * The table is static, and its callbacks are those for the drivers of type `T`.
    // * Without a device, the function leaves the firmware node as it is.
    to_result(unsafe { bindings::iommu_device_register(raw, ops.as_raw(), ptr::null_mut()) })
}
