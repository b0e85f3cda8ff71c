// SPDX-License-Identifier: GPL-2.0

//! A virtqueue together with the buffers that it owns.
//!
//! Nothing in here depends on the driver; [`Queue`](super::Queue) adds the lock and the driver's
//! own state.

use super::{
    buffer::{
        BufferMemory,
        OwnedBuffer, //
    },
    layout::BufferLayout,
    slots::{
        Entry,
        Slot,
        Slots, //
    },
    virtqueue::{
        Kick,
        Lists,
        VirtQueue, //
    },
};
use crate::prelude::*;

/// A buffer that the device gave back.
///
/// It is good until the next one is taken from the queue, it is released, or the queue is
/// unlocked, whichever comes first: then its slot is free again.
pub struct Completion {
    slot: Slot,
    serial: u64,
    used_len: usize,
}

impl Completion {
    /// Returns the slot that the submission returned.
    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// Returns how many bytes the device says that it wrote.
    ///
    /// That is the device's word: the number may be larger than the part that it could write.
    pub fn used_len(&self) -> usize {
        self.used_len
    }
}

/// How far the device is.
enum State {
    /// There is no virtqueue: none yet, or none between suspend and resume.
    Detached,
    /// There is a virtqueue, but the device may not be notified yet.
    Found(VirtQueue),
    /// Everything works.
    Ready(VirtQueue),
    /// The virtqueue is being taken away, but may still have buffers.
    Stopping(VirtQueue),
    /// The virtqueue is gone for good.
    Revoked,
}

/// What the queue knows about the buffer in a slot.
///
/// # Invariants
///
/// `lists` are those of the memory of the slot.
struct InSlot {
    lists: Lists,
    writable_len: usize,
    owned: Option<OwnedBuffer>,
}

/// The buffers of a queue.
///
/// # Invariants
///
/// `memory` and `contents` have at least `slots.capacity()` elements.
struct Pool {
    slots: Slots<KVec<Entry>>,
    memory: BufferMemory,
    contents: KVec<InSlot>,
}

impl Pool {
    fn new(layout: BufferLayout, ring_size: usize) -> Result<Self> {
        let count = layout
            .slots_for_ring(ring_size)
            .min(Slots::<KVec<Entry>>::MAX);

        let memory = BufferMemory::new(layout, count, GFP_KERNEL)?;
        let mut contents = KVec::with_capacity(count, GFP_KERNEL)?;
        for index in 0..count {
            // INVARIANT: The memory of this slot.
            let content = InSlot {
                lists: memory.lists(index)?,
                writable_len: 0,
                owned: None,
            };
            contents.push(content, GFP_KERNEL)?;
        }
        // INVARIANT: All three are made for `count` buffers.
        Ok(Self {
            slots: Slots::new(KVec::from_elem(Entry::Free(None), count, GFP_KERNEL)?),
            memory,
            contents,
        })
    }

    /// Copies `readable` into a slot and gives it to the device.
    ///
    /// # Safety
    ///
    /// The slot must be in flight, and its memory be left alone as long as it is.
    // As `Ring::submit()`.
    #[inline(always)]
    unsafe fn give(
        &mut self,
        vq: &mut VirtQueue,
        slot: Slot,
        readable: &[u8],
        writable_len: usize,
    ) -> Result {
        self.memory.fill(slot.index(), readable)?;
        self.memory.mark(slot.index(), 0, writable_len)?;
        let lens = self.memory.lens(readable.len(), writable_len)?;
        let content = self.contents.get_mut(slot.index()).ok_or(EINVAL)?;
        content.writable_len = writable_len;
        // SAFETY: By the type invariants of `InSlot` the lists are of the slot's memory, which is in
        // the linear map and which `lens()` has found to be long enough. It is left alone by the
        // safety requirements of this function.
        unsafe { vq.add(&mut content.lists, lens, slot.token()) }
    }
}

/// The buffers that a queue is about to own, allocated before its lock is taken.
pub(super) struct NewPool(Option<Pool>);

/// A virtqueue, its state and its buffers.
///
/// # Invariants
///
/// - The memory of a slot, or the owned buffer in its place, is neither freed nor touched while the
///   slot is in flight.
/// - `current` is a slot that the device gave back, and `serial` the number of that completion.
pub(super) struct Ring {
    state: State,
    pool: Option<Pool>,
    current: Option<Slot>,
    serial: u64,
    /// Something was submitted since the last [`Self::kick`].
    unannounced: bool,
    failure_told: bool,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self {
            state: State::Detached,
            pool: None,
            current: None,
            serial: 0,
            unannounced: false,
            failure_told: false,
        }
    }

    /// Returns whether [`Self::attach`] needs a new pool.
    pub(super) fn needs_pool(&self) -> bool {
        self.pool.is_none()
    }

    /// Allocates the buffers for a ring of `ring_size` descriptors.
    pub(super) fn new_pool(
        layout: BufferLayout,
        ring_size: usize,
        needed: bool,
    ) -> Result<NewPool> {
        Ok(NewPool(if needed {
            Some(Pool::new(layout, ring_size)?)
        } else {
            None
        }))
    }

    /// Takes a virtqueue into use; a pool that exists already stays.
    pub(super) fn attach(&mut self, vq: VirtQueue, pool: NewPool) {
        if self.pool.is_none() {
            self.pool = pool.0;
        }
        self.unannounced = false;
        self.failure_told = false;
        self.state = State::Found(vq);
    }

    /// Allows submissions and notifications.
    pub(super) fn set_ready(&mut self) {
        self.state = match core::mem::replace(&mut self.state, State::Detached) {
            State::Found(vq) => State::Ready(vq),
            other => other,
        };
    }

    /// Refuses everything from now on.
    ///
    /// The buffers stay, since the device may have some of them until it is reset.
    pub(super) fn revoke(&mut self) {
        self.release_current();
        self.state = match core::mem::replace(&mut self.state, State::Detached) {
            State::Found(vq) | State::Ready(vq) => State::Stopping(vq),
            other => other,
        };
    }

    /// Gives up the virtqueue, for good if `forever`.
    ///
    /// [`Self::revoke`] comes before. The buffers stay until [`Self::free_all`].
    pub(super) fn give_up(&mut self, forever: bool) -> Option<VirtQueue> {
        let next = if forever {
            State::Revoked
        } else {
            State::Detached
        };
        match core::mem::replace(&mut self.state, next) {
            State::Stopping(vq) => Some(vq),
            _ => None,
        }
    }

    /// Makes all slots free.
    ///
    /// # Safety
    ///
    /// After [`Self::revoke`] the device must have been reset, so that it has no buffer, and the
    /// virtqueue must have been given up.
    pub(super) unsafe fn free_all(&mut self) {
        let Some(pool) = &mut self.pool else { return };
        pool.slots.reset();
        for content in pool.contents.iter_mut() {
            content.owned = None;
        }
    }

    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.pool.as_ref().map_or(0, |pool| pool.slots.capacity())
    }

    #[inline]
    pub(super) fn free_slots(&self) -> usize {
        self.pool.as_ref().map_or(0, |pool| pool.slots.free())
    }

    pub(super) fn in_flight(&self) -> usize {
        self.pool.as_ref().map_or(0, |pool| pool.slots.in_flight())
    }

    pub(super) fn is_broken(&self) -> bool {
        match &self.state {
            State::Found(vq) | State::Ready(vq) => vq.is_broken(),
            State::Detached | State::Stopping(_) | State::Revoked => true,
        }
    }

    pub(super) fn set_broken(&mut self) {
        if let State::Found(vq) | State::Ready(vq) = &mut self.state {
            vq.set_broken();
        }
    }

    /// Returns what a submission needs, or why there can be none.
    #[inline]
    fn usable(&mut self) -> Result<(&mut VirtQueue, &mut Pool)> {
        let vq = match &mut self.state {
            State::Ready(vq) => vq,
            State::Found(_) => return Err(EBUSY),
            State::Detached | State::Stopping(_) | State::Revoked => return Err(ENODEV),
        };
        Ok((vq, self.pool.as_mut().ok_or(ENODEV)?))
    }

    /// Copies `readable` into a slot and gives the slot to the device.
    // Where the length is known, the copy is some moves then.
    #[inline(always)]
    pub(super) fn submit(&mut self, readable: &[u8], writable_len: usize) -> Result<Slot> {
        let (vq, pool) = self.usable()?;
        if readable.is_empty() && writable_len == 0 {
            return Err(EINVAL);
        }

        let slot = pool.slots.acquire().ok_or(ENOSPC)?;
        // SAFETY: `acquire()` has made the slot one in flight, and by the type invariants of `Ring`
        // its memory is left alone as long as it is.
        let added = unsafe { pool.give(vq, slot, readable, writable_len) };
        match added {
            Ok(()) => self.unannounced = true,
            Err(_) => {
                pool.slots.retract(slot);
            }
        }
        added.map(|()| slot)
    }

    /// Gives a buffer of its own to the device, under the number of a slot.
    pub(super) fn submit_owned(
        &mut self,
        buffer: OwnedBuffer,
    ) -> Result<Slot, (Error, OwnedBuffer)> {
        let (vq, pool) = match self.usable() {
            Ok(usable) => usable,
            Err(error) => return Err((error, buffer)),
        };
        let Some(slot) = pool.slots.acquire() else {
            return Err((ENOSPC, buffer));
        };
        let Some(content) = pool.contents.get_mut(slot.index()) else {
            pool.slots.retract(slot);
            return Err((EINVAL, buffer));
        };

        let added = buffer.lists().and_then(|(mut lists, lens)| {
            // SAFETY: The lists are of the memory of the buffer and no longer than that. Whether
            // the buffer is moved or not, its memory stays; by the type invariants of `Ring` it is
            // left alone while the slot is in flight, which it is now.
            unsafe { vq.add(&mut lists, lens, slot.token()) }
        });
        if let Err(error) = added {
            pool.slots.retract(slot);
            return Err((error, buffer));
        }
        content.writable_len = buffer.writable_len();
        content.owned = Some(buffer);
        self.unannounced = true;
        Ok(slot)
    }

    /// Takes the next buffer back from the device.
    #[inline]
    pub(super) fn reap(&mut self) -> Option<Result<Completion>> {
        self.release_current();

        let State::Ready(vq) = &mut self.state else {
            return None;
        };
        let pool = self.pool.as_mut()?;
        let found = vq.get();
        if let Some((token, used_len)) = found {
            if let Ok(slot) = pool.slots.complete(token) {
                // INVARIANT: The slot was just given back, and the completion gets its own number.
                self.current = Some(slot);
                self.serial = self.serial.wrapping_add(1);
                return Some(Ok(Completion {
                    slot,
                    serial: self.serial,
                    used_len,
                }));
            }
            vq.set_broken();
        }

        // Told once only: a loop over all completions must come to an end.
        if vq.is_broken() && !self.failure_told {
            self.failure_told = true;
            return Some(Err(EIO));
        }
        None
    }

    #[inline]
    fn is_current(&self, completion: &Completion) -> bool {
        self.current == Some(completion.slot) && self.serial == completion.serial
    }

    /// Copies out what the device wrote.
    #[inline]
    pub(super) fn read(&self, completion: &Completion, dst: &mut [u8]) -> usize {
        let (true, Some(pool)) = (self.is_current(completion), &self.pool) else {
            return 0;
        };
        let index = completion.slot.index();
        let Some(content) = pool.contents.get(index) else {
            return 0;
        };

        let len = dst.len().min(completion.used_len).min(content.writable_len);
        match (dst.get_mut(..len), &content.owned) {
            (Some(dst), Some(buffer)) => buffer.read(0, dst),
            (Some(dst), None) => pool.memory.read(index, 0, dst),
            (None, _) => 0,
        }
    }

    /// Copies out the first bytes that the device wrote, if there are so many.
    #[inline]
    pub(super) fn read_array<const N: usize>(&self, completion: &Completion) -> Option<[u8; N]> {
        let pool = self
            .pool
            .as_ref()
            .filter(|_| self.is_current(completion) && completion.used_len >= N)?;
        let index = completion.slot.index();
        let content = pool.contents.get(index)?;
        if content.writable_len < N {
            return None;
        }
        match &content.owned {
            Some(buffer) => buffer.read_array(),
            None => pool.memory.read_array(index),
        }
    }

    /// Gives an owned buffer back to the driver.
    #[inline]
    pub(super) fn take_buffer(&mut self, completion: &Completion) -> Option<OwnedBuffer> {
        if !self.is_current(completion) {
            return None;
        }
        let pool = self.pool.as_mut()?;
        let content = pool.contents.get_mut(completion.slot.index())?;
        let buffer = content.owned.take()?;
        // What is left is the memory of the slot, which this answer is not in.
        content.writable_len = 0;
        Some(buffer)
    }

    /// Makes the slot of a completion free.
    pub(super) fn release(&mut self, completion: Completion) {
        if self.is_current(&completion) {
            self.release_current();
        }
    }

    /// Makes the slot of the last completion free, if that has not happened yet.
    #[inline]
    pub(super) fn release_current(&mut self) {
        if self.current.is_some() {
            self.do_release_current();
        }
    }

    #[inline]
    fn do_release_current(&mut self) {
        let (Some(slot), Some(pool)) = (self.current.take(), &mut self.pool) else {
            return;
        };
        if let Some(content) = pool.contents.get_mut(slot.index()) {
            content.owned = None;
        }
        pool.slots.release(slot);
    }

    /// Returns the notification for all that was submitted since the last one, if the device wants
    /// one.
    #[inline]
    pub(super) fn kick(&mut self) -> Option<Kick> {
        // To ask the virtqueue is a full memory barrier, too much for who waits in a loop.
        if !self.unannounced {
            return None;
        }
        let State::Ready(vq) = &mut self.state else {
            return None;
        };
        self.unannounced = false;
        vq.kick()
    }
}
