// SPDX-License-Identifier: GPL-2.0

//! KUnit tests of the virtio-iommu protocol logic.
//!
//! They are an object of their own, since the logic is to be tested on architectures that the
//! driver cannot be built for.
//!
//! Run them in a kernel with `CONFIG_VIRTIO_IOMMU_RUST_KUNIT_TEST=y`; with `kunit.enable=1` on the
//! command line where KUnit is off by default.

// On powerpc a thread that was interrupted may go on at the place of another one, whatever runs:
// what needs a device or threads is left out there.

mod cases;
mod config;
#[cfg(all(CONFIG_RUST_VIRTIO_LOOPBACK, not(CONFIG_PPC64)))]
#[expect(
    dead_code,
    reason = "the driver has more to convert than its request queue"
)]
mod convert;
#[cfg(all(CONFIG_RUST_VIRTIO_LOOPBACK, not(CONFIG_PPC64)))]
mod deadlines {
    //! Deadlines that tests can wait for. An emulated machine may stand still for some time.

    use kernel::time::Delta;

    pub(crate) const QUIET: Delta = Delta::from_millis(600);
    pub(crate) const TIMEOUT: Delta = Delta::from_millis(1500);
}
mod deferred;
mod errno;
mod fault;
mod hint;
mod histogram;
mod identity;
mod ledger;
mod limits;
#[cfg(all(CONFIG_RUST_VIRTIO_LOOPBACK, not(CONFIG_PPC64)))]
mod loopback_kunit;
mod probe;
mod proto;
mod radix;
mod range;
mod regions;
mod removal;
#[cfg(all(CONFIG_RUST_VIRTIO_LOOPBACK, not(CONFIG_PPC64)))]
#[expect(
    dead_code,
    reason = "the figures and the way through a reset are asked for by the driver"
)]
mod requests;
#[cfg(all(CONFIG_RUST_VIRTIO_LOOPBACK, not(CONFIG_PPC64)))]
mod requests_kunit;
mod shadow;
mod shadow_kunit;
mod stats;
#[cfg(all(CONFIG_RUST_VIRTIO_LOOPBACK, not(CONFIG_PPC64)))]
mod waiting_kunit;
mod wire;
mod words;

/// Says which row of a table does not hold; KUnit shows the case only.
fn report(case: cases::Case) -> cases::Case {
    case.inspect_err(|row| kernel::kunit::err(kernel::prelude::fmt!("    # row: {row}\n")))
}

#[kernel::macros::kunit_tests(virtio_iommu_wire)]
mod wire_tests {
    use super::{
        cases::{
            wire,
            Case, //
        },
        report, //
    };

    #[test]
    fn reads() -> Case {
        report(wire::reads())
    }

    #[test]
    fn writes() -> Case {
        report(wire::writes())
    }
}

#[kernel::macros::kunit_tests(virtio_iommu_range)]
mod range_tests {
    use super::{
        cases::{
            range,
            Case, //
        },
        report, //
    };

    #[test]
    fn construction() -> Case {
        report(range::construction())
    }

    #[test]
    fn length() -> Case {
        report(range::length())
    }

    #[test]
    fn relations() -> Case {
        report(range::relations())
    }

    #[test]
    fn granule() -> Case {
        report(range::granule())
    }

    #[test]
    fn alignment() -> Case {
        report(range::alignment())
    }
}

#[kernel::macros::kunit_tests(virtio_iommu_proto)]
mod proto_tests {
    use super::{
        cases::{
            proto,
            Case, //
        },
        report, //
    };

    #[test]
    fn encoding() -> Case {
        report(proto::encoding())
    }

    #[test]
    fn lengths() -> Case {
        report(proto::lengths())
    }

    #[test]
    fn ids() -> Case {
        report(proto::ids())
    }

    #[test]
    fn map_flags() -> Case {
        report(proto::map_flags())
    }

    #[test]
    fn statuses() -> Case {
        report(proto::statuses())
    }

    #[test]
    fn completions() -> Case {
        report(proto::completions())
    }
}

#[kernel::macros::kunit_tests(virtio_iommu_config)]
mod config_tests {
    use super::{
        cases::{
            config,
            Case, //
        },
        report, //
    };

    #[test]
    fn fields() -> Case {
        report(config::fields())
    }

    #[test]
    fn lengths() -> Case {
        report(config::lengths())
    }

    #[test]
    fn without_features() -> Case {
        report(config::without_features())
    }
}

#[kernel::macros::kunit_tests(virtio_iommu_limits)]
mod limits_tests {
    use super::{
        cases::{
            limits,
            Case, //
        },
        report, //
    };

    #[test]
    fn feature_bits() -> Case {
        report(limits::feature_bits())
    }

    #[test]
    fn with_features() -> Case {
        report(limits::with_features())
    }

    #[test]
    fn without_features() -> Case {
        report(limits::without_features())
    }

    #[test]
    fn domain_ids() -> Case {
        report(limits::domain_ids())
    }

    #[test]
    fn refusals() -> Case {
        report(limits::refusals())
    }

    #[test]
    fn probe_sizes() -> Case {
        report(limits::probe_sizes())
    }

    #[test]
    fn input_bits() -> Case {
        report(limits::input_bits())
    }

    #[test]
    fn granules() -> Case {
        report(limits::granules())
    }

    #[test]
    fn page_sizes() -> Case {
        report(limits::page_sizes())
    }
}

#[kernel::macros::kunit_tests(virtio_iommu_probe)]
mod probe_tests {
    use super::{
        cases::{
            probe,
            Case, //
        },
        report, //
    };

    #[test]
    fn ends() -> Case {
        report(probe::ends())
    }

    #[test]
    fn reserved_regions() -> Case {
        report(probe::reserved_regions())
    }

    #[test]
    fn skipping() -> Case {
        report(probe::skipping())
    }

    #[test]
    fn short_values() -> Case {
        report(probe::short_values())
    }

    #[test]
    fn truncation() -> Case {
        report(probe::truncation())
    }

    #[test]
    fn errors() -> Case {
        report(probe::errors())
    }

    #[test]
    fn sorting() -> Case {
        report(probe::sorting())
    }
}

#[kernel::macros::kunit_tests(virtio_iommu_fault)]
mod fault_tests {
    use super::{
        cases::{
            fault,
            Case, //
        },
        report, //
    };

    #[test]
    fn wording() -> Case {
        report(fault::wording())
    }

    #[test]
    fn fields() -> Case {
        report(fault::fields())
    }

    #[test]
    fn ignored() -> Case {
        report(fault::ignored())
    }
}

#[kernel::macros::kunit_tests(virtio_iommu_identity)]
mod identity_tests {
    use super::{
        cases::{
            identity,
            Case, //
        },
        report, //
    };

    #[test]
    fn aligned() -> Case {
        report(identity::aligned())
    }

    #[test]
    fn unaligned() -> Case {
        report(identity::unaligned())
    }

    #[test]
    fn extreme_granules() -> Case {
        report(identity::extreme_granules())
    }
}

#[kernel::macros::kunit_tests(virtio_iommu_ledger)]
mod ledger_tests {
    use super::{
        cases::{
            ledger,
            Case, //
        },
        report, //
    };

    #[test]
    fn answers() -> Case {
        report(ledger::answers())
    }

    #[test]
    fn refusals() -> Case {
        report(ledger::refusals())
    }

    #[test]
    fn retries() -> Case {
        report(ledger::retries())
    }

    #[test]
    fn abandoned() -> Case {
        report(ledger::abandoned())
    }

    #[test]
    fn room() -> Case {
        report(ledger::room())
    }

    #[test]
    fn failures() -> Case {
        report(ledger::failures())
    }
}

#[kernel::macros::kunit_tests(virtio_iommu_deferred)]
mod deferred_tests {
    use super::{
        cases::{
            deferred,
            Case, //
        },
        report, //
    };

    #[test]
    fn neighbours() -> Case {
        report(deferred::neighbours())
    }

    #[test]
    fn room() -> Case {
        report(deferred::room())
    }

    #[test]
    fn forgetting() -> Case {
        report(deferred::forgetting())
    }
}

#[kernel::macros::kunit_tests(virtio_iommu_regions)]
mod regions_tests {
    use super::{
        cases::{
            regions,
            Case, //
        },
        report, //
    };

    #[test]
    fn uniting() -> Case {
        report(regions::uniting())
    }

    #[test]
    fn purposes() -> Case {
        report(regions::purposes())
    }

    #[test]
    fn software_msi() -> Case {
        report(regions::software_msi())
    }
}

#[kernel::macros::kunit_tests(virtio_iommu_histogram)]
mod histogram_tests {
    use super::{
        cases::{
            histogram,
            Case, //
        },
        report, //
    };

    #[test]
    fn buckets() -> Case {
        report(histogram::buckets())
    }
}

#[kernel::macros::kunit_tests(virtio_iommu_stats)]
mod stats_tests {
    use super::{
        cases::{
            stats,
            Case, //
        },
        report, //
    };

    #[test]
    fn kinds() -> Case {
        report(stats::kinds())
    }

    #[test]
    fn counting() -> Case {
        report(stats::counting())
    }

    #[test]
    fn timing() -> Case {
        report(stats::timing())
    }
}
