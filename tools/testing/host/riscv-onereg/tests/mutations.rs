// SPDX-License-Identifier: GPL-2.0

//! What must not compile: the list of extensions with one mistake in it, each time another one.
//!
//! The list and the code around it are copied, one row is changed, and the compiler is asked. That
//! the unchanged copy compiles shows that it is the change that was refused.

use std::{
    env,
    fs,
    path::{
        Path,
        PathBuf, //
    },
    process::Command, //
};

const FILES: [&str; 9] = [
    "bits", "check", "closure", "derive", "errno", "fwft", "policy", "rows", "table",
];

fn sources() -> PathBuf {
    // As it is when the test runs: the same program may serve more than one checkout.
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap();
    Path::new(&package).join("../../../../arch/riscv/kvm/onereg")
}

/// Compiles the code with a changed list, and returns what the compiler says.
fn compile(name: &str, change: impl Fn(&str) -> String) -> Result<(), String> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut root = String::from(
        "#![allow(dead_code)]\nmod nospec { pub(crate) fn clamp(i: usize, _: usize) -> usize { i } }\n",
    );

    fs::create_dir_all(&directory).unwrap();
    for file in FILES {
        let text = fs::read_to_string(sources().join(format!("{file}.rs"))).unwrap();
        let text = if file == "rows" { change(&text) } else { text };

        fs::write(directory.join(format!("{file}.rs")), text).unwrap();
        root.push_str(&format!("mod {file};\n"));
    }
    fs::write(directory.join("lib.rs"), root).unwrap();

    let output = Command::new(env::var("RUSTC").unwrap_or_else(|_| "rustc".into()))
        .args([
            "--edition=2021",
            "--crate-type=lib",
            "--emit=metadata",
            "--crate-name=mutation",
        ])
        .arg("-o")
        .arg(directory.join("out.rmeta"))
        .arg(directory.join("lib.rs"))
        .output()
        .unwrap();

    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Replaces one text, which has to be there exactly once.
fn replace(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "`{old}` in the list");
    text.replace(old, new)
}

/// The row of an extension, with its end.
fn row<'a>(text: &'a str, extension: &str) -> &'a str {
    text.lines()
        .find(|line| line.trim_start().split(' ').next() == Some(extension))
        .unwrap()
}

/// Changes something in the row of an extension.
fn in_row(text: &str, extension: &str, old: &str, new: &str) -> String {
    let row = row(text, extension);

    replace(text, row, &replace(row, old, new))
}

/// The change is refused, with these words.
fn refused(name: &str, words: &str, change: impl Fn(&str) -> String) {
    match compile(name, change) {
        Ok(()) => panic!("it compiles"),
        Err(error) => assert!(error.contains(words), "no `{words}` in:\n{error}"),
    }
}

#[test]
fn unchanged() {
    assert_eq!(compile("unchanged", str::to_owned), Ok(()));
}

#[test]
fn missing_row() {
    refused("missing", "the number before this one has no row", |list| {
        let gone = format!("{}\n", row(list, "ZICBOZ"));

        replace(list, &gone, "")
    });
}

#[test]
fn repeated_row() {
    refused(
        "repeated",
        "the name `ZICBOZ` is defined multiple times",
        |list| {
            let twice = format!("{0}\n{0}\n", row(list, "ZICBOZ"));

            replace(list, &format!("{}\n", row(list, "ZICBOZ")), &twice)
        },
    );
}

#[test]
fn repeated_number() {
    refused("number", "two extensions have one number", |list| {
        in_row(list, "ZBB", "= 13", "= 12")
    });
}

#[test]
fn aliased_bit() {
    refused("aliased", "two extensions have one bit", |list| {
        in_row(list, "ZBB", " 30,", " 34,")
    });
}

#[test]
fn disable_without_mechanism() {
    refused(
        "effect",
        "an extension can be disabled to no effect",
        |list| in_row(list, "ZBB", "Never", "Always"),
    );
}

#[test]
fn disable_under_a_condition_without_mechanism() {
    refused(
        "condition",
        "an extension can be disabled to no effect",
        |list| in_row(list, "ZBB", "Never", "With(ZBA)"),
    );
}

#[test]
fn mechanism_that_is_not_used() {
    refused(
        "unused",
        "an extension cannot be disabled for no reason",
        |list| in_row(list, "SVPBMT", "Always,          ", "Never,           "),
    );
}

#[test]
fn never_there_but_offered() {
    refused("offered", "not offered", |list| {
        in_row(list, "H", "NotOffered", "FloatState")
    });
}

#[test]
fn cycle() {
    refused("cycle", "extensions need each other", |list| {
        in_row(list, "F", "[ZICSR]", "[ZCD]")
    });
}

#[test]
fn unknown_need() {
    refused("need", "no variant", |list| {
        in_row(list, "F", "[ZICSR]", "[ZNONE]")
    });
}

#[test]
fn firmware_feature_without_row() {
    for (name, extension, feature) in [
        ("landing", "ZICFILP", "Fwft(LandingPad)"),
        ("shadow", "ZICFISS", "Fwft(ShadowStack)"),
        ("masking", "SMNPM", "Fwft(PointerMasking)"),
    ] {
        refused(name, "a firmware feature belongs to no extension", |list| {
            in_row(list, extension, feature, "SeedCsr")
        });
    }
}

#[test]
fn mechanism_of_another_extension() {
    for (name, mechanism, words) in [
        ("seed", "SeedCsr", "the seed CSR is Zkr"),
        (
            "time",
            "Counters(Base)",
            "cycle, time and instret are Zicntr",
        ),
        ("hpm", "Counters(Hpm)", "the other counters are Zihpm"),
        ("float", "FloatState", "sstatus.FS is for F and D"),
        ("vector", "VectorState", "sstatus.VS is for V"),
    ] {
        refused(name, words, |list| {
            let row = row(list, "ZBA");
            let other = row
                .replace("Nothing(Opcodes)", mechanism)
                .replace("Never", "Always");

            replace(list, row, &other)
        });
    }
}

#[test]
fn one_way_of_two() {
    for (name, extension) in [("svade", "SVADE"), ("svadu", "SVADU")] {
        refused(
            name,
            "a choice of who updates A and D takes both ways",
            |list| in_row(list, extension, "Fwft(AdUpdating)", "Henvcfg(CBZE)"),
        );
    }
}

#[test]
fn extension_of_a_feature_that_has_none() {
    refused(
        "untied",
        "a firmware feature belongs to no extension",
        |list| in_row(list, "SMNPM", "PointerMasking", "MisalignedDelegation"),
    );
}
