// SPDX-License-Identifier: GPL-2.0

//! How the tests of a piece include its logic, and run its cases.

/// Includes files of the kernel, in which nothing may be able to panic.
macro_rules! logic {
    ($($(#[$attribute:meta])* $name:ident => $path:literal;)*) => {
        $(
            #[deny(
                clippy::as_conversions,
                clippy::expect_used,
                clippy::indexing_slicing,
                clippy::panic,
                clippy::unreachable,
                clippy::unwrap_used
            )]
            $(#[$attribute])*
            #[path = $path]
            mod $name;
        )*
    };
}

/// Makes tests out of the cases that KUnit runs too. A failure shows the row that does not hold.
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
