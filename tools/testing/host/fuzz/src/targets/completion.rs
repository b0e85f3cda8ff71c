// SPDX-License-Identifier: GPL-2.0

use crate::{
    input::Input,
    proto::{
        check_completion,
        Failure,
        TAIL_LEN, //
    }, //
};

/// What the used ring and the tail say of a request.
///
/// Input: length in the used ring, length of the writable part, tail.
pub fn completion(data: &[u8]) {
    let mut input = Input(data);
    let used = input.u32();
    let expected = TAIL_LEN + usize::from(input.u8()) * 64;
    let tail = input.u32().to_le_bytes();
    let [status, ..] = tail;

    let result = check_completion(used, expected, &tail);
    let whole = usize::try_from(used).unwrap() == expected;

    match result {
        Ok(()) => assert!(whole && status == 0),
        Err(Failure::Empty) => assert_eq!(used, 0),
        Err(Failure::Length { used: told, .. }) => assert!(told == used && !whole && used != 0),
        Err(Failure::Status(_)) => assert!(whole && status != 0),
    }
    // There is an error for each of them.
    let _ = result.map_err(Failure::errno);
}
