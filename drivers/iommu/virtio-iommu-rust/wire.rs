// SPDX-License-Identifier: GPL-2.0

//! Little-endian fields at fixed offsets of fixed-size buffers.
//!
//! An offset that does not fit its buffer does not compile, so no access can fail or panic at
//! run time.

/// Fields of a buffer, found by their offset `AT`.
pub(crate) trait Fields {
    /// Returns the `N` bytes at `AT`.
    fn bytes_at<const AT: usize, const N: usize>(&self) -> [u8; N];

    /// Stores `N` bytes at `AT`.
    fn put_bytes<const AT: usize, const N: usize>(&mut self, bytes: [u8; N]);

    /// Returns the 16-bit value at `AT`.
    fn u16_at<const AT: usize>(&self) -> u16 {
        u16::from_le_bytes(self.bytes_at::<AT, 2>())
    }

    /// Returns the 32-bit value at `AT`.
    fn u32_at<const AT: usize>(&self) -> u32 {
        u32::from_le_bytes(self.bytes_at::<AT, 4>())
    }

    /// Returns the 64-bit value at `AT`.
    fn u64_at<const AT: usize>(&self) -> u64 {
        u64::from_le_bytes(self.bytes_at::<AT, 8>())
    }

    /// Stores an 8-bit value at `AT`.
    fn put_u8<const AT: usize>(&mut self, value: u8) {
        self.put_bytes::<AT, 1>([value]);
    }

    /// Stores a 32-bit value at `AT`.
    fn put_u32<const AT: usize>(&mut self, value: u32) {
        self.put_bytes::<AT, 4>(value.to_le_bytes());
    }

    /// Stores a 64-bit value at `AT`.
    fn put_u64<const AT: usize>(&mut self, value: u64) {
        self.put_bytes::<AT, 8>(value.to_le_bytes());
    }
}

impl<const LEN: usize> Fields for [u8; LEN] {
    fn bytes_at<const AT: usize, const N: usize>(&self) -> [u8; N] {
        const { assert!(AT <= LEN && N <= LEN - AT) };

        // The assertion leaves no other case than that of a whole field.
        match self.get(AT..).and_then(|rest| rest.first_chunk()) {
            Some(field) => *field,
            None => [0; N],
        }
    }

    fn put_bytes<const AT: usize, const N: usize>(&mut self, bytes: [u8; N]) {
        const { assert!(AT <= LEN && N <= LEN - AT) };

        // The assertion leaves no other case than that of a whole field.
        if let Some(field) = self.get_mut(AT..).and_then(|rest| rest.first_chunk_mut()) {
            *field = bytes;
        }
    }
}
