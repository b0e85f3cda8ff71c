# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# Where the Rust code answers otherwise than the C code at the ONE_REG interface:
# read by tests/onereg-abi.sh, never run.  A line with #< is C's answer as
# isa_ext_oracle prints it, the line with #> below it is Rust's.
