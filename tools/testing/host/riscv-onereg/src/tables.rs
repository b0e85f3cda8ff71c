// SPDX-License-Identifier: GPL-2.0

//! The cases that KUnit runs too.

use super::cases;

/// Makes tests out of cases. A failure shows the row that does not hold.
macro_rules! tests {
    ($($area:ident { $($case:ident)* })*) => {
        $(
            mod $area {
                $(
                    #[test]
                    fn $case() {
                        assert_eq!(super::cases::$area::$case(), Ok(()));
                    }
                )*
            }
        )*
    };
}

tests! {
    ids { types sizes other_bits round_trip config core_and_csr extensions }
    policy { rows questions singles unknown many letters float run_once changes }
    closure { registers opt_in refusals transactions left_out closed }
    firmware { switches software_checks extensions counters }
    names { reasons sets }
}
