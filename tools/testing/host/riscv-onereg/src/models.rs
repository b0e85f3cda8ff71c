// SPDX-License-Identifier: GPL-2.0

//! Properties that have to hold for whatever user space writes.

use proptest::prelude::*;

use crate::{
    bits::{
        Ids,
        IsaBits, //
    },
    cases::{
        golden::{
            set_letters,
            set_single,
            Predicates,
            GOLDEN, //
        },
        policy::number,
    },
    closure::{
        with_dependents,
        with_needs, //
    },
    derive,
    policy::{
        Change,
        Host,
        MultiWord,
        Rules,
        Vcpu, //
    },
    regid::{
        Class,
        ConfigReg,
        CoreReg,
        CsrReg,
        ExtReg,
        RegId,
        Size, //
    },
    table::{
        rows,
        Ext,
        COUNT, //
    },
};

fn any_ids() -> impl Strategy<Value = Ids> {
    (any::<u64>(), any::<u16>()).prop_map(|(low, high)| Ids::from_words(low, u64::from(high)))
}

fn any_vcpu(rules: Rules) -> impl Strategy<Value = Vcpu> {
    (any_ids(), any_ids(), any::<bool>(), any::<bool>()).prop_map(
        move |(host, guest, vector, ran)| Vcpu {
            host: Host { ids: host, vector },
            guest: guest.intersection(host),
            ran,
            rules,
        },
    )
}

/// Values, half of them such that a bit could be meant.
fn value() -> impl Strategy<Value = u64> {
    prop_oneof![0..3_u64, any::<u64>(), (0..64_u32).prop_map(|bit| 1 << bit)]
}

fn predicates(host: Host) -> Predicates {
    Predicates {
        ssaia: host.ids.has(Ext::SSAIA.number()),
        svadu: host.ids.has(Ext::SVADU.number()),
        smstateen: host.ids.has(Ext::SMSTATEEN.number()),
        vector: host.vector,
    }
}

/// Each extension with what it needs.
fn is_closed(guest: Ids, host: Ids) -> bool {
    let optional = |needs: Ids| needs.minus(derive::FLOAT.minus(host));

    rows()
        .iter()
        .filter(|row| guest.has(row.ext.number()))
        .all(|row| guest.contains(optional(row.needs)))
}

proptest! {
    #[test]
    fn single_as_in_c(vcpu in any_vcpu(Rules::Compatible), id in 0..90_u64, value in value()) {
        let got = vcpu.decide(id, value).map(|change| change.apply(vcpu.guest));
        let Some(golden) = GOLDEN.iter().find(|golden| u64::from(golden.0) == id) else {
            prop_assert!(got.is_err());
            return Ok(());
        };
        prop_assume!(!rows()[usize::from(golden.0)].is_rv32_only());
        let want = set_single(
            *golden,
            predicates(vcpu.host),
            vcpu.host.ids.has(golden.0),
            vcpu.guest.has(golden.0),
            vcpu.ran,
            value,
        );

        prop_assert_eq!(
            got.map(|ids| ids.has(golden.0)).map_err(|reason| number(reason.errno())),
            want
        );
    }

    #[test]
    fn letters_as_in_c(vcpu in any_vcpu(Rules::Compatible), value in value()) {
        let now = derive::isa_bits(vcpu.guest).low();
        let host = derive::isa_bits(vcpu.host.ids).low();
        let got = vcpu
            .decide_letters(value)
            .map(|change| derive::isa_bits(change.apply(vcpu.guest)).low())
            .map_err(|reason| number(reason.errno()));

        prop_assert_eq!(got, set_letters(predicates(vcpu.host), host, now, vcpu.ran, value));
    }

    /// Written twice, a register of many extensions changes nothing the second time.
    #[test]
    fn many_twice(vcpu in any_vcpu(Rules::Compatible), value in any::<u64>(), on in any::<bool>()) {
        let once = vcpu.decide_multi(MultiWord::First, value, on).unwrap();
        let after = Vcpu { guest: once.apply(vcpu.guest), ..vcpu };

        prop_assert_eq!(after.decide_multi(MultiWord::First, value, on), Ok(Change::NONE));
        prop_assert!(vcpu.host.ids.contains(after.guest));
    }

    /// What a write asks for is done, or left out with the reason that it has for itself.
    #[test]
    fn nothing_is_left_out_silently(
        vcpu in any_vcpu(Rules::Compatible),
        value in any::<u64>(),
        on in any::<bool>(),
    ) {
        let letters = value & 0x1ff_ffff;
        let word = MultiWord::Second;

        for (wanted, done) in [
            (vcpu.wanted_multi(word, value, on), vcpu.decide_multi(word, value, on)),
            (vcpu.wanted_letters(letters), vcpu.decide_letters(letters)),
        ] {
            let done = done.unwrap_or_default();
            let left = vcpu.left_out(wanted, done).fold(Ids::EMPTY, |left, (ext, reason)| {
                let bit = u64::from(wanted.on.has(ext.number()));

                assert_eq!(vcpu.decide(u64::from(ext.number()), bit), Err(reason));
                left.with(ext.number())
            });
            let known = Ids::from_words(u64::MAX, 0xffff);

            prop_assert_eq!(left, wanted.all().minus(done.all()).intersection(known));
        }
    }

    /// What comes with a set comes with a larger one, and closing twice adds nothing.
    #[test]
    fn closures(small in any_ids(), more in any_ids()) {
        let large = small.union(more);

        for close in [with_needs, with_dependents] {
            prop_assert!(close(small).contains(small));
            prop_assert_eq!(close(close(small)), close(small));
            prop_assert!(close(large).contains(close(small)));
        }
    }

    /// With the strict rules a guest that lacks nothing lacks nothing after a write.
    #[test]
    fn stays_closed(
        vcpu in any_vcpu(Rules::Strict),
        id in 0..80_u64,
        value in 0..2_u64,
        many in any::<u64>(),
        on in any::<bool>(),
    ) {
        let guest = vcpu.guest.minus(with_dependents(
            Ids::from_words(u64::MAX, 0xffff).minus(vcpu.guest),
        ));
        let vcpu = Vcpu { guest, ran: false, ..vcpu };

        for change in [
            vcpu.decide(id, value),
            vcpu.decide_multi(MultiWord::First, many, on),
            vcpu.decide_letters(many & 0x1ff_ffff),
        ]
        .into_iter()
        .flatten()
        {
            let after = change.apply(vcpu.guest);

            prop_assert!(is_closed(after, vcpu.host.ids), "{:?} leaves {:?}", change, after);
            prop_assert!(vcpu.host.ids.contains(after));
            prop_assert!(change.on.intersection(change.off).is_empty());
        }
    }

    /// A refusal of the C code stays one with the strict rules, but for what those can disable.
    #[test]
    fn strict_refuses_more(vcpu in any_vcpu(Rules::Strict), id in 0..80_u64, value in value()) {
        let compatible = Vcpu { rules: Rules::Compatible, ..vcpu };
        let opt_in = [Ext::ZKR, Ext::ZICNTR, Ext::ZIHPM].map(|ext| u64::from(ext.number()));

        if vcpu.decide(id, value).is_ok() && !opt_in.contains(&id) {
            prop_assert!(compatible.decide(id, value).is_ok());
        }
    }

    #[test]
    fn sets_are_sets(one in any_ids(), other in any_ids(), number in 0..=u8::MAX) {
        prop_assert_eq!(one.minus(other).union(one.intersection(other)), one);
        prop_assert_eq!(one.with(number).has(number), number < 128);
        prop_assert!(!one.without(number).has(number));
        prop_assert_eq!(one.contains(other), one.union(other) == one);
    }

    #[test]
    fn bitmaps_and_numbers(ids in any_ids(), bits in (any::<u64>(), any::<u64>())) {
        prop_assert_eq!(derive::ids(derive::isa_bits(ids)), ids);
        let bits = IsaBits::from_words(bits.0, bits.1);
        prop_assert!(bits.contains(derive::isa_bits(derive::ids(bits))));
    }

    /// No id makes anything panic, and what is found in range is.
    #[test]
    fn any_id(id in any::<u64>()) {
        let Ok(parts) = RegId::new(id) else {
            prop_assert!(!(1..=10).contains(&(id >> 24 & 0xff)));
            return Ok(());
        };

        prop_assert_eq!(parts.class.number(), id >> 24 & 0xff);
        prop_assert_eq!(Some(parts.size), Size::of_bytes(1 << (id >> 52 & 0xf)));
        prop_assert_eq!(parts.number(), id & 0x000f_ffff_00ff_ffff);
        prop_assert_eq!(parts.number(), parts.subtype() << 16 | parts.number_in_subtype());
        prop_assert_eq!(ConfigReg::new(parts).is_ok(), parts.number() < 8);
        prop_assert_eq!(CoreReg::new(parts).is_ok(), parts.number() < 33);
        prop_assert!(CsrReg::new(parts).is_err() || parts.subtype() < 4);
        prop_assert!(ExtReg::new(parts).is_err() || parts.subtype() < 3);
    }

    #[test]
    fn ids_round_trip(class in 0..10_usize, shift in 0..16_u32, subtype: u8, number: u16) {
        let class = Class::ALL[class];
        let size = Size::of_bytes(1 << shift).unwrap();
        let parts = RegId::new(RegId::encode(class, size, subtype, number)).unwrap();

        prop_assert_eq!((parts.class, parts.size), (class, size));
        prop_assert_eq!(parts.subtype(), u64::from(subtype));
        prop_assert_eq!(parts.number_in_subtype(), u64::from(number));
    }
}

#[test]
fn all_rows() {
    assert_eq!(rows().len(), COUNT);
}
