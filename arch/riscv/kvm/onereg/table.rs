// SPDX-License-Identifier: GPL-2.0

//! What a row in the list of extensions says, and the list as a table.

use super::{
    bits::Ids,
    fwft::{
        henvcfg::{
            CBOM,
            CBZE,
            PBMTE,
            STCE, //
        },
        Feature, //
    },
    nospec,
    rows::extension_rows, //
};
use hstateen0::{
    AIA,
    SSTATEEN0, //
};

/// Bits of hstateen0.
pub(crate) mod hstateen0 {
    /// The guest's interrupt file, its other AIA state, and siselect.
    pub(crate) const AIA: u64 = 0b111 << 58;
    /// Access to henvcfg and senvcfg.
    pub(crate) const HSENVCFG: u64 = 1 << 62;
    /// Access to sstateen0.
    pub(crate) const SSTATEEN0: u64 = 1 << 63;
}

/// Counters of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// cycle, time and instret.
    Base,
    /// hpmcounter3 and up.
    Hpm,
}

/// When a guest may have an extension, given that the host has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Enable {
    /// Whenever it is asked for.
    Always,
    /// Never: KVM does not offer it.
    Never,
    /// If the host has another one too.
    With(Ext),
    /// If the caller may use vector instructions itself.
    VectorOn,
}

/// When an extension can be taken from a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disable {
    /// Whenever it is asked for.
    Always,
    /// Never.
    Never,
    /// If the host has another one too.
    With(Ext),
    /// With the strict rules only.
    OptIn,
    /// Never, since KVM itself needs what would turn it off.
    Kept,
}

/// What keeps a guest from using an extension that it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    /// Nothing does.
    Nothing(Why),
    /// There is nothing to turn off, as no guest gets it.
    NotOffered,
    /// These bits of henvcfg are set only for a guest with the extension.
    Henvcfg(u64),
    /// These bits of hstateen0 are set only for a guest with the extension.
    Hstateen0(u64),
    /// Floating-point instructions trap with sstatus.FS off.
    FloatState,
    /// Vector instructions trap with sstatus.VS off.
    VectorState,
    /// It does nothing until a firmware feature is turned on, and that is refused.
    Fwft(Feature),
    /// KVM emulates the seed CSR, and does not do so.
    SeedCsr,
    /// Counters trap, and are not emulated.
    Counters(Counter),
}

/// Why nothing turns an extension off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// No control bit makes its instructions trap.
    Opcodes,
    /// Its instructions are hints, and do nothing where it is missing.
    Hints,
    /// It is a format of page tables, or how they are cached.
    PageTables,
    /// It is a promise about memory.
    MemoryModel,
    /// It is a promise about the time that instructions take.
    Timing,
    /// A part of it has no control bit.
    Partly,
    /// The guest writes senvcfg without KVM.
    Senvcfg,
    /// It is not for 64 bit guests.
    Rv32,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The extension.
    pub(crate) ext: Ext,
    /// When it may be there.
    pub(crate) enable: Enable,
    /// When it can be taken away.
    pub(crate) disable: Disable,
    /// What makes that real.
    pub(crate) by: Mechanism,
    /// What it needs at once. What those need, it needs as well.
    pub(crate) needs: Ids,
    /// The extension that the host has to have.
    pub(crate) host: Ext,
}

impl Row {
    /// Returns whether there is such an extension only with 32 bit registers.
    pub(crate) const fn is_rv32_only(&self) -> bool {
        matches!(self.by, Mechanism::Nothing(Why::Rv32))
    }
}

/// Makes the type of extensions and the table from the list.
macro_rules! define {
    (@host $ext:ident) => { Ext::$ext };
    (@host $ext:ident $host:ident) => { Ext::$host };
    ($(
        $ext:ident = $number:literal, $bit:literal, $enable:expr, $disable:expr, $by:expr,
        [$($need:ident),*] $(, on $host:ident)?;
    )*) => {
        /// An extension, under its name in the C headers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(clippy::upper_case_acronyms, reason = "the names are those of the C headers")]
        pub(crate) enum Ext {
            $(
                #[doc = concat!("`KVM_RISCV_ISA_EXT_", stringify!($ext), "`.")]
                $ext,
            )*
        }

        impl Ext {
            /// Returns the number in ONE_REG.
            pub(crate) const fn number(self) -> u8 {
                match self {
                    $(Self::$ext => $number,)*
                }
            }

            /// Returns the number in the ISA bitmaps.
            pub(crate) const fn bit(self) -> u8 {
                match self {
                    $(Self::$ext => $bit,)*
                }
            }

            /// Returns the name in an ISA string, in upper case.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$ext => stringify!($ext),)*
                }
            }
        }

        /// The table. A row stands at the place of its number.
        pub(crate) const TABLE: [Row; COUNT] = [$(
            Row {
                ext: Ext::$ext,
                enable: {
                    #[allow(unused_imports, reason = "few rows use all of them")]
                    use {
                        Enable::*,
                        Ext::*, //
                    };
                    $enable
                },
                disable: {
                    #[allow(unused_imports, reason = "few rows use all of them")]
                    use {
                        Disable::*,
                        Ext::*, //
                    };
                    $disable
                },
                by: {
                    #[allow(unused_imports, reason = "few rows use all of them")]
                    use {
                        Counter::*,
                        Feature::*,
                        Mechanism::*,
                        Why::*, //
                    };
                    $by
                },
                needs: Ids::EMPTY$(.with(Ext::$need.number()))*,
                host: define!(@host $ext $($host)?),
            },
        )*];

        /// How many extensions there are.
        pub(crate) const COUNT: usize = [$($number),*].len();
    };
}

extension_rows!(define);

static ROWS: [Row; COUNT] = TABLE;

/// The number of an extension in ONE_REG.
///
/// # Invariants
///
/// There is a row of this number, and a processor that speculates does not see another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExtId(u8);

impl ExtId {
    /// Checks a number that comes from user space.
    pub(crate) fn new(number: u64) -> Option<Self> {
        let index = usize::try_from(number).ok()?;

        if index >= COUNT {
            return None;
        }

        // INVARIANT: It is less than `COUNT`, on every path that a processor can take.
        u8::try_from(nospec::clamp(index, COUNT)).ok().map(Self)
    }

    /// Returns the number of an extension.
    pub(crate) const fn of(ext: Ext) -> Self {
        // INVARIANT: Each extension has a row.
        Self(ext.number())
    }

    /// Returns the number.
    pub(crate) const fn number(self) -> u8 {
        self.0
    }

    /// Returns the row.
    pub(crate) fn row(self) -> Option<&'static Row> {
        ROWS.get(usize::from(self.0))
    }
}

/// Returns all rows.
pub(crate) fn rows() -> &'static [Row] {
    &ROWS
}
