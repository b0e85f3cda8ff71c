// SPDX-License-Identifier: GPL-2.0

//! The table in the documentation, which is made from the list of extensions.

use std::{
    env,
    fmt::Write,
    fs,
    path::Path, //
};

use crate::{
    bits::Ids,
    table::{
        rows,
        Counter,
        Disable,
        Enable,
        Ext,
        Mechanism,
        Row,
        Why, //
    },
};

const PATH: &str = "../../../../Documentation/virt/kvm/riscv/onereg-extensions.rst";

const HEADER: &str = "\
.. SPDX-License-Identifier: GPL-2.0

:orphan:

===================================
ISA extensions of RISC-V KVM guests
===================================

.. Made from arch/riscv/kvm/onereg/rows.rs; do not edit. A test on the host compares
   the two, and writes this file if UPDATE_DOCUMENTATION is set.

What the columns mean stands in onereg-rust.rst.

.. list-table::
   :header-rows: 1

   * - Number
     - Extension
     - Guests get it
     - It can be disabled
     - What makes that real
     - It needs
";

fn name(ext: Ext) -> String {
    let lower = ext.name().to_lowercase();
    let (first, rest) = lower.split_at(1);

    first.to_uppercase() + rest
}

fn enable(row: &Row) -> String {
    match row.enable {
        Enable::Always if row.host != row.ext => {
            format!("if the host has {}", name(row.host))
        }
        Enable::Always => "if the host has it".into(),
        Enable::Never => "never".into(),
        Enable::With(other) => format!("if the host has it and {}", name(other)),
        Enable::VectorOn => "if the host has it and the caller may use it".into(),
    }
}

fn disable(row: &Row) -> String {
    match row.disable {
        Disable::Always => "yes".into(),
        Disable::Never | Disable::Kept => "no".into(),
        Disable::With(other) => format!("if the host has {}", name(other)),
        Disable::OptIn => "with the strict rules".into(),
    }
}

fn mechanism(row: &Row) -> String {
    match row.by {
        _ if row.disable == Disable::Kept => "henvcfg, but KVM itself uses it".into(),
        Mechanism::Nothing(why) => why_not(why).into(),
        Mechanism::NotOffered => "no guest has it".into(),
        Mechanism::Henvcfg(bits) => format!("henvcfg {bits:#x}"),
        Mechanism::Hstateen0(bits) => format!("hstateen0 {bits:#x}"),
        Mechanism::FloatState => "sstatus.FS is off".into(),
        Mechanism::VectorState => "sstatus.VS is off".into(),
        Mechanism::Fwft(feature) => {
            format!("FWFT feature {} is refused", feature.number())
        }
        Mechanism::SeedCsr => "the seed CSR is not emulated".into(),
        Mechanism::Counters(Counter::Base) => "cycle, time and instret trap".into(),
        Mechanism::Counters(Counter::Hpm) => "hpmcounter3 and up trap".into(),
    }
}

fn why_not(why: Why) -> &'static str {
    match why {
        Why::Opcodes => "nothing: its instructions have no control bit",
        Why::Hints => "nothing: its instructions are hints",
        Why::PageTables => "nothing: it is about page tables",
        Why::MemoryModel => "nothing: it is a promise about memory",
        Why::Timing => "nothing: it is a promise about time",
        Why::Partly => "nothing: a part of it has no control bit",
        Why::Senvcfg => "nothing: the guest writes senvcfg itself",
        Why::Rv32 => "nothing: only 32 bit guests have it",
    }
}

fn needs(mut ids: Ids) -> String {
    let mut names = Vec::new();

    while let Some(number) = ids.pop() {
        names.extend(rows().get(usize::from(number)).map(|row| name(row.ext)));
    }

    names.join(", ")
}

fn document() -> String {
    let mut text = HEADER.to_owned();

    for row in rows() {
        writeln!(text, "   * - {}", row.ext.number()).unwrap();
        for cell in [
            name(row.ext),
            enable(row),
            disable(row),
            mechanism(row),
            needs(row.needs),
        ] {
            writeln!(text, "     - {cell}").unwrap();
        }
    }

    // An empty cell has no space behind its dash.
    text.replace("- \n", "-\n")
}

#[test]
fn is_up_to_date() {
    // As it is when the test runs: the same program may serve more than one checkout.
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let path = Path::new(&package).join(PATH);

    if env::var_os("UPDATE_DOCUMENTATION").is_some() {
        fs::write(&path, document()).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap() == document(),
        "make it anew: UPDATE_DOCUMENTATION=1 cargo test -p riscv-onereg"
    );
}
