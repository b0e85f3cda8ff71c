// SPDX-License-Identifier: GPL-2.0

//! The targets on the inputs that are kept, and on some more that are easily thought of.

use std::{
    fs,
    path::Path, //
};

use fuzz::TARGETS;

/// The fewest inputs that make a corpus.
const FEW: usize = 3;

#[test]
fn kept_inputs() {
    for (name, target) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(name);
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
