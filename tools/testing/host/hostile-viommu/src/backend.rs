// SPDX-License-Identifier: GPL-2.0

//! The device's queues, as QEMU hands them over.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    sync::{atomic::Ordering, Mutex},
    thread,
    time::Duration,
};

use vhost::vhost_user::{message::VhostUserProtocolFeatures, Backend as FrontendChannel};
use vhost_user_backend::{VhostUserBackendMut, VringMutex, VringT};
use virtio_queue::{DescriptorChain, Queue, QueueOwnedT, QueueT};
use vm_memory::{
    Bytes, GuestAddress, GuestAddressSpace, GuestMemoryAtomic, GuestMemoryLoadGuard,
    GuestMemoryMmap,
};
use vmm_sys_util::epoll::EventSet;

use crate::{
    case::Case,
    config_notice::{self, Sockets},
    device::Device,
    event::EventLie,
    lie::{Answer, Id, Used},
    wire::feature, //
};

/// Of the features that every device has.
const VERSION_1: u64 = 1 << 32;
const INDIRECT_DESC: u64 = 1 << 28;
/// Of the transport between QEMU and this program.
const PROTOCOL_FEATURES: u64 = 1 << 30;

/// Numbers of the queues.
const REQUESTS: u16 = 0;
const EVENTS: u16 = 1;
const QUEUES: usize = 2;

/// No request is longer than this.
const MAX_REQUEST: u64 = 4096;

/// How long a notice follows what it is about.
const NOTICE_AFTER: Duration = Duration::from_millis(1);

type Memory = GuestMemoryAtomic<GuestMemoryMmap>;
type Chain = DescriptorChain<GuestMemoryLoadGuard<GuestMemoryMmap>>;

/// What QEMU talks to.
pub(crate) struct Backend {
    device: Device,
    memory: Memory,
    queues: Vec<VringMutex>,
    notices: Option<UnixStream>,
    /// The sockets of this process before the channel for notices came.
    sockets: Mutex<Sockets>,
    /// Channels are kept open: QEMU takes the end of one for the end of this program.
    _channel: Option<FrontendChannel>,
}

impl Backend {
    /// Creates the backend; QEMU brings the memory.
    pub(crate) fn new(memory: Memory) -> Self {
        Self {
            device: Device::new(),
            memory,
            queues: Vec::new(),
            notices: None,
            sockets: Mutex::default(),
            _channel: None,
        }
    }

    /// Behaves differently from now on.
    pub(crate) fn behave(&mut self, case: Case) {
        self.device.behave(case);
    }

    /// What the device has counted.
    pub(crate) fn statistics(&self) -> String {
        self.device.statistics()
    }

    /// Where each endpoint is.
    pub(crate) fn places(&self) -> String {
        self.device.places()
    }

    /// Puts as many events into the queue as it has room for, from the one numbered `first` on.
    ///
    /// Returns how many that were.
    pub(crate) fn send_events(&mut self, lie: EventLie, first: u32) -> io::Result<u32> {
        let Some(vring) = self.queues.get(usize::from(EVENTS)).cloned() else {
            return Err(io::Error::other("there is no driver"));
        };
        let memory = self.memory.memory();
        let mut state = vring.get_mut();
        let queue = state.get_queue_mut();
        let mut number = first;
        while number < lie.count() {
            let Some(chain) = next_chain(queue, &memory) else {
                break;
            };
            let event = lie.event(number);
            let head = chain.head_index();
            write(&memory, chain, &event.bytes)?;
            put_used(&memory, queue, head, event.used)?;
            number += 1;
        }
        if number > first {
            state.signal_used_queue()?;
        }
        Ok(number - first)
    }

    fn serve_requests(&mut self, vring: &VringMutex) -> io::Result<()> {
        let memory = self.memory.memory();
        let mut state = vring.get_mut();
        let queue = state.get_queue_mut();
        loop {
            let mut answered = Vec::new();
            while let Some(chain) = next_chain(queue, &memory) {
                answered.push((chain.head_index(), self.serve(&memory, chain)?));
            }
            if answered.is_empty() {
                return Ok(());
            }
            if answered.iter().any(|(_, answer)| answer.reversed) {
                answered.reverse();
            }
            for (head, answer) in answered {
                for used in answer.used {
                    put_used(&memory, queue, head, used)?;
                }
                if answer.jump > 0 {
                    jump(&memory, queue, answer.jump)?;
                }
            }
        }
    }

    /// Answers one request, but for its place in the used ring.
    fn serve(&mut self, memory: &GuestMemoryMmap, chain: Chain) -> io::Result<Answer> {
        let mut bytes = Vec::new();
        let reader = chain.clone().reader(memory).map_err(io::Error::other)?;
        reader.take(MAX_REQUEST).read_to_end(&mut bytes)?;
        let writer = chain.clone().writer(memory).map_err(io::Error::other)?;
        let answer = self.device.answer(&bytes, writer.available_bytes());
        if answer.config_notice {
            self.notify_config();
        }
        thread::sleep(answer.delay);
        write(memory, chain, &answer.bytes)?;
        Ok(answer)
    }

    /// Tells the driver that the configuration has changed.
    ///
    /// Not before QEMU has got the answer that it waits for: it would look at the configuration
    /// again within the first look.
    fn notify_config(&self) {
        let Some(Ok(channel)) = self.notices.as_ref().map(UnixStream::try_clone) else {
            return;
        };
        thread::spawn(move || {
            thread::sleep(NOTICE_AFTER);
            if let Err(error) = config_notice::send(&channel) {
                eprintln!("no notice of the configuration: {error}");
            }
        });
    }
}

/// The next request or buffer that the driver has made available.
fn next_chain(queue: &mut Queue, memory: &GuestMemoryLoadGuard<GuestMemoryMmap>) -> Option<Chain> {
    // Between a reset and the next start there are no rings.
    queue.iter(memory.clone()).ok()?.next()
}

/// Writes to the writable part of a chain, as much as there is room for.
fn write(memory: &GuestMemoryMmap, chain: Chain, bytes: &[u8]) -> io::Result<()> {
    let mut writer = chain.writer(memory).map_err(io::Error::other)?;
    let room = writer.available_bytes().min(bytes.len());
    writer.write_all(bytes.get(..room).unwrap_or_default())
}

/// Puts an entry into the used ring. The queue's own way to do so knows no wrong ones.
fn put_used(memory: &GuestMemoryMmap, queue: &mut Queue, head: u16, used: Used) -> io::Result<()> {
    let id = match used.id {
        Id::Own => u32::from(head),
        Id::OutOfRing => u32::from(queue.size()) + 5,
        Id::NoHead => u32::from(head.wrapping_add(1) % queue.size()),
    };
    let place = u64::from(queue.next_used() % queue.size());
    let entry = [id.to_le_bytes(), used.length.to_le_bytes()].concat();
    let address = GuestAddress(queue.used_ring() + 4 + 8 * place);
    memory
        .write_slice(&entry, address)
        .map_err(io::Error::other)?;
    jump(memory, queue, 1)
}

/// Moves the index of the used ring on.
fn jump(memory: &GuestMemoryMmap, queue: &mut Queue, by: u16) -> io::Result<()> {
    queue.set_next_used(queue.next_used().wrapping_add(by));
    let index = queue.next_used().to_le();
    let address = GuestAddress(queue.used_ring() + 2);
    memory
        .store(index, address, Ordering::Release)
        .map_err(io::Error::other)
}

impl VhostUserBackendMut for Backend {
    type Bitmap = ();
    type Vring = VringMutex;

    fn num_queues(&self) -> usize {
        QUEUES
    }

    fn max_queue_size(&self) -> usize {
        1024
    }

    fn features(&self) -> u64 {
        VERSION_1
            | INDIRECT_DESC
            | PROTOCOL_FEATURES
            | feature::INPUT_RANGE
            | feature::DOMAIN_RANGE
            | feature::MAP_UNMAP
            | feature::PROBE
            | feature::MMIO
            | feature::BYPASS_CONFIG
    }

    fn protocol_features(&self) -> VhostUserProtocolFeatures {
        // QEMU asks for these right before it sends the channel.
        if let (Ok(open), Ok(mut sockets)) = (Sockets::open(), self.sockets.lock()) {
            *sockets = open;
        }
        VhostUserProtocolFeatures::CONFIG
            | VhostUserProtocolFeatures::MQ
            | VhostUserProtocolFeatures::BACKEND_REQ
    }

    fn set_event_idx(&mut self, _enabled: bool) {}

    fn get_config(&self, offset: u32, size: u32) -> Vec<u8> {
        let mut bytes = self.device.read_config().encode();
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let mut part = bytes.split_off(start);
        part.resize(usize::try_from(size).unwrap_or(0), 0);
        part
    }

    fn update_memory(&mut self, memory: Memory) -> io::Result<()> {
        self.memory = memory;
        Ok(())
    }

    fn set_backend_req_fd(&mut self, channel: FrontendChannel) {
        let found = match self.sockets.lock() {
            Ok(sockets) => sockets.new_one(),
            Err(error) => Err(io::Error::other(error.to_string())),
        };
        match found {
            Ok(found) => self.notices = Some(found),
            Err(error) => eprintln!("no channel for notices: {error}"),
        }
        self._channel = Some(channel);
    }

    fn stop_vring(&mut self, queue: u32) -> io::Result<()> {
        if queue == u32::from(REQUESTS) {
            self.device.reset();
        }
        Ok(())
    }

    fn handle_event(
        &mut self,
        queue: u16,
        events: EventSet,
        vrings: &[VringMutex],
        _thread: usize,
    ) -> io::Result<()> {
        if !events.contains(EventSet::IN) {
            return Ok(());
        }
        if self.queues.is_empty() {
            self.queues = vrings.to_vec();
        }
        match (queue, vrings.get(usize::from(queue))) {
            (REQUESTS, Some(vring)) => self.serve_requests(vring),
            _ => Ok(()),
        }
    }
}
