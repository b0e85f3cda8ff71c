# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# The figures that the Rust driver shows in debugfs.

FIGURES=/sys/kernel/debug/virtio-iommu-$RV_IOMMU_PCI

# figure KIND WORD: the number behind a word in the line of a kind of request.
figure()
{
	awk -v kind="$1" -v word="$2" '
		$1 == kind { for (i = 2; i < NF; i++) if ($i == word) print $(i + 1) }
	' "$FIGURES/requests"
}

# faults_of ADDRESS: how many faults the function had, by whatever ID.
faults_of()
{
	awk -v name="$1" '$2 == name { sum += $3; found = 1 } END { if (found) print sum }' \
		"$FIGURES/faults"
}

# faults_are ADDRESS COUNT
faults_are()
{
	[ "$(faults_of "$1")" = "$2" ]
}
