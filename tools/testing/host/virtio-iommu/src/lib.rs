// SPDX-License-Identifier: GPL-2.0

//! Tests of the protocol logic of the virtio-iommu driver.
//!
//! The logic is included from the driver. [`tables`] runs the cases that KUnit runs too, [`models`]
//! compares the logic with slow and obvious versions of it on random input.

#![cfg(test)]
#![forbid(unsafe_code)]

#[macro_use]
#[path = "../../shared/macros.rs"]
mod macros;

logic! {
    deferred => "../../../../../drivers/iommu/virtio-iommu-rust/deferred.rs";
    config => "../../../../../drivers/iommu/virtio-iommu-rust/config.rs";
    errno => "../../../../../drivers/iommu/virtio-iommu-rust/errno.rs";
    fault => "../../../../../drivers/iommu/virtio-iommu-rust/fault.rs";
    hint => "../../../../../drivers/iommu/virtio-iommu-rust/hint.rs";
    histogram => "../../../../../drivers/iommu/virtio-iommu-rust/histogram.rs";
    identity => "../../../../../drivers/iommu/virtio-iommu-rust/identity.rs";
    ledger => "../../../../../drivers/iommu/virtio-iommu-rust/ledger.rs";
    limits => "../../../../../drivers/iommu/virtio-iommu-rust/limits.rs";
    probe => "../../../../../drivers/iommu/virtio-iommu-rust/probe.rs";
    proto => "../../../../../drivers/iommu/virtio-iommu-rust/proto.rs";
    range => "../../../../../drivers/iommu/virtio-iommu-rust/range.rs";
    removal => "../../../../../drivers/iommu/virtio-iommu-rust/removal.rs";
    shadow => "../../../../../drivers/iommu/virtio-iommu-rust/shadow.rs";
    regions => "../../../../../drivers/iommu/virtio-iommu-rust/regions.rs";
    stats => "../../../../../drivers/iommu/virtio-iommu-rust/stats.rs";
    wire => "../../../../../drivers/iommu/virtio-iommu-rust/wire.rs";
    words => "../../../../../drivers/iommu/virtio-iommu-rust/words.rs";
}

#[path = "../../../../../drivers/iommu/virtio-iommu-rust/cases/mod.rs"]
mod cases;

mod models;
mod tables;
