# SPDX-License-Identifier: GPL-2.0
"""Tests of the builds without Rust."""

from __future__ import annotations

import unittest
from pathlib import Path

from boot import fallback
from boot.plan import Selection

FIRST = fallback.ALL[0]
GOOD = 'CONFIG_KVM=m\n# CONFIG_KVM_RISCV_ONEREG_RUST is not set\n'


class Wanted(unittest.TestCase):
    """When they are built."""

    def test_not_by_default(self) -> None:
        self.assertEqual(fallback.wanted(Selection()), [])

    def test_with_their_piece(self) -> None:
        found = fallback.wanted(Selection(pieces=('riscv-onereg',)))
        self.assertEqual([one.name for one in found], ['riscv-gcc', 'riscv-32'])

    def test_not_with_a_part_of_it(self) -> None:
        for part in (Selection(pieces=('riscv-onereg',), boots=('onereg-c',)),
                     Selection(pieces=('riscv-onereg',), levels=('kunit',)),
                     Selection(pieces=('riscv-onereg',), arches=('arm64',))):
            self.assertEqual(fallback.wanted(part), [])


class Mistakes(unittest.TestCase):
    """What is wrong with what came of one."""

    def test_none(self) -> None:
        self.assertEqual(fallback.mistakes(FIRST, GOOD, FIRST.objects), '')

    def test_rust_in_it(self) -> None:
        config = GOOD + 'CONFIG_KVM_RISCV_ONEREG_RUST=y\n'
        self.assertIn('KVM_RISCV_ONEREG_RUST',
                      fallback.mistakes(FIRST, config, FIRST.objects))

    def test_no_object(self) -> None:
        self.assertIn('isa.o', fallback.mistakes(FIRST, GOOD, FIRST.objects[1:]))


class Make(unittest.TestCase):
    """The command."""

    def test_it_is_gcc(self) -> None:
        command = FIRST.make(Path('/tree'), Path('/out'), 2)
        self.assertIn('CROSS_COMPILE=riscv64-linux-gnu-', command)
        self.assertNotIn('LLVM=1', command)


if __name__ == '__main__':
    unittest.main()
