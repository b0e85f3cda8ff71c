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
    fwft::Feature,
    host,
    policy::{
        self,
        Change,
        Host, //
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
        SIP, //
    },
    table::Ext,
    vcpu::{
        SbiExtensions,
        Vcpu, //
    },
};
use kernel::prelude::*;

/// Why a call fails.
#[derive(Debug)]
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
    let initial = host::current().initial();

    vcpu.set_strict(calls::new_vcpus_are_strict());
    vcpu.set_extensions(initial, derive::isa_bits(initial));
}

/// Returns the extensions that the host has and a guest does not.
pub(crate) fn lost(vcpu: &Vcpu<'_>) -> Ids {
    host::ids().minus(vcpu.extensions())
}

/// Reads a register.
///
/// User memory is written as the last step, with as many bytes as the id says.
pub(crate) fn get(vcpu: &mut Vcpu<'_>, reg: &OneReg<'_>) -> Outcome {
    let id = RegId::new(reg.id())?;

    let value = match id.class {
        Class::Config => get_config(vcpu, ConfigReg::new(id.require_double()?)?),
        Class::Core => get_core(vcpu, CoreReg::new(id.require_double()?)?),
        Class::Csr => get_csr(vcpu, CsrReg::new(id.require_double()?)?)?,
        Class::IsaExt => get_extension(vcpu, ExtReg::new(id.require_double()?)?)?,
        _ => return Ok(vcpu.get_in_c(id.class, reg)?),
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
            ids: host::ids(),
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
    policy::Vcpu {
        host: host::current(),
        ..view(vcpu)
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

            if host::ids().has(ext.number()) {
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
            let change = view_to_decide(vcpu).decide_letters(value)?;

            apply(vcpu, change);
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
    let view = view_to_decide(vcpu);
    let change = match register {
        ExtReg::Single(number) => view.decide(number, value)?,
        ExtReg::On(word) => view.decide_multi(word, value, true)?,
        ExtReg::Off(word) => view.decide_multi(word, value, false)?,
    };

    apply(vcpu, change);
    Ok(())
}

/// Changes the extensions of a vCPU, and what it has of their registers.
///
/// Registers of an extension that is gone must not be used any more, nor hold what a guest has no
/// business to see.
fn apply(vcpu: &mut Vcpu<'_>, change: Change) {
    if change.is_none() {
        return;
    }

    vcpu.change_extensions(change);
    if !change.all().intersection(derive::FLOAT).is_empty() {
        reset_float(vcpu);
    }
    if !change.all().intersection(derive::VECTOR).is_empty() {
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
        return Ok(result?);
    }

    let unchanged = ExtReg::new(id)
        .ok()
        .zip(reg.read().ok())
        .is_some_and(|(register, value)| is_unchanged(vcpu, register, value));

    unchanged.then_some(()).ok_or(Reason::HasRun.into())
}

/// Returns whether a write to a register about SBI extensions would change nothing.
fn is_unchanged(vcpu: &Vcpu<'_>, register: ExtReg, value: u64) -> bool {
    let SbiExtensions {
        enabled, disabled, ..
    } = vcpu.sbi_extensions();
    let bit = |number: u64| {
        u32::try_from(number)
            .ok()
            .and_then(|shift| 1_u64.checked_shl(shift))
            .unwrap_or(0)
    };

    match register {
        ExtReg::Single(number) if value == 1 => enabled & bit(number) != 0,
        ExtReg::Single(number) if value == 0 => disabled & bit(number) != 0,
        ExtReg::On(policy::MultiWord::First) => value & disabled == 0,
        ExtReg::Off(policy::MultiWord::First) => value & enabled == 0,
        _ => false,
    }
}

/// Writes a register of the state of an SBI extension.
///
/// A firmware feature that is turned off leaves nothing on, nor is anything turned on of one that
/// is off. The C code looks at what is off only when the guest asks.
fn set_sbi_state(vcpu: &mut Vcpu<'_>, id: RegId, reg: &OneReg<'_>) -> Outcome {
    const FWFT: u64 = 1;

    vcpu.set_in_c(id.class, reg)?;
    if id.subtype() == FWFT {
        if let Some((feature, first)) = feature_of_register(id.number_in_subtype()) {
            if !vcpu.is_feature_enabled(first)? {
                let off = feature.off(vcpu.switches());

                vcpu.set_switches(off);
                vcpu.mark_csrs_dirty();
            }
        }
    }

    Ok(())
}

/// Finds the feature of a register, and the first of its three registers, which says whether the
/// feature is on.
fn feature_of_register(number: u64) -> Option<(Feature, u64)> {
    let feature = match number {
        0..=2 => Feature::MisalignedDelegation,
        3..=5 => Feature::PointerMasking,
        6..=8 => Feature::AdUpdating,
        9..=11 => Feature::LandingPad,
        12..=14 => Feature::ShadowStack,
        _ => return None,
    };

    Some((feature, number - number % 3))
}
