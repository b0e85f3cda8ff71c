// SPDX-License-Identifier: GPL-2.0

use crate::{
    config::{
        read,
        Space, //
    },
    input::Input,
    limits::{
        Features,
        Limits,
        MAX_PROBE_SIZE, //
    }, //
};

/// A configuration space that ends somewhere.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn at<const N: usize>(&self, offset: u32) -> Result<[u8; N], ()> {
        let start = usize::try_from(offset).unwrap();
        self.0
            .get(start..start + N)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(())
    }
}

impl Space for Bytes<'_> {
    type Error = ();

    fn u32_at(&self, offset: u32) -> Result<u32, ()> {
        self.at(offset).map(u32::from_le_bytes)
    }

    fn u64_at(&self, offset: u32) -> Result<u64, ()> {
        self.at(offset).map(u64::from_le_bytes)
    }
}

fn check(limits: &Limits) {
    assert!(limits.granule.bytes().is_power_of_two());
    assert!(limits.aperture.start() <= limits.aperture.last());
    assert!(limits.probe_size <= usize::try_from(MAX_PROBE_SIZE).unwrap());
    assert!((0..=64).contains(&limits.input_bits()));

    for page_size in [1 << 12, 1 << 14, 1 << 16] {
        let sizes = limits.page_sizes(page_size);
        assert!(sizes & limits.smallest_page().bytes() != 0);
        let smallest = limits.smallest_page().bytes();
        assert!(sizes & !limits.page_size_mask & !smallest == 0);
        assert!(limits.granule_fits(page_size) == (limits.granule.bytes() <= page_size));
    }

    // No ID serves two purposes.
    let set_aside = [limits.identity, limits.blocked];
    if let [Some(identity), Some(blocked)] = set_aside {
        assert!(identity != blocked);
    }
    if let Some(ids) = limits.domains {
        assert!(ids.first <= ids.last);
        for id in set_aside.into_iter().flatten() {
            assert!(!(ids.first..=ids.last).contains(&id));
        }
    }
}

/// A configuration space, and what the driver makes of it.
///
/// Input: which features there are, the configuration space.
pub fn config(data: &[u8]) {
    let mut input = Input(data);
    let mut bits = input.u8();
    let features = Features::from_fn(|_| {
        let has = bits & 1 != 0;
        bits >>= 1;
        has
    });

    let Ok(config) = read(&Bytes(input.0), features) else {
        // The longest one that is asked for has 36 bytes.
        assert!(input.0.len() < 36);
        return;
    };
    match Limits::new(&config, features) {
        Ok(limits) => check(&limits),
        Err(error) => {
            let _ = (error.errno(), format!("{error:?}"));
        }
    }
}
