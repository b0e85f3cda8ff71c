// SPDX-License-Identifier: GPL-2.0

//! The targets.

pub(crate) mod completion;
pub(crate) mod config;
pub(crate) mod event;
pub(crate) mod identity;
pub(crate) mod ledger;
pub(crate) mod probe;
pub(crate) mod slots;
