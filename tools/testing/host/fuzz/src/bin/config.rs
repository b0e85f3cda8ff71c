// SPDX-License-Identifier: GPL-2.0

//! Fuzzes [`fuzz::config`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::config(data));
