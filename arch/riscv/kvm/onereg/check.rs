// SPDX-License-Identifier: GPL-2.0

//! What the compiler refuses in the list of extensions.
//!
//! All of this runs while compiling.

use super::{
    bits::{
        Ids,
        IsaBits, //
    },
    derive,
    fwft::Feature,
    table::{
        Disable,
        Enable,
        Ext,
        Mechanism,
        Row,
        COUNT,
        TABLE, //
    },
};

const _: () = {
    numbers(&TABLE);
    bits(&TABLE);
    mechanisms(&TABLE);
    features(&Feature::ALL);
    cycles(&TABLE);
    shared_mechanisms();
};

/// Each number up to the last one has exactly one row, at its place.
const fn numbers(mut rows: &[Row]) {
    let mut seen = Ids::EMPTY;
    let mut expected = 0;

    const { assert!(COUNT <= 128, "more extensions than a set has room for") };
    while let [row, rest @ ..] = rows {
        let number = row.ext.number();

        assert!(!seen.has(number), "two extensions have one number");
        assert!(number == expected, "the number before this one has no row");
        seen = seen.with(number);
        expected += 1;
        rows = rest;
    }
}

/// No two extensions are one bit of the guest's bitmap.
const fn bits(mut rows: &[Row]) {
    let mut seen = IsaBits::EMPTY;

    while let [row, rest @ ..] = rows {
        let bit = row.ext.bit();

        assert!(bit < 128, "the ISA bitmaps have 128 bits");
        assert!(!seen.has(bit), "two extensions have one bit");
        seen = seen.with(bit);
        rows = rest;
    }
}

/// What can be disabled has something that makes a difference to the guest.
const fn mechanisms(mut rows: &[Row]) {
    while let [row, rest @ ..] = rows {
        let nothing = matches!(row.by, Mechanism::Nothing(_));
        let never = matches!(row.disable, Disable::Never);

        assert!(
            never || !nothing,
            "an extension can be disabled to no effect"
        );
        assert!(
            !never || nothing,
            "an extension cannot be disabled for no reason"
        );
        assert!(
            matches!(row.enable, Enable::Never) == matches!(row.by, Mechanism::NotOffered),
            "an extension that no guest gets is not offered, and no other one"
        );
        rows = rest;
    }
}

/// A firmware feature of an extension is named by it.
const fn features(mut all: &[Feature]) {
    while let [feature, rest @ ..] = all {
        assert!(
            feature.is_tied() != feature.extensions().is_empty(),
            "a firmware feature belongs to no extension"
        );
        all = rest;
    }
}

/// What stands outside of the list for some extensions is used by these and no other ones.
const fn shared_mechanisms() {
    const fn is(found: Ids, wanted: Ids) -> bool {
        found.contains(wanted) && wanted.contains(found)
    }

    assert!(
        is(derive::FLOAT, ids(&[Ext::F, Ext::D])),
        "sstatus.FS is for F and D"
    );
    assert!(is(derive::VECTOR, ids(&[Ext::V])), "sstatus.VS is for V");
    assert!(is(derive::SEED, ids(&[Ext::ZKR])), "the seed CSR is Zkr");
    assert!(
        is(derive::BASE_COUNTERS, ids(&[Ext::ZICNTR])),
        "cycle, time and instret are Zicntr"
    );
    assert!(
        is(derive::HPM_COUNTERS, ids(&[Ext::ZIHPM])),
        "the other counters are Zihpm"
    );
    assert!(
        is(derive::AD_UPDATING, ids(&[Ext::SVADE, Ext::SVADU])),
        "a choice of who updates A and D takes both ways"
    );
}

const fn ids(mut extensions: &[Ext]) -> Ids {
    let mut ids = Ids::EMPTY;

    while let [ext, rest @ ..] = extensions {
        ids = ids.with(ext.number());
        extensions = rest;
    }

    ids
}

/// No extension needs itself, over however many others.
const fn cycles(mut rows: &[Row]) {
    while let [row, rest @ ..] = rows {
        let mut needs = row.needs;
        let mut round = 0;

        while round < COUNT {
            needs = needs.union(derive::direct_needs(needs));
            round += 1;
        }
        assert!(!needs.has(row.ext.number()), "extensions need each other");
        rows = rest;
    }
}
