// SPDX-License-Identifier: GPL-2.0

//! Events, compared with what the C driver prints.

use proptest::prelude::*;

use crate::fault::{
    parse,
    NotAFault, //
};

use super::many_cases;

/// What the C driver prints for an event that the device wrote in full.
fn message(event: &[u8; 24]) -> Option<String> {
    let number = |range: std::ops::Range<usize>| {
        let mut wide = [0; 8];
        wide[..range.len()].copy_from_slice(&event[range]);
        u64::from_le_bytes(wide)
    };
    let flags = number(4..8);
    let reason = match event[0] {
        1 => "domain",
        2 => "page",
        _ => "unknown",
    };
    let mut text = format!("{reason} fault from EP {}", number(8..12));

    if event[1..4].iter().any(|&byte| byte != 0) {
        return None;
    }

    if flags & 0x100 != 0 {
        let access: String = [(1, 'R'), (2, 'W'), (4, 'X')]
            .iter()
            .filter(|(flag, _)| flags & flag != 0)
            .map(|(_, letter)| letter)
            .collect();
        text += &format!(" at 0x{:x} [{access}]", number(16..24));
    }

    Some(text)
}

/// Events of which every other one is a fault.
fn event() -> impl Strategy<Value = [u8; 24]> {
    (any::<[u8; 24]>(), 0..4_u8, any::<bool>()).prop_map(|(mut event, reason, valid)| {
        if valid {
            event[0] = reason;
            event[1..4].fill(0);
        }
        event
    })
}

proptest! {
    #![proptest_config(many_cases())]

    #[test]
    fn whole_events(event in event()) {
        let text = parse(24, &event).ok().map(|fault| fault.to_string());

        prop_assert_eq!(text, message(&event));
    }

    #[test]
    fn partial_events(event in event(), used in prop_oneof![0..64_u32, any::<u32>()]) {
        if used != 24 {
            prop_assert_eq!(parse(used, &event), Err(NotAFault::Length(used)));
        }
    }
}
