// SPDX-License-Identifier: GPL-2.0

//! Tests of the mappings of a domain in the table that the driver keeps them in.

#[kernel::macros::kunit_tests(virtio_iommu_shadow)]
mod tests {
    use core::convert::Infallible;

    use kernel::prelude::*;

    use crate::{
        proto::MapFlags,
        radix::Radix,
        range::{
            Granule,
            IovaRange, //
        },
        removal::Removal,
        shadow::{
            Mapping,
            Shadow,
            STRIDE, //
        },
        words::Table, //
    };

    const PHYS: u64 = 1 << 40;

    fn empty() -> Result<Shadow<Radix>> {
        let page = Granule::lowest_of(0x1000).ok_or(EINVAL)?;
        Ok(Shadow::new(Radix::new(u64::MAX >> 12)?, page, u64::MAX))
    }

    fn range(start: u64, len: u64) -> Result<IovaRange> {
        IovaRange::from_len(start, len).ok_or(EINVAL)
    }

    /// Makes the nodes for a mapping of `iova`.
    fn reserve(shadow: &Shadow<Radix>, iova: IovaRange) -> Result {
        for piece in shadow.pieces(iova) {
            let table = shadow.table();
            table.reserve(piece.page, piece.order, GFP_KERNEL)?;
            shadow.node(piece.page, piece.order).ok_or(EINVAL)?;
        }
        Ok(())
    }

    /// Maps `len` bytes from `start` on, each address to the one [`PHYS`] above it.
    fn insert(shadow: &Shadow<Radix>, start: u64, len: u64, sent: bool) -> Result {
        let iova = range(start, len)?;
        reserve(shadow, iova)?;
        if !shadow.is_vacant(iova) {
            return Err(EEXIST);
        }
        let mapping = Mapping {
            iova,
            phys: start.wrapping_add(PHYS),
            flags: MapFlags::READ,
        };
        shadow.insert(&mapping, sent);
        Ok(())
    }

    /// Makes mappings of pages at the addresses of `starts`, all sent.
    fn pages(starts: &[u64]) -> Result<Shadow<Radix>> {
        let shadow = empty()?;
        for start in starts {
            insert(&shadow, *start, 0x1000, true)?;
        }
        Ok(shadow)
    }

    /// Removes and returns start, length and whether any was sent.
    fn remove(shadow: &Shadow<Radix>, start: u64, len: u64) -> Result<Option<(u64, u64, bool)>> {
        let mut removal = Removal::new(shadow, range(start, len)?);
        while !removal.step(shadow) {}
        let removed = removal.removed(shadow);
        Ok(removed.map(|r| (r.iova.start(), r.iova.len().unwrap_or(0), r.sent)))
    }

    /// Returns the mappings from `page` on that are not sent, up to `room` of them, as start and
    /// length.
    fn send(shadow: &Shadow<Radix>, room: usize) -> Result<KVec<(u64, u64)>> {
        let mut sent = KVec::with_capacity(room, GFP_KERNEL)?;
        let mut next = Some(0);
        while let Some(page) = next {
            let Ok(rest) = shadow.send_missing(page, |mapping| {
                let entry = (mapping.iova.start(), mapping.iova.len().unwrap_or(0));
                let right = mapping.phys == mapping.iova.start().wrapping_add(PHYS)
                    && mapping.flags == MapFlags::READ;
                Ok::<_, Infallible>(right && sent.push_within_capacity(entry).is_ok())
            });
            if sent.len() == room {
                break;
            }
            next = rest;
        }
        Ok(sent)
    }

    fn forget_sent(shadow: &Shadow<Radix>) {
        let mut next = Some(0);
        while let Some(page) = next {
            next = shadow.forget_sent(page);
        }
    }

    #[test]
    fn lookup_finds_each_byte_of_a_mapping_only() -> Result {
        let shadow = pages(&[0x1000, 0x3000])?;
        assert_eq!(shadow.lookup(0xfff), None);
        assert_eq!(shadow.lookup(0x1000), Some(PHYS | 0x1000));
        assert_eq!(shadow.lookup(0x1fff), Some(PHYS | 0x1fff));
        assert_eq!(shadow.lookup(0x2000), None);
        assert_eq!(shadow.lookup(0x3800), Some(PHYS | 0x3800));
        assert_eq!(shadow.lookup(0x4000), None);
        Ok(())
    }

    #[test]
    fn lookup_finds_nothing_that_was_mapped_before() -> Result {
        let shadow = empty()?;
        for (phys, len) in [
            (1 << 40, 0x10_0000),
            (1 << 41, 0x10_0000),
            (1 << 42, 0x5000),
        ] {
            let mapping = Mapping {
                iova: range(0x4000_0000, len)?,
                phys,
                flags: MapFlags::READ,
            };
            assert_eq!(shadow.lookup(0x4000_3000), None);
            reserve(&shadow, mapping.iova)?;
            shadow.insert(&mapping, true);
            // One after the other, in which what was looked up last is remembered.
            for offset in [0, 0x1000, 0x2000, 0x2fff, 0x3000, len - 1] {
                assert_eq!(shadow.lookup(0x4000_0000 + offset), Some(phys + offset));
            }
            assert_eq!(shadow.lookup(0x4000_0000 + len), None);
            remove(&shadow, 0x4000_0000, len)?;
        }
        Ok(())
    }

    #[test]
    fn lookup_works_in_mappings_of_any_size_and_place() -> Result {
        let shadow = empty()?;
        for (start, len) in [
            (0x1000, 0x1000),
            (0x4_0000, 0x4_0000),
            (0x7f_f000, 0x102_3000),
            (0x1_4000_0000, 0x1_0000_0000),
            // Across the end of the low addresses.
            ((1 << 36) - 0x5000, 0x9000),
            (1 << 50, 1 << 49),
            (u64::MAX - 0x1fff, 0x2000),
        ] {
            insert(&shadow, start, len, true)?;
            let last = start + (len - 1);
            for address in [start, start + len / 3, start + len / 2 - 1, last] {
                assert_eq!(
                    shadow.lookup(address),
                    Some(address.wrapping_add(PHYS) & !0xfff | address & 0xfff)
                );
            }
            assert_eq!(shadow.lookup(start - 1), None);
            assert_eq!(shadow.lookup(last.wrapping_add(1)), None);
        }
        Ok(())
    }

    #[test]
    #[cfg(not(CONFIG_PPC64))]
    fn lookup_finds_what_stays_while_others_change() -> Result {
        use kernel::{
            sync::{
                atomic::{
                    Atomic,
                    Relaxed, //
                },
                Arc,
                Completion, //
            },
            workqueue, //
        };

        const LOOKS: usize = 50_000;
        let shadow = Arc::new(pages(&[0x4_2000])?, GFP_KERNEL)?;
        let stop = Arc::new(Atomic::new(0_u32), GFP_KERNEL)?;
        let begun = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
        let ended = Arc::pin_init(Completion::new(), GFP_KERNEL)?;

        let theirs = (shadow.clone(), stop.clone(), begun.clone(), ended.clone());
        workqueue::system_unbound().try_spawn(GFP_KERNEL, move || {
            let (shadow, stop, begun, ended) = theirs;
            while stop.load(Relaxed) == 0 {
                // On both sides, in the same node and in others.
                for (start, len) in [(0x4_1000, 0x1000), (0x4_3000, 0x8_0000)] {
                    let changed = insert(&shadow, start, len, true)
                        .and_then(|()| remove(&shadow, start, len));
                    // Nobody else maps there.
                    debug_assert!(matches!(changed, Ok(Some(_))));
                }
                begun.complete_all();
            }
            ended.complete_all();
        })?;
        begun.wait_for_completion();
        let found = |_: &usize| shadow.lookup(0x4_2abc) == Some(PHYS | 0x4_2abc);
        let good = (0..LOOKS).filter(found).count();
        stop.store(1, Relaxed);
        ended.wait_for_completion();
        assert_eq!(good, LOOKS);
        Ok(())
    }

    #[test]
    fn overlap_is_seen_at_both_ends_and_at_every_size() -> Result {
        let shadow = pages(&[0x4_2000])?;
        assert_eq!(insert(&shadow, 0x4_2000, 0x1000, false), Err(EEXIST));
        assert_eq!(insert(&shadow, 0x4_0000, 0x4_0000, false), Err(EEXIST));
        assert_eq!(insert(&shadow, 0x4_1000, 0x1000, false), Ok(()));
        assert_eq!(insert(&shadow, 0x4_3000, 0x1000, false), Ok(()));
        assert_eq!(insert(&shadow, 0x8_0000, 0x4_0000, false), Ok(()));
        assert_eq!(insert(&shadow, 0x9_0000, 0x1000, false), Err(EEXIST));
        assert!(!shadow.is_vacant(IovaRange::ALL));
        Ok(())
    }

    #[test]
    fn unmap_in_the_middle_of_a_mapping_removes_nothing() -> Result {
        let shadow = empty()?;
        insert(&shadow, 0x1000, 0x3000, true)?;
        insert(&shadow, 0x4_0000, 0x8_0000, true)?;
        for start in [0x2000, 0x5_0000, 0x8_0000] {
            assert_eq!(remove(&shadow, start, 0x1000)?, None);
        }
        for address in [0x1000, 0x3fff, 0x4_0000, 0xb_ffff] {
            assert!(shadow.lookup(address).is_some());
        }
        Ok(())
    }

    #[test]
    fn unmap_takes_a_mapping_whole() -> Result {
        let shadow = empty()?;
        for len in [0x3000, 0x4_0000, 0x105_6000] {
            insert(&shadow, 0x4_0000, len, false)?;
            assert_eq!(
                remove(&shadow, 0x4_0000, 0x1000)?,
                Some((0x4_0000, len, false))
            );
            assert!(shadow.is_vacant(IovaRange::ALL));
        }
        Ok(())
    }

    #[test]
    fn unmap_stops_at_a_hole() -> Result {
        let shadow = pages(&[0x1000, 0x2000, 0x4000])?;
        assert_eq!(
            remove(&shadow, 0x1000, 0x4000)?,
            Some((0x1000, 0x2000, true))
        );
        assert!(shadow.lookup(0x4000).is_some());
        assert_eq!(remove(&shadow, 0x3000, 0x2000)?, None);
        assert!(shadow.lookup(0x4000).is_some());
        Ok(())
    }

    #[test]
    fn unmap_leaves_the_neighbours() -> Result {
        let shadow = pages(&[0x1000, 0x2000, 0x3000])?;
        assert_eq!(
            remove(&shadow, 0x2000, 0x1000)?,
            Some((0x2000, 0x1000, true))
        );
        assert!(shadow.lookup(0x1000).is_some());
        assert!(shadow.lookup(0x3000).is_some());
        Ok(())
    }

    #[test]
    fn nothing_more_goes_after_the_last_of_an_unmap() -> Result {
        let shadow = pages(&[0x1000, 0x2000, 0x3000])?;
        let mut removal = Removal::new(&shadow, range(0x1000, 0x1000)?);
        for _ in 0..3 {
            assert!(removal.step(&shadow));
            let removed = removal.removed(&shadow).ok_or(EINVAL)?;
            assert_eq!(removed.iova, range(0x1000, 0x1000)?);
        }
        assert!(shadow.lookup(0x2000).is_some());
        assert!(shadow.lookup(0x3000).is_some());
        Ok(())
    }

    #[test]
    fn unmap_goes_on_after_many_mappings() -> Result {
        let shadow = empty()?;
        let count: u64 = 1000;
        for page in 0..count {
            insert(&shadow, page << 12, 0x1000, true)?;
        }
        let all = range(0, count << 12)?;
        let mut removal = Removal::new(&shadow, all);
        assert!(!removal.step(&shadow));
        assert!(STRIDE < 1000);
        assert_eq!(shadow.lookup(0), None);
        assert!(shadow.lookup(all.last()).is_some());
        while !removal.step(&shadow) {}
        assert_eq!(removal.removed(&shadow).map(|r| r.iova), Some(all));
        assert!(shadow.is_vacant(IovaRange::ALL));
        Ok(())
    }

    #[test]
    fn everything_is_sent_again_after_the_last_endpoint_left() -> Result {
        let shadow = empty()?;
        let all = [(0x1000, 0x1000), (0x2000, 0x7000), (0x4_0000, 0x5_0000)];
        for (start, len) in all {
            insert(&shadow, start, len, true)?;
        }
        assert!(send(&shadow, 9)?.is_empty());
        forget_sent(&shadow);
        assert_eq!(send(&shadow, 9)?.as_slice(), all.as_slice());
        assert!(send(&shadow, 9)?.is_empty());
        Ok(())
    }

    #[test]
    fn what_was_sent_for_an_earlier_stay_is_not_on_the_device() -> Result {
        let shadow = pages(&[0x1000])?;
        forget_sent(&shadow);
        assert_eq!(
            remove(&shadow, 0x1000, 0x1000)?,
            Some((0x1000, 0x1000, false))
        );
        Ok(())
    }

    #[test]
    fn sending_goes_on_where_there_was_no_room() -> Result {
        let shadow = empty()?;
        for start in [0x1000, 0x2000, 0x3000] {
            insert(&shadow, start, 0x1000, false)?;
        }
        assert_eq!(
            send(&shadow, 2)?.as_slice(),
            &[(0x1000, 0x1000), (0x2000, 0x1000)]
        );
        assert_eq!(send(&shadow, 2)?.as_slice(), &[(0x3000, 0x1000)]);
        Ok(())
    }

    #[test]
    fn addresses_beyond_the_table_are_not_mapped() -> Result {
        let page = Granule::lowest_of(0x1000).ok_or(EINVAL)?;
        let shadow = Shadow::new(Radix::new((1 << 27) - 1)?, page, (1 << 39) - 1);
        assert_eq!(shadow.lookup(1 << 39), None);
        assert_eq!(shadow.lookup(u64::MAX), None);
        assert_eq!(insert(&shadow, 1 << 50, 0x1000, false), Err(EINVAL));
        assert!(shadow.table().top(1 << 50).is_none());
        Ok(())
    }

    #[test]
    fn a_small_mapping_needs_no_memory_where_one_was_before() -> Result {
        let shadow = pages(&[0x1000])?;
        for (start, len, fits) in [
            (0x2000, 0x1000, true),
            (0x3_f000, 0x1000, true),
            (0x2000, 0x3_e000, true),
            (0x1000, 0x1000, false),
            (0, 0x2000, false),
            // In the next node, and across its border.
            (0x4_0000, 0x1000, false),
            (0x3_f000, 0x2000, false),
            // As one word of the node above, with something mapped below it, and without.
            (0, 0x4_0000, false),
            (0x4_0000, 0x4_0000, true),
            (0x8_0000, 0x8_0000, true),
            (0x4_0000, 0x5_0000, false),
        ] {
            assert_eq!(shadow.vacancy(range(start, len)?).is_some(), fits);
        }

        let mapping = Mapping {
            iova: range(0x3000, 0x4000)?,
            phys: PHYS | 0x3000,
            flags: MapFlags::READ,
        };
        let vacancy = shadow.vacancy(mapping.iova).ok_or(EINVAL)?;
        shadow.fill(&vacancy, &mapping, true);
        assert_eq!(shadow.lookup(0x6fff), Some(PHYS | 0x6fff));
        assert_eq!(shadow.lookup(0x7000), None);
        assert_eq!(
            remove(&shadow, 0x3000, 0x1000)?,
            Some((0x3000, 0x4000, true))
        );

        let large = Mapping {
            iova: range(0x8_0000, 0x8_0000)?,
            phys: PHYS | 0x8_0000,
            flags: MapFlags::READ,
        };
        let vacancy = shadow.vacancy(large.iova).ok_or(EINVAL)?;
        shadow.fill(&vacancy, &large, true);
        assert_eq!(shadow.lookup(0xf_ffff), Some(PHYS | 0xf_ffff));
        assert!(shadow.vacancy(range(0xf_f000, 0x1000)?).is_none());
        assert!(shadow.vacancy(range(0, 0x10_0000)?).is_none());
        Ok(())
    }
}
