# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# How each lie of the device ends: `ok`, where the driver need not or cannot know, or
# `refused`; first with the Rust driver, then with the C driver, which also `wedges`:
# a CPU never comes back.  `any` is either.  What follows is what the Rust
# driver says in the log, as an expression; `-` if it says nothing.
#
# The names are those of the device, tools/testing/host/hostile-viommu/src/case.rs.

# Lies that are told when an endpoint comes.
endpoint_cases()
{
	cat <<'EOF'
probe/length-zero refused ok -
probe/length-short refused ok -
probe/length-long refused ok -
probe/length-huge refused ok -
probe/status-undefined refused refused -
probe/status-device-error refused refused -
probe/status-no-entry refused refused unknown to its IOMMU as EP
probe/tail-unwritten refused ok -
probe/tail-reserved ok ok -
probe/late ok ok -
probe/config-notice ok ok config changed
properties/overlapping ok ok -
properties/repeated ok ok -
properties/unknown-subtype ok ok unknown resv mem subtype 0x7f
properties/reserved-bits ok ok -
properties/empty-values ok ok unknown viommu prop 0x345
properties/all-reserved ok ok -
properties/wrapping refused wedges failed to parse viommu prop 0x1
properties/reversed refused ok failed to parse viommu prop 0x1
properties/past-the-end refused ok failed to parse viommu prop 0x1
properties/too-short refused refused failed to parse viommu prop 0x1
properties/whole-space refused refused failed to parse viommu prop 0x1
properties/ones refused ok failed to parse viommu prop 0xfff
EOF
}

# Lies that are told when memory is mapped and unmapped.  The message of the first and
# the last is limited to some in five seconds.
mapping_cases()
{
	cat <<'EOF'
unmap/length-zero refused ok could not unmap
map/length-zero refused ok -
map/length-short refused ok -
map/length-long refused ok -
map/length-huge refused ok -
map/tail-unwritten refused ok -
map/status-undefined refused ok -
map/status-no-memory refused ok -
map/status-unsupported refused ok -
map/status-device-error/1 refused ok -
map/reversed ok ok -
map/late/1 ok ok -
map/forgets/1 refused ok -
attach/length-zero/1 refused ok -
attach/length-huge/1 refused ok -
attach/tail-unwritten/1 refused ok -
attach/status-undefined/1 refused refused -
attach/status-no-memory/1 refused refused -
unmap/length-zero/1 ok ok -
unmap/status-device-error/1 ok ok -
unmap/tail-unwritten/1 ok ok -
unmap/status-undefined refused ok could not unmap
EOF
}

# Lies that are told when a driver uses the DMA API.
dma_cases()
{
	cat <<'EOF'
map/status-device-error refused ok -
map/length-zero/3 refused ok -
EOF
}

# Lies after which the driver gives the device up until it is loaded again.
fatal_cases()
{
	cat <<'EOF'
map/id-out-of-ring refused wedges id 261 out of range
map/id-no-head refused wedges is not a head
map/id-repeated refused wedges is not a head
unmap/index-jump ok wedges is not a head
map/silent refused wedges device does not answer
EOF
}

# Lies that are told when the driver is loaded and finds endpoints: one that the device
# does not know is no reason to do without the others.
registering_cases()
{
	cat <<'EOF'
probe/status-no-entry/1 ok refused unknown to its IOMMU as EP
EOF
}

# Lies that are told when the driver is loaded.  After the first one the C driver can
# bind no more, since it does not reset the device that it refuses: later ones show nothing.
config_cases()
{
	cat <<'EOF'
config/page-size-mask-zero refused refused invalid configuration: NoPageSize
config/page-size-huge refused refused granule 0x40000000 larger than system page size
config/input-range-inverted refused any invalid configuration: InputRange
config/input-range-empty refused any invalid configuration: InputRange
config/domain-range-inverted refused any invalid configuration: DomainRange
config/domain-range-single refused refused -
config/probe-size-huge refused refused invalid configuration: ProbeSize
config/probe-size-zero ok any -
config/changing any any -
EOF
}

# Lies of the event queue.
event_cases()
{
	cat <<'EOF'
event/short ok ok invalid event buffer .len 7 != 24
event/empty ok ok invalid event buffer .len 0 != 24
event/long ok ok invalid event buffer .len 124 != 24
event/undefined ok ok unknown fault from EP
event/reserved ok ok -
event/flood ok ok -
event/id-out-of-ring ok ok id 261 out of range
EOF
}
