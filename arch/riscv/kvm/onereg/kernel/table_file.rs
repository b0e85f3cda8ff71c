// SPDX-License-Identifier: GPL-2.0

//! The table in debugfs: which extensions a VM has, which it could get or lose, and why not.
//!
//! It shows what the rules say to whoever reads it: whether vectors may be used is asked of the
//! reader, not of the task that makes the vCPUs.

use super::{
    bits::Ids,
    calls::Snapshot,
    errno::Reason,
    host, policy,
    table::{
        rows,
        Row, //
    },
};
use core::fmt::Write;
use kernel::{
    fmt::{
        self,
        Display, //
    },
    prelude::*,
    seq_file::SeqFile,
    seq_print, //
};

/// Writes the table.
pub(crate) fn show(file: &SeqFile, vcpus: impl Iterator<Item = Snapshot> + Clone) {
    let first = vcpus.clone().next();
    let view = first.map(|vcpu| policy::Vcpu {
        host: host::current(),
        guest: vcpu.guest,
        ran: vcpu.ran,
        rules: vcpu.rules,
    });

    seq_print!(file, "# extension host guest enable disable\n");
    for row in rows() {
        let number = row.ext.number();
        let on_host = if host::ids().has(number) { "yes" } else { "no" };

        seq_print!(
            file,
            "{} {} {}",
            Name(row),
            on_host,
            Guests::new(row, vcpus.clone())
        );
        match view {
            None => seq_print!(file, " - -\n"),
            Some(view) => seq_print!(
                file,
                " {} {}\n",
                Answer::new(&view, row, 1),
                Answer::new(&view, row, 0)
            ),
        }
    }
}

/// The name of an extension, as in an ISA string.
struct Name<'a>(&'a Row);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.ext.name();

        name.chars()
            .try_for_each(|letter| f.write_char(letter.to_ascii_lowercase()))
    }
}

/// How many of the vCPUs have an extension.
struct Guests {
    with: u32,
    all: u32,
}

impl Guests {
    fn new(row: &Row, vcpus: impl Iterator<Item = Snapshot>) -> Self {
        let mut guests = Self { with: 0, all: 0 };

        for vcpu in vcpus {
            guests.all += 1;
            guests.with += u32::from(vcpu.guest.has(row.ext.number()));
        }

        guests
    }
}

impl Display for Guests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.with {
            0 => f.write_str("no"),
            with if with == self.all => f.write_str("yes"),
            with => write!(f, "{with}/{}", self.all),
        }
    }
}

/// Whether an extension of the first vCPU could be changed.
struct Answer(Result<(), Reason>);

impl Answer {
    fn new(view: &policy::Vcpu, row: &Row, value: u64) -> Self {
        let number = row.ext.number();
        // What an extension is already can be written at any time, and says nothing.
        let guest = if value == 0 {
            view.guest.union(Ids::only(number))
        } else {
            view.guest.without(number)
        };
        let view = policy::Vcpu { guest, ..*view };

        Self(view.decide(u64::from(number), value).map(|_| ()))
    }
}

impl Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.0 {
            Ok(()) => return f.write_str("yes"),
            Err(reason) => reason,
        };

        f.write_str(reason.word())?;
        match reason
            .other()
            .and_then(|number| rows().get(usize::from(number)))
        {
            Some(row) => {
                f.write_char(':')?;
                Name(row).fmt(f)
            }
            None => Ok(()),
        }
    }
}
