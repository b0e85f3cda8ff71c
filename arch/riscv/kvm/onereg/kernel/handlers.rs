// SPDX-License-Identifier: GPL-2.0

//! Reading and writing registers.

use super::{
    bits::Ids,
    calls::{
        self,
        OneReg, //
    },
    derive,
    errno::Reason,
    fwft::{
        self,
        Feature, //
    },
    host,
    policy::{
        self,
        Change,
        Host,
        MultiWord,
        Rules, //
    },
    regid::{
        is_timer_state,
        Block,
        Class,
        ConfigReg,
        CoreReg,
        CsrReg,
        ExtReg,
        Identity,
        Index,
        RegId,
        Size,
        SIP, //
    },
    table::Ext,
    vcpu::Vcpu, //
};
use kernel::prelude::*;

/// Why a call fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    /// It is refused.
    Refused(Reason),
    /// Something else: user memory that cannot be used, or what the C code says.
    Other(Error),
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

type Outcome<T = ()> = Result<T, Failure>;

/// Gives a new vCPU its extensions.
pub(crate) fn set_up(vcpu: &mut Vcpu<'_>) {
    vcpu.set_strict(calls::new_vcpus_are_strict());

    let initial = host::initial(vcpu.rules());

    vcpu.set_host_extensions(host::ids());
    vcpu.set_extensions(initial.ids, initial.bits);
}

/// Returns the extensions that the host has and a guest does not.
pub(crate) fn lost(vcpu: &Vcpu<'_>) -> Ids {
    vcpu.host_extensions().minus(vcpu.extensions())
}

/// Reads a register of a vCPU that is nothing but a number in it.
///
/// Those are what is read most, and take neither C code nor more room on the stack. What is to be
/// said of all others, [`get`] says.
#[inline(always)]
pub(crate) fn peek(vcpu: &Vcpu<'_>, id: u64) -> Result<Option<u64>, Reason> {
    let id = RegId::new(id)?;

    Ok(match id.class {
        Class::Core => Some(get_core(vcpu, CoreReg::new(id.require_double()?)?)),
        Class::IsaExt => Some(get_extension(vcpu, ExtReg::new(id.require_double()?)?)?),
        _ => None,
    })
}

/// Reads a register.
///
/// User memory is written as the last step, with as many bytes as the id says.
pub(crate) fn get(vcpu: &mut Vcpu<'_>, reg: &OneReg<'_>) -> Outcome {
    let id = RegId::new(reg.id())?;

    let value = match id.class {
        Class::Config => get_config(vcpu, ConfigReg::new(id.require_double()?)?),
        Class::Csr => get_csr(vcpu, CsrReg::new(id.require_double()?)?)?,
        _ => match peek(vcpu, reg.id())? {
            Some(value) => value,
            None => return Ok(vcpu.get_in_c(id.class, reg)?),
        },
    };

    Ok(reg.write(value)?)
}

/// Writes a register.
///
/// Most classes read the value before they look at the number, as the C code does: an id that is
/// none fails with `EFAULT` where there is no value.
pub(crate) fn set(vcpu: &mut Vcpu<'_>, reg: &OneReg<'_>) -> Outcome {
    let id = RegId::new(reg.id())?;

    match id.class {
        Class::Config => {
            let id = id.require_double()?;
            let value = reg.read()?;

            set_config(vcpu, ConfigReg::new(id)?, value)
        }
        Class::Core => {
            let register = CoreReg::new(id.require_double()?)?;
            let value = reg.read()?;

            set_core(vcpu, register, value);
            Ok(())
        }
        Class::Csr => {
            let id = id.require_double()?;
            let value = reg.read()?;

            set_csr(vcpu, CsrReg::new(id)?, value)
        }
        Class::IsaExt => {
            let id = id.require_double()?;
            let value = reg.read()?;

            set_extension(vcpu, ExtReg::new(id)?, value)
        }
        Class::Timer => set_timer(vcpu, id, reg),
        Class::SbiExt => set_sbi_extension(vcpu, id, reg),
        Class::SbiState => set_sbi_state(vcpu, id, reg),
        Class::FpF | Class::FpD | Class::Vector => Ok(vcpu.set_in_c(id.class, reg)?),
    }
}

/// Looks at a vCPU as the policy does, to read.
pub(crate) fn view(vcpu: &Vcpu<'_>) -> policy::Vcpu {
    policy::Vcpu {
        host: Host {
            ids: vcpu.host_extensions(),
            // Nothing that is read depends on it.
            vector: false,
        },
        guest: vcpu.extensions(),
        ran: vcpu.has_run(),
        rules: vcpu.rules(),
    }
}

/// Looks at a vCPU as the policy does, to decide.
fn view_to_decide(vcpu: &Vcpu<'_>) -> policy::Vcpu {
    let reader = view(vcpu);

    policy::Vcpu {
        host: Host {
            vector: calls::caller_may_use_vector(),
            ..reader.host
        },
        ..reader
    }
}

fn get_config(vcpu: &Vcpu<'_>, register: ConfigReg) -> u64 {
    match register {
        ConfigReg::Isa => vcpu.isa_bits().low() & derive::LETTER_MASK,
        ConfigReg::BlockSize(block) => {
            let ext = match block {
                Block::Zicbom => Ext::ZICBOM,
                Block::Zicboz => Ext::ZICBOZ,
                Block::Zicbop => Ext::ZICBOP,
            };

            if vcpu.host_extensions().has(ext.number()) {
                host::block_size(block)
            } else {
                0
            }
        }
        ConfigReg::Identity(identity) => vcpu.identity(identity),
        ConfigReg::SatpMode => host::satp_mode(),
    }
}

fn set_config(vcpu: &mut Vcpu<'_>, register: ConfigReg, value: u64) -> Outcome {
    match register {
        ConfigReg::Isa => {
            let view = view_to_decide(vcpu);
            let decision = view.decide_letters(value);

            if let Ok(done) = decision {
                trace_left_out(vcpu, &view, view.wanted_letters(value), done);
            }
            change(vcpu, decision)?;
        }
        ConfigReg::BlockSize(block) => {
            if value != 0 && value != host::block_size(block) {
                return Err(Reason::BadValue.into());
            }
        }
        ConfigReg::Identity(identity) => set_identity(vcpu, identity, value)?,
        ConfigReg::SatpMode => {
            if value != host::satp_mode() {
                return Err(Reason::BadValue.into());
            }
        }
    }

    Ok(())
}

fn set_identity(vcpu: &mut Vcpu<'_>, identity: Identity, value: u64) -> Result<(), Reason> {
    if value == vcpu.identity(identity) {
        return Ok(());
    }
    if vcpu.has_run() {
        return Err(Reason::HasRun);
    }

    vcpu.set_identity(identity, value);
    Ok(())
}

/// The mode of a guest that was in supervisor mode.
const MODE_S: u64 = 1;

fn get_core(vcpu: &Vcpu<'_>, register: CoreReg) -> u64 {
    match register {
        CoreReg::Pc => vcpu.pc(),
        CoreReg::X(index) => vcpu.x(index),
        CoreReg::Mode if vcpu.is_supervisor() => MODE_S,
        CoreReg::Mode => 0,
    }
}

fn set_core(vcpu: &mut Vcpu<'_>, register: CoreReg, value: u64) {
    match register {
        CoreReg::Pc => vcpu.set_pc(value),
        CoreReg::X(index) => vcpu.set_x(index, value),
        CoreReg::Mode => vcpu.set_supervisor(value == MODE_S),
    }
}

fn get_csr(vcpu: &mut Vcpu<'_>, register: CsrReg) -> Outcome<u64> {
    Ok(match register {
        CsrReg::General(index) if index.get() == SIP => vcpu.sip(),
        CsrReg::General(index) => vcpu.csr(index),
        CsrReg::Aia(number) => vcpu.aia_csr(number)?,
        CsrReg::Smstateen(number) => {
            only(vcpu, Ext::SMSTATEEN, number)?;
            vcpu.sstateen0()
        }
        CsrReg::Zicfiss(number) => {
            only(vcpu, Ext::ZICFISS, number)?;
            vcpu.ssp()
        }
    })
}

fn set_csr(vcpu: &mut Vcpu<'_>, register: CsrReg, value: u64) -> Outcome {
    match register {
        CsrReg::General(index) if index.get() == SIP => vcpu.set_sip(value),
        CsrReg::General(index) => vcpu.set_csr(index, value),
        CsrReg::Aia(number) => vcpu.set_aia_csr(number, value)?,
        CsrReg::Smstateen(number) => {
            only(vcpu, Ext::SMSTATEEN, number)?;
            vcpu.set_sstateen0(value);
        }
        CsrReg::Zicfiss(number) => {
            only(vcpu, Ext::ZICFISS, number)?;
            vcpu.set_ssp(value);
        }
    }
    vcpu.mark_csrs_dirty();

    Ok(())
}

/// Checks that a guest has an extension and that the number is that of its only register.
fn only(vcpu: &Vcpu<'_>, ext: Ext, number: u64) -> Result<(), Reason> {
    if !vcpu.extensions().has(ext.number()) {
        return Err(Reason::UnknownRegister);
    }

    Index::<1>::new(number).map(|_| ())
}

fn get_extension(vcpu: &Vcpu<'_>, register: ExtReg) -> Result<u64, Reason> {
    let view = view(vcpu);

    match register {
        ExtReg::Single(number) => view.single(number).map(u64::from),
        ExtReg::On(word) => Ok(view.multi(word)),
        ExtReg::Off(word) => Ok(!view.multi(word)),
    }
}

fn set_extension(vcpu: &mut Vcpu<'_>, register: ExtReg, value: u64) -> Outcome {
    match register {
        ExtReg::Single(number) => set_one_extension(vcpu, number, value)?,
        ExtReg::On(word) => set_many_extensions(vcpu, word, value, true)?,
        ExtReg::Off(word) => set_many_extensions(vcpu, word, value, false)?,
    }

    Ok(())
}

fn set_one_extension(vcpu: &mut Vcpu<'_>, number: u64, value: u64) -> Result<(), Reason> {
    if vcpu.rules() == Rules::Strict {
        return set_one_strictly(vcpu, number, value);
    }

    // Whether the caller may use vectors is a question for C, and matters to few extensions.
    let by_vector = u8::try_from(number).is_ok_and(|number| derive::ENABLE_BY_VECTOR.has(number));
    let view = if by_vector {
        view_to_decide(vcpu)
    } else {
        view(vcpu)
    };

    if let Some(one) = view.decide_one(number, value)? {
        vcpu.change_extension(one);
        follow(vcpu, one.into());
    }

    Ok(())
}

/// Seldom used, and so kept out of the way of what is, as what follows.
#[inline(never)]
fn set_one_strictly(vcpu: &mut Vcpu<'_>, number: u64, value: u64) -> Result<(), Reason> {
    let decision = view_to_decide(vcpu).decide(number, value);

    change(vcpu, decision)
}

#[inline(never)]
fn set_many_extensions(
    vcpu: &mut Vcpu<'_>,
    word: MultiWord,
    value: u64,
    enable: bool,
) -> Result<(), Reason> {
    let view = view_to_decide(vcpu);
    let decision = view.decide_multi(word, value, enable);

    if let Ok(done) = decision {
        let wanted = view.wanted_multi(word, value, enable);

        trace_left_out(vcpu, &view, wanted, done);
    }
    change(vcpu, decision)
}

/// Tells whoever traces it what a write of many extensions left out without an error, as if each
/// had been written for itself.
fn trace_left_out(vcpu: &Vcpu<'_>, view: &policy::Vcpu, wanted: Change, done: Change) {
    if !vcpu.traces_refusals() {
        return;
    }
    for (ext, reason) in view.left_out(wanted, done) {
        let id = RegId::encode(Class::IsaExt, Size::DOUBLE, 0, u16::from(ext.number()));

        vcpu.trace_refusal(id, true, reason);
    }
}

/// Changes the extensions of a vCPU as decided.
#[inline(never)]
fn change(vcpu: &mut Vcpu<'_>, decision: Result<Change, Reason>) -> Result<(), Reason> {
    let change = decision?;

    if !change.is_none() {
        vcpu.change_extensions(change);
        follow(vcpu, change);
    }

    Ok(())
}

/// Does what follows from a change of the extensions of a vCPU.
///
/// Registers of an extension that is gone must not be used any more, nor hold what a guest has no
/// business to see. What a firmware feature turned on must not come back with the extension.
#[inline(always)]
fn follow(vcpu: &mut Vcpu<'_>, change: Change) {
    let changed = change.all();

    if !change.off.intersection(derive::FIRMWARE).is_empty() {
        vcpu.set_switches(fwft::off_with(change.off, vcpu.switches()));
    }
    if !changed.intersection(derive::FLOAT).is_empty() {
        reset_float(vcpu);
    }
    if !changed.intersection(derive::VECTOR).is_empty() {
        vcpu.reset_vector();
    }
}

/// Turns floating point on or off, as the guest has its extensions.
pub(crate) fn reset_float(vcpu: &mut Vcpu<'_>) {
    let on = view(vcpu).has_float();

    vcpu.reset_float(on);
}

/// Writes a register of the timer.
///
/// That a timer which is off is turned off is no mistake: it happens when all registers of a vCPU
/// are restored. The C code takes it for one.
fn set_timer(vcpu: &mut Vcpu<'_>, id: RegId, reg: &OneReg<'_>) -> Outcome {
    const OFF: u64 = 0;

    let result = vcpu.set_in_c(id.class, reg);

    if result == Err(EINVAL) && is_timer_state(id) && reg.read()? == OFF {
        return Ok(());
    }

    Ok(result?)
}

/// Writes a register about SBI extensions.
///
/// It may be written at any time with what it is, as all others about extensions. The C code
/// refuses that once the vCPU has run.
fn set_sbi_extension(vcpu: &mut Vcpu<'_>, id: RegId, reg: &OneReg<'_>) -> Outcome {
    let result = vcpu.set_in_c(id.class, reg);

    if result != Err(EBUSY) {
        if result.is_ok() && vcpu.traces_refusals() {
            trace_left_out_sbi(vcpu, id, reg);
        }
        return Ok(result?);
    }

    let unchanged = ExtReg::new(id)
        .ok()
        .zip(reg.read().ok())
        .is_some_and(|(register, value)| vcpu.sbi_extensions().stay_with(register, value));

    unchanged.then_some(()).ok_or(Reason::HasRun.into())
}

/// Tells whoever traces it which SBI extensions a write of many left out, as if each had been
/// written for itself.
///
/// The value is read once more. Nothing but what is told depends on it.
fn trace_left_out_sbi(vcpu: &Vcpu<'_>, id: RegId, reg: &OneReg<'_>) {
    let (Ok(register), Ok(value)) = (ExtReg::new(id), reg.read()) else {
        return;
    };

    for number in vcpu.sbi_extensions().left_out(register, value) {
        let id = RegId::encode(Class::SbiExt, Size::DOUBLE, 0, number);

        vcpu.trace_refusal(id, true, Reason::UnknownRegister);
    }
}

/// Writes a register of the state of an SBI extension.
///
/// A firmware feature that is turned off leaves nothing on, nor is anything turned on of one that
/// is off. The C code looks at what is off only when the guest asks.
///
/// The address for stolen time has no upper half with 64 bits, and the register for it is 0. The
/// C code forgets the whole address when it is written.
fn set_sbi_state(vcpu: &mut Vcpu<'_>, id: RegId, reg: &OneReg<'_>) -> Outcome {
    const STA: u64 = 0;
    const UPPER_HALF: u64 = 1;
    const FWFT: u64 = 1;

    let stolen_time = vcpu.stolen_time_address();

    vcpu.set_in_c(id.class, reg)?;
    match (id.subtype(), id.number_in_subtype()) {
        (STA, UPPER_HALF) => vcpu.set_stolen_time_address(stolen_time),
        (FWFT, number) => turn_off_disabled(vcpu, number)?,
        _ => {}
    }

    Ok(())
}

/// Turns off the firmware feature that a register belongs to, if it is disabled.
fn turn_off_disabled(vcpu: &mut Vcpu<'_>, register: u64) -> Result {
    let Some(feature) = Feature::of_register(register) else {
        return Ok(());
    };

    if !vcpu.is_feature_enabled(feature)? {
        let off = feature.off(vcpu.switches());

        vcpu.set_switches(off);
        vcpu.mark_csrs_dirty();
    }

    Ok(())
}
