// SPDX-License-Identifier: GPL-2.0

//! Everything that follows from the list of extensions, made while compiling.

use super::{
    bits::{
        Ids,
        IsaBits, //
    },
    fwft::Feature,
    nospec,
    table::{
        rows,
        Counter,
        Disable,
        Enable,
        ExtId,
        Mechanism,
        Row,
        TABLE, //
    },
};

/// The number of ISA bits that single letters have.
pub(crate) const LETTERS: u32 = 26;
/// The ISA bits that single letters have.
pub(crate) const LETTER_MASK: u64 = (1 << LETTERS) - 1;

/// No extension has this bit.
const NONE: u8 = u8::MAX;

/// For each ISA bit, the number of its extension.
static BY_BIT: [u8; 128] = by_bit();

const fn by_bit() -> [u8; 128] {
    let mut map = [NONE; 128];
    let mut rows: &[Row] = &TABLE;

    while let [row, rest @ ..] = rows {
        // CAST: A widening conversion, for which there is no other way in a constant.
        map[row.ext.bit() as usize] = row.ext.number();
        rows = rest;
    }

    map
}

/// Finds the extension of an ISA bit.
pub(crate) fn by_isa_bit(bit: u64) -> Option<ExtId> {
    let index = usize::try_from(bit).ok()?;

    if index >= BY_BIT.len() {
        return None;
    }

    BY_BIT
        .get(nospec::clamp(index, BY_BIT.len()))
        .and_then(|number| ExtId::new(u64::from(*number)))
}

/// Collects the extensions of rows.
macro_rules! collect {
    ($row:ident => $condition:expr) => {{
        let mut found = Ids::EMPTY;
        let mut rows: &[Row] = &TABLE;

        while let [$row, rest @ ..] = rows {
            if $condition {
                found = found.with($row.ext.number());
            }
            rows = rest;
        }

        found
    }};
}

/// Extensions that a guest gets whenever the host has them.
pub(crate) const ENABLE_ALWAYS: Ids = collect!(row => matches!(row.enable, Enable::Always));
/// Extensions that a guest gets under some condition.
pub(crate) const ENABLE_MAYBE: Ids =
    collect!(row => matches!(row.enable, Enable::With(_) | Enable::VectorOn));
/// Extensions that a guest gets if the caller may use vectors.
pub(crate) const ENABLE_BY_VECTOR: Ids = collect!(row => matches!(row.enable, Enable::VectorOn));
/// Extensions that can be disabled always.
pub(crate) const DISABLE_ALWAYS: Ids = collect!(row => matches!(row.disable, Disable::Always));
/// Extensions that can be disabled under some condition.
pub(crate) const DISABLE_MAYBE: Ids =
    collect!(row => matches!(row.disable, Disable::With(_) | Disable::OptIn));
/// Extensions with a mechanism that the hypervisor configures before a guest runs.
pub(crate) const CONFIGURED: Ids =
    collect!(row => matches!(row.by, Mechanism::Henvcfg(_) | Mechanism::Hstateen0(_)));
/// Extensions of which none works while floating point is off.
pub(crate) const FLOAT: Ids = collect!(row => matches!(row.by, Mechanism::FloatState));
/// Extensions of which none works while vectors are off.
pub(crate) const VECTOR: Ids = collect!(row => matches!(row.by, Mechanism::VectorState));
/// Extensions that are the seed CSR.
pub(crate) const SEED: Ids = collect!(row => matches!(row.by, Mechanism::SeedCsr));
/// Extensions that are the counters cycle, time and instret.
pub(crate) const BASE_COUNTERS: Ids =
    collect!(row => matches!(row.by, Mechanism::Counters(Counter::Base)));
/// Extensions that are all other counters.
pub(crate) const HPM_COUNTERS: Ids =
    collect!(row => matches!(row.by, Mechanism::Counters(Counter::Hpm)));

/// Extensions that firmware features belong to.
pub(crate) const FIRMWARE: Ids = collect!(row => matches!(row.by, Mechanism::Fwft(_)));

/// Extensions of [`Feature::LandingPad`].
pub(crate) const LANDING_PAD: Ids =
    collect!(row => matches!(row.by, Mechanism::Fwft(Feature::LandingPad)));
/// Extensions of [`Feature::ShadowStack`].
pub(crate) const SHADOW_STACK: Ids =
    collect!(row => matches!(row.by, Mechanism::Fwft(Feature::ShadowStack)));
/// Extensions of [`Feature::AdUpdating`].
pub(crate) const AD_UPDATING: Ids =
    collect!(row => matches!(row.by, Mechanism::Fwft(Feature::AdUpdating)));
/// Extensions of [`Feature::PointerMasking`].
pub(crate) const POINTER_MASKING: Ids =
    collect!(row => matches!(row.by, Mechanism::Fwft(Feature::PointerMasking)));

/// Extensions with a single letter, by their numbers.
pub(crate) const LETTER_IDS: Ids = collect!(row => row.ext.bit() < 26);

/// How many extensions have a single letter.
// CAST: A widening conversion, for which there is no other way in a constant.
const LETTER_COUNT: usize = LETTER_IDS.low().count_ones() as usize;

/// The numbers and ISA bits of extensions with a single letter: a list that is short enough to be
/// gone through with every access.
static LETTER_ROWS: [(u8, u8); LETTER_COUNT] = letter_rows();

const fn letter_rows() -> [(u8, u8); LETTER_COUNT] {
    let mut list = [(0, 0); LETTER_COUNT];
    let mut used = 0;
    let mut rows: &[Row] = &TABLE;

    while let [row, rest @ ..] = rows {
        if row.ext.bit() < 26 {
            // What is indexed is as long as the first word has letters.
            assert!(row.ext.number() < 64, "letters are in the first word");
            list[used] = (row.ext.number(), row.ext.bit());
            used += 1;
        }
        rows = rest;
    }

    list
}

/// Returns the ISA bits of those extensions that have a single letter.
pub(crate) fn letters(of: Ids) -> u64 {
    LETTER_ROWS.iter().fold(0, |bits, (number, bit)| {
        bits | (of.low() >> number & 1) << bit
    })
}

/// Returns the extensions of ISA bits that are letters.
pub(crate) fn letter_ids(bits: u64) -> Ids {
    let low = LETTER_ROWS
        .iter()
        .fold(0, |low, (number, bit)| low | (bits >> bit & 1) << number);

    Ids::from_words(low, 0)
}

/// Returns what a set of extensions needs at once.
pub(crate) const fn direct_needs(of: Ids) -> Ids {
    let mut needs = Ids::EMPTY;
    let mut rows: &[Row] = &TABLE;

    while let [row, rest @ ..] = rows {
        if of.has(row.ext.number()) {
            needs = needs.union(row.needs);
        }
        rows = rest;
    }

    needs
}

/// Returns the ISA bits of a set of extensions.
pub(crate) fn isa_bits(mut of: Ids) -> IsaBits {
    let mut bits = IsaBits::EMPTY;

    while let Some(number) = of.pop() {
        if let Some(row) = rows().get(usize::from(number)) {
            bits = bits.with(row.ext.bit());
        }
    }

    bits
}

/// Returns the extensions of ISA bits; bits of none are left out.
#[allow(
    dead_code,
    reason = "only tests have bitmaps of which the numbers are not known"
)]
pub(crate) fn ids(mut of: IsaBits) -> Ids {
    let mut ids = Ids::EMPTY;

    while let Some(bit) = of.pop() {
        if let Some(id) = by_isa_bit(u64::from(bit)) {
            ids = ids.with(id.number());
        }
    }

    ids
}
