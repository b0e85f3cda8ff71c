// SPDX-License-Identifier: GPL-2.0

//! Fuzz targets for what a device can send to the virtio-iommu driver.
//!
//! Each takes any bytes and panics if the logic breaks a promise on them. The logic is that of the
//! kernel, included by path, and built with all of Rust's checks; so a panic of its own counts too.
//! The programs in `bin` run the targets under libFuzzer. `tests/corpus.rs` runs them on the files
//! in `corpus`, which libFuzzer found to cover the most.

#![forbid(unsafe_code)]

mod input;
mod targets;

/// Includes a file of the kernel.
macro_rules! logic {
    ($($name:ident => $path:literal;)*) => {
        $(
            #[allow(
                dead_code,
                missing_docs,
                unreachable_pub,
                reason = "a driver uses more of it than a device can reach"
            )]
            #[path = $path]
            mod $name;
        )*
    };
}

logic! {
    config => "../../../../../drivers/iommu/virtio-iommu-rust/config.rs";
    errno => "../../../../../drivers/iommu/virtio-iommu-rust/errno.rs";
    fault => "../../../../../drivers/iommu/virtio-iommu-rust/fault.rs";
    identity => "../../../../../drivers/iommu/virtio-iommu-rust/identity.rs";
    ledger => "../../../../../drivers/iommu/virtio-iommu-rust/ledger.rs";
    limits => "../../../../../drivers/iommu/virtio-iommu-rust/limits.rs";
    probe => "../../../../../drivers/iommu/virtio-iommu-rust/probe.rs";
    proto => "../../../../../drivers/iommu/virtio-iommu-rust/proto.rs";
    range => "../../../../../drivers/iommu/virtio-iommu-rust/range.rs";
    slots => "../../../../../rust/kernel/virtio/slots.rs";
    wire => "../../../../../drivers/iommu/virtio-iommu-rust/wire.rs";
}

pub use targets::{
    completion::completion,
    config::config,
    event::event,
    identity::identity,
    ledger::ledger,
    probe::probe,
    slots::slots, //
};

/// A target.
pub type Target = fn(&[u8]);

/// All targets, by the names of their programs and corpora.
pub const TARGETS: [(&str, Target); 7] = [
    ("completion", completion),
    ("config", config),
    ("event", event),
    ("identity", identity),
    ("ledger", ledger),
    ("probe", probe),
    ("slots", slots),
];
