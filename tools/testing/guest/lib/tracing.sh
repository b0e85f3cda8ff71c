# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# What the kernel's own tracing tells about a command: who allocated memory in it, and
# for how long interrupts were off.

TRACING=/sys/kernel/tracing
ALLOCATIONS="kmem/kmalloc kmem/kmem_cache_alloc kmem/mm_page_alloc"
OPERATIONS="dma/dma_map_phys dma/dma_map_sg dma/dma_unmap_phys dma/dma_unmap_sg"
BY_STACK=hist:keys=common_stacktrace
BY_PROCESS=hist:keys=common_pid

tracing_mount()
{
	[ -d "$TRACING/events" ] || mount -t tracefs tracefs "$TRACING"
}

# trigger EVENT TEXT
trigger()
{
	echo "$2" >"$TRACING/events/$1/trigger"
}

# histograms SIGN NAME: of what processes with that name do; with "!" not any more.
histograms()
{
	local event

	for event in $ALLOCATIONS; do
		trigger "$event" "$1$BY_STACK if COMM ~ \"$2\"" || return 1
	done
	for event in $OPERATIONS; do
		trigger "$event" "$1$BY_PROCESS if COMM ~ \"$2\"" || return 1
	done
}

# operations EVENT...: how many of them were counted.
operations()
{
	local event

	for event; do
		cat "$TRACING/events/dma/$event/hist"
	done | awk '$1 == "Hits:" { sum += $2 } END { print sum + 0 }'
}

# by_caller EVENT: lines "map|unmap CALLER COUNT" of the allocations below the IOMMU
# driver.  The caller is the first function that has nothing of allocating in its name.
# What an interrupt does is not part of either operation.
by_caller()
{
	awk '$1 == "{" { caller = operation = ""; below = 0; inside = 1; next }
		inside && $1 != "}" {
			name = $1
			sub(/\+0x.*/, "", name)
			if (caller == "" && tolower(name) !~ /alloc/)
				caller = name
			if (/\[virtio_iommu\]/)
				below = 1
			if (name ~ /^(asm_)?sysvec_/)
				operation = "interrupt"
			if (operation == "" && name ~ /(^|_)dma_map_/)
				operation = "map"
			if (operation == "" && name ~ /(^|_)dma_unmap_/)
				operation = "unmap"
		}
		inside && $1 == "}" {
			inside = 0
			if (below && (operation == "map" || operation == "unmap"))
				count[operation " " caller] += $NF
		}
		END { for (who in count) print who, count[who] }' \
		"$TRACING/events/kmem/$1/hist"
}

# per_operation NAME KIND MAPS UNMAPS: lines of by_caller as lines
#	caller KIND NAME-map|unmap CALLER VALUE
#	figure KIND NAME-map|unmap VALUE
per_operation()
{
	awk -v name="$1" -v kind="$2" -v maps="$3" -v unmaps="$4" '
		BEGIN { ops["map"] = maps; ops["unmap"] = unmaps }
		{
			printf "caller %s %s-%s %s %.3f\n", kind, name, $1, $2, $3 / ops[$1]
			sum[$1] += $3
		}
		END {
			printf "figure %s %s-map %.3f\n", kind, name, sum["map"] / maps
			printf "figure %s %s-unmap %.3f\n", kind, name, sum["unmap"] / unmaps
		}'
}

# count_allocations NAME COMMAND...: allocations for each buffer that the threads of
# dma_map_benchmark map and unmap in the command, below the IOMMU driver.
count_allocations()
{
	local name=$1 maps unmaps status

	shift
	histograms "" "dma-map-*" || return 1
	"$@" >/dev/null
	status=$?
	maps=$(operations dma_map_phys dma_map_sg)
	unmaps=$(operations dma_unmap_phys dma_unmap_sg)
	if [ "$status" -eq 0 ] && [ "$maps" -gt 0 ] && [ "$unmaps" -gt 0 ]; then
		{
			by_caller kmalloc
			by_caller kmem_cache_alloc
		} | per_operation "$name" slab "$maps" "$unmaps"
		by_caller mm_page_alloc | per_operation "$name" pages "$maps" "$unmaps"
	else
		status=1
	fi
	histograms "!" "dma-map-*" || return 1
	return "$status"
}

# longest_irqs_off NAME COMMAND...: the longest time for which interrupts were off, in
# microseconds, and where that began and ended:
#	figure irqs-off NAME VALUE
#	caller irqs-off NAME BEGIN..END VALUE
longest_irqs_off()
{
	local name=$1 status longest

	shift
	# To write on the console takes long without interrupts; that has to be over.
	sleep 0.5
	echo 0 >"$TRACING/tracing_max_latency"
	echo irqsoff >"$TRACING/current_tracer" || return 1
	"$@" >/dev/null
	status=$?
	echo 0 >"$TRACING/tracing_on"
	longest=$(cat "$TRACING/tracing_max_latency")
	echo "figure irqs-off $name $longest"
	awk -v name="$name" -v longest="$longest" '
		/=> started at:/ { begin = $5 }
		/=> ended at:/ { print "caller irqs-off", name, begin ".." $5, longest; exit }' \
		"$TRACING/trace"
	echo nop >"$TRACING/current_tracer"
	echo 1 >"$TRACING/tracing_on"
	return "$status"
}
