# SPDX-License-Identifier: GPL-2.0
"""What a person asks for is what is booted, and typing errors are told."""

import unittest

from boot import catalog
from boot.plan import Boot, GuestTest, Selection, select, unknown_names

READ = GuestTest('read', ('disk',), ('x86_64',))
PING = GuestTest('ping', ('net',))
BOOTS = [Boot('one', 'x86_64', tests=(READ, PING)),
         Boot('one', 'arm64', tests=(READ, PING)),
         Boot('bare', 'x86_64'),
         Boot('kunit', 'x86_64', kunit=True),
         Boot('extra', 'x86_64', tests=(READ,), on_request=True),
         Boot('more', 'x86_64', tests=(READ,), thorough=True)]


def chosen(**what: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    return [(boot.key, tuple(test.name for test in boot.tests))
            for boot in select(BOOTS, Selection(**what))]


class PlanTest(unittest.TestCase):
    """plan.select."""

    def test_everything(self) -> None:
        self.assertEqual(chosen(), [
            ('boot/x86_64/one', ('read', 'ping')),
            ('boot/arm64/one', ('ping',)),
            ('boot/x86_64/bare', ()), ('kunit/x86_64/kunit', ())])

    def test_by_test(self) -> None:
        self.assertEqual(chosen(tests=('read',)),
                         [('boot/x86_64/one', ('read',))])

    def test_thorough(self) -> None:
        self.assertEqual(chosen(pieces=('disk',), levels=('boot',)),
                         [('boot/x86_64/one', ('read',)),
                          ('boot/x86_64/more', ('read',))])
        self.assertEqual(chosen(boots=('more',)),
                         [('boot/x86_64/more', ('read',))])

    def test_on_request(self) -> None:
        self.assertEqual(chosen(boots=('extra',)),
                         [('boot/x86_64/extra', ('read',))])
        self.assertEqual(chosen(boots=('one',), arches=('arm64',)),
                         [('boot/arm64/one', ('ping',))])

    def test_by_piece(self) -> None:
        self.assertEqual(chosen(pieces=('net',), levels=('boot',)),
                         [('boot/x86_64/one', ('ping',)),
                          ('boot/arm64/one', ('ping',))])

    def test_kunit_where_the_piece_is(self) -> None:
        self.assertEqual(chosen(pieces=('net',), levels=('kunit',)),
                         [('kunit/x86_64/kunit', ())])
        for piece in ('riscv-onereg', 'arm64-stage2'):
            self.assertEqual(chosen(pieces=(piece,), levels=('kunit',)), [])
        self.assertEqual(
            chosen(pieces=('riscv-onereg', 'net'), levels=('kunit',)),
            [('kunit/x86_64/kunit', ())])

    def test_by_level_and_arch(self) -> None:
        self.assertEqual(chosen(levels=('kunit',)),
                         [('kunit/x86_64/kunit', ())])
        self.assertEqual(chosen(arches=('arm64',)),
                         [('boot/arm64/one', ('ping',))])

    def test_boots_without_guest_tests(self) -> None:
        for what, wanted in (
                ({}, True), ({'levels': ('boot',)}, True),
                ({'arches': ('x86_64',)}, True), ({'boots': ('vng',)}, True),
                ({'levels': ('host', 'kunit')}, False),
                ({'arches': ('arm64',)}, False), ({'boots': ('one',)}, False),
                ({'tests': ('read',)}, False), ({'pieces': ('disk',)}, False),
                ({'drivers': ('c',)}, False)):
            with self.subTest(**what):
                self.assertIs(Selection(**what).wants_bare('x86_64', 'vng'),
                              wanted)

    def test_typing_errors(self) -> None:
        self.assertEqual(
            unknown_names(BOOTS, Selection(tests=('raed',), arches=('arm',))),
            ['TEST=raed', 'ARCH=arm'])
        self.assertEqual(unknown_names(BOOTS, Selection(tests=('read',))), [])

    def test_reproduction(self) -> None:
        self.assertEqual(BOOTS[0].reproduce('read'),
                         'make check-boot ARCH=x86_64 BOOT=one TEST=read')

    def test_catalog(self) -> None:
        boots = catalog.all_boots()
        oracles = {(b.arch, b.name) for b in boots}
        for boot in boots:
            with self.subTest(boot.key):
                self.assertTrue(not boot.oracle
                                or (boot.arch, boot.oracle) in oracles)
