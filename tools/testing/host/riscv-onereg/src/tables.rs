// SPDX-License-Identifier: GPL-2.0

//! The cases that KUnit runs too.

use super::cases;

tests! {
    ids { types sizes other_bits round_trip config core_and_csr extensions }
    policy { rows questions singles unknown many letters float run_once changes }
    closure { registers opt_in refusals transactions left_out closed singles_off singles_on new_vcpus }
    firmware { switches software_checks extensions counters registers lost_extensions sbi_extensions }
    names { reasons sets }
}
