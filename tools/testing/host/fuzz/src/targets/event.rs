// SPDX-License-Identifier: GPL-2.0

use crate::{
    fault::{
        parse,
        NotAFault,
        EVENT_LEN, //
    },
    input::Input, //
};

/// An event, and the line that is logged for it.
///
/// Input: length in the used ring, the event.
pub fn event(data: &[u8]) {
    let mut input = Input(data);
    let used = input.u32();
    let mut event = [0; EVENT_LEN];
    let len = input.0.len().min(EVENT_LEN);
    event[..len].copy_from_slice(&input.0[..len]);

    let whole = usize::try_from(used).unwrap() == EVENT_LEN;
    match parse(used, &event) {
        Ok(fault) => {
            assert!(whole && event[1..4] == [0; 3]);
            let line = fault.to_string();
            assert!(line.len() < 80 && line.is_ascii());
            assert!(!line.contains(|letter: char| letter.is_control()));
        }
        Err(NotAFault::Length(told)) => assert!(!whole && told == used),
        Err(NotAFault::Reserved) => assert!(whole && event[1..4] != [0; 3]),
    }
}
