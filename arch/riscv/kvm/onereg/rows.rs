// SPDX-License-Identifier: GPL-2.0

//! The ISA extensions that KVM knows of: the only list of them.
//!
//! A row is
//!
//! ```text
//! EXTENSION = id, bit, enable, disable, by, [needs];
//! ```
//!
//! * `id`: its number in ONE_REG, `KVM_RISCV_ISA_EXT_*`;
//! * `bit`: its number in the ISA bitmaps of host and guest, `RISCV_ISA_EXT_*`;
//! * `enable`: when a guest may have it, an [`Enable`];
//! * `disable`: when it can be taken from a guest, a [`Disable`];
//! * `by`: what makes taking it away something that the guest notices, a [`Mechanism`];
//! * `needs`: what it cannot be there without;
//! * `on`: the extension of the host that gives it to a guest, where that is another one.
//!
//! The names are those of the C headers, and lower case makes them those of an ISA string.
//!
//! [`Enable`]: super::table::Enable
//! [`Disable`]: super::table::Disable
//! [`Mechanism`]: super::table::Mechanism

/// Calls the macro `$with` with all rows.
macro_rules! extension_rows {
    ($with:ident) => {
        $with! {
        A           =  0,   0, Always,      Never,           Nothing(Opcodes),     [];
        C           =  1,   2, Always,      Never,           Nothing(Opcodes),     [];
        D           =  2,   3, Always,      Always,          FloatState,           [F];
        F           =  3,   5, Always,      Always,          FloatState,           [ZICSR];
        H           =  4,   7, Never,       Always,          NotOffered,           [];
        I           =  5,   8, Always,      Never,           Nothing(Opcodes),     [];
        M           =  6,  12, Always,      Never,           Nothing(Opcodes),     [];
        SVPBMT      =  7,  29, Always,      Always,          Henvcfg(PBMTE),       [];
        SSTC        =  8,  27, Always,      Kept,            Henvcfg(STCE),        [ZICNTR];
        SVINVAL     =  9,  28, Always,      Never,           Nothing(Opcodes),     [];
        ZIHINTPAUSE = 10,  32, Always,      Never,           Nothing(Hints),       [];
        ZICBOM      = 11,  31, Always,      Always,          Henvcfg(CBOM),        [];
        ZICBOZ      = 12,  34, Always,      Always,          Henvcfg(CBZE),        [];
        ZBB         = 13,  30, Always,      Never,           Nothing(Opcodes),     [];
        SSAIA       = 14,  36, Always,      With(SMSTATEEN), Hstateen0(AIA),       [];
        V           = 15,  21, VectorOn,    Always,          VectorState,          [D];
        SVNAPOT     = 16,  33, Always,      Never,           Nothing(PageTables),  [];
        ZBA         = 17,  37, Always,      Never,           Nothing(Opcodes),     [];
        ZBS         = 18,  38, Always,      Never,           Nothing(Opcodes),     [];
        ZICNTR      = 19,  39, Always,      OptIn,           Counters(Base),       [ZICSR];
        ZICSR       = 20,  40, Always,      Never,           Nothing(Opcodes),     [];
        ZIFENCEI    = 21,  41, Always,      Never,           Nothing(Opcodes),     [];
        ZIHPM       = 22,  42, Always,      OptIn,           Counters(Hpm),        [ZICSR];
        SMSTATEEN   = 23,  43, Always,      Always,          Hstateen0(SSTATEEN0), [];
        ZICOND      = 24,  44, Always,      Never,           Nothing(Opcodes),     [];
        ZBC         = 25,  45, Always,      Never,           Nothing(Opcodes),     [];
        ZBKB        = 26,  46, Always,      Never,           Nothing(Opcodes),     [];
        ZBKC        = 27,  47, Always,      Never,           Nothing(Opcodes),     [];
        ZBKX        = 28,  48, Always,      Never,           Nothing(Opcodes),     [];
        ZKND        = 29,  49, Always,      Never,           Nothing(Opcodes),     [];
        ZKNE        = 30,  50, Always,      Never,           Nothing(Opcodes),     [];
        ZKNH        = 31,  51, Always,      Never,           Nothing(Opcodes),     [];
        ZKR         = 32,  52, Always,      OptIn,           SeedCsr,              [ZICSR];
        ZKSED       = 33,  53, Always,      Never,           Nothing(Opcodes),     [];
        ZKSH        = 34,  54, Always,      Never,           Nothing(Opcodes),     [];
        ZKT         = 35,  55, Always,      Never,           Nothing(Timing),      [];
        ZVBB        = 36,  56, Always,      Never,           Nothing(Opcodes),     [ZVKB];
        ZVBC        = 37,  57, Always,      Never,           Nothing(Opcodes),     [V];
        ZVKB        = 38,  58, Always,      Never,           Nothing(Opcodes),     [V];
        ZVKG        = 39,  59, Always,      Never,           Nothing(Opcodes),     [V];
        ZVKNED      = 40,  60, Always,      Never,           Nothing(Opcodes),     [V];
        ZVKNHA      = 41,  61, Always,      Never,           Nothing(Opcodes),     [V];
        ZVKNHB      = 42,  62, Always,      Never,           Nothing(Opcodes),     [V];
        ZVKSED      = 43,  63, Always,      Never,           Nothing(Opcodes),     [V];
        ZVKSH       = 44,  64, Always,      Never,           Nothing(Opcodes),     [V];
        ZVKT        = 45,  65, Always,      Never,           Nothing(Timing),      [V];
        ZFH         = 46,  66, Always,      Never,           Nothing(Opcodes),     [ZFHMIN];
        ZFHMIN      = 47,  67, Always,      Never,           Nothing(Opcodes),     [F];
        ZIHINTNTL   = 48,  68, Always,      Never,           Nothing(Hints),       [];
        ZVFH        = 49,  69, Always,      Never,           Nothing(Opcodes), [ZVFHMIN, ZFHMIN];
        ZVFHMIN     = 50,  70, Always,      Never,           Nothing(Opcodes),     [V];
        ZFA         = 51,  71, Always,      Never,           Nothing(Opcodes),     [F];
        ZTSO        = 52,  72, Always,      Never,           Nothing(MemoryModel), [];
        ZACAS       = 53,  73, Always,      Never,           Nothing(Opcodes),     [ZAAMO];
        SSCOFPMF    = 54,  26, With(SSAIA), Never,           Nothing(Partly),      [SSAIA];
        ZIMOP       = 55,  79, Always,      Never,           Nothing(Opcodes),     [];
        ZCA         = 56,  80, Always,      Never,           Nothing(Opcodes),     [];
        ZCB         = 57,  81, Always,      Never,           Nothing(Opcodes),     [ZCA];
        ZCD         = 58,  82, Always,      Never,           Nothing(Opcodes),     [ZCA, D];
        ZCF         = 59,  83, Always,      Never,           Nothing(Rv32),        [ZCA, F];
        ZCMOP       = 60,  84, Always,      Never,           Nothing(Opcodes),     [ZCA];
        ZAWRS       = 61,  85, Always,      Never,           Nothing(Opcodes),     [ZALRSC];
        SMNPM       = 62,  88, Always,      Always,          Fwft(PointerMasking), [], on SSNPM;
        SSNPM       = 63,  89, Always,      Never,           Nothing(Senvcfg),     [];
        SVADE       = 64,  92, Always,      With(SVADU),     Fwft(AdUpdating),     [];
        SVADU       = 65,  93, With(SVADU), Always,          Fwft(AdUpdating),     [];
        SVVPTC      = 66,  86, Always,      Never,           Nothing(PageTables),  [];
        ZABHA       = 67,  90, Always,      Never,           Nothing(Opcodes),     [ZAAMO];
        ZICCRSE     = 68,  91, Always,      Never,           Nothing(MemoryModel), [];
        ZAAMO       = 69,  97, Always,      Never,           Nothing(Opcodes),     [];
        ZALRSC      = 70,  98, Always,      Never,           Nothing(Opcodes),     [];
        ZICBOP      = 71,  99, Always,      Never,           Nothing(Hints),       [];
        ZFBFMIN     = 72,  94, Always,      Never,           Nothing(Opcodes),     [F];
        ZVFBFMIN    = 73,  95, Always,      Never,           Nothing(Opcodes),     [V];
        ZVFBFWMA    = 74,  96, Always,      Never,           Nothing(Opcodes), [ZVFBFMIN, ZFBFMIN];
        ZCLSD       = 75, 103, Always,      Never,           Nothing(Rv32),        [ZILSD, ZCA];
        ZILSD       = 76, 102, Always,      Never,           Nothing(Rv32),        [];
        ZALASR      = 77, 101, Always,      Never,           Nothing(Opcodes),     [];
        ZICFILP     = 78, 104, Always,      Always,          Fwft(LandingPad),     [ZICSR];
        ZICFISS     = 79, 105, Always,      Always,          Fwft(ShadowStack),    [ZIMOP, ZICSR];
        }
    };
}
pub(crate) use extension_rows;
