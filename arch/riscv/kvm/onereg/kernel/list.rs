// SPDX-License-Identifier: GPL-2.0

//! The list of the registers that a vCPU has.

use super::{
    bits::Ids,
    fwft::{
        Feature,
        REGISTERS, //
    },
    regid::{
        Class,
        CsrReg,
        RegId,
        Size,
        AIA_CSRS,
        CONFIG_REGS,
        CORE_REGS,
        GENERAL_CSRS,
        TIMER_REGS, //
    },
    table::Ext,
    vcpu::Vcpu, //
};
use core::mem::size_of_val;
use kernel::{
    prelude::*,
    transmute::AsBytes,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

/// f0 to f31 and fcsr.
const F_REGS: u16 = 33;
/// f0 to f31. Then fcsr follows, which is not as wide.
const D_REGS: u16 = 32;
/// vstart, vl, vtype, vcsr and vlenb.
const VECTOR_CSRS: u16 = 5;
/// The number of v0; one less is the address of the registers, which is none of them.
const FIRST_VECTOR: u16 = 6;
/// v0 to v31.
const VECTORS: u16 = 32;
/// The number of SBI extensions.
pub(crate) const SBI_EXTENSIONS: u16 = 14;
/// The numbers of those that have a state.
pub(crate) const STA: u16 = 10;
pub(crate) const FWFT: u16 = 12;
/// The lower and the upper half of an address.
const STA_REGS: u16 = 2;
const FWFT_SUBTYPE: u8 = 1;

/// Something that register ids are put into, in the order of the list.
trait Sink {
    /// Puts in ids with numbers from `first` on.
    fn put(&mut self, class: Class, size: Size, subtype: u8, first: u16, count: u16) -> Result;

    /// Puts in the extensions that the host has.
    fn put_extensions(&mut self, host: Ids) -> Result;
}

/// Counts ids.
#[derive(Default)]
struct Counter(u64);

impl Sink for Counter {
    fn put(&mut self, _: Class, _: Size, _: u8, _: u16, count: u16) -> Result {
        self.0 += u64::from(count);
        Ok(())
    }

    fn put_extensions(&mut self, host: Ids) -> Result {
        self.0 += u64::from(host.low().count_ones() + host.high().count_ones());
        Ok(())
    }
}

/// How many ids are copied to user memory at a time. All of them together would be too much for a
/// stack, and one at a time takes three times as long.
const CHUNK: usize = 32;

/// Writes ids to user memory.
struct Writer {
    user: UserPtr,
    chunk: [u64; CHUNK],
    used: usize,
}

impl Writer {
    fn new(user: UserPtr) -> Self {
        Self {
            user,
            chunk: [0; CHUNK],
            used: 0,
        }
    }

    fn push(&mut self, id: u64) -> Result {
        if self.used == CHUNK {
            self.flush_chunk()?;
        }
        if let Some(slot) = self.chunk.get_mut(self.used) {
            *slot = id;
            self.used += 1;
        }

        Ok(())
    }

    /// Writes a whole chunk: a copy of a constant size is cheaper.
    fn flush_chunk(&mut self) -> Result {
        let length = size_of_val(&self.chunk);

        UserSlice::new(self.user, length)
            .writer()
            .write(&self.chunk)?;
        self.user = self.user.wrapping_byte_add(length);
        self.used = 0;

        Ok(())
    }

    /// Writes what has been put in so far.
    fn flush(&mut self) -> Result {
        let ids = self.chunk.get(..self.used).unwrap_or_default();
        let bytes = AsBytes::as_bytes(ids);

        UserSlice::new(self.user, bytes.len())
            .writer()
            .write_slice(bytes)?;
        self.user = self.user.wrapping_byte_add(bytes.len());
        self.used = 0;

        Ok(())
    }
}

impl Sink for Writer {
    fn put(&mut self, class: Class, size: Size, subtype: u8, first: u16, count: u16) -> Result {
        let mut next = RegId::encode(class, size, subtype, first);
        let mut left = usize::from(count);

        // As much as there is room for at a time, and not one by one.
        while left != 0 {
            if self.used == CHUNK {
                self.flush_chunk()?;
            }

            let room = self.chunk.iter_mut().skip(self.used).take(left);
            let put = room.zip(next..).fold(0, |put, (slot, id)| {
                *slot = id;
                put + 1
            });

            self.used += put;
            left -= put;
            // CAST: A widening conversion.
            next += put as u64;
        }

        Ok(())
    }

    fn put_extensions(&mut self, host: Ids) -> Result {
        let mut id = RegId::encode(Class::IsaExt, Size::DOUBLE, 0, 0);

        // Most bits are set, so that looking at each is the shortest way.
        for (mut word, next) in [(host.low(), 64), (host.high(), 0)] {
            let first = id;

            while word != 0 {
                if word & 1 != 0 {
                    self.push(id)?;
                }
                word >>= 1;
                id += 1;
            }
            id = first + next;
        }

        Ok(())
    }
}

/// Puts in all registers.
fn put_all(vcpu: &mut Vcpu<'_>, sink: &mut impl Sink) -> Result {
    let guest = vcpu.extensions();
    let has = |ext: Ext| guest.has(ext.number());
    let double = Size::DOUBLE;

    sink.put(Class::Config, double, 0, 0, CONFIG_REGS)?;
    sink.put(Class::Core, double, 0, 0, CORE_REGS)?;
    sink.put(Class::Csr, double, 0, 0, GENERAL_CSRS)?;
    if has(Ext::SSAIA) {
        sink.put(Class::Csr, double, CsrReg::AIA, 0, AIA_CSRS)?;
    }
    if has(Ext::SMSTATEEN) {
        sink.put(Class::Csr, double, CsrReg::SMSTATEEN, 0, 1)?;
    }
    if has(Ext::ZICFISS) {
        sink.put(Class::Csr, double, CsrReg::ZICFISS, 0, 1)?;
    }
    sink.put(Class::Timer, double, 0, 0, TIMER_REGS)?;
    if has(Ext::F) {
        sink.put(Class::FpF, Size::WORD, 0, 0, F_REGS)?;
    }
    if has(Ext::D) {
        sink.put(Class::FpD, double, 0, 0, D_REGS)?;
        sink.put(Class::FpD, Size::WORD, 0, D_REGS, 1)?;
    }
    if has(Ext::V) {
        let vector = Size::of_bytes(vcpu.vector_bytes()).ok_or(EINVAL)?;

        sink.put(Class::Vector, double, 0, 0, VECTOR_CSRS)?;
        sink.put(Class::Vector, vector, 0, FIRST_VECTOR, VECTORS)?;
    }
    sink.put_extensions(vcpu.host_extensions())?;

    put_sbi(vcpu, sink)
}

/// Puts in the registers about SBI extensions, and those of their state.
fn put_sbi(vcpu: &mut Vcpu<'_>, sink: &mut impl Sink) -> Result {
    let extensions = vcpu.sbi_extensions();
    let double = Size::DOUBLE;

    for number in (0..SBI_EXTENSIONS).filter(|number| extensions.unavailable >> number & 1 == 0) {
        sink.put(Class::SbiExt, double, 0, number, 1)?;
    }
    if extensions.enabled >> STA & 1 != 0 {
        sink.put(Class::SbiState, double, 0, 0, STA_REGS)?;
    }
    if extensions.enabled >> FWFT & 1 != 0 {
        for feature in Feature::ALL {
            if vcpu.is_feature_enabled(feature).is_ok() {
                let first = feature.first_register();

                sink.put(Class::SbiState, double, FWFT_SUBTYPE, first, REGISTERS)?;
            }
        }
    }

    Ok(())
}

/// Counts the registers.
pub(crate) fn count(vcpu: &mut Vcpu<'_>) -> u64 {
    let mut counter = Counter::default();

    // Counting fails where copying does, which tells the error.
    let _ = put_all(vcpu, &mut counter);

    counter.0
}

/// Copies the ids of all registers to user memory, which has room for as many as were counted.
pub(crate) fn copy(vcpu: &mut Vcpu<'_>, user: UserPtr) -> Result {
    let mut writer = Writer::new(user);

    put_all(vcpu, &mut writer)?;
    writer.flush()
}
