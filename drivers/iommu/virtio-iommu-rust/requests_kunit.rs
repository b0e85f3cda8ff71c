// SPDX-License-Identifier: GPL-2.0

//! Tests of the request queue with a device that answers right or wrong.

/// Types of requests, as the specification numbers them.
pub(crate) mod kind {
    pub(crate) const ATTACH: u8 = 1;
    pub(crate) const MAP: u8 = 3;
    pub(crate) const UNMAP: u8 = 4;
    pub(crate) const PROBE: u8 = 5;
}

#[kernel::macros::kunit_tests(virtio_iommu_requests)]
mod tests {
    use super::kind;
    use kernel::prelude::*;

    use crate::{
        loopback_kunit::{
            attach,
            page,
            Answer,
            Rig,
            Seen,
            DOMAIN,
            OK,
            PROBE_SIZE, //
        },
        proto::EndpointId,
        range::IovaRange, //
    };

    #[test]
    fn requests_reach_the_device() -> Result {
        let rig = Rig::new()?;
        rig.requests.call(&attach(3))?;
        rig.map_and_sync(page(1)?)?;
        assert!(rig.unmap_and_sync(page(1)?)?.is_empty());

        let expected = [
            (kind::ATTACH, 3, 0),
            (kind::MAP, 0x1000, 0x1fff),
            (kind::UNMAP, 0x1000, 0x1fff),
        ];
        for (index, (kind, start, last)) in expected.into_iter().enumerate() {
            let id = DOMAIN.get();
            assert_eq!(
                rig.seen(index),
                Some(Seen {
                    kind,
                    id,
                    start,
                    last
                })
            );
        }
        Ok(())
    }

    #[test]
    fn every_status_is_told() -> Result {
        let rig = Rig::new()?;
        for (status, error) in [
            (0, None),
            (1, Some(EIO)),
            (2, Some(ENOSYS)),
            (3, Some(EIO)),
            (4, Some(EINVAL)),
            (5, Some(ERANGE)),
            (6, Some(ENOENT)),
            (7, Some(EFAULT)),
            (8, Some(ENOMEM)),
            (9, Some(EIO)),
            (0x80, Some(EIO)),
            (0xff, Some(EIO)),
        ] {
            rig.script(&[Answer::Status(status), Answer::Status(status)])?;
            assert_eq!(rig.requests.call(&attach(1)).err(), error);
            assert_eq!(rig.map_and_sync(page(1)?).err(), error);
        }
        // None of this is a reason to give the device up.
        rig.requests.call(&attach(1))
    }

    #[test]
    fn an_answer_of_another_length_is_a_failure() -> Result {
        let rig = Rig::new()?;
        for len in [0, 1, 3, 5, 36, u32::MAX] {
            rig.script(&[Answer::Length(len), Answer::Length(len)])?;
            assert_eq!(rig.requests.call(&attach(1)).err(), Some(EIO));
            assert_eq!(rig.map_and_sync(page(1)?).err(), Some(EIO));

            // The second attempt succeeds.
            rig.script(&[Answer::Length(len)])?;
            assert!(rig.unmap_and_sync(page(1)?)?.is_empty());
        }
        rig.requests.call(&attach(1))
    }

    #[test]
    fn an_answer_that_was_not_written_is_a_failure() -> Result {
        let rig = Rig::new()?;
        for _ in 0..3 {
            // What is left of these are successes.
            rig.requests.call(&attach(1))?;
            rig.map_and_sync(page(1)?)?;
            rig.requests.probe(EndpointId::new(9), PROBE_SIZE)?;

            rig.script(&[Answer::Unwritten; 3])?;
            assert_eq!(rig.requests.call(&attach(1)), Err(EIO));
            assert_eq!(rig.map_and_sync(page(1)?), Err(EIO));
            let probed = rig.requests.probe(EndpointId::new(9), PROBE_SIZE);
            assert_eq!(probed.err(), Some(EIO));
        }
        Ok(())
    }

    #[test]
    fn a_failed_map_is_told_once_and_to_its_range_only() -> Result {
        let rig = Rig::with(&[OK, Answer::Status(8), OK])?;
        for index in 1..=3 {
            rig.map(page(index)?)?;
        }
        assert_eq!(rig.requests.sync_map(DOMAIN, page(1)?), Ok(()));
        assert_eq!(rig.requests.sync_map(DOMAIN, page(3)?), Ok(()));
        assert_eq!(rig.requests.sync_map(DOMAIN, page(2)?), Err(ENOMEM));
        assert_eq!(rig.requests.sync_map(DOMAIN, page(2)?), Ok(()));
        Ok(())
    }

    #[test]
    fn a_failed_unmap_is_tried_once_more() -> Result {
        let rig = Rig::with(&[Answer::Status(3)])?;
        assert!(rig.unmap_and_sync(page(1)?)?.is_empty());
        assert_eq!(rig.count(kind::UNMAP), 2);
        assert_eq!(rig.seen(0), rig.seen(1));
        Ok(())
    }

    #[test]
    fn an_unmap_that_fails_twice_is_told() -> Result {
        let rig = Rig::with(&[Answer::Status(3), Answer::Status(5)])?;
        let stale = rig.unmap_and_sync(page(1)?)?;
        assert_eq!(stale.len(), 1);
        assert_eq!(stale.first(), Some(&(page(1)?, ERANGE)));
        assert_eq!(rig.count(kind::UNMAP), 2);

        // It is not told again, and the queue is as good as before.
        assert!(rig.unmap_and_sync(page(1)?)?.is_empty());
        Ok(())
    }

    #[test]
    fn a_device_that_unmaps_nothing_is_not_given_up() -> Result {
        const PAGES: usize = 300;

        let rig = Rig::new()?;
        let mut stale = 0;
        for index in 0..PAGES {
            // No two are neighbours, and the device refuses each of them and all retries.
            rig.script(&[Answer::Status(3); 4])?;
            let iova = page(u64::try_from(index)? * 2)?;
            while !rig.requests.lock().defer_unmap(DOMAIN, iova) {
                rig.script(&[Answer::Status(3); 100])?;
                match rig.requests.send_deferred() {
                    Ok(()) => {}
                    // What nobody asked for takes all the room.
                    Err(EIO) => {
                        rig.script(&[Answer::Status(3); 512])?;
                        let mut count = |_, _| stale += 1;
                        rig.requests
                            .sync_unmap(DOMAIN, IovaRange::ALL, &mut count)?;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        rig.script(&[Answer::Status(3); 512])?;
        let mut count = |_, _| stale += 1;
        rig.requests
            .sync_unmap(DOMAIN, IovaRange::ALL, &mut count)?;
        assert_eq!(stale, PAGES);

        rig.script(&[])?;
        rig.requests.call(&attach(1))
    }

    #[test]
    fn nothing_is_unmapped_for_nobody() -> Result {
        let rig = Rig::new()?;
        rig.script(&[Answer::Status(6)])?;
        rig.unmap(page(1)?)?;
        rig.requests.forget(DOMAIN);
        assert!(rig.unmap_and_sync(page(2)?)?.is_empty());
        assert_eq!(rig.count(kind::UNMAP), 2);
        assert_eq!(rig.seen(1).map(|seen| seen.start), Some(0x2000));
        Ok(())
    }

    #[test]
    fn answers_come_in_any_order() -> Result {
        let rig = Rig::new()?;
        rig.sleep(true)?;
        for index in 1..=5 {
            rig.map(page(index)?)?;
        }
        rig.script(&[Answer::Keep; 5])?;
        rig.sleep(false)?;

        // The sixth request makes the device take all, and is answered first.
        rig.requests.call(&attach(1))?;
        assert_eq!(rig.count(kind::MAP), 5);
        assert_eq!(rig.answer_kept(Answer::Status(7)), 5);
        for index in 1..=5 {
            assert_eq!(rig.requests.sync_map(DOMAIN, page(index)?), Err(EFAULT));
        }
        Ok(())
    }

    #[test]
    fn a_full_queue_is_waited_for() -> Result {
        let rig = Rig::new()?;
        rig.sleep(true)?;
        let mut count = 0;
        while rig.try_map(page(count)?)? {
            count += 1;
        }
        assert_eq!(
            rig.device.queue().lock().in_flight(),
            usize::try_from(count)?
        );
        assert!(!rig.try_map(page(count)?)?);

        rig.sleep(false)?;
        rig.requests.wait_for_room()?;
        rig.map(page(count)?)?;
        rig.requests.sync_map(DOMAIN, IovaRange::ALL)?;
        assert_eq!(rig.count(kind::MAP), usize::try_from(count + 1)?);

        // Requests of all kinds find their way into a full queue.
        for full in [false, true] {
            while full && rig.try_map(page(100)?)? {}
            rig.requests.call(&attach(1))?;
            while full && rig.try_map(page(100)?)? {}
            rig.unmap(page(1)?)?;
            rig.requests.sync_unmap(DOMAIN, IovaRange::ALL, |_, _| ())?;
            while full && rig.try_map(page(100)?)? {}
            rig.requests.probe(EndpointId::new(1), PROBE_SIZE)?;
        }
        Ok(())
    }

    #[test]
    fn an_unmap_before_a_reset_does_not_wait_for_room() -> Result {
        let rig = Rig::new()?;
        let mut count = 0;
        // None next to another, or they would be one.
        while rig.requests.lock().defer_unmap(DOMAIN, page(2 * count)?) {
            count += 1;
        }
        rig.requests.stop();

        assert_eq!(rig.requests.send_deferred(), Err(EBUSY));
        let synced = rig.requests.sync_unmap(DOMAIN, IovaRange::ALL, |_, _| ());
        assert_eq!(synced, Err(EBUSY));
        assert_eq!(rig.count(kind::UNMAP), 0);

        rig.requests.start();
        rig.requests.sync_unmap(DOMAIN, IovaRange::ALL, |_, _| ())?;
        assert_eq!(rig.count(kind::UNMAP), usize::try_from(count)?);
        Ok(())
    }

    #[test]
    fn properties_are_those_of_the_device() -> Result {
        let rig = Rig::new()?;
        let buffer = rig.requests.probe(EndpointId::new(9), PROBE_SIZE)?;
        assert!(buffer.writable_len() >= PROBE_SIZE);
        let seen = rig.seen(0).ok_or(ENOENT)?;
        assert_eq!((seen.kind, seen.id), (kind::PROBE, 9));

        for (answer, error) in [
            (Answer::Status(6), ENOENT),
            (Answer::Status(0xff), EIO),
            (Answer::Length(0), EIO),
            (Answer::Length(4), EIO),
            (Answer::Length(0xffff), EIO),
        ] {
            rig.script(&[answer])?;
            let probed = rig.requests.probe(EndpointId::new(9), PROBE_SIZE);
            assert_eq!(probed.err(), Some(error));
        }
        rig.requests.probe(EndpointId::new(9), PROBE_SIZE)?;
        Ok(())
    }

    #[test]
    #[cfg(CONFIG_FAILSLAB)]
    fn map_and_unmap_allocate_nothing() -> Result {
        use kernel::{
            interrupt::local_interrupt_disable,
            virtio::loopback::count_allocations, //
        };

        let rig = Rig::new()?;
        let iova = page(1)?;
        let (results, count) = count_allocations(|| {
            // What could wait for memory is reported by the kernel in here.
            let _irq = local_interrupt_disable();
            let mapped = rig.map(iova);
            let synced = rig.requests.sync_map(DOMAIN, iova);
            let unmapped = rig.unmap(iova);
            let cleared = rig.requests.sync_unmap(DOMAIN, iova, |_, _| ());
            [mapped, synced, unmapped, cleared]
        });
        assert_eq!(results, [Ok(()); 4]);
        assert_eq!(count, 0);
        assert_eq!((rig.count(kind::MAP), rig.count(kind::UNMAP)), (1, 1));

        // The same where they fail, or find the queue full.
        rig.script(&[Answer::Status(3), Answer::Status(3), Answer::Status(3)])?;
        let (results, count) = count_allocations(|| {
            let _irq = local_interrupt_disable();
            let mapped = rig.map(iova);
            let synced = rig.requests.sync_map(DOMAIN, iova);
            while matches!(rig.try_map(iova), Ok(true)) {}
            let unmapped = rig.unmap(iova);
            let cleared = rig.requests.sync_unmap(DOMAIN, iova, |_, _| ());
            (mapped, synced, unmapped, cleared)
        });
        assert_eq!(results, (Ok(()), Err(EIO), Ok(()), Ok(())));
        assert_eq!(count, 0);
        Ok(())
    }
}
