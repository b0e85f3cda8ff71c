// SPDX-License-Identifier: GPL-2.0

//! A virtio-iommu device that lies on request.
//!
//! It stands behind QEMU's `vhost-user-test-device-pci`:
//!
//! ```text
//! hostile-viommu --socket device.sock --control control.sock
//! qemu-system-x86_64 -object memory-backend-memfd,id=ram,share=on,size=1G -machine memory-backend=ram
//!     -chardev socket,id=viommu,path=device.sock
//!     -device vhost-user-test-device-pci,virtio-id=23,num_vqs=2,config_size=40,chardev=viommu
//! ```
//!
//! Nothing is translated: whatever an endpoint does reaches the guest's memory as it is. The
//! device only answers the driver, honestly or as the case of [`case`] says that was set through
//! the control socket, see [`control`].
//!
//! `hostile-viommu --list` prints the names of the cases.

use std::{
    env,
    os::unix::net::UnixListener,
    process::ExitCode,
    sync::{Arc, Mutex},
    thread, //
};

use vhost_user_backend::VhostUserDaemon;
use vm_memory::{GuestMemoryAtomic, GuestMemoryMmap};

use crate::backend::Backend;

mod backend;
mod case;
mod config;
mod config_notice;
mod control;
mod device;
mod event;
mod lie;
mod model;
mod properties;
mod wire;

const USAGE: &str = "usage: hostile-viommu --socket PATH --control PATH | --list";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["--list"] => {
            println!("{}", case::Case::names().join("\n"));
            ExitCode::SUCCESS
        }
        ["--socket", socket, "--control", control] => match run(socket, control) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("hostile-viommu: {error}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Serves one QEMU until that ends.
fn run(socket: &str, control: &str) -> Result<(), String> {
    let memory = GuestMemoryAtomic::new(GuestMemoryMmap::new());
    let backend = Arc::new(Mutex::new(Backend::new(memory.clone())));
    let mut daemon = VhostUserDaemon::new("hostile-viommu".to_string(), backend.clone(), memory)
        .map_err(|error| error.to_string())?;
    let listener = UnixListener::bind(control).map_err(|error| format!("{control}: {error}"))?;
    thread::spawn(move || control::serve(&listener, &backend));
    daemon.serve(socket).map_err(|error| error.to_string())
}
