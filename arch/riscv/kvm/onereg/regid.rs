// SPDX-License-Identifier: GPL-2.0

//! Register ids, as KVM_GET_ONE_REG and KVM_SET_ONE_REG take them.
//!
//! From the top: 8 bits of architecture, 4 bits of size, 20 bits that are zero, 8 bits of type,
//! and 24 bits of number, whose upper 8 are a subtype in some types. The architecture is not
//! looked at, as the C code does not.

use super::{
    errno::Reason,
    nospec,
    policy::MultiWord, //
};

const SIZE_SHIFT: u32 = 52;
const SIZE_MASK: u64 = 0xf << SIZE_SHIFT;
const ARCH_MASK: u64 = 0xff << 56;
const TYPE_SHIFT: u32 = 24;
const TYPE_MASK: u64 = 0xff << TYPE_SHIFT;
const SUBTYPE_SHIFT: u32 = 16;
const SUBTYPE_MASK: u64 = 0xff << SUBTYPE_SHIFT;

/// The architecture of ids in a list.
const ARCH_RISCV: u64 = 0x80 << 56;

/// The type of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// What the vCPU is.
    Config,
    /// Program counter, integer registers and mode.
    Core,
    /// Control and status registers.
    Csr,
    /// The timer.
    Timer,
    /// Registers of the F extension.
    FpF,
    /// Registers of the D extension.
    FpD,
    /// Which extensions the vCPU has.
    IsaExt,
    /// Which SBI extensions the vCPU has.
    SbiExt,
    /// Vector registers.
    Vector,
    /// State of SBI extensions.
    SbiState,
}

impl Class {
    /// All classes.
    #[allow(dead_code, reason = "only tests go through all of them")]
    pub(crate) const ALL: [Self; 10] = [
        Self::Config,
        Self::Core,
        Self::Csr,
        Self::Timer,
        Self::FpF,
        Self::FpD,
        Self::IsaExt,
        Self::SbiExt,
        Self::Vector,
        Self::SbiState,
    ];

    /// Returns the number in an id.
    pub(crate) const fn number(self) -> u64 {
        match self {
            Self::Config => 1,
            Self::Core => 2,
            Self::Csr => 3,
            Self::Timer => 4,
            Self::FpF => 5,
            Self::FpD => 6,
            Self::IsaExt => 7,
            Self::SbiExt => 8,
            Self::Vector => 9,
            Self::SbiState => 10,
        }
    }

    const fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            1 => Self::Config,
            2 => Self::Core,
            3 => Self::Csr,
            4 => Self::Timer,
            5 => Self::FpF,
            6 => Self::FpD,
            7 => Self::IsaExt,
            8 => Self::SbiExt,
            9 => Self::Vector,
            10 => Self::SbiState,
            _ => return None,
        })
    }
}

/// The size of a register: a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(u8);

impl Size {
    /// 4 bytes.
    pub(crate) const WORD: Self = Self(2);
    /// 8 bytes, the width of an integer register.
    pub(crate) const DOUBLE: Self = Self(3);

    /// Makes a size of a number of bytes that is a power of two.
    pub(crate) const fn of_bytes(bytes: u64) -> Option<Self> {
        let [shift, ..] = bytes.trailing_zeros().to_le_bytes();

        if bytes.is_power_of_two() && shift < 16 {
            Some(Self(shift))
        } else {
            None
        }
    }

    const fn bits(self) -> u64 {
        let shift = u64::from_le_bytes([self.0, 0, 0, 0, 0, 0, 0, 0]);

        shift << SIZE_SHIFT
    }
}

/// An id, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RegId {
    /// The type.
    pub(crate) class: Class,
    /// The size.
    pub(crate) size: Size,
    /// Everything else but the architecture, with the bits that have to be zero.
    rest: u64,
}

impl RegId {
    /// Takes an id apart.
    pub(crate) const fn new(id: u64) -> Result<Self, Reason> {
        let Some(class) = Class::from_number((id & TYPE_MASK) >> TYPE_SHIFT) else {
            return Err(Reason::UnknownType);
        };
        let [shift, ..] = ((id & SIZE_MASK) >> SIZE_SHIFT).to_le_bytes();

        Ok(Self {
            class,
            size: Size(shift),
            rest: id & !(ARCH_MASK | SIZE_MASK | TYPE_MASK),
        })
    }

    /// Returns the id of a register for a list.
    pub(crate) const fn encode(class: Class, size: Size, subtype: u8, number: u16) -> u64 {
        let subtype = u64::from_le_bytes([subtype, 0, 0, 0, 0, 0, 0, 0]);
        let [low, high] = number.to_le_bytes();
        let number = u64::from_le_bytes([low, high, 0, 0, 0, 0, 0, 0]);

        ARCH_RISCV | size.bits() | class.number() << TYPE_SHIFT | subtype << SUBTYPE_SHIFT | number
    }

    /// Checks that the register is as wide as an integer register.
    pub(crate) fn require_double(self) -> Result<Self, Reason> {
        if self.size == Size::DOUBLE {
            Ok(self)
        } else {
            Err(Reason::WrongSize)
        }
    }

    /// Returns the number, of a class without subtypes.
    pub(crate) const fn number(self) -> u64 {
        self.rest
    }

    /// Returns the subtype.
    pub(crate) const fn subtype(self) -> u64 {
        (self.rest & SUBTYPE_MASK) >> SUBTYPE_SHIFT
    }

    /// Returns the number below the subtype.
    pub(crate) const fn number_in_subtype(self) -> u64 {
        self.rest & !SUBTYPE_MASK
    }
}

/// A register of [`Class::Config`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConfigReg {
    /// Single-letter extensions.
    Isa,
    /// The block size of an extension for cache blocks.
    BlockSize(Block),
    /// Who made the processor.
    Identity(Identity),
    /// The mode of address translation.
    SatpMode,
}

/// An extension for cache blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// Zicbom.
    Zicbom,
    /// Zicboz.
    Zicboz,
    /// Zicbop.
    Zicbop,
}

/// What tells who made a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// mvendorid.
    Vendor,
    /// marchid.
    Architecture,
    /// mimpid.
    Implementation,
}

/// The number of registers of [`Class::Config`].
pub(crate) const CONFIG_REGS: u16 = 8;

impl ConfigReg {
    /// Finds the register of an id.
    pub(crate) const fn new(id: RegId) -> Result<Self, Reason> {
        Ok(match id.number() {
            0 => Self::Isa,
            1 => Self::BlockSize(Block::Zicbom),
            2 => Self::Identity(Identity::Vendor),
            3 => Self::Identity(Identity::Architecture),
            4 => Self::Identity(Identity::Implementation),
            5 => Self::BlockSize(Block::Zicboz),
            6 => Self::SatpMode,
            7 => Self::BlockSize(Block::Zicbop),
            _ => return Err(Reason::UnknownRegister),
        })
    }
}

/// A register of [`Class::Core`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CoreReg {
    /// The program counter.
    Pc,
    /// An integer register but x0, which is none.
    X(Index<32>),
    /// The mode.
    Mode,
}

/// The number of registers of [`Class::Core`].
pub(crate) const CORE_REGS: u16 = 33;

impl CoreReg {
    /// Finds the register of an id.
    pub(crate) fn new(id: RegId) -> Result<Self, Reason> {
        match id.number() {
            0 => Ok(Self::Pc),
            32 => Ok(Self::Mode),
            number => Index::new(number).map(Self::X),
        }
    }
}

/// A number below `N`, on every path that a processor can take.
///
/// # Invariants
///
/// It is less than `N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Index<const N: usize>(usize);

impl<const N: usize> Index<N> {
    /// Checks a number that comes from user space.
    pub(crate) fn new(number: u64) -> Result<Self, Reason> {
        match usize::try_from(number) {
            // INVARIANT: It has just been compared, and a processor that speculates that it is
            // less gets zero.
            Ok(index) if index < N => Ok(Self(nospec::clamp(index, N))),
            _ => Err(Reason::UnknownRegister),
        }
    }

    /// Returns the number.
    pub(crate) const fn get(self) -> usize {
        self.0
    }
}

/// The number of registers of [`CsrReg::General`].
pub(crate) const GENERAL_CSRS: u16 = 11;
/// The number of registers of [`CsrReg::Aia`].
pub(crate) const AIA_CSRS: u16 = 7;
/// The number of sip among those of [`CsrReg::General`].
pub(crate) const SIP: usize = 7;

/// A register of [`Class::Csr`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CsrReg {
    /// One that every vCPU has.
    General(Index<11>),
    /// One of Ssaia. Its number is not checked here.
    Aia(u64),
    /// One of Smstateen. Its number is not checked here: without the extension there is none.
    Smstateen(u64),
    /// One of Zicfiss. Its number is not checked here: without the extension there is none.
    Zicfiss(u64),
}

impl CsrReg {
    /// The subtype of [`Self::Aia`].
    pub(crate) const AIA: u8 = 1;
    /// The subtype of [`Self::Smstateen`].
    pub(crate) const SMSTATEEN: u8 = 2;
    /// The subtype of [`Self::Zicfiss`].
    pub(crate) const ZICFISS: u8 = 3;

    /// Finds the register of an id.
    pub(crate) fn new(id: RegId) -> Result<Self, Reason> {
        let number = id.number_in_subtype();

        Ok(match id.subtype() {
            0 => Self::General(Index::new(number)?),
            1 => Self::Aia(number),
            2 => Self::Smstateen(number),
            3 => Self::Zicfiss(number),
            _ => return Err(Reason::UnknownRegister),
        })
    }
}

/// A register of [`Class::IsaExt`], or of [`Class::SbiExt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExtReg {
    /// One extension. Its number is not checked here.
    Single(u64),
    /// Many extensions: reads those that are on, and turns on what is written.
    On(MultiWord),
    /// Many extensions: reads those that are not on, and turns off what is written.
    Off(MultiWord),
}

impl ExtReg {
    /// Finds the register of an id.
    #[inline(always)]
    pub(crate) const fn new(id: RegId) -> Result<Self, Reason> {
        let number = id.number_in_subtype();

        Ok(match (id.subtype(), MultiWord::new(number)) {
            (0, _) => Self::Single(number),
            (1, Some(word)) => Self::On(word),
            (2, Some(word)) => Self::Off(word),
            _ => return Err(Reason::UnknownRegister),
        })
    }
}

/// The number of registers of [`Class::Timer`].
pub(crate) const TIMER_REGS: u16 = 4;
/// The number of the timer's state among them.
const TIMER_STATE: u64 = 3;

/// Returns whether an id is that of the timer's state.
pub(crate) fn is_timer_state(id: RegId) -> bool {
    id.class == Class::Timer && id.size == Size::DOUBLE && id.number() == TIMER_STATE
}
