// SPDX-License-Identifier: GPL-2.0

//! The targets on the inputs that are kept, and on some more that are easily thought of.

use std::{
    env,
    fs,
    path::Path, //
};

use fuzz::TARGETS;

/// The fewest inputs that make a corpus.
const FEW: usize = 3;

#[test]
fn kept_inputs() {
    // As it is when the test runs: the same program may serve more than one checkout.
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap();
    for (name, target) in TARGETS {
        let folder = Path::new(&package).join("corpus").join(name);
        let mut count = 0;
        for entry in fs::read_dir(&folder).unwrap() {
            target(&fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count >= FEW, "{} has {count} files", folder.display());
    }
}

#[test]
fn plain_inputs() {
    for (_, target) in TARGETS {
        for len in (0..80).chain([512, 4096]) {
            for byte in [0, 1, 0x7f, 0x80, 0xff] {
                target(&vec![byte; len]);
            }
        }
    }
}
