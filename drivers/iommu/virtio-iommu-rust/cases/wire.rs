// SPDX-License-Identifier: GPL-2.0

//! Fields of buffers.

use super::{
    super::wire::Fields,
    same,
    Case, //
};

/// Values are little-endian and found at any offset, aligned or not.
pub(crate) fn reads() -> Case {
    let buf = [1, 2, 3, 4, 5, 6, 7, 8, 9];

    same("u16 at the start", buf.u16_at::<0>(), 0x0201)?;
    same("u16 at the end", buf.u16_at::<7>(), 0x0908)?;
    same("u32 unaligned", buf.u32_at::<1>(), 0x0504_0302)?;
    same("u64 at the start", buf.u64_at::<0>(), 0x0807_0605_0403_0201)?;
    same("u64 at the end", buf.u64_at::<1>(), 0x0908_0706_0504_0302)?;
    same("bytes", buf.bytes_at::<3, 3>(), [4, 5, 6])
}

/// Stores touch their own bytes only.
pub(crate) fn writes() -> Case {
    let mut buf = [0xff; 9];

    buf.put_u8::<8>(0x12);
    same("u8", buf, [255, 255, 255, 255, 255, 255, 255, 255, 0x12])?;
    buf.put_u32::<1>(0x0504_0302);
    same("u32", buf, [255, 2, 3, 4, 5, 255, 255, 255, 0x12])?;
    buf.put_u64::<0>(0x0807_0605_0403_0201);
    same("u64", buf, [1, 2, 3, 4, 5, 6, 7, 8, 0x12])
}
