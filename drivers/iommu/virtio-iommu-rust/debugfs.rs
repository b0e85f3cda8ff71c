// SPDX-License-Identifier: GPL-2.0

//! Figures about one device, in `/sys/kernel/debug/virtio-iommu-NAME`.
//!
//! `requests`
//!     how many requests of which kind were sent, answered, and answered with an error
//! `faults`
//!     how many faults each endpoint had: ID, device, number
//! `timing`
//!     whether requests are timed; 0 unless somebody writes 1
//! `round_trips`
//!     how many of the timed requests took how many nanoseconds, by powers of two

use kernel::{
    debugfs::Scope,
    str::CString,
    sync::Arc,
    uaccess::UserSliceReader, //
};

use kernel::prelude::*;

use core::fmt;

use crate::viommu::Viommu;

/// The files of one device, there as long as this lives.
pub(crate) type Files = Scope<Arc<Viommu>>;

/// Creates the files of `viommu`, which users know by `name`.
pub(crate) fn create(viommu: &Arc<Viommu>, name: &CStr) -> Result<Pin<KBox<Files>>> {
    let name = CString::try_from_fmt(fmt!("virtio-iommu-{}", name.to_str()?))?;
    let files = Scope::dir(Ok::<_, Error>(viommu.clone()), &name, |viommu, dir| {
        dir.read_callback_file(c"requests", viommu, &show_requests);
        dir.read_callback_file(c"faults", viommu, &show_faults);
        dir.read_callback_file(c"round_trips", viommu, &show_round_trips);
        dir.read_write_callback_file(c"timing", viommu, &show_timing, &set_timing);
    });
    KBox::pin_init(files, GFP_KERNEL)
}

fn show_requests(viommu: &Arc<Viommu>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}", viommu.requests().figures())
}

fn show_faults(viommu: &Arc<Viommu>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    viommu.faults().show(f)
}

fn show_round_trips(viommu: &Arc<Viommu>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}", viommu.requests().figures().round_trips())
}

fn show_timing(viommu: &Arc<Viommu>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}", u8::from(viommu.requests().timing()))
}

fn set_timing(viommu: &Arc<Viommu>, reader: &mut UserSliceReader) -> Result {
    let mut text = [0; 2];
    let text = text.get_mut(..reader.len()).ok_or(EINVAL)?;
    reader.read_slice(text)?;
    let timing = match text {
        [b'0'] | [b'0', b'\n'] => false,
        [b'1'] | [b'1', b'\n'] => true,
        _ => return Err(EINVAL),
    };
    viommu.requests().set_timing(timing);
    Ok(())
}
