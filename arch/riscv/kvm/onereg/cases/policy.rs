// SPDX-License-Identifier: GPL-2.0

//! Decisions, all of them, against what the C code does.

use super::{
    super::{
        bits::{
            Ids,
            IsaBits, //
        },
        derive,
        errno::{
            Errno,
            Reason, //
        },
        policy::{
            Change,
            Host,
            MultiWord,
            Rules,
            Vcpu, //
        },
        table::{
            Ext,
            ExtId,
            COUNT, //
        },
    },
    golden::{
        set_letters,
        set_single,
        Golden,
        Predicates,
        EBUSY,
        EINVAL,
        ENOENT,
        GOLDEN, //
    },
    holds,
    same,
    Case, //
};

/// The value classes: off, on, the first that is neither, and the last.
const VALUES: [u64; 4] = [0, 1, 2, u64::MAX];

const SSAIA: u8 = 14;
const SMSTATEEN: u8 = 23;
const SVADU: u8 = 65;

pub(crate) const fn number(errno: Errno) -> i32 {
    match errno {
        Errno::NoEnt => ENOENT,
        Errno::Inval => EINVAL,
        Errno::Busy => EBUSY,
    }
}

/// Makes a host for which the predicates hold, and one more extension is there or not.
fn host(predicates: Predicates, id: u8, there: bool) -> Option<Host> {
    let mut ids = Ids::from_words(0x5a5a_5a5a_5a5a_5a5a, 0xa5a5);

    for (number, there) in [
        (id, there),
        (SSAIA, predicates.ssaia),
        (SMSTATEEN, predicates.smstateen),
        (SVADU, predicates.svadu),
    ] {
        ids = if there {
            ids.with(number)
        } else {
            ids.without(number)
        };
    }

    // Not where the extension is the one that a predicate is about.
    (ids.has(id) == there).then_some(Host {
        ids,
        vector: predicates.vector,
    })
}

/// The list of extensions says what the C headers and isa.c say.
pub(crate) fn rows() -> Case {
    same("length", COUNT, GOLDEN.len())?;

    for (golden, expected) in GOLDEN.iter().zip(0_u8..) {
        let (id, bit, host_bit, _, _) = *golden;
        let row = ExtId::new(u64::from(id))
            .and_then(ExtId::row)
            .ok_or("a row for each")?;

        same("order", id, expected)?;
        same("number", row.ext.number(), id)?;
        same("bit", row.ext.bit(), bit)?;
        same("bit of the host", row.host.bit(), host_bit)?;
        same(
            "bit to number",
            derive::by_isa_bit(u64::from(bit)).map(ExtId::number),
            Some(id),
        )?;
    }

    for number in [80, 81, 127, 128, 255, 256, 1 << 32, u64::MAX] {
        same("no such number", ExtId::new(number), None)?;
    }
    for bit in 0..=u64::from(u16::MAX) {
        let known = GOLDEN.iter().any(|golden| u64::from(golden.1) == bit);

        same("no such bit", derive::by_isa_bit(bit).is_some(), known)?;
    }

    Ok(())
}

/// isa.c's two questions, on all hosts.
pub(crate) fn questions() -> Case {
    for golden in &GOLDEN {
        let (id, _, _, enable, disable) = *golden;
        let row = ExtId::new(u64::from(id))
            .and_then(ExtId::row)
            .ok_or("a row for each")?;

        for number in 0..16 {
            let predicates = Predicates::nth(number);
            for there in [false, true] {
                let Some(host) = host(predicates, id, there) else {
                    continue;
                };

                same(
                    row.ext.name(),
                    host.enable_refusal(row).is_none(),
                    predicates.allow(enable),
                )?;
                holds(
                    row.ext.name(),
                    row.is_rv32_only()
                        || host.disable_refusal(row, Rules::Compatible).is_none()
                            == predicates.allow(disable),
                )?;
                same(
                    row.ext.name(),
                    host.enable_allowed(Ids::only(id)).has(id),
                    host.enable_refusal(row).is_none(),
                )?;
                same(
                    row.ext.name(),
                    host.disable_allowed(Ids::only(id), Rules::Compatible)
                        .has(id),
                    host.disable_refusal(row, Rules::Compatible).is_none(),
                )?;
                same(
                    row.ext.name(),
                    host.initial(Rules::Compatible).has(id),
                    there && predicates.allow(enable),
                )?;
            }
        }
    }

    Ok(())
}

/// Every id, every value class, ran or not, on or off, on every host.
pub(crate) fn singles() -> Case {
    for golden in &GOLDEN {
        for number in 0..16 {
            for there in [false, true] {
                if let Some(host) = host(Predicates::nth(number), golden.0, there) {
                    single(golden, Predicates::nth(number), host, there)?;
                }
            }
        }
    }

    Ok(())
}

fn single(golden: &Golden, predicates: Predicates, host: Host, there: bool) -> Case {
    let id = golden.0;
    let name = ExtId::new(u64::from(id))
        .and_then(ExtId::row)
        .map_or("?", |row| row.ext.name());
    // There is none of those on a host with 64 bits.
    let rv32 = ["ZCF", "ZCLSD", "ZILSD"].contains(&name);

    for in_guest in [false, true] {
        for ran in [false, true] {
            let guest = Ids::from_words(0x3333_3333_3333_3333, 0xcccc).intersection(host.ids);
            let vcpu = Vcpu {
                host,
                guest: if in_guest {
                    guest.with(id)
                } else {
                    guest.without(id)
                },
                ran,
                rules: Rules::Compatible,
            };

            for value in VALUES {
                let want = set_single(*golden, predicates, there, in_guest, ran, value);
                let got = vcpu
                    .decide(u64::from(id), value)
                    .map(|change| change.apply(vcpu.guest));

                holds(
                    name,
                    rv32 || got.map(|ids| ids.has(id)).map_err(errno) == want,
                )?;
                // Nothing else changes with it.
                holds(
                    name,
                    got.is_ok_and(|ids| ids.without(id) == vcpu.guest.without(id)) || got.is_err(),
                )?;
            }
            same(
                name,
                vcpu.single(u64::from(id)).map_err(errno),
                there.then_some(in_guest).ok_or(ENOENT),
            )?;
        }
    }

    Ok(())
}

fn errno(reason: Reason) -> i32 {
    number(reason.errno())
}

/// Numbers that are no extension.
pub(crate) fn unknown() -> Case {
    let vcpu = Vcpu {
        host: Host {
            ids: Ids::from_words(u64::MAX, u64::MAX),
            vector: true,
        },
        guest: Ids::EMPTY,
        ran: false,
        rules: Rules::Compatible,
    };

    for number in [80, 81, 127, 128, 200, 1 << 16, 1 << 32, u64::MAX] {
        same("read", vcpu.single(number).map_err(errno), Err(ENOENT))?;
        for value in VALUES {
            same(
                "write",
                vcpu.decide(number, value).map_err(errno),
                Err(ENOENT),
            )?;
        }
    }

    Ok(())
}

/// Many extensions at once are as many at a time, and what is refused is left out.
pub(crate) fn many() -> Case {
    for number in 0..16 {
        let predicates = Predicates::nth(number);
        let Some(host) = host(predicates, SSAIA, predicates.ssaia) else {
            continue;
        };

        for ran in [false, true] {
            let vcpu = Vcpu {
                host,
                guest: Ids::from_words(0x3c3c_3c3c_3c3c_3c3c, 0x3c3c).intersection(host.ids),
                ran,
                rules: Rules::Compatible,
            };

            for (word, first) in [(MultiWord::First, 0), (MultiWord::Second, 64)] {
                for value in [0, 1, 0x0ff0_0ff0_0ff0_0ff0, u64::MAX] {
                    for enable in [false, true] {
                        one_by_one(&vcpu, predicates, word, first, value, enable)?;
                    }
                }
            }
        }
    }

    same("no third word", MultiWord::new(2), None)
}

fn one_by_one(
    vcpu: &Vcpu,
    predicates: Predicates,
    word: MultiWord,
    first: u8,
    value: u64,
    enable: bool,
) -> Case {
    let mut want = vcpu.guest;
    let mut read = 0_u64;

    for golden in GOLDEN.iter().filter(|golden| golden.0 >= first) {
        let (id, ..) = *golden;
        let there = vcpu.host.ids.has(id);
        let now = want.has(id);
        let rv32 = id == 59 || id == 75 || id == 76;

        if id - first < 64 && vcpu.guest.has(id) {
            read |= 1 << (id - first);
        }
        if id - first >= 64 || value >> (id - first) & 1 == 0 {
            continue;
        }
        match set_single(*golden, predicates, there, now, vcpu.ran, u64::from(enable)) {
            Ok(true) => want = want.with(id),
            Ok(false) if !rv32 => want = want.without(id),
            _ => {}
        }
    }

    same("read", vcpu.multi(word), read)?;
    same(
        "write",
        vcpu.decide_multi(word, value, enable)
            .map(|change| change.apply(vcpu.guest)),
        Ok(want),
    )
}

/// The register of single letters.
pub(crate) fn letters() -> Case {
    const VALUES: [u64; 12] = [
        0,
        1,
        1 << 3,
        1 << 5,
        1 << 7,
        1 << 21,
        1 << 24,
        1 << 25,
        1 << 33,
        u64::MAX,
        (1 << 25) - 1,
        0x20_112d,
    ];

    for number in 0..16 {
        let predicates = Predicates::nth(number);

        for host_letters in [0x20_11ad, 0x20_112d, 0x1105, 0x10_1105] {
            let bits = IsaBits::from_words(host_letters, 0);
            let host = Host {
                ids: derive::ids(bits),
                vector: predicates.vector,
            };

            for guest in [
                host.initial(Rules::Compatible),
                host.ids.without(Ext::H.number()),
                Ids::EMPTY,
            ] {
                for ran in [false, true] {
                    let vcpu = Vcpu {
                        host,
                        guest,
                        ran,
                        rules: Rules::Compatible,
                    };
                    let now = derive::isa_bits(guest).low();

                    same("read", vcpu.letters(), now)?;
                    for value in VALUES.into_iter().chain([now]) {
                        let got = vcpu
                            .decide_letters(value)
                            .map(|change| derive::isa_bits(change.apply(guest)).low());

                        same(
                            "write",
                            got.map_err(errno),
                            set_letters(predicates, host_letters, now, ran, value),
                        )?;
                    }
                }
            }
        }
    }

    Ok(())
}

/// Extensions of a host with all of them, without H.
fn everything(rules: Rules) -> Vcpu {
    let host = Host {
        ids: Ids::from_words(u64::MAX, 0xffff),
        vector: true,
    };

    Vcpu {
        host,
        guest: host.initial(rules),
        ran: false,
        rules,
    }
}

/// Floating point is on with both of F and D.
pub(crate) fn float() -> Case {
    let all = everything(Rules::Compatible);
    let without = |ext: Ext| Vcpu {
        guest: all.guest.without(ext.number()),
        ..all
    };
    let only_f = Vcpu {
        host: Host {
            ids: all.host.ids.without(Ext::D.number()),
            ..all.host
        },
        ..without(Ext::D)
    };

    holds("both", all.has_float())?;
    holds("without F", !without(Ext::F).has_float())?;
    holds("without D", !without(Ext::D).has_float())?;
    holds("host without D", only_f.has_float())?;
    holds(
        "none",
        !Vcpu {
            guest: Ids::EMPTY,
            ..only_f
        }
        .has_float(),
    )
}

/// What is configured before the first run.
pub(crate) fn run_once() -> Case {
    const TABLE: [(Ext, u64, u64); 6] = [
        (Ext::SVPBMT, 1 << 62, 0),
        (Ext::SSTC, 1 << 63, 0),
        (Ext::ZICBOM, 0x70, 0),
        (Ext::ZICBOZ, 0x80, 0),
        (Ext::SSAIA, 0, 0x1c00_0000_0000_0000),
        (Ext::SMSTATEEN, 0, 1 << 63),
    ];
    const HSENVCFG: u64 = 1 << 62;
    const ADUE: u64 = 1 << 61;
    let all = everything(Rules::Compatible);
    let with = |guest: Ids| Vcpu { guest, ..all }.run_once();
    let only = |ext: Ext| with(Ids::only(ext.number()));

    same("none", with(Ids::EMPTY).henvcfg, 0)?;
    same("none, state", with(Ids::EMPTY).hstateen0, HSENVCFG)?;
    for (ext, henvcfg, hstateen0) in TABLE {
        same(ext.name(), only(ext).henvcfg, henvcfg)?;
        same(ext.name(), only(ext).hstateen0, hstateen0 | HSENVCFG)?;
    }

    same("Svadu", only(Ext::SVADU).henvcfg, ADUE)?;
    same("Svade", only(Ext::SVADE).henvcfg, 0)?;
    let both = Ids::only(Ext::SVADU.number()).with(Ext::SVADE.number());
    same("Svadu and Svade", with(both).henvcfg, 0)?;
    same("all", all.run_once().henvcfg, 0b11 << 62 | 0xf0)?;

    let stateless = Vcpu {
        host: Host {
            ids: all.host.ids.without(SMSTATEEN),
            ..all.host
        },
        ..all
    };
    same("host without Smstateen", stateless.run_once().hstateen0, 0)
}

/// A change in itself.
pub(crate) fn changes() -> Case {
    let change = Change {
        on: Ids::only(3),
        off: Ids::only(70),
    };

    holds("none", Change::NONE.is_none())?;
    holds("some", !change.is_none())?;
    same("all", change.all(), Ids::only(3).with(70))?;
    same(
        "applied",
        change.apply(Ids::only(70).with(4)),
        Ids::only(3).with(4),
    )
}
