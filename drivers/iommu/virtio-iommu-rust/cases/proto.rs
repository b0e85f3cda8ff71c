// SPDX-License-Identifier: GPL-2.0

//! Requests and completions.

use super::{
    super::{
        errno::Errno,
        proto::{
            check_completion,
            DomainId,
            EndpointId,
            Failure,
            MapFlags,
            Request,
            Status,
            MAX_MAP_READABLE,
            MAX_READABLE,
            TAIL_LEN, //
        }, //
    },
    holds,
    range,
    same,
    Case, //
};

const DOMAIN: DomainId = DomainId::new(0x4433_2211);
const ENDPOINT: EndpointId = EndpointId::new(0x8877_6655);

/// Each request, with the bytes that the specification lays it out in up to the last one that is
/// not reserved.
const REQUESTS: &[(&str, Request, usize, &[u8])] = &[
    (
        "attach",
        Request::Attach {
            domain: DOMAIN,
            endpoint: ENDPOINT,
            bypass: false,
        },
        20,
        &[
            1, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0, 0, 0, 0,
        ],
    ),
    (
        "attach with bypass",
        Request::Attach {
            domain: DOMAIN,
            endpoint: ENDPOINT,
            bypass: true,
        },
        20,
        &[
            1, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 1, 0, 0, 0,
        ],
    ),
    (
        "detach",
        Request::Detach {
            domain: DOMAIN,
            endpoint: ENDPOINT,
        },
        20,
        &[2, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88],
    ),
    (
        "map",
        Request::Map {
            domain: DOMAIN,
            iova: range(0x0102_0304_0506_7000, 0x1112_1314_1516_1fff),
            phys_start: 0x2122_2324_2526_2728,
            flags: MapFlags::new(true, false, true),
        },
        36,
        &[
            3, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0, 0x70, 6, 5, 4, 3, 2, 1, 0xff, 0x1f, 0x16, 0x15,
            0x14, 0x13, 0x12, 0x11, 0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21, 5, 0, 0, 0,
        ],
    ),
    (
        "unmap",
        Request::Unmap {
            domain: DOMAIN,
            iova: range(0, u64::MAX),
        },
        28,
        &[
            4, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff,
        ],
    ),
    (
        "probe",
        Request::Probe { endpoint: ENDPOINT },
        72,
        &[5, 0, 0, 0, 0x55, 0x66, 0x77, 0x88],
    ),
];

/// Requests are laid out as specified; what is reserved is zero whatever the buffer held.
pub(crate) fn encoding() -> Case {
    for &(row, request, len, start) in REQUESTS {
        let mut want = [0; MAX_READABLE];
        for (place, &byte) in want.iter_mut().zip(start) {
            *place = byte;
        }

        let mut buf = [0xff; MAX_READABLE];
        let got = request.encode(&mut buf);

        same(row, Some(got), want.get(..len))?;
    }

    Ok(())
}

/// Lengths of the two parts of a request.
pub(crate) fn lengths() -> Case {
    for &(row, request, len, _) in REQUESTS {
        let probe = matches!(request, Request::Probe { .. });
        let writable = if probe { 516 } else { 4 };

        same(row, request.readable_len(), len)?;
        same(row, request.writable_len(512), writable)?;
        holds(row, probe || len <= MAX_MAP_READABLE)?;
    }

    let probe = Request::Probe { endpoint: ENDPOINT };

    same("saturates", probe.writable_len(usize::MAX), usize::MAX)
}

/// Identifiers keep their value.
pub(crate) fn ids() -> Case {
    same("domain", DOMAIN.get(), 0x4433_2211)?;
    same("endpoint", ENDPOINT.get(), 0x8877_6655)
}

/// Flags of mappings.
pub(crate) fn map_flags() -> Case {
    let all = MapFlags::new(true, true, true);

    same("none", MapFlags::new(false, false, false), MapFlags::NONE)?;
    same("none is zero", MapFlags::NONE.bits(), 0)?;
    same("read", MapFlags::new(true, false, false), MapFlags::READ)?;
    same("write", MapFlags::new(false, true, false), MapFlags::WRITE)?;
    same("mmio", MapFlags::new(false, false, true), MapFlags::MMIO)?;
    same("read bit", MapFlags::READ.bits(), 1)?;
    same("write bit", MapFlags::WRITE.bits(), 2)?;
    same("mmio bit", MapFlags::MMIO.bits(), 4)?;
    same("all", all.bits(), 7)?;
    same("union", MapFlags::READ.union(MapFlags::WRITE).bits(), 3)?;

    holds(
        "contains",
        all.contains(MapFlags::READ.union(MapFlags::MMIO)),
    )?;
    holds("contains nothing", MapFlags::NONE.contains(MapFlags::NONE))?;
    holds("lacks", !MapFlags::READ.contains(all))
}

/// Every status byte, and the error it stands for.
pub(crate) fn statuses() -> Case {
    const TABLE: &[(&str, u8, Status, Errno)] = &[
        ("ioerr", 1, Status::IoErr, Errno::Io),
        ("unsupp", 2, Status::Unsupp, Errno::NoSys),
        ("deverr", 3, Status::DevErr, Errno::Io),
        ("inval", 4, Status::Inval, Errno::Inval),
        ("range", 5, Status::Range, Errno::Range),
        ("noent", 6, Status::NoEnt, Errno::NoEnt),
        ("fault", 7, Status::Fault, Errno::Fault),
        ("nomem", 8, Status::NoMem, Errno::NoMem),
        ("first undefined", 9, Status::Unknown(9), Errno::Io),
        ("last undefined", 255, Status::Unknown(255), Errno::Io),
    ];

    same("ok", Status::decode(0), Ok(()))?;

    for &(row, byte, status, errno) in TABLE {
        same(row, Status::decode(byte), Err(status))?;
        same(row, status.errno(), errno)?;
        same(row, Failure::Status(status).errno(), errno)?;
    }

    Ok(())
}

/// Completions that are a success, and those that are not.
pub(crate) fn completions() -> Case {
    const fn wrong(used: u32, expected: usize) -> Result<(), Failure> {
        Err(Failure::Length { used, expected })
    }

    const NOMEM: Result<(), Failure> = Err(Failure::Status(Status::NoMem));

    type Row = (
        &'static str,
        u32,
        usize,
        [u8; TAIL_LEN],
        Result<(), Failure>,
    );
    const TABLE: &[Row] = &[
        ("success", 4, 4, [0; 4], Ok(())),
        ("success of a probe", 516, 516, [0; 4], Ok(())),
        ("reserved is ignored", 4, 4, [0, 1, 2, 3], Ok(())),
        ("failure", 4, 4, [8, 0, 0, 0], NOMEM),
        ("nothing written", 0, 4, [0; 4], Err(Failure::Empty)),
        (
            "nothing written, stale status",
            0,
            4,
            [8, 0, 0, 0],
            Err(Failure::Empty),
        ),
        ("only the status", 1, 4, [0; 4], wrong(1, 4)),
        ("one short", 3, 4, [0; 4], wrong(3, 4)),
        ("one long", 5, 4, [0; 4], wrong(5, 4)),
        ("far too long", u32::MAX, 4, [0; 4], wrong(u32::MAX, 4)),
        ("probe with the tail only", 4, 516, [0; 4], wrong(4, 516)),
        ("probe without the tail", 512, 516, [0; 4], wrong(512, 516)),
    ];

    for &(row, used, expected, tail, want) in TABLE {
        same(row, check_completion(used, expected, &tail), want)?;
    }

    same("empty", Failure::Empty.errno(), Errno::Io)?;
    same(
        "length",
        wrong(1, 2).map_err(Failure::errno),
        Err(Errno::Io),
    )
}
