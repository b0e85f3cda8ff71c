// SPDX-License-Identifier: GPL-2.0

//! Where functions sit.

use super::{
    domain::FUNCTIONS,
    function::{
        Function,
        PortType, //
    },
    same,
    Case, //
};

/// Classifies by the number in the capability, with a root port above and without.
fn classes(number: u8, has_bridge: bool) -> (Function, Function) {
    let port_type = Some(PortType::from_number(number));
    (
        Function::classify(port_type, true, has_bridge),
        Function::classify(port_type, false, has_bridge),
    )
}

/// By the number that the function has in its capability.
pub(crate) fn by_port_type() -> Case {
    use Function::{
        Conventional,
        Endpoint,
        Integrated,
        LegacyEndpoint, //
    };

    let rows = [
        ("endpoint", 0, (Endpoint, Integrated)),
        ("legacy endpoint", 1, (LegacyEndpoint, Integrated)),
        ("integrated", 9, (Integrated, Integrated)),
        ("root port", 4, (Conventional, Conventional)),
        ("upstream port", 5, (Conventional, Conventional)),
        ("downstream port", 6, (Conventional, Conventional)),
        ("bridge", 7, (Conventional, Conventional)),
        ("reverse bridge", 8, (Conventional, Conventional)),
        ("event collector", 10, (Conventional, Conventional)),
        ("undefined", 15, (Conventional, Conventional)),
    ];
    for (row, number, want) in rows {
        same(row, classes(number, false), want)?;
    }
    same(
        "no capability",
        Function::classify(None, true, false),
        Conventional,
    )
}

/// A bridge to conventional PCI on the way counts more than what the function is.
pub(crate) fn bridges() -> Case {
    for number in u8::MIN..=u8::MAX {
        same(
            "behind a bridge",
            classes(number, true),
            (Function::BehindBridge, Function::BehindBridge),
        )?;
    }
    same(
        "no capability",
        Function::classify(None, true, true),
        Function::BehindBridge,
    )
}

/// Nothing but a PCI Express endpoint with a root port above it is one.
pub(crate) fn endpoints() -> Case {
    for number in u8::MIN..=u8::MAX {
        let (below, without) = classes(number, false);
        same("below", below == Function::Endpoint, number == 0)?;
        same("without", without == Function::Endpoint, false)?;
    }
    Ok(())
}

/// Each is told from the others.
pub(crate) fn words() -> Case {
    for one in FUNCTIONS {
        for other in FUNCTIONS {
            same("words", one.text() == other.text(), one == other)?;
        }
    }
    Ok(())
}
