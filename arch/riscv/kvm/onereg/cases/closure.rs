// SPDX-License-Identifier: GPL-2.0

//! The strict rules.

use super::{
    super::{
        bits::Ids,
        closure::{
            with_dependents,
            with_needs, //
        },
        errno::Reason,
        policy::{
            Change,
            Host,
            MultiWord,
            Rules,
            Vcpu, //
        },
        table::{
            rows,
            Ext, //
        },
    },
    holds,
    same,
    Case, //
};

fn set(extensions: &[Ext]) -> Ids {
    extensions
        .iter()
        .fold(Ids::EMPTY, |set, ext| set.with(ext.number()))
}

/// A vCPU with all that a host with all extensions of 64 bits gives it.
fn vcpu() -> Vcpu {
    let host = Host {
        ids: Ids::from_words(u64::MAX, 0xffff).minus(set(&[Ext::ZCF, Ext::ZCLSD, Ext::ZILSD])),
        vector: true,
    };

    Vcpu {
        host,
        guest: host.initial(Rules::Strict),
        ran: false,
        rules: Rules::Strict,
    }
}

fn write(vcpu: &Vcpu, ext: Ext, value: u64) -> Result<Ids, Reason> {
    vcpu.decide(u64::from(ext.number()), value)
        .map(|change| change.apply(vcpu.guest))
}

/// V, and what needs it.
const VECTOR: &[Ext] = &[
    Ext::V,
    Ext::ZVBB,
    Ext::ZVBC,
    Ext::ZVKB,
    Ext::ZVKG,
    Ext::ZVKNED,
    Ext::ZVKNHA,
    Ext::ZVKNHB,
    Ext::ZVKSED,
    Ext::ZVKSH,
    Ext::ZVKT,
    Ext::ZVFH,
    Ext::ZVFHMIN,
    Ext::ZVFBFMIN,
    Ext::ZVFBFWMA,
];

/// F and D, and what needs them, without V.
const FLOAT: &[Ext] = &[
    Ext::F,
    Ext::D,
    Ext::ZFA,
    Ext::ZFH,
    Ext::ZFHMIN,
    Ext::ZFBFMIN,
    Ext::ZCD,
];

/// What goes with V, and with F and D.
pub(crate) fn registers() -> Case {
    let vcpu = vcpu();
    let vector = set(VECTOR);
    let float = vector.union(set(FLOAT));

    same("V", write(&vcpu, Ext::V, 0), Ok(vcpu.guest.minus(vector)))?;
    same("F", write(&vcpu, Ext::F, 0), Ok(vcpu.guest.minus(float)))?;
    same("D", write(&vcpu, Ext::D, 0), Ok(vcpu.guest.minus(float)))?;

    let without = Vcpu {
        guest: vcpu.guest.minus(float),
        ..vcpu
    };
    same(
        "Zvfh and all it needs",
        write(&without, Ext::ZVFH, 1),
        Ok(without.guest.union(set(&[
            Ext::ZVFH,
            Ext::ZVFHMIN,
            Ext::ZFHMIN,
            Ext::V,
            Ext::D,
            Ext::F,
        ]))),
    )
}

/// What the C code has no way to disable.
pub(crate) fn opt_in() -> Case {
    let strict = vcpu();
    let compatible = Vcpu {
        rules: Rules::Compatible,
        ..strict
    };

    for ext in [Ext::ZKR, Ext::ZICNTR, Ext::ZIHPM] {
        same(
            ext.name(),
            write(&compatible, ext, 0),
            Err(Reason::NotStrict),
        )?;
    }

    // stimecmp and time have one bit in hcounteren.
    let without_sstc = Vcpu {
        guest: strict.guest.without(Ext::SSTC.number()),
        ..strict
    };
    same(
        "Zicntr without Sstc",
        write(&without_sstc, Ext::ZICNTR, 0),
        Ok(without_sstc.guest.without(Ext::ZICNTR.number())),
    )
}

/// Each extension taken from a guest with all of them: what is left, or why not.
pub(crate) fn singles_off() -> Case {
    /// Those with a mechanism of their own, which nothing needs.
    const ALONE: &[Ext] = &[
        Ext::SVPBMT,
        Ext::ZICBOM,
        Ext::ZICBOZ,
        Ext::ZIHPM,
        Ext::SMSTATEEN,
        Ext::ZKR,
        Ext::SMNPM,
        Ext::SVADE,
        Ext::SVADU,
        Ext::ZICFILP,
        Ext::ZICFISS,
    ];
    let vcpu = vcpu();
    let ran = Vcpu { ran: true, ..vcpu };

    for ext in rows().iter().map(|row| row.ext) {
        let is_in = |list: &[Ext]| list.contains(&ext);
        let want = if !vcpu.host.ids.has(ext.number()) {
            Err(Reason::NotOnHost)
        } else if ext == Ext::H {
            Ok(vcpu.guest)
        } else if is_in(ALONE) {
            Ok(vcpu.guest.without(ext.number()))
        } else if ext == Ext::V {
            Ok(vcpu.guest.minus(set(VECTOR)))
        } else if is_in(&[Ext::F, Ext::D]) {
            Ok(vcpu.guest.minus(set(VECTOR)).minus(set(FLOAT)))
        } else {
            Err(match ext {
                Ext::SSAIA => Reason::NeededBy(Ext::SSCOFPMF.number()),
                Ext::ZICNTR => Reason::NeededBy(Ext::SSTC.number()),
                Ext::SSTC => Reason::InUse,
                _ => Reason::NoMechanism,
            })
        };

        same(ext.name(), write(&vcpu, ext, 0), want)?;
        same(
            ext.name(),
            write(&ran, ext, 0),
            match want {
                Err(Reason::NotOnHost) => want,
                Ok(guest) if guest == vcpu.guest => want,
                _ => Err(Reason::HasRun),
            },
        )?;
        for value in [2, u64::MAX] {
            let refusal = match want {
                Err(Reason::NotOnHost) => Reason::NotOnHost,
                _ => Reason::BadValue,
            };

            same(ext.name(), write(&vcpu, ext, value), Err(refusal))?;
        }
    }

    Ok(())
}

/// Each extension given to a guest with none: what comes with it.
pub(crate) fn singles_on() -> Case {
    use Ext::{
        D,
        F,
        V,
        ZAAMO,
        ZALRSC,
        ZCA,
        ZFBFMIN,
        ZFHMIN,
        ZICNTR,
        ZICSR,
        ZIMOP,
        ZVFBFMIN,
        ZVFHMIN,
        ZVKB, //
    };
    const NEEDS: &[(Ext, &[Ext])] = &[
        (D, &[F, ZICSR]),
        (F, &[D, ZICSR]),
        (Ext::SSTC, &[ZICNTR, ZICSR]),
        (V, &[F, D, ZICSR]),
        (ZICNTR, &[ZICSR]),
        (Ext::ZIHPM, &[ZICSR]),
        (Ext::ZKR, &[ZICSR]),
        (Ext::ZVBB, &[ZVKB, V, F, D, ZICSR]),
        (Ext::ZVBC, &[V, F, D, ZICSR]),
        (ZVKB, &[V, F, D, ZICSR]),
        (Ext::ZVKG, &[V, F, D, ZICSR]),
        (Ext::ZVKNED, &[V, F, D, ZICSR]),
        (Ext::ZVKNHA, &[V, F, D, ZICSR]),
        (Ext::ZVKNHB, &[V, F, D, ZICSR]),
        (Ext::ZVKSED, &[V, F, D, ZICSR]),
        (Ext::ZVKSH, &[V, F, D, ZICSR]),
        (Ext::ZVKT, &[V, F, D, ZICSR]),
        (Ext::ZFH, &[ZFHMIN, F, D, ZICSR]),
        (ZFHMIN, &[F, D, ZICSR]),
        (Ext::ZVFH, &[ZVFHMIN, ZFHMIN, V, F, D, ZICSR]),
        (ZVFHMIN, &[V, F, D, ZICSR]),
        (Ext::ZFA, &[F, D, ZICSR]),
        (Ext::ZACAS, &[ZAAMO]),
        (Ext::SSCOFPMF, &[Ext::SSAIA]),
        (Ext::ZCB, &[ZCA]),
        (Ext::ZCD, &[ZCA, F, D, ZICSR]),
        (Ext::ZCMOP, &[ZCA]),
        (Ext::ZAWRS, &[ZALRSC]),
        (Ext::ZABHA, &[ZAAMO]),
        (ZFBFMIN, &[F, D, ZICSR]),
        (ZVFBFMIN, &[V, F, D, ZICSR]),
        (Ext::ZVFBFWMA, &[ZVFBFMIN, ZFBFMIN, V, F, D, ZICSR]),
        (Ext::ZICFILP, &[ZICSR]),
        (Ext::ZICFISS, &[ZIMOP, ZICSR]),
    ];
    let vcpu = Vcpu {
        guest: Ids::EMPTY,
        ..vcpu()
    };

    for ext in rows().iter().map(|row| row.ext) {
        let needs = NEEDS.iter().find(|(of, _)| *of == ext);
        let alone = Ids::only(ext.number());
        let want = if !vcpu.host.ids.has(ext.number()) {
            Err(Reason::NotOnHost)
        } else if ext == Ext::H {
            Err(Reason::NotOffered)
        } else {
            Ok(needs.map_or(alone, |(_, needs)| alone.union(set(needs))))
        };

        same(ext.name(), write(&vcpu, ext, 1), want)?;
    }

    Ok(())
}

/// A new vCPU has nothing that needs what it may not have.
pub(crate) fn new_vcpus() -> Case {
    let full = vcpu().host;
    let without_vector = Host {
        vector: false,
        ..full
    };
    let all = full.initial(Rules::Compatible);

    same("all", full.initial(Rules::Strict), all)?;
    same(
        "the caller may not use vectors",
        without_vector.initial(Rules::Strict),
        all.minus(set(VECTOR)),
    )?;
    same(
        "as C",
        without_vector.initial(Rules::Compatible),
        all.without(Ext::V.number()),
    )
}

/// What is refused, and why.
pub(crate) fn refusals() -> Case {
    let vcpu = vcpu();
    let no_host = |ext: Ext| Vcpu {
        host: Host {
            ids: vcpu.host.ids.without(ext.number()),
            ..vcpu.host
        },
        guest: Ids::EMPTY,
        ..vcpu
    };

    same(
        "Ssaia is needed by Sscofpmf",
        write(&vcpu, Ext::SSAIA, 0),
        Err(Reason::NeededBy(Ext::SSCOFPMF.number())),
    )?;
    same(
        "Zvbb on a host without Zvkb",
        write(&no_host(Ext::ZVKB), Ext::ZVBB, 1),
        Err(Reason::Needs(Ext::ZVKB.number())),
    )?;
    same(
        "Zvfh without leave to use vectors",
        write(
            &Vcpu {
                host: Host {
                    vector: false,
                    ..no_host(Ext::H).host
                },
                guest: Ids::EMPTY,
                ..vcpu
            },
            Ext::ZVFH,
            1,
        ),
        Err(Reason::Needs(Ext::V.number())),
    )?;
    same("H", write(&vcpu, Ext::H, 1), Err(Reason::NotOffered))?;
    same(
        "F on a host without D",
        write(&no_host(Ext::D), Ext::F, 1),
        Ok(set(&[Ext::F, Ext::ZICSR])),
    )
}

/// Many at once are all or none.
pub(crate) fn transactions() -> Case {
    let vcpu = vcpu();
    let off = |ids: Ids| vcpu.decide_multi(MultiWord::First, ids.low(), false);
    let v_and_zicboz = set(&[Ext::V, Ext::ZICBOZ]);

    same(
        "two",
        off(v_and_zicboz).map(|change| change.off),
        Ok(with_dependents(v_and_zicboz).intersection(vcpu.guest)),
    )?;
    same(
        "one of them is refused",
        off(v_and_zicboz.with(Ext::ZBA.number())),
        Err(Reason::NoMechanism),
    )?;
    same(
        "those that go with one that can go",
        off(set(VECTOR)).map(|change| change.off),
        Ok(set(VECTOR)),
    )?;
    same(
        "those that would go with one that stays",
        off(set(VECTOR).without(Ext::V.number())),
        Err(Reason::NoMechanism),
    )?;
    same(
        "what is off already",
        vcpu.decide_multi(MultiWord::First, set(&[Ext::H]).low(), false),
        Ok(Change::NONE),
    )?;

    let ran = Vcpu { ran: true, ..vcpu };
    same(
        "too late",
        ran.decide_multi(MultiWord::First, set(&[Ext::V]).low(), false),
        Err(Reason::HasRun),
    )?;
    same(
        "letters",
        vcpu.decide_letters(vcpu.letters() & !(1 << 21)),
        write(&vcpu, Ext::V, 0).map(|guest| Change {
            on: Ids::EMPTY,
            off: vcpu.guest.minus(guest),
        }),
    )?;
    same(
        "letters that cannot go",
        vcpu.decide_letters(vcpu.letters() & !1),
        Err(Reason::NoMechanism),
    )
}

/// What a write without the strict rules leaves out, and why.
pub(crate) fn left_out() -> Case {
    let vcpu = Vcpu {
        rules: Rules::Compatible,
        ..vcpu()
    };
    let rest = |vcpu: Vcpu, wanted: Change, done: Result<Change, Reason>| {
        let mut left = vcpu.left_out(wanted, done.unwrap_or_default());
        let first = left.next().map(|(ext, reason)| (ext.number(), reason));

        (first, left.count())
    };
    let word = MultiWord::First;
    let off = set(&[Ext::V, Ext::ZBA, Ext::SSTC]).low();
    let both = |vcpu: Vcpu| {
        rest(
            vcpu,
            vcpu.wanted_multi(word, off, false),
            vcpu.decide_multi(word, off, false),
        )
    };
    let letters = |value: u64| rest(vcpu, vcpu.wanted_letters(value), vcpu.decide_letters(value));

    same("many", both(vcpu), (Some((8, Reason::InUse)), 1))?;
    same(
        "many, too late",
        both(Vcpu { ran: true, ..vcpu }),
        (Some((8, Reason::HasRun)), 2),
    )?;
    same(
        "A and D",
        letters(vcpu.letters() & !0b1001),
        (Some((0, Reason::NoMechanism)), 0),
    )?;
    same(
        "H",
        letters(vcpu.letters() | 1 << 7),
        (Some((4, Reason::NotOffered)), 0),
    )?;
    same("D", letters(vcpu.letters() & !0b1000), (None, 0))
}

/// For each extension: the closures contain it, and closing again adds nothing.
pub(crate) fn closed() -> Case {
    for number in 0..80 {
        let one = Ids::only(number);
        let needs = with_needs(one);
        let dependents = with_dependents(one);

        holds("needs contain it", needs.contains(one))?;
        holds("dependents contain it", dependents.contains(one))?;
        same("needs are closed", with_needs(needs), needs)?;
        same(
            "dependents are closed",
            with_dependents(dependents),
            dependents,
        )?;
    }

    Ok(())
}
