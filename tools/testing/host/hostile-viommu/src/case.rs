// SPDX-License-Identifier: GPL-2.0

//! The behaviours that can be asked for, by their names:
//!
//! - `honest`
//! - `config/LIE`: the configuration space, [`ConfigLie`]
//! - `properties/LIE`: what PROBE says, [`PropertyLie`]
//! - `REQUEST/LIE`, `REQUEST/LIE/TIMES` and `REQUEST/LIE/TIMES/AFTER`: the answers to one kind of
//!   request, or to `any`, always or a number of times, at once or after some right ones, [`Lie`]
//! - `event/LIE`: the event queue, at once, [`EventLie`]

use crate::{
    config::ConfigLie,
    event::EventLie,
    lie::Lie,
    properties::PropertyLie,
    wire::Kind, //
};

/// A behaviour of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Honest,
    Config(ConfigLie),
    Properties(PropertyLie),
    /// After some that are not, requests of this kind, or all of them, are answered so, as many
    /// times.
    Answers {
        kind: Option<Kind>,
        lie: Lie,
        times: u32,
        after: u32,
    },
    Events(EventLie),
}

impl Case {
    /// The behaviour of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut words = name.split('/');
        let subject = words.next()?;
        if subject == "honest" {
            return words.next().is_none().then_some(Self::Honest);
        }
        let lie = words.next()?;
        let times = words.next().map(|word| word.parse().ok());
        let after = words.next().map(|word| word.parse().ok());
        if words.next().is_some() {
            return None;
        }
        let case = match (subject, times) {
            ("config", None) => Self::Config(find(&ConfigLie::NAMES, lie)?),
            ("properties", None) => Self::Properties(find(&PropertyLie::NAMES, lie)?),
            ("event", None) => Self::Events(find(&EventLie::NAMES, lie)?),
            (subject, times) => Self::Answers {
                kind: kind_of(subject)?,
                lie: find(&Lie::NAMES, lie)?,
                times: times.unwrap_or(Some(u32::MAX))?,
                after: after.unwrap_or(Some(0))?,
            },
        };
        Some(case)
    }

    /// The names of all of them, without numbers of times.
    pub(crate) fn names() -> Vec<String> {
        let mut names = vec!["honest".to_string()];
        names.extend(ConfigLie::NAMES.iter().map(|(n, _)| format!("config/{n}")));
        names.extend(
            PropertyLie::NAMES
                .iter()
                .map(|(name, _)| format!("properties/{name}")),
        );
        for kind in Kind::ALL.map(Kind::name).into_iter().chain(["any"]) {
            names.extend(Lie::NAMES.iter().map(|(name, _)| format!("{kind}/{name}")));
        }
        names.extend(EventLie::NAMES.iter().map(|(n, _)| format!("event/{n}")));
        names
    }
}

/// The kind of request, or [`None`] for any.
fn kind_of(word: &str) -> Option<Option<Kind>> {
    if word == "any" {
        return Some(None);
    }
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == word)?;
    Some(Some(kind))
}

fn find<T: Copy>(names: &[(&str, T)], word: &str) -> Option<T> {
    let (_, found) = names.iter().find(|(name, _)| *name == word)?;
    Some(*found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_name_is_a_case_of_its_own() {
        let names = Case::names();
        let distinct: HashSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        let mut cases: Vec<Case> = Vec::new();
        for name in &names {
            let case = Case::parse(name).unwrap_or_else(|| panic!("{name}"));
            assert!(!cases.contains(&case), "{name}");
            cases.push(case);
        }
    }

    #[test]
    fn times_are_counted() {
        assert_eq!(
            Case::parse("unmap/status-device-error/3"),
            Some(Case::Answers {
                kind: Some(Kind::Unmap),
                lie: Lie::StatusDeviceError,
                times: 3,
                after: 0,
            })
        );
        assert_eq!(
            Case::parse("attach/status-no-memory/1/2"),
            Some(Case::Answers {
                kind: Some(Kind::Attach),
                lie: Lie::StatusNoMemory,
                times: 1,
                after: 2,
            })
        );
    }

    #[test]
    fn other_names_are_refused() {
        for name in [
            "",
            "honest/",
            "honest/1",
            "map",
            "map/",
            "map/silent/",
            "map/silent/x",
            "map/silent/1/",
            "map/silent/1/2/3",
            "config/silent",
            "config/changing/1",
            "nothing/silent",
            "any/wrapping",
        ] {
            assert_eq!(Case::parse(name), None, "{name}");
        }
    }
}
