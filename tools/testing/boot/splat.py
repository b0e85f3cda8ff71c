# SPDX-License-Identifier: GPL-2.0
"""Finds the lines by which a kernel says that something is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Sequence

# The order matters only for the name that a line gets.
PATTERNS: tuple[tuple[str, str], ...] = (
    ('KASAN', r'\bKASAN: '),
    ('KCSAN', r'\bKCSAN: '),
    ('KFENCE', r'\bBUG: KFENCE: '),
    ('UBSAN', r'\bUBSAN: '),
    ('recursive locking', r'possible recursive locking detected'),
    ('circular locking', r'possible circular locking dependency detected'),
    ('lock inversion',
     r'possible (irq|interrupt) lock inversion|'
     r'(HARDIRQ|SOFTIRQ)-safe -> (HARDIRQ|SOFTIRQ)-unsafe lock order'),
    ('inconsistent lock state', r'inconsistent lock state'),
    ('invalid wait context', r'\bInvalid wait context\b'),
    ('held lock', r'lock held when returning to user space|held lock freed|'
                  r'still has locks held|bad unlock balance'),
    ('lockdep limit', r'turning off the locking correctness validator|'
                      r'INFO: lockdep is turned off'),
    ('suspicious RCU usage', r'suspicious RCU usage'),
    ('sleep in atomic context',
     r'sleeping function called from invalid context|scheduling while atomic'),
    ('soft lockup', r'\bsoft lockup\b'),
    ('hard lockup', r'\bhard LOCKUP\b|Watchdog detected hard LOCKUP'),
    ('RCU stall', r'\brcu.*(self-detected stall|detected stalls|'
                  r'detected expedited stalls|kthread starved)'),
    ('hung task', r'INFO: task .* blocked (for more than|in I/O wait)'),
    ('workqueue lockup', r'BUG: workqueue lockup|'
                         r'workqueue: .* hogged CPU for >.*consider'),
    ('memory leak', r'\bunreferenced object 0x|'
                    r'kmemleak: [1-9]\d* new suspected memory leaks'),
    ('debug objects', r'\bODEBUG: '),
    ('list corruption', r'\blist_(add|del) corruption'),
    ('refcount', r'\brefcount_t: '),
    ('DMA API', r'\bDMA-API: (?!preallocated|debugging (enabled|disabled)|'
                r'dma_debug_entry pool grown)'),
    ('bad page', r'\bBUG: Bad (page|rss)|page dumped because'),
    ('Rust panic', r'\brust_kernel: panicked at '),
    ('unhandled interrupt', r'\birq \d+: nobody cared'),
    ('kernel BUG', r'\bkernel BUG at |^BUG: |[^:]\bBUG: '),
    ('oops', r'\bOops\b|Unable to handle kernel|Internal error: |'
             r'general protection fault|unable to handle page fault'),
    ('warning', r'\bWARNING: '),
    ('call trace', r'\bCall [Tt]race:'),
    ('panic', r'Kernel panic - not syncing'),
)

# How many lines after the first belong to the same report.
CONTEXT = 30


@dataclass(frozen=True)
class Splat:
    """One report in a log, with the lines that follow it."""

    kind: str
    line_number: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return (f'{self.kind} at line {self.line_number} of the log:\n'
                + '\n'.join(f'  | {line}' for line in self.lines))


_COMPILED = tuple((kind, re.compile(text)) for kind, text in PATTERNS)


def classify(line: str) -> str | None:
    """The kind of report that a line belongs to; None for innocent lines."""
    for kind, pattern in _COMPILED:
        if pattern.search(line):
            return kind
    return None


def find(lines: Sequence[str]) -> list[Splat]:
    """All reports in a log; what is within one report is not told again."""
    splats: list[Splat] = []
    covered = 0
    for index, line in enumerate(lines):
        if index < covered:
            continue
        kind = classify(line)
        if kind is None:
            continue
        covered = min(index + CONTEXT, len(lines))
        splats.append(Splat(kind, index + 1, tuple(lines[index:covered])))
    return splats
