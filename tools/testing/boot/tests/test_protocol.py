# SPDX-License-Identifier: GPL-2.0
"""The guest's lines are told from the kernel's, and from each other."""

import unittest

from boot.protocol import Claim, Conversation, Request, strip_prefix


def conversation(*lines: str) -> Conversation:
    """A conversation that has heard these lines."""
    talk = Conversation()
    for line in lines:
        talk.feed(line)
    return talk


class ProtocolTest(unittest.TestCase):
    """protocol.Conversation."""

    def test_prefixes(self) -> None:
        for line, text in (
                ('[    1.234567] rv: ready', 'rv: ready'),
                ('[   91.245534][    T1] rv: ready', 'rv: ready'),
                ('[    1.000000]     ok 1 nested', '    ok 1 nested'),
                ('rv: ready', 'rv: ready'),
                ('[ BUG: Invalid wait context ]',
                 '[ BUG: Invalid wait context ]')):
            with self.subTest(line):
                self.assertEqual(strip_prefix(line), text)

    def test_a_whole_run(self) -> None:
        talk = conversation(
            '[    1.0] Linux version', '[    2.0] rv: ready',
            '[    2.1] rv: iommu rust loaded', '[    2.2] rv: begin net',
            '[    2.3] rv| KTAP version 1', '[    2.4] eth0: link up',
            '[    2.5] rv|     ok 1 - nested', '[    2.6] rv: end net 0',
            '[    2.7] rv: done')
        self.assertTrue(talk.ready and talk.done)
        self.assertEqual(talk.driver, 'rust')
        run = talk.run_of('net')
        assert run is not None
        self.assertEqual(run.lines, ['KTAP version 1', '    ok 1 - nested'])
        self.assertEqual(run.status, 0)
        self.assertEqual([line for line in talk.kernel_lines if line],
                         ['Linux version', 'eth0: link up'])

    def test_line_numbers_of_the_log_are_kept(self) -> None:
        talk = conversation('[ 1.0] rv: ready', '[ 1.1] WARNING: x')
        self.assertEqual(len(talk.kernel_lines), len(talk.lines))

    def test_failed_module(self) -> None:
        talk = conversation('rv: iommu c failed no such file')
        self.assertEqual(talk.driver, '')
        self.assertEqual(talk.driver_error, 'c: no such file')

    def test_request_and_claim(self) -> None:
        talk = Conversation()
        self.assertIsNone(talk.feed('rv: begin disk'))
        self.assertEqual(talk.feed('rv: host device_add nvme id=hp0'),
                         Request('device_add', ('nvme', 'id=hp0')))
        talk.feed('rv: wrote blk0 0 512 abc')
        self.assertEqual(talk.claims,
                         [Claim('wrote', ('blk0', '0', '512', 'abc'), 'disk')])

    def test_output_cannot_pose_as_control(self) -> None:
        talk = conversation('rv: begin a', 'rv| rv: done', 'rv| rv: end a 0')
        self.assertFalse(talk.done)
        run = talk.run_of('a')
        assert run is not None
        self.assertIsNone(run.status)

    def test_end_of_another_test_does_not_count(self) -> None:
        talk = conversation('rv: begin a', 'rv: end b 0')
        run = talk.run_of('a')
        assert run is not None
        self.assertIsNone(run.status)
