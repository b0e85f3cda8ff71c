// SPDX-License-Identifier: GPL-2.0

//! Fuzzes [`fuzz::identity`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::identity(data));
