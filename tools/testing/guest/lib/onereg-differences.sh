# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# Where the Rust code answers otherwise than the C code at the ONE_REG interface.

# onereg_differences: turns what isa_ext_oracle prints of C into what it prints of Rust.
# Each is a row of Documentation/virt/kvm/riscv/onereg-rust.rst.
onereg_differences()
{
	sed -E '
		# The register of single letters has nothing above bit 31, and C does not
		# look there.
		/^(ran )?config isa /s/ set ([0-9a-f]{9,16}) (0|-16) / set \1 -22 /

		# A timer that is off can be switched off.
		/^timer /s/ set 0 -22 / set 0 0 /g

		# After a run, too, an SBI extension can be written with what it is.
		/^ran sbi [0-9a-f]+: 1 /s/ set 1 -16/ set 1 0/g
		/^ran sbi [0-9a-f]+: 0 /s/ set 0 -16/ set 0 0/g
	'
}
