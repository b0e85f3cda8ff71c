// SPDX-License-Identifier: GPL-2.0

//! Requests, compared with a list of their fields.

use proptest::prelude::*;

use crate::proto::{
    check_completion,
    DomainId,
    EndpointId,
    Failure,
    MapFlags,
    Request,
    Status,
    MAX_READABLE, //
};

use super::range::any_range;

/// A field of a request: offset, size and value.
type Field = (usize, usize, u64);

/// Size and fields of what the device reads of a request.
fn layout(request: &Request) -> (usize, Vec<Field>) {
    match *request {
        Request::Attach {
            domain,
            endpoint,
            bypass,
        } => (
            20,
            vec![
                (0, 1, 1),
                (4, 4, domain.get().into()),
                (8, 4, endpoint.get().into()),
                (12, 4, bypass.into()),
            ],
        ),
        Request::Detach { domain, endpoint } => (
            20,
            vec![
                (0, 1, 2),
                (4, 4, domain.get().into()),
                (8, 4, endpoint.get().into()),
            ],
        ),
        Request::Map {
            domain,
            iova,
            phys_start,
            flags,
        } => (
            36,
            vec![
                (0, 1, 3),
                (4, 4, domain.get().into()),
                (8, 8, iova.start()),
                (16, 8, iova.last()),
                (24, 8, phys_start),
                (32, 4, flags.bits().into()),
            ],
        ),
        Request::Unmap { domain, iova } => (
            28,
            vec![
                (0, 1, 4),
                (4, 4, domain.get().into()),
                (8, 8, iova.start()),
                (16, 8, iova.last()),
            ],
        ),
        Request::Probe { endpoint } => (72, vec![(0, 1, 5), (4, 4, endpoint.get().into())]),
    }
}

fn request() -> impl Strategy<Value = Request> {
    let domain = || any::<u32>().prop_map(DomainId::new);
    let endpoint = || any::<u32>().prop_map(EndpointId::new);
    let flags = any::<(bool, bool, bool)>().prop_map(|(r, w, m)| MapFlags::new(r, w, m));

    prop_oneof![
        (domain(), endpoint(), any::<bool>()).prop_map(|(domain, endpoint, bypass)| {
            Request::Attach {
                domain,
                endpoint,
                bypass,
            }
        }),
        (domain(), endpoint()).prop_map(|(domain, endpoint)| Request::Detach { domain, endpoint }),
        (domain(), any_range(), any::<u64>(), flags).prop_map(
            |(domain, iova, phys_start, flags)| Request::Map {
                domain,
                iova,
                phys_start,
                flags,
            }
        ),
        (domain(), any_range()).prop_map(|(domain, iova)| Request::Unmap { domain, iova }),
        endpoint().prop_map(|endpoint| Request::Probe { endpoint }),
    ]
}

proptest! {
    #[test]
    fn encoding(request in request(), stale in any::<u8>()) {
        let (len, fields) = layout(&request);
        let mut want = vec![0_u8; len];
        for (offset, size, value) in fields {
            want[offset..offset + size].copy_from_slice(&value.to_le_bytes()[..size]);
        }

        let mut buf = [stale; MAX_READABLE];
        prop_assert_eq!(request.encode(&mut buf), want.as_slice());
        prop_assert_eq!(request.readable_len(), len);
    }

    #[test]
    fn completions(
        used in prop_oneof![0..600_u32, any::<u32>()],
        expected in prop_oneof![Just(4_usize), 4..600_usize],
        exact in any::<bool>(),
        tail in any::<[u8; 4]>(),
        success in any::<bool>(),
    ) {
        let used = if exact { u32::try_from(expected).unwrap() } else { used };
        let tail = if success { [0, tail[1], tail[2], tail[3]] } else { tail };
        let got = check_completion(used, expected, &tail);

        // Success takes both the right length and a status that says so.
        prop_assert_eq!(got.is_ok(), u128::from(used) == expected as u128 && tail[0] == 0);
        match got {
            Ok(()) => {}
            Err(Failure::Empty) => prop_assert_eq!(used, 0),
            Err(Failure::Length { used: u, expected: e }) => {
                prop_assert_eq!((u, e), (used, expected));
                prop_assert_ne!(used, 0);
            }
            Err(Failure::Status(status)) => {
                prop_assert_eq!(Status::decode(tail[0]), Err(status));
            }
        }
    }
}
