# SPDX-License-Identifier: GPL-2.0
"""Every kind of report is found, and innocent lines are left alone."""

import unittest

from boot import splat

# One real line for each pattern; a pattern without a line fails the test.
REPORTS = {
    'KASAN': 'BUG: KASAN: slab-use-after-free in viommu_remove+0x12/0x40',
    'KCSAN': 'BUG: KCSAN: data-race in foo / bar',
    'KFENCE': 'BUG: KFENCE: out-of-bounds read in foo+0x1/0x2',
    'UBSAN': 'UBSAN: shift-out-of-bounds in drivers/a.c:12:3',
    'recursive locking': 'WARNING: possible recursive locking detected',
    'circular locking':
        'WARNING: possible circular locking dependency detected',
    'lock inversion':
        'WARNING: possible irq lock inversion dependency detected',
    'inconsistent lock state': 'WARNING: inconsistent lock state',
    'invalid wait context': '[ BUG: Invalid wait context ]',
    'held lock': 'WARNING: lock held when returning to user space!',
    'lockdep limit': 'turning off the locking correctness validator.',
    'suspicious RCU usage': 'WARNING: suspicious RCU usage',
    'sleep in atomic context': 'BUG: sleeping function called from invalid '
                               'context at kernel/locking/mutex.c:580',
    'soft lockup': 'watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:1]',
    'hard lockup': 'watchdog: Watchdog detected hard LOCKUP on cpu 0',
    'RCU stall': 'rcu: INFO: rcu_preempt self-detected stall on CPU',
    'hung task': 'INFO: task kworker/0:1:12 blocked for more than 122 seconds.',
    'workqueue lockup': 'BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0',
    'memory leak': 'unreferenced object 0xffff888004c4a000 (size 64):',
    'debug objects': 'ODEBUG: free active (active state 0) object: 0 type: w',
    'list corruption': 'list_add corruption. next->prev should be prev',
    'refcount': 'refcount_t: underflow; use-after-free.',
    'DMA API': 'DMA-API: nvme 0000:00:04.0: device driver frees DMA memory '
               'with different size',
    'bad page': 'BUG: Bad page state in process sh  pfn:02cf8',
    'Rust panic': 'rust_kernel: panicked at drivers/iommu/x.rs:1:2:',
    'unhandled interrupt': 'irq 16: nobody cared (try booting with "irqpoll")',
    'kernel BUG': 'kernel BUG at drivers/iommu/iommu.c:123!',
    'oops': 'Unable to handle kernel NULL pointer dereference at virtual '
            'address 0000000000000008',
    'warning': 'WARNING: drivers/iommu/x.c:12 at viommu_probe+0x1/0x2, CPU#0',
    'call trace': 'Call trace:',
    'panic': 'Kernel panic - not syncing: Attempted to kill init!',
}

MORE = (
    'Oops: general protection fault, probably for non-canonical address',
    'Internal error: Oops: 0000000096000004 [#1]  SMP',
    'Call Trace:',
    'BUG: kernel NULL pointer dereference, address: 0000000000000000',
    'BUG: unable to handle page fault for address: ffffc900000',
    'BUG: scheduling while atomic: swapper/0/1/0x00000002',
    'rcu: INFO: rcu_sched detected stalls on CPUs/tasks:',
    'DMA-API: exceeded 7 overlapping mappings of cacheline 0x0000000000012',
    'kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)',
)

INNOCENT = (
    'Linux version 7.3.4 (clang version 19.1.7, LLD 19.1.7)',
    'kasan: KernelAddressSanitizer initialized (generic)',
    'DMA-API: preallocated 65536 debug entries',
    'DMA-API: debugging enabled by kernel config',
    'DMA-API: debugging disabled',
    'virtio_iommu virtio0: page fault from EP 48 at 0x1000 [W]',
    'rcu: Hierarchical RCU implementation.',
    'rcu: \tRCU restricting CPUs from NR_CPUS=8 to nr_cpu_ids=2.',
    'kmemleak: Kernel memory leak detector initialized (mem pool available)',
    'Lock dependency validator: Copyright (c) 2006 Red Hat, Inc.',
    'debug: unmapping init [mem 0x1-0x2]',
    'workqueue: name exceeds WQ_NAME_LEN.',
    'Warning: unable to open an initial console.',
    'rust_minimal: Rust minimal sample (init)',
    'ODEBUG_OBJECTS of nothing',
    'nvme nvme0: Ignoring bogus Namespace Identifiers',
    '',
)


class SplatTest(unittest.TestCase):
    """splat.classify and splat.find."""

    def test_every_pattern_has_a_report_that_only_it_needs(self) -> None:
        self.assertEqual(set(REPORTS), {kind for kind, _ in splat.PATTERNS})
        for kind, line in REPORTS.items():
            with self.subTest(kind):
                pattern = dict(splat.PATTERNS)[kind]
                self.assertRegex(line, pattern)
                self.assertIsNotNone(splat.classify(line))

    def test_more_reports(self) -> None:
        for line in MORE:
            with self.subTest(line):
                self.assertIsNotNone(splat.classify(line))

    def test_innocent_lines(self) -> None:
        for line in INNOCENT:
            with self.subTest(line):
                self.assertIsNone(splat.classify(line))

    def test_one_report_is_told_once_with_its_lines(self) -> None:
        log = ['fine', 'WARNING: at x', 'Call Trace:', ' foo+0x1/0x2']
        found = splat.find(log)
        self.assertEqual(len(found), 1)
        self.assertEqual(found[0].kind, 'warning')
        self.assertEqual(found[0].line_number, 2)
        self.assertIn('foo+0x1', str(found[0]))

    def test_reports_far_apart_are_two(self) -> None:
        log = ['WARNING: one', *[''] * splat.CONTEXT, 'WARNING: two']
        self.assertEqual(len(splat.find(log)), 2)
