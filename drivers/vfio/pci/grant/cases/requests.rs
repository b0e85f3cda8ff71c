// SPDX-License-Identifier: GPL-2.0

//! What becomes of requests.

use super::{
    domain::{
        each_request,
        CAPS,
        MODES,
        REQUESTS,
        WORDS, //
    },
    function::Function,
    holds,
    policy::{
        decide,
        Cap,
        Mode,
        Reason,
        Request,
        Word, //
    },
    same,
    Case, //
};

/// What is granted.
fn cap(request: &Request<'static>) -> Cap {
    match decide(request).grant {
        Some(_) => Cap::NormalNc,
        None => Cap::Device,
    }
}

/// With nobody saying anything the answer is that of C, which asks nobody.
pub(crate) fn as_c() -> Case {
    let mut seen = 0;
    each_request(|request| {
        let nobody = request.limit == Cap::NormalNc
            && request.word == Word::Auto
            && request.erratum.is_none();
        if request.mode != Mode::Compat || !nobody {
            return Ok(());
        }
        seen += 1;
        same("granted", cap(request), Cap::NormalNc)
    })?;
    same("all functions and BARs", seen, 5 * 16)
}

/// Who may say what, as a list that shares nothing with the decision.
pub(crate) fn precedence() -> Case {
    let mut granted = 0;
    each_request(|request| {
        let endpoint = request.function == Function::Endpoint;
        let bar = request.bar;
        let memory = bar.prefetchable && !(bar.sub_page || bar.has_msix_table);
        let by_mode = [
            (Mode::Compat, true),
            (Mode::Pcie, endpoint),
            (Mode::Prefetchable, endpoint && memory),
            (Mode::Off, false),
        ]
        .contains(&(request.mode, true));
        let by_rules = by_mode && request.erratum.is_none();
        let allowed = request.word == Word::NormalNc || request.word == Word::Auto && by_rules;
        let want = allowed && request.limit == Cap::NormalNc;

        granted += usize::from(want);
        same("granted", cap(request) == Cap::NormalNc, want)
    })?;
    // By the administrator: a sixth. Then all, one function of five, and two of its BARs of 16.
    same(
        "as many as there should be",
        granted,
        REQUESTS / 6 + 5 * 16 + 16 + 2,
    )
}

/// Whoever says something stricter does not get something weaker.
pub(crate) fn monotone() -> Case {
    each_request(|request| {
        let least = cap(request);
        let no_more = |row, more: Request<'static>| holds(row, least <= cap(&more));

        for mode in MODES.into_iter().filter(|mode| *mode <= request.mode) {
            no_more("the mode", Request { mode, ..*request })?;
        }
        for limit in CAPS.into_iter().filter(|limit| *limit >= request.limit) {
            no_more("the user", Request { limit, ..*request })?;
        }
        if request.word == Word::Device {
            for word in WORDS {
                no_more("the administrator", Request { word, ..*request })?;
            }
        }
        let erratum = None;
        no_more(
            "the erratum",
            Request {
                erratum,
                ..*request
            },
        )
    })
}

/// Who is named as the reason has said what was decided.
pub(crate) fn reasons() -> Case {
    each_request(|request| {
        let answer = decide(request);
        let nc = answer.grant.is_some();
        let by_rules = request.word == Word::Auto;
        let row = match answer.reason {
            Reason::User => !nc && request.limit == Cap::Device,
            Reason::Administrator => {
                request.word != Word::Auto && nc == (request.word == Word::NormalNc)
            }
            Reason::Known(_) | Reason::Named => !nc && by_rules && request.erratum.is_some(),
            Reason::Mode => by_rules && nc == (request.mode == Mode::Compat),
            Reason::Function => by_rules && nc == (request.function == Function::Endpoint),
            Reason::Bar => by_rules && request.mode == Mode::Prefetchable,
        };
        holds("the reason holds", row)?;
        holds("it has words", !answer.reason.text().is_empty())
    })
}

/// A user's limit goes down, and never up.
pub(crate) fn limits() -> Case {
    for allowed in CAPS {
        for wanted in CAPS {
            let want = (wanted <= allowed).then_some(wanted);
            same("no more than he has", Cap::lower(allowed, wanted), want)?;
        }
    }
    Ok(())
}
