// SPDX-License-Identifier: GPL-2.0

//! The virtqueues of one device, from their creation to their deletion.

use super::{
    device::Device,
    layout::BufferLayout,
    queue::{
        AnyQueue,
        Callback,
        Queue,
        QueueName, //
    },
    recovery::Recovery,
    virtqueue::VirtQueue, //
};
use crate::{
    bindings,
    device::Core,
    error::to_result,
    prelude::*,
    sync::{
        new_mutex,
        rcu,
        Arc,
        Mutex,
        SetOnce, //
    },
};
use core::ptr::{
    null_mut,
    NonNull, //
};

/// How far the virtqueues of a device are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No driver asked for queues.
    Unused,
    /// A driver is naming its queues, or has given up to do so.
    Claimed,
    /// The queues have no virtqueues: the device is suspended, or about to be resumed.
    Stopped,
    /// There are virtqueues.
    Found,
    /// The device may use them.
    Ready,
}

/// What the bus abstraction keeps for a device while a driver is bound to it.
///
/// The driver core serialises everything but [`Context::on_used`].
#[pin_data]
pub(super) struct Context {
    /// Indexed by the number of the virtqueue. Set before the first virtqueue exists, so that
    /// interrupt handlers can read it without a lock.
    queues: SetOnce<KVec<Arc<dyn AnyQueue>>>,
    #[pin]
    stage: Mutex<Stage>,
    /// For drivers whose devices can be reset.
    recovery: Option<Arc<Recovery>>,
}

impl Context {
    pub(super) fn new(recovery: Option<Arc<Recovery>>) -> impl PinInit<Self> {
        pin_init!(Self {
            queues: SetOnce::new(),
            stage <- new_mutex!(Stage::Unused),
            recovery,
        })
    }

    /// How the device is reset when it asks for it.
    pub(super) fn recovery(&self) -> Option<&Arc<Recovery>> {
        self.recovery.as_ref()
    }

    fn queues(&self) -> &[Arc<dyn AnyQueue>] {
        self.queues.as_ref().map_or(&[], |queues| queues)
    }

    /// Calls the driver for the virtqueue with the number `index`.
    fn on_used(&self, index: usize) {
        if let Some(queue) = self.queues().get(index) {
            queue.on_used();
        }
    }

    fn claim(&self) -> Result {
        let mut stage = self.stage.lock();
        if *stage != Stage::Unused {
            return Err(EBUSY);
        }
        *stage = Stage::Claimed;
        Ok(())
    }

    /// Creates the virtqueues for `queues`.
    fn find(&self, dev: &Device<Core<'_>>, queues: KVec<Arc<dyn AnyQueue>>) -> Result {
        if queues.is_empty() {
            return Err(EINVAL);
        }
        if !self.queues.populate(queues) {
            return Err(EBUSY);
        }
        *self.stage.lock() = Stage::Stopped;
        self.find_again(dev)
    }

    /// Creates the virtqueues for the queues that are already known, if there are any.
    pub(super) fn find_again(&self, dev: &Device<Core<'_>>) -> Result {
        let mut stage = self.stage.lock();
        if *stage != Stage::Stopped {
            return Ok(());
        }

        let vqs = create_virtqueues(dev, self.queues())?;
        *stage = Stage::Found;
        drop(stage);

        self.attach(&vqs).inspect_err(|_| self.stop(dev, true))
    }

    fn attach(&self, vqs: &[*mut bindings::virtqueue]) -> Result {
        for (queue, vq) in self.queues().iter().zip(vqs) {
            let vq = NonNull::new(*vq).ok_or(ENOENT)?;
            // SAFETY: The virtqueue was just created. `stop()` is the only place that deletes it,
            // and makes the queue give it up first; this queue is the only one that uses it.
            queue.attach(unsafe { VirtQueue::new(vq) })?;
        }
        Ok(())
    }

    /// Tells the device that it may use the queues, unless that was done already.
    pub(super) fn ready(&self, dev: &Device<Core<'_>>) {
        let mut stage = self.stage.lock();
        if *stage != Stage::Found {
            return;
        }
        // SAFETY: The device is valid, is being bound or resumed, and its driver has not been
        // announced as ready before: only this function does it, once for each creation of the
        // virtqueues.
        unsafe { bindings::virtio_device_ready(dev.as_raw()) };
        for queue in self.queues() {
            queue.set_ready();
        }
        *stage = Stage::Ready;
    }

    /// Takes the virtqueues away from everybody, resets the device, and deletes them.
    ///
    /// With `forever`, the queues never get new ones.
    pub(super) fn stop(&self, dev: &Device<Core<'_>>, forever: bool) {
        let mut stage = self.stage.lock();
        for queue in self.queues() {
            queue.revoke();
        }
        let had_virtqueues = matches!(*stage, Stage::Found | Stage::Ready);
        if had_virtqueues {
            // A notification that was prepared before the queue was revoked must be over before
            // the reset: some devices do not survive it otherwise.
            rcu::synchronize_rcu();
        }

        // SAFETY: The device is valid. No notification is in progress and none can begin.
        unsafe { bindings::virtio_reset_device(dev.as_raw()) };

        if had_virtqueues {
            // SAFETY: The device is valid, and has virtqueues.
            unsafe { bindings::virtio_synchronize_cbs(dev.as_raw()) };
        }
        for queue in self.queues() {
            // SAFETY: The queue was revoked above, and the device was reset after that.
            unsafe { queue.detach(forever) };
        }
        if had_virtqueues {
            // SAFETY: The device is valid and was reset. No queue has a virtqueue any more, and no
            // notification does since the grace period.
            unsafe { bindings::virtio_del_vqs(dev.as_raw()) };
            *stage = Stage::Stopped;
        }
    }
}

/// Asks the transport for one virtqueue for each of `queues`.
fn create_virtqueues(
    dev: &Device<Core<'_>>,
    queues: &[Arc<dyn AnyQueue>],
) -> Result<KVec<*mut bindings::virtqueue>> {
    let mut infos = KVec::with_capacity(queues.len(), GFP_KERNEL)?;
    for queue in queues {
        infos.push(
            bindings::virtqueue_info {
                name: queue.name().as_char_ptr(),
                callback: queue.has_callback().then_some(virtqueue_callback),
                ctx: false,
            },
            GFP_KERNEL,
        )?;
    }
    let mut vqs = KVec::from_elem(null_mut(), queues.len(), GFP_KERNEL)?;
    let count = u32::try_from(queues.len()).map_err(|_| EINVAL)?;

    // SAFETY: The device is valid and has no virtqueues. Both arrays have `count` elements, and the
    // names in the first one live forever.
    to_result(unsafe {
        bindings::virtio_find_vqs(
            dev.as_raw(),
            count,
            vqs.as_mut_ptr(),
            infos.as_mut_ptr(),
            null_mut(),
        )
    })?;
    Ok(vqs)
}

/// Called when the device has used buffers of a virtqueue.
///
/// # Safety
///
/// `vq` must be a virtqueue that [`create_virtqueues`] made.
unsafe extern "C" fn virtqueue_callback(vq: *mut bindings::virtqueue) {
    // SAFETY: By the safety requirements, `vq` is valid.
    let (vdev, index) = unsafe { ((*vq).vdev, (*vq).index) };
    // SAFETY: A virtqueue belongs to a valid device. Its private pointer was set to the context
    // before the virtqueue was created, and stays until it is deleted.
    let context = unsafe { (*vdev).priv_.cast::<Context>().as_ref() };

    if let (Some(context), Ok(index)) = (context, usize::try_from(index)) {
        context.on_used(index);
    }
}

/// The queues that a driver wants to have, before they are known to the device.
///
/// The first queue that is added becomes the first virtqueue of the device, and so on.
pub struct QueueSetup<'a, 'c> {
    dev: &'a Device<Core<'c>>,
    queues: KVec<Arc<dyn AnyQueue>>,
}

impl<'a, 'c> QueueSetup<'a, 'c> {
    /// Begins to name the queues of a device.
    ///
    /// This is possible once for each binding, in `probe`. After that it fails with [`EBUSY`].
    pub fn new(dev: &'a Device<Core<'c>>) -> Result<Self> {
        dev.context().ok_or(ENODEV)?.claim()?;
        Ok(Self {
            dev,
            queues: KVec::new(),
        })
    }

    /// Adds a queue that the driver polls.
    pub fn add<T: Send + 'static>(
        &mut self,
        name: QueueName,
        layout: BufferLayout,
        data: T,
    ) -> Result<Arc<Queue<T>>> {
        self.push(Queue::new(name, layout, data, None)?)
    }

    /// Adds a queue that interrupts the driver.
    ///
    /// `callback` is called in hard interrupt context, with the queue unlocked.
    pub fn add_with_callback<T: Send + 'static>(
        &mut self,
        name: QueueName,
        layout: BufferLayout,
        data: T,
        callback: Callback<T>,
    ) -> Result<Arc<Queue<T>>> {
        self.push(Queue::new(name, layout, data, Some(callback))?)
    }

    fn push<T: Send + 'static>(&mut self, queue: Arc<Queue<T>>) -> Result<Arc<Queue<T>>> {
        self.queues.push(queue.clone(), GFP_KERNEL)?;
        Ok(queue)
    }

    /// Creates the virtqueues and allocates their buffers.
    pub fn find(self) -> Result<FoundQueues<'a, 'c>> {
        let context = self.dev.context().ok_or(ENODEV)?;
        context.find(self.dev, self.queues)?;
        Ok(FoundQueues {
            dev: self.dev,
            context,
        })
    }
}

/// Queues that exist, but that the device may not use yet.
///
/// If the driver does not call [`FoundQueues::ready`], that happens when its `probe` has succeeded.
pub struct FoundQueues<'a, 'c> {
    dev: &'a Device<Core<'c>>,
    context: &'a Context,
}

impl FoundQueues<'_, '_> {
    /// Tells the device that the driver is ready, so that it uses the queues.
    pub fn ready(self) {
        self.context.ready(self.dev);
    }
}
