// SPDX-License-Identifier: GPL-2.0

//! Sets of up to 128 numbers, of two kinds that must not be mixed up.

/// Defines a type for sets of numbers below 128.
///
/// The words are fields and not an array: a number is never an index, so that there is no index
/// for a processor to speculate with.
macro_rules! bit_set {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(crate) struct $name {
            low: u64,
            high: u64,
        }

        impl $name {
            /// The empty set.
            pub(crate) const EMPTY: Self = Self::from_words(0, 0);

            /// Makes a set of words: numbers 0 to 63, and 64 to 127.
            pub(crate) const fn from_words(low: u64, high: u64) -> Self {
                Self { low, high }
            }

            /// Returns the numbers 0 to 63.
            pub(crate) const fn low(self) -> u64 {
                self.low
            }

            /// Returns the numbers 64 to 127.
            pub(crate) const fn high(self) -> u64 {
                self.high
            }

            /// Returns whether `number` is in the set.
            pub(crate) const fn has(self, number: u8) -> bool {
                let word = if number < 64 { self.low } else { self.high };

                number < 128 && word >> (number & 63) & 1 != 0
            }

            /// Returns the set with `number` in it; there is no room for numbers above 127.
            pub(crate) const fn with(self, number: u8) -> Self {
                self.union(Self::only(number))
            }

            /// Returns the set without `number`.
            pub(crate) const fn without(self, number: u8) -> Self {
                self.minus(Self::only(number))
            }

            /// Returns the set of one number.
            pub(crate) const fn only(number: u8) -> Self {
                let bit = 1 << (number & 63);

                match number {
                    0..=63 => Self::from_words(bit, 0),
                    64..=127 => Self::from_words(0, bit),
                    _ => Self::EMPTY,
                }
            }

            /// Returns what is in one of the sets.
            pub(crate) const fn union(self, other: Self) -> Self {
                Self::from_words(self.low | other.low, self.high | other.high)
            }

            /// Returns what is in both sets.
            pub(crate) const fn intersection(self, other: Self) -> Self {
                Self::from_words(self.low & other.low, self.high & other.high)
            }

            /// Returns what is in this set only.
            pub(crate) const fn minus(self, other: Self) -> Self {
                Self::from_words(self.low & !other.low, self.high & !other.high)
            }

            /// Returns whether there is nothing in the set.
            pub(crate) const fn is_empty(self) -> bool {
                self.low | self.high == 0
            }

            /// Returns whether all of `other` is in the set.
            pub(crate) const fn contains(self, other: Self) -> bool {
                other.minus(self).is_empty()
            }

            /// Returns the lowest number.
            pub(crate) const fn first(self) -> Option<u8> {
                // Below 64, and below 128 in all: nothing gets lost.
                match (self.low, self.high) {
                    (0, 0) => None,
                    (0, high) => Some(64 + lowest(high)),
                    (low, _) => Some(lowest(low)),
                }
            }

            /// Takes the lowest number out of the set.
            pub(crate) fn pop(&mut self) -> Option<u8> {
                let number = self.first()?;

                *self = self.without(number);
                Some(number)
            }
        }
    };
}

bit_set! {
    /// A set of extensions, by their numbers in ONE_REG.
    Ids
}

bit_set! {
    /// An ISA bitmap, as host and guest have one.
    IsaBits
}

/// Returns the number of the lowest bit that is set in a word that is not zero.
const fn lowest(word: u64) -> u8 {
    let [number, ..] = word.trailing_zeros().to_le_bytes();

    number & 63
}
