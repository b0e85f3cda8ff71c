// SPDX-License-Identifier: GPL-2.0

//! Rust virtio driver sample: reads from an entropy device once.
//!
//! C version of this driver: [`drivers/char/hw_random/virtio-rng.c`](srctree/drivers/char/hw_random/virtio-rng.c)
//!
//! Reference: Virtual I/O Device (VIRTIO), section "Entropy Device".
//!
//! To make this driver probe, QEMU must be run with `-device virtio-rng-pci`.

use kernel::{
    device::{
        self,
        Core, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
    virtio::{
        self,
        BufferLayout,
        Queue,
        QueueSetup, //
    }, //
};

/// How many bytes the device is asked for.
const REQUEST_SIZE: usize = 64;

/// What the queue's lock protects.
struct Requests {
    dev: ARef<device::Device>,
}

/// Tells about all that the device has answered.
fn answered(queue: &Queue<Requests>) {
    let mut guard = queue.lock();
    // There is only one request, so a loop is not needed.
    let completion = match guard.reap() {
        Some(Ok(completion)) => completion,
        Some(Err(error)) => {
            dev_err!(guard.data().dev, "virtqueue is broken: {:?}\n", error);
            return;
        }
        None => return,
    };

    let mut random = [0; REQUEST_SIZE];
    let len = guard.read(&completion, &mut random);
    let random = random.get(..len).unwrap_or_default();
    let varied = random.windows(2).any(|pair| pair.first() != pair.last());
    let dev = guard.data().dev.clone();
    drop(guard);

    dev_info!(
        dev,
        "device returned {} bytes, {}\n",
        len,
        if varied { "not all equal" } else { "all equal" }
    );
}

struct RngDriver {
    queue: Arc<Queue<Requests>>,
}

kernel::virtio_device_table!(
    VIRTIO_TABLE,
    [virtio::DeviceId::new(virtio::device_type::RNG)]
);

#[vtable]
impl virtio::Driver for RngDriver {
    type Data<'bound> = Self;

    const ID_TABLE: virtio::IdTable = &VIRTIO_TABLE;
    const FEATURES: &'static [virtio::Feature] = &[];

    fn probe<'bound>(dev: &'bound virtio::Device<Core<'_>>) -> impl PinInit<Self, Error> + 'bound {
        let layout = BufferLayout {
            slots: 1,
            readable: 0,
            writable: REQUEST_SIZE,
        };
        let requests = Requests {
            dev: dev.as_ref().into(),
        };

        let mut setup = QueueSetup::new(dev)?;
        let queue =
            setup.add_with_callback(virtio::queue_name!(c"input"), layout, requests, answered)?;
        setup.find()?.ready();

        let kick = {
            let mut guard = queue.lock();
            guard.submit(&[], REQUEST_SIZE)?;
            guard.kick()
        };
        if let Some(kick) = kick {
            kick.notify();
        }

        Ok(Self { queue })
    }

    fn unbind<'bound>(dev: &'bound virtio::Device<Core<'_>>, data: Pin<&Self>) {
        // Nobody waits for the device: a request that it never answered stays with the queue until
        // the device is reset.
        let unanswered = data.queue.lock().in_flight();
        dev_info!(dev, "unbound, {} requests unanswered\n", unanswered);
    }
}

kernel::module_virtio_driver! {
    type: RngDriver,
    name: "rust_driver_virtio_rng",
    authors: ["Rust for Linux Contributors"],
    description: "Rust virtio driver sample",
    license: "GPL",
}
