// SPDX-License-Identifier: GPL-2.0

//! Tests of the slot bookkeeping of virtqueues, which is included from the kernel's virtio code.

#![forbid(unsafe_code)]

#[deny(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]
#[path = "../../../../../rust/kernel/virtio/slots.rs"]
pub mod slots;

#[cfg(test)]
mod model;
