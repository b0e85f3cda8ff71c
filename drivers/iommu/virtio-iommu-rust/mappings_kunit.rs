// SPDX-License-Identifier: GPL-2.0

//! Tests of the mappings of a domain, which need the kernel's red-black tree.

#[kernel::macros::kunit_tests(virtio_iommu_mappings)]
mod tests {
    use kernel::prelude::*;

    use crate::{
        mappings::{
            Mapping,
            Mappings,
            Reservation, //
        },
        proto::MapFlags,
        range::IovaRange, //
    };

    /// Creates mappings of pages at the addresses of `starts`, all sent.
    fn pages(starts: &[u64]) -> Result<Mappings> {
        let mut mappings = Mappings::new();
        mappings.join();
        for start in starts {
            insert(&mut mappings, *start, 0x1000)?;
        }
        Ok(mappings)
    }

    fn range(start: u64, len: u64) -> Result<IovaRange> {
        IovaRange::from_len(start, len).ok_or(EINVAL)
    }

    fn insert(mappings: &mut Mappings, start: u64, len: u64) -> Result {
        let mapping = Mapping {
            iova: range(start, len)?,
            phys: start | 1 << 40,
            flags: MapFlags::READ,
        };
        let stay = mappings.stay();
        mappings.insert(Reservation::new(GFP_KERNEL)?, mapping, stay);
        Ok(())
    }

    /// Removes and returns start, length and whether the device knows of it.
    fn remove(mappings: &mut Mappings, start: u64, len: u64) -> Result<Option<(u64, u64, bool)>> {
        let removed = mappings.remove(range(start, len)?);
        Ok(removed.map(|r| (r.iova.start(), r.iova.len().unwrap_or(0), r.on_device)))
    }

    /// Counts the mappings that are not on the device, and sends up to `room` of them.
    fn send(mappings: &mut Mappings, from: u64, room: usize) -> Result<(usize, Option<u64>)> {
        let mut sent = 0;
        let next = mappings.send_missing(from, |mapping| {
            let fits = sent < room && mapping.flags == MapFlags::READ;
            sent += usize::from(fits);
            Ok(fits)
        })?;
        Ok((sent, next))
    }

    #[test]
    fn lookup_finds_each_byte_of_a_mapping_only() -> Result {
        let mappings = pages(&[0x1000, 0x3000])?;
        assert_eq!(mappings.lookup(0xfff), None);
        assert_eq!(mappings.lookup(0x1000), Some(1 << 40 | 0x1000));
        assert_eq!(mappings.lookup(0x1fff), Some(1 << 40 | 0x1fff));
        assert_eq!(mappings.lookup(0x2000), None);
        assert_eq!(mappings.lookup(0x3800), Some(1 << 40 | 0x3800));
        assert_eq!(mappings.lookup(0x4000), None);
        Ok(())
    }

    #[test]
    fn overlap_is_seen_at_both_ends() -> Result {
        let mappings = pages(&[0x2000])?;
        assert!(!mappings.overlaps(range(0x1000, 0x1000)?));
        assert!(mappings.overlaps(range(0x1000, 0x1001)?));
        assert!(mappings.overlaps(range(0x2fff, 1)?));
        assert!(!mappings.overlaps(range(0x3000, 0x1000)?));
        assert!(mappings.overlaps(IovaRange::ALL));
        Ok(())
    }

    #[test]
    fn unmap_in_the_middle_of_a_mapping_removes_nothing() -> Result {
        let mut mappings = Mappings::new();
        insert(&mut mappings, 0x1000, 0x3000)?;
        assert_eq!(remove(&mut mappings, 0x2000, 0x1000)?, None);
        assert!(mappings.lookup(0x1000).is_some());
        assert!(mappings.lookup(0x3fff).is_some());
        Ok(())
    }

    #[test]
    fn unmap_takes_a_mapping_whole() -> Result {
        let mut mappings = Mappings::new();
        insert(&mut mappings, 0x1000, 0x3000)?;
        assert_eq!(
            remove(&mut mappings, 0x1000, 0x1000)?,
            Some((0x1000, 0x3000, false))
        );
        assert_eq!(mappings.lookup(0x1000), None);
        Ok(())
    }

    #[test]
    fn unmap_stops_at_a_hole() -> Result {
        let mut mappings = pages(&[0x1000, 0x2000, 0x4000])?;
        assert_eq!(
            remove(&mut mappings, 0x1000, 0x4000)?,
            Some((0x1000, 0x2000, true))
        );
        assert!(mappings.lookup(0x4000).is_some());
        assert_eq!(remove(&mut mappings, 0x3000, 0x2000)?, None);
        assert!(mappings.lookup(0x4000).is_some());
        Ok(())
    }

    #[test]
    fn unmap_leaves_the_neighbours() -> Result {
        let mut mappings = pages(&[0x1000, 0x2000, 0x3000])?;
        assert_eq!(
            remove(&mut mappings, 0x2000, 0x1000)?,
            Some((0x2000, 0x1000, true))
        );
        assert!(mappings.lookup(0x1000).is_some());
        assert!(mappings.lookup(0x3000).is_some());
        Ok(())
    }

    #[test]
    fn everything_is_sent_again_after_the_last_endpoint_left() -> Result {
        let mut mappings = pages(&[0x1000, 0x2000])?;
        assert_eq!(send(&mut mappings, 0, 9)?, (0, None));
        mappings.join();
        mappings.leave();
        assert_eq!(send(&mut mappings, 0, 9)?, (0, None));
        mappings.leave();
        assert!(mappings.stay().is_none());
        mappings.join();
        assert_eq!(send(&mut mappings, 0, 9)?, (2, None));
        assert_eq!(send(&mut mappings, 0, 9)?, (0, None));
        Ok(())
    }

    #[test]
    fn what_was_sent_for_an_earlier_stay_is_not_on_the_device() -> Result {
        let mut mappings = pages(&[0x1000])?;
        mappings.leave();
        mappings.join();
        assert_eq!(
            remove(&mut mappings, 0x1000, 0x1000)?,
            Some((0x1000, 0x1000, false))
        );
        Ok(())
    }

    #[test]
    fn sending_goes_on_where_there_was_no_room() -> Result {
        let mut mappings = Mappings::new();
        for start in [0x1000, 0x2000, 0x3000] {
            insert(&mut mappings, start, 0x1000)?;
        }
        mappings.join();
        assert_eq!(send(&mut mappings, 0, 2)?, (2, Some(0x3fff)));
        assert_eq!(send(&mut mappings, 0x3fff, 2)?, (1, None));
        Ok(())
    }
}
