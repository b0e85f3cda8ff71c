// SPDX-License-Identifier: GPL-2.0

//! Everything that the policy can be asked.

use super::{
    bar::Bar,
    function::Function,
    policy::{
        Cap,
        Erratum,
        Mode,
        Request,
        Word, //
    },
    quirk::TABLE,
    Case,
    Failed, //
};

/// All modes, the one that gives most first.
pub(super) const MODES: [Mode; 4] = [Mode::Compat, Mode::Pcie, Mode::Prefetchable, Mode::Off];
pub(super) const WORDS: [Word; 3] = [Word::Auto, Word::Device, Word::NormalNc];
pub(super) const CAPS: [Cap; 2] = [Cap::Device, Cap::NormalNc];
pub(super) const FUNCTIONS: [Function; 5] = [
    Function::Endpoint,
    Function::LegacyEndpoint,
    Function::Integrated,
    Function::BehindBridge,
    Function::Conventional,
];
const ERRATA: usize = 3;
const BARS: u8 = 16;
/// The number of requests.
pub(super) const REQUESTS: usize = 4 * 3 * 2 * ERRATA * 5 * 16;

/// None, the first of the table, and one from the command line.
fn errata() -> [Option<Erratum<'static>>; ERRATA] {
    [
        None,
        TABLE.first().map(Erratum::Known),
        Some(Erratum::Named),
    ]
}

fn bar(bits: u8) -> Bar {
    Bar {
        prefetchable: bits & 1 != 0,
        wide: bits & 2 != 0,
        sub_page: bits & 4 != 0,
        has_msix_table: bits & 8 != 0,
    }
}

/// Where a device is, and what its BAR is like.
fn places() -> impl Iterator<Item = (Function, Bar)> {
    FUNCTIONS
        .into_iter()
        .flat_map(|function| (0..BARS).map(move |bits| (function, bar(bits))))
}

/// All requests.
pub(super) fn requests() -> impl Iterator<Item = Request<'static>> {
    MODES.into_iter().flat_map(|mode| {
        WORDS.into_iter().flat_map(move |word| {
            CAPS.into_iter().flat_map(move |limit| {
                errata().into_iter().flat_map(move |erratum| {
                    places().map(move |(function, bar)| Request {
                        mode,
                        word,
                        limit,
                        erratum,
                        function,
                        bar,
                    })
                })
            })
        })
    })
}

/// Runs `test` on each of them, and checks how many they were.
pub(super) fn each_request(mut test: impl FnMut(&Request<'static>) -> Case) -> Case {
    let mut seen = 0;
    for request in requests() {
        test(&request).map_err(|failed| Failed {
            request: Some(request),
            ..failed
        })?;
        seen += 1;
    }
    super::same("the number of requests", seen, REQUESTS)
}
