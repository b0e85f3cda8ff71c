// SPDX-License-Identifier: GPL-2.0

//! How long the driver waits for its device.
//!
//! The KUnit tests of the request queue have shorter ones in place of these.

use kernel::time::Delta;

/// How long the device may answer nothing while somebody waits.
///
/// The kernel complains about a CPU that does nothing else for twenty seconds.
pub(crate) const QUIET: Delta = Delta::from_secs(10);

/// How long anybody waits for the device, whatever it answers to others.
pub(crate) const TIMEOUT: Delta = Delta::from_secs(100);
