// SPDX-License-Identifier: GPL-2.0

//! Tests of the request queue with a device that answers late, to somebody else, or not at all.

use kernel::{
    impl_has_hr_timer,
    sync::{
        Arc,
        ArcBorrow, //
    },
    time::{
        hrtimer::{
            HrTimer,
            HrTimerCallback,
            HrTimerCallbackContext,
            HrTimerRestart,
            RelativeMode, //
        },
        Delta,
        Monotonic, //
    },
    virtio::loopback::Loopback, //
};

use kernel::prelude::*;

use crate::{
    loopback_kunit::{
        answer_kept,
        Device,
        OK, //
    },
    requests::State, //
};

/// How long a device takes that is slow but answers.
const MOMENT: Delta = Delta::from_millis(20);

/// More moments than anybody waits for.
const MANY: usize = 500;

/// Answers what a device kept, in an interrupt of the CPU that starts it.
#[pin_data]
struct Alarm {
    #[pin]
    timer: HrTimer<Self>,
    device: Arc<Loopback<State, Device>>,
}

impl Alarm {
    fn new(device: Arc<Loopback<State, Device>>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                timer <- HrTimer::new(),
                device,
            }),
            GFP_KERNEL,
        )
    }
}

impl HrTimerCallback for Alarm {
    type Pointer<'a> = Arc<Self>;

    fn run(this: ArcBorrow<'_, Self>, _ctx: HrTimerCallbackContext<'_, Self>) -> HrTimerRestart {
        answer_kept(&this.device, OK);
        HrTimerRestart::NoRestart
    }
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Alarm {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

#[kernel::macros::kunit_tests(virtio_iommu_waiting)]
mod tests {
    use super::{
        Alarm,
        MANY,
        MOMENT, //
    };
    use kernel::{
        prelude::*,
        sync::{
            atomic::{
                Atomic,
                Full,
                Relaxed, //
            },
            Arc,
            Completion, //
        },
        time::{
            delay::fsleep,
            hrtimer::HrTimerPointer,
            Delta,
            Instant,
            Monotonic, //
        },
        workqueue, //
    };

    use crate::{
        deadlines::{
            QUIET,
            TIMEOUT, //
        },
        loopback_kunit::{
            answer_kept,
            attach,
            page,
            try_map,
            unmap,
            Answer,
            Rig,
            DOMAIN,
            OK,
            PROBE_SIZE, //
        },
        proto::EndpointId,
        range::IovaRange,
        requests::Requests,
        requests_kunit::kind, //
    };

    /// Returns how long `f` takes.
    fn timed<R>(f: impl FnOnce() -> R) -> (R, Delta) {
        let begin = Instant::<Monotonic>::now();
        let result = f();
        (result, Instant::<Monotonic>::now() - begin)
    }

    #[test]
    fn an_unmap_waits_for_the_maps_of_its_range() -> Result {
        let rig = Rig::with(&[Answer::Keep])?;
        rig.map(page(1)?)?;
        rig.requests.call(&attach(1))?;
        let device = rig.device.clone();
        let answered = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
        let done = answered.clone();
        workqueue::system_unbound().try_spawn(GFP_KERNEL, move || {
            fsleep(MOMENT);
            answer_kept(&device, OK);
            done.complete_all();
        })?;
        rig.unmap(page(1)?)?;
        // Kept until then, the MAP would have come first nevertheless.
        assert_eq!(rig.answer_kept(OK), 0);
        answered.wait_for_completion();
        rig.requests.sync_unmap(DOMAIN, page(1)?, |_, _| ())?;
        assert_eq!(rig.seen(2).map(|seen| seen.kind), Some(kind::UNMAP));
        Ok(())
    }

    /// Answers what the device keeps with `answer`, as soon as there is something.
    fn answer_late(rig: &Rig, answer: Answer) -> Result<Arc<Completion>> {
        let device = rig.device.clone();
        let answered = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
        let done = answered.clone();
        workqueue::system_unbound().try_spawn(GFP_KERNEL, move || {
            for _ in 0..MANY {
                fsleep(MOMENT);
                if answer_kept(&device, answer) > 0 {
                    break;
                }
            }
            done.complete_all();
        })?;
        Ok(answered)
    }

    #[test]
    fn all_wait_until_a_failed_unmap_was_tried_again() -> Result {
        let rig = Rig::with(&[Answer::Status(3), Answer::Keep])?;
        let others = rig.requests.clone();
        let ended = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
        let end = ended.clone();

        // One request for two neighbours, each with an owner who waits for it.
        assert!(rig.requests.lock().defer_unmap(DOMAIN, page(1)?));
        assert!(rig.requests.lock().defer_unmap(DOMAIN, page(2)?));
        let theirs = page(2)?;
        workqueue::system_unbound().try_spawn(GFP_KERNEL, move || {
            let _ = others.sync_unmap(DOMAIN, theirs, |_, _| ());
            end.complete_all();
        })?;
        let mut looks = 0;
        while rig.count(kind::UNMAP) < 2 && looks < MANY {
            looks += 1;
            fsleep(MOMENT);
        }
        assert_eq!(rig.count(kind::UNMAP), 2);

        let answered = answer_late(&rig, OK)?;
        rig.requests.sync_unmap(DOMAIN, page(1)?, |_, _| ())?;
        assert_eq!(rig.answer_kept(OK), 0);
        answered.wait_for_completion();
        ended.wait_for_completion();
        assert_eq!(rig.count(kind::UNMAP), 2);
        Ok(())
    }

    #[test]
    fn what_is_late_is_not_for_whoever_has_the_domain_next() -> Result {
        let rig = Rig::with(&[Answer::Keep])?;
        rig.unmap(page(1)?)?;
        let answered = answer_late(&rig, Answer::Status(6))?;
        rig.requests.forget(DOMAIN);
        assert_eq!(rig.answer_kept(OK), 0);
        answered.wait_for_completion();

        assert!(rig.unmap_and_sync(page(1)?)?.is_empty());
        assert_eq!(rig.count(kind::UNMAP), 2);
        Ok(())
    }

    #[test]
    fn a_silent_device_is_given_up() -> Result {
        let rig = Rig::new()?;
        rig.keep_quiet()?;
        let (result, time) = timed(|| rig.requests.call(&attach(1)));
        assert_eq!(result, Err(EIO));
        assert!(time >= QUIET && time < TIMEOUT);

        // Nobody waits for it a second time.
        let (results, time) = timed(|| -> Result<_> {
            Ok([
                rig.requests.call(&attach(1)),
                rig.map(page(1)?),
                rig.unmap(page(1)?),
                rig.requests.sync_map(DOMAIN, IovaRange::ALL),
                rig.requests.wait_for_room(),
            ])
        });
        let [call, map, unmap, ..] = results?;
        assert_eq!((call, map, unmap), (Err(EIO), Err(EIO), Err(EIO)));
        assert!(time < QUIET);

        // It still has the buffer, and may write there.
        assert_eq!(rig.device.queue().lock().in_flight(), 1);
        assert_eq!(rig.answer_kept(OK), 1);
        assert_eq!(rig.requests.call(&attach(1)), Err(EIO));
        Ok(())
    }

    #[test]
    fn nobody_waits_for_ever_while_others_are_answered() -> Result {
        let rig = Rig::with(&[Answer::Keep])?;
        let others = rig.requests.clone();
        let ended = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
        let end = ended.clone();

        rig.map(page(1)?)?;
        rig.requests.call(&attach(1))?;
        workqueue::system_unbound().try_spawn(GFP_KERNEL, move || {
            for _ in 0..MANY {
                if others.call(&attach(2)).is_err() {
                    break;
                }
                fsleep(MOMENT);
            }
            end.complete_all();
        })?;
        let (result, time) = timed(|| rig.requests.sync_map(DOMAIN, page(1)?));
        ended.wait_for_completion();
        assert_eq!(result, Err(EIO));
        assert!(time >= TIMEOUT);
        Ok(())
    }

    #[test]
    fn a_late_answer_is_waited_for() -> Result {
        let rig = Rig::with(&[Answer::Keep])?;
        let device = rig.device.clone();
        workqueue::system_unbound().try_spawn(GFP_KERNEL, move || {
            for _ in 0..MANY {
                fsleep(MOMENT);
                if answer_kept(&device, Answer::Status(6)) > 0 {
                    break;
                }
            }
        })?;
        assert_eq!(rig.requests.call(&attach(1)), Err(ENOENT));
        rig.requests.call(&attach(1))
    }

    #[test]
    fn a_lie_about_buffers_breaks_the_queue_at_once() -> Result {
        for lie in [
            Answer::WrongHead(3),
            Answer::WrongHead(15),
            Answer::WrongHead(16),
            Answer::WrongHead(0xffff),
            Answer::Twice,
            Answer::RunAhead(2),
            Answer::RunAhead(16),
            Answer::RunAhead(17),
            Answer::RunAhead(0x8000),
        ] {
            let rig = Rig::with(&[lie])?;
            let (results, time) = timed(|| -> Result<_> {
                rig.map(page(1)?)?;
                // The lie is seen with the first request, or with the one that follows.
                let first = rig.requests.sync_map(DOMAIN, page(1)?);
                Ok((first, rig.requests.call(&attach(1))))
            });
            let (first, second) = results?;
            assert!(first == Err(EIO) || (first.is_ok() && lie == Answer::Twice));
            assert_eq!(second, Err(EIO));
            assert_eq!(rig.requests.call(&attach(1)), Err(EIO));
            assert!(rig.device.queue().lock().is_broken());
            assert!(time < QUIET);
        }
        Ok(())
    }

    #[test]
    fn a_full_queue_of_a_silent_device_is_given_up() -> Result {
        let rig = Rig::new()?;
        rig.keep_quiet()?;
        while rig.try_map(page(1)?)? {}
        let (result, time) = timed(|| rig.requests.wait_for_room());
        assert_eq!(result, Err(EIO));
        assert!(time < TIMEOUT);
        assert_eq!(rig.unmap(page(1)?), Err(EIO));
        Ok(())
    }

    #[test]
    fn failures_that_nobody_asks_for_go_with_their_domain() -> Result {
        let rig = Rig::new()?;
        let (result, time) = timed(|| -> Result {
            for index in 0..300 {
                rig.script(&[Answer::Status(3); 16])?;
                // There may be a limit on what nobody asks for, but no wait without end.
                if !rig.try_map(page(index)?).unwrap_or(true) {
                    let _ = rig.requests.wait_for_room();
                }
            }
            Ok(())
        });
        result?;
        assert!(time < TIMEOUT);

        rig.script(&[])?;
        let _ = rig.requests.wait_for_room();
        rig.requests.forget(DOMAIN);
        rig.requests.call(&attach(1))?;
        rig.map_and_sync(page(1)?)?;
        assert_eq!(rig.requests.sync_map(DOMAIN, IovaRange::ALL), Ok(()));
        Ok(())
    }

    #[test]
    fn the_buffer_of_a_silent_probe_stays() -> Result {
        let rig = Rig::new()?;
        rig.keep_quiet()?;
        let probed = rig.requests.probe(EndpointId::new(9), PROBE_SIZE);
        assert_eq!(probed.err(), Some(EIO));
        // The device writes to it: KASAN tells if it was freed.
        assert_eq!(rig.answer_kept(OK), 1);
        Ok(())
    }

    #[test]
    fn whoever_waits_for_an_unplugged_device_is_told() -> Result {
        let rig = Rig::new()?;
        rig.keep_quiet()?;
        let device = rig.device.clone();
        workqueue::system_unbound().try_spawn(GFP_KERNEL, move || {
            fsleep(MOMENT);
            device.unplug();
        })?;
        let (result, time) = timed(|| rig.requests.call(&attach(1)));
        assert!(result.is_err());
        assert!(time < TIMEOUT);
        assert!(rig.requests.call(&attach(1)).is_err());
        assert!(rig.map(page(1)?).is_err());
        Ok(())
    }

    #[test]
    fn interrupts_are_as_they_were_while_one_waits() -> Result {
        let rig = Rig::with(&[Answer::Keep])?;
        let alarm = Alarm::new(rig.device.clone())?;
        rig.map(page(1)?)?;
        rig.requests.call(&attach(1))?;
        // The answer comes in an interrupt of the CPU that waits for it.
        let _timer = alarm.start(MOMENT);
        rig.requests.sync_map(DOMAIN, page(1)?)
    }

    /// Maps and unmaps page `index` again and again, and returns whether the results are its own.
    fn use_page(requests: &Requests, index: u64) -> Result {
        let iova = page(index)?;
        let expected = if index % 2 == 0 { Ok(()) } else { Err(ENOMEM) };
        for _ in 0..25 {
            while !try_map(requests, iova)? {
                requests.wait_for_room()?;
            }
            if requests.sync_map(DOMAIN, iova) != expected {
                return Err(EINVAL);
            }
            unmap(requests, iova)?;
            requests.sync_unmap(DOMAIN, iova, |_, _| ())?;
            requests.call(&attach(1))?;
        }
        Ok(())
    }

    #[test]
    fn everybody_gets_their_own_answers() -> Result {
        const CALLERS: u64 = 12;
        // More than the ring has room for.
        let rig = Rig::new()?;
        rig.refuse_odd_pages()?;
        let good = Arc::new(Atomic::new(0_u64), GFP_KERNEL)?;
        let mut ends = KVec::new();
        for index in 1..=CALLERS {
            let end = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
            ends.push(end.clone(), GFP_KERNEL)?;
            let (requests, good) = (rig.requests.clone(), good.clone());
            workqueue::system_unbound().try_spawn(GFP_KERNEL, move || {
                if use_page(&requests, index).is_ok() {
                    good.fetch_add(1, Full);
                }
                end.complete_all();
            })?;
        }
        for end in &ends {
            end.wait_for_completion();
        }
        assert_eq!(good.load(Relaxed), CALLERS);
        Ok(())
    }
}
