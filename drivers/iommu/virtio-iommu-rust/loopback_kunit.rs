// SPDX-License-Identifier: GPL-2.0

//! A virtio-iommu device inside the kernel that answers as it is told to.

use kernel::{
    device,
    faux,
    str::CString,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    virtio::{
        loopback::{
            Chain,
            DeviceRing,
            Loopback,
            Model, //
        },
        queue_name, //
    }, //
};

use kernel::prelude::*;

use crate::{
    proto::{
        DomainId,
        EndpointId,
        MapFlags,
        Request,
        MAX_READABLE,
        TAIL_LEN, //
    },
    range::IovaRange,
    requests::{
        Requests,
        State, //
    },
    requests_kunit::kind,
    shadow::Mapping,
    wire::Fields, //
};

/// The domain that the tests use.
pub(crate) const DOMAIN: DomainId = DomainId::new(7);

/// Length of the properties that the device has of each endpoint.
pub(crate) const PROBE_SIZE: usize = 64;

/// How many rigs there have been.
static RIGS: Atomic<u32> = Atomic::new(0);

/// How many requests the device remembers.
const MEMORY: usize = 512;

/// What the device does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Gives this status, in an answer of the right length.
    Status(u8),
    /// Gives success, and says that it wrote another length.
    Length(u32),
    /// Gives success, but not now.
    Keep,
    /// Says that it wrote all, and writes nothing.
    Unwritten,
    /// Gives back the descriptor of this number, which it does not have.
    WrongHead(u16),
    /// Gives the buffer back twice.
    Twice,
    /// Gives back as many buffers as the ring has never held.
    RunAhead(u16),
}

/// The answer to what was carried out.
pub(crate) const OK: Answer = Answer::Status(0);

/// The answer of a device that has no room for another mapping.
const NO_MEMORY: Answer = Answer::Status(8);

/// A request as the device sees it: type, domain or endpoint, first and last address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) kind: u8,
    pub(crate) id: u32,
    pub(crate) start: u64,
    pub(crate) last: u64,
}

/// The device.
pub(crate) struct Device {
    /// The answers to the next requests, the last of them first. All others succeed.
    script: KVec<Answer>,
    /// What it was asked, in the order of the ring.
    seen: KVec<Seen>,
    /// What it keeps for later.
    kept: KVec<Chain>,
    /// The device takes requests, and answers none.
    quiet: bool,
    /// The device does not even look at the ring.
    asleep: bool,
    /// The device has no memory for mappings of odd pages.
    refuses_odd_pages: bool,
}

impl Device {
    fn new() -> Result<Self> {
        Ok(Self {
            script: KVec::with_capacity(MEMORY, GFP_KERNEL)?,
            seen: KVec::with_capacity(MEMORY, GFP_KERNEL)?,
            kept: KVec::with_capacity(MEMORY, GFP_KERNEL)?,
            quiet: false,
            asleep: false,
            refuses_odd_pages: false,
        })
    }

    /// Notes what the driver asks for, and returns it.
    fn note(&mut self, ring: &DeviceRing, chain: &Chain) -> Seen {
        let mut bytes = [0; MAX_READABLE];
        ring.read(chain, &mut bytes);
        let [kind, ..] = bytes;
        let seen = Seen {
            kind,
            id: bytes.u32_at::<4>(),
            start: bytes.u64_at::<8>(),
            last: bytes.u64_at::<16>(),
        };
        // What does not fit is not asked for by any test.
        let _ = self.seen.push_within_capacity(seen);
        seen
    }

    /// Returns the answer to a request.
    fn answer(&mut self, seen: Seen) -> Answer {
        if self.refuses_odd_pages && seen.kind == kind::MAP && seen.start >> 12 & 1 == 1 {
            return NO_MEMORY;
        }
        self.script.pop().unwrap_or(OK)
    }

    fn take_all(&mut self, ring: &mut DeviceRing) {
        while let Some(chain) = ring.next() {
            let seen = self.note(ring, &chain);
            let answer = self.answer(seen);
            if self.quiet || answer == Answer::Keep {
                let _ = self.kept.push_within_capacity(chain);
            } else {
                give(ring, chain, answer);
            }
        }
    }
}

impl Model for Device {
    fn notified(&mut self, ring: &mut DeviceRing) {
        if !self.asleep {
            self.take_all(ring);
        }
    }
}

/// Answers a request.
fn give(ring: &mut DeviceRing, chain: Chain, answer: Answer) {
    let len = ring.writable_len(&chain);
    let status = match answer {
        Answer::Status(status) => status,
        _ => 0,
    };
    if answer != Answer::Unwritten {
        ring.write(&chain, len.saturating_sub(TAIL_LEN), &[status, 0, 0, 0]);
    }
    let used = u32::try_from(len).unwrap_or(u32::MAX);
    let head = chain.head();
    match answer {
        Answer::Status(_) | Answer::Keep | Answer::Unwritten => ring.complete(chain, used),
        Answer::Length(used) => ring.complete(chain, used),
        Answer::WrongHead(head) => ring.forge(head, used),
        Answer::Twice => {
            ring.complete(chain, used);
            ring.forge(head, used);
        }
        Answer::RunAhead(count) => ring.run_ahead(count),
    }
}

/// The request side of the driver, and the device that it talks to.
pub(crate) struct Rig {
    pub(crate) requests: Arc<Requests>,
    pub(crate) device: Arc<Loopback<State, Device>>,
    // Last, since the others name it in what they log.
    _parent: faux::Registration,
}

impl Rig {
    pub(crate) fn new() -> Result<Self> {
        // A test that fails leaves its device behind.
        let number = RIGS.fetch_add(1, Relaxed);
        let name = CString::try_from_fmt(fmt!("virtio_iommu_loopback{number}"))?;
        let parent = faux::Registration::new(&name, None)?;
        let dev: &device::Device<device::Bound> = parent.as_ref().as_ref();
        let device = Loopback::new(
            queue_name!(c"loopback"),
            Requests::LAYOUT,
            State::new()?,
            Device::new()?,
        )?;
        let requests = Requests::new(ARef::from(&**dev), device.queue().clone());
        Ok(Self {
            requests: Arc::pin_init(requests, GFP_KERNEL)?,
            device,
            _parent: parent,
        })
    }

    /// Creates a device that answers the first requests like this.
    pub(crate) fn with(script: &[Answer]) -> Result<Self> {
        let rig = Self::new()?;
        rig.script(script)?;
        Ok(rig)
    }

    /// Tells the device how to answer the next requests.
    pub(crate) fn script(&self, script: &[Answer]) -> Result {
        self.tell(|device| {
            device.script.clear();
            for answer in script.iter().rev() {
                device
                    .script
                    .push_within_capacity(*answer)
                    .map_err(|_| ENOSPC)?;
            }
            Ok(())
        })?
    }

    /// Changes the device.
    fn tell<R>(&self, change: impl FnOnce(&mut Device) -> R) -> Result<R> {
        self.device.act(|device, _| change(device)).ok_or(ENODEV)
    }

    /// Lets the device keep all requests from now on.
    pub(crate) fn keep_quiet(&self) -> Result {
        self.tell(|device| device.quiet = true)
    }

    /// Lets the device refuse to map odd pages.
    pub(crate) fn refuse_odd_pages(&self) -> Result {
        self.tell(|device| device.refuses_odd_pages = true)
    }

    /// Lets the device not even take requests, or do so again.
    pub(crate) fn sleep(&self, asleep: bool) -> Result {
        self.tell(|device| device.asleep = asleep)
    }

    /// Answers what the device kept, the latest first, and returns how many requests that were.
    pub(crate) fn answer_kept(&self, answer: Answer) -> usize {
        answer_kept(&self.device, answer)
    }

    /// Returns the `index`-th request that the device got.
    pub(crate) fn seen(&self, index: usize) -> Option<Seen> {
        self.device
            .act(|device, _| device.seen.get(index).copied())?
    }

    /// Returns how many requests of a type the device got.
    pub(crate) fn count(&self, kind: u8) -> usize {
        let of_kind = |device: &mut Device| {
            let seen = device.seen.iter();
            seen.filter(|seen| seen.kind == kind).count()
        };
        self.device
            .act(|device, _| of_kind(device))
            .unwrap_or(usize::MAX)
    }

    /// Submits a MAP of `iova`, for which there has to be room.
    pub(crate) fn map(&self, iova: IovaRange) -> Result {
        if !self.try_map(iova)? {
            return Err(ENOSPC);
        }
        Ok(())
    }

    /// Submits a MAP of `iova` and returns whether there was room.
    pub(crate) fn try_map(&self, iova: IovaRange) -> Result<bool> {
        try_map(&self.requests, iova)
    }

    /// Maps `iova` and returns what became of it.
    pub(crate) fn map_and_sync(&self, iova: IovaRange) -> Result {
        self.map(iova)?;
        self.requests.sync_map(DOMAIN, iova)
    }

    /// Submits an UNMAP of `iova`.
    pub(crate) fn unmap(&self, iova: IovaRange) -> Result {
        unmap(&self.requests, iova)
    }

    /// Unmaps `iova`, and returns what the caller is told to be mapped still, and why.
    pub(crate) fn unmap_and_sync(&self, iova: IovaRange) -> Result<KVec<(IovaRange, Error)>> {
        let mut stale = KVec::with_capacity(8, GFP_KERNEL)?;
        self.unmap(iova)?;
        self.requests.sync_unmap(DOMAIN, iova, |iova, error| {
            let _ = stale.push_within_capacity((iova, error));
        })?;
        Ok(stale)
    }
}

/// Answers what a device kept, the latest first.
pub(crate) fn answer_kept(device: &Loopback<State, Device>, answer: Answer) -> usize {
    let answered = device.act(|device, ring| {
        let count = device.kept.len();
        while let Some(chain) = device.kept.pop() {
            give(ring, chain, answer);
        }
        count
    });
    answered.unwrap_or(0)
}

/// Returns page `index`.
pub(crate) fn page(index: u64) -> Result<IovaRange> {
    IovaRange::from_len(index << 12, 1 << 12).ok_or(EINVAL)
}

/// A request of which only the answer matters.
pub(crate) const fn attach(endpoint: u32) -> Request {
    Request::Attach {
        domain: DOMAIN,
        endpoint: EndpointId::new(endpoint),
        bypass: false,
    }
}

/// Submits a MAP of `iova` and returns whether there was room.
pub(crate) fn try_map(requests: &Requests, iova: IovaRange) -> Result<bool> {
    let mapping = Mapping {
        iova,
        phys: iova.start(),
        flags: MapFlags::READ,
    };
    requests.lock().try_map(DOMAIN, &mapping)
}

/// Submits an UNMAP of `iova`.
pub(crate) fn unmap(requests: &Requests, iova: IovaRange) -> Result {
    let mut queue = requests.lock();
    if queue.is_due() || !queue.defer_unmap(DOMAIN, iova) {
        return Err(ENOSPC);
    }
    drop(queue);
    requests.send_deferred()
}
