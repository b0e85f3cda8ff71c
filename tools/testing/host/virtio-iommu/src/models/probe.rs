// SPDX-License-Identifier: GPL-2.0

//! Properties, compared with a parser that reads the buffer byte by byte.

use proptest::prelude::*;

use crate::probe::{
    insertion_index,
    properties,
    Property,
    PropertyError,
    ResvKind,
    ResvMem, //
};

use super::{
    many_cases,
    range::address, //
};

/// Returns the `len` bytes at `offset` as a number.
fn number(buffer: &[u8], offset: usize, len: usize) -> u64 {
    (0..len).rev().fold(0, |number, index| {
        number << 8 | u64::from(buffer[offset + index])
    })
}

/// What a RESV_MEM property at `offset` is.
fn resv_mem(buffer: &[u8], offset: usize, length: u16) -> Result<Property, PropertyError> {
    if length < 20 {
        return Err(PropertyError::ResvMemTooShort { offset, length });
    }

    let start = number(buffer, offset + 8, 8);
    let end = number(buffer, offset + 16, 8);
    let size = i128::from(end) - i128::from(start) + 1;

    if !(1..1 << 64).contains(&size) {
        return Err(PropertyError::ResvMemRange { offset, start, end });
    }

    let range = crate::range::IovaRange::new(start, end).unwrap();
    let kind = match buffer[offset + 4] {
        0 => ResvKind::Reserved,
        1 => ResvKind::Msi,
        subtype => ResvKind::Unknown(subtype),
    };

    Ok(Property::ResvMem(ResvMem { range, kind }))
}

/// All that is to be reported of a buffer.
fn reference(buffer: &[u8]) -> Vec<Result<Property, PropertyError>> {
    let mut found = Vec::new();
    let mut offset = 0;

    while buffer.len() - offset >= 4 {
        let field = number(buffer, offset, 2) as u16;
        let length = number(buffer, offset + 2, 2) as u16;
        let kind = field % 0x1000;

        if field == 0 {
            return found;
        }
        if offset + 4 + usize::from(length) > buffer.len() {
            found.push(Err(PropertyError::Truncated {
                offset,
                kind,
                length,
            }));
            return found;
        }

        match (field / 0x1000, kind) {
            (0, 1) => found.push(resv_mem(buffer, offset, length)),
            (0, _) => found.push(Ok(Property::Unknown { kind })),
            _ => {}
        }
        offset += 4 + usize::from(length);
    }

    if buffer[offset..].iter().any(|&byte| byte != 0) {
        found.push(Err(PropertyError::TruncatedHeader { offset }));
    }

    found
}

/// A property as a device would write it, or nearly so.
fn property() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![6 => Just(1_u16), 1 => 0..4_u16, 1 => any::<u16>()];
    let lie = prop_oneof![
        8 => Just(None),
        1 => (0..64_u16).prop_map(Some),
        1 => (0xfff0..=0xffff_u16).prop_map(Some),
    ];
    let value = prop_oneof![
        4 => (0..4_u8, address(), address()).prop_map(|(subtype, start, end)| {
            let mut value = vec![subtype, 0, 0, 0];
            value.extend(start.to_le_bytes());
            value.extend(end.to_le_bytes());
            value
        }),
        1 => prop::collection::vec(any::<u8>(), 0..32),
    ];

    (kind, lie, value).prop_map(|(kind, lie, value)| {
        let length = lie.unwrap_or_else(|| value.len().try_into().unwrap());
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend(length.to_le_bytes());
        bytes.extend(value);
        bytes
    })
}

/// Lists of properties, cut or padded to some size.
fn listed() -> impl Strategy<Value = Vec<u8>> {
    let padding = prop_oneof![Just(0), 0..8_usize, 0..512_usize];

    (
        prop::collection::vec(property(), 0..10),
        padding,
        any::<prop::sample::Index>(),
    )
        .prop_map(|(properties, padding, cut)| {
            let mut bytes = properties.concat();
            if padding == 0 {
                bytes.truncate(cut.index(bytes.len() + 1));
            } else {
                bytes.resize(bytes.len() + padding, 0);
            }
            bytes
        })
}

proptest! {
    #![proptest_config(many_cases())]

    #[test]
    fn lists(buffer in listed()) {
        let found: Vec<_> = properties(&buffer).collect();

        prop_assert_eq!(found, reference(&buffer));
    }

    #[test]
    fn random_bytes(buffer in prop::collection::vec(any::<u8>(), 0..600)) {
        let found: Vec<_> = properties(&buffer).collect();

        prop_assert!(found.len() <= buffer.len() / 4 + 1);
        prop_assert_eq!(found, reference(&buffer));
    }

    #[test]
    fn sorting(starts in prop::collection::vec(0..16_u64, 0..40)) {
        let regions: Vec<_> = starts
            .iter()
            .zip(0..)
            .map(|(&start, order)| ResvMem {
                range: crate::range::IovaRange::new(start, 100).unwrap(),
                // Tells regions with the same start apart.
                kind: ResvKind::Unknown(order),
            })
            .collect();

        let mut sorted = Vec::new();
        for region in &regions {
            let index = insertion_index(&sorted, region);
            sorted.insert(index, *region);
        }

        let mut want = regions;
        // The order of equal elements stays.
        want.sort_by_key(|region| region.range.start());
        prop_assert_eq!(sorted, want);
    }
}
