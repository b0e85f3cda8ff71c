# SPDX-License-Identifier: GPL-2.0
"""What a boot's console comes to."""

import time
import unittest
from dataclasses import replace
from typing import cast

from boot import ktap, runner
from boot.configreads import ConfigReads
from boot.paths import Layout, MissingInput
from boot.plan import Boot, GuestTest, LastTrace
from boot.protocol import Conversation
from boot.qemu import Qemu
from boot.results import Status

BOOT = Boot('one', 'x86_64', driver='rust', tests=(GuestTest('read'),))
GOOD = ('rv: ready', 'rv: iommu rust loaded', 'rv: begin read',
        'rv| KTAP version 1', 'rv| 1..1', 'rv| ok 1 - sum', 'rv: end read 0',
        'rv: done')


class Machine:
    """A QEMU that says what it was given, and then nothing more."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)

    def read_lines(self, timeout: float) -> list[str]:
        said, self.lines = self.lines, []
        if not said:
            time.sleep(timeout)
        return said

    def wait_end(self, _timeout: float) -> list[str]:
        return []

    def errors(self) -> str:
        return ''


class ConverseTest(unittest.TestCase):
    """runner.converse with machines that fall silent."""

    def ended(self, *lines: str) -> runner.Ended:
        return runner.converse(cast(Qemu, Machine(*lines)), Conversation(),
                               lambda request: '', 0.2, 0.05,
                               lambda line: None)

    def test_silence_before_init(self) -> None:
        ended = self.ended('Linux version')
        self.assertTrue(ended.stuck)
        self.assertIn('silent', ended.reason)
        self.assertIn('Linux version', ended.reason)

    def test_silence_after_init(self) -> None:
        ended = self.ended('Linux version', 'rv: ready')
        self.assertFalse(ended.stuck)
        self.assertIn('no end', ended.reason)

    def test_no_silence(self) -> None:
        self.assertEqual(self.ended(*GOOD), runner.Ended())


class RunnerTest(unittest.TestCase):
    """runner.judge on made-up consoles."""

    def setUp(self) -> None:
        try:
            self.parser = ktap.load_parser(Layout().kernel_tree())
        except MissingInput as error:
            self.skipTest(str(error))

    def judge(self, *lines: str, boot: Boot = BOOT,
              reason: str = '', errors: str = '') -> dict[str, Status]:
        talk = Conversation()
        for line in lines:
            talk.feed(line)
        outcomes = runner.judge(boot, talk, runner.Ended(reason, errors),
                                None, self.parser)
        for outcome in outcomes:
            self.assertIn('make check-', outcome.reproduce)
        return {o.name.removeprefix(f'{boot.key}/'): o.status
                for o in outcomes}

    def failures(self, *lines: str, boot: Boot = BOOT,
                 reason: str = '') -> set[str]:
        found = self.judge(*lines, boot=boot, reason=reason)
        return {name for name, s in found.items() if s is Status.FAILED}

    def test_good(self) -> None:
        self.assertEqual(self.judge(*GOOD), dict.fromkeys(
            ('boot', 'log-is-clean', 'read.sum'), Status.PASSED))

    def test_deadline(self) -> None:
        self.assertEqual(self.failures(*GOOD[:3], reason='too late'),
                         {'boot', 'read.ktap', 'read.exit'})

    def test_never_up(self) -> None:
        found = self.judge('Linux version', reason='gone')
        self.assertNotIn('log-is-clean', found)
        self.assertEqual(set(found.values()), {Status.FAILED})

    def test_splat(self) -> None:
        self.assertEqual(self.failures('WARNING: x', *GOOD), {'log-is-clean'})

    def test_a_test_may_speak_of_warnings(self) -> None:
        talkative = (*GOOD[:4], 'rv| # WARNING: of the test', *GOOD[4:])
        self.assertEqual(self.failures(*talkative), set())

    def test_module(self) -> None:
        failed = tuple(line.replace('rust loaded', 'rust failed why')
                       for line in GOOD)
        self.assertEqual(self.failures(*failed), {'boot'})
        other = tuple(line.replace('rust loaded', 'c loaded') for line in GOOD)
        self.assertEqual(self.failures(*other), {'boot'})

    def test_exit_status(self) -> None:
        bad = tuple(line.replace('end read 0', 'end read 1') for line in GOOD)
        self.assertEqual(self.failures(*bad), {'read.exit'})

    def test_expected_lines(self) -> None:
        boot = replace(BOOT, expected_lines=(r'rust_\w+: hello',))
        self.assertEqual(self.failures(*GOOD, boot=boot), {'boot'})
        self.assertEqual(self.failures('rust_minimal: hello', *GOOD,
                                       boot=boot), set())

    def test_last_traces(self) -> None:
        boot = replace(BOOT, last_traces=(
            LastTrace('dev_status', 'status = 15', 'at-work'),))
        self.assertEqual(boot.last_traces[0].arguments(),
                         ('-trace', 'dev_status'))
        cases = (('1@2.3:dev_status status = 0\n'
                  '1@2.4:dev_status status = 15\nother\n', Status.PASSED),
                 ('dev_status status = 15\ndev_status status = 0\n',
                  Status.FAILED),
                 ('', Status.FAILED))
        for errors, status in cases:
            with self.subTest(errors=errors):
                found = self.judge(*GOOD, boot=boot, errors=errors)
                self.assertIs(found['at-work'], status)

    def test_config_reads(self) -> None:
        boot = replace(BOOT, config_reads=(
            ConfigReads('nvme', 0, 1, ((2, 1, 1),), 'is-read'),))
        mark = 'pci_cfg_read nvme 02:00.0 @0x1 -> 0x1b\n'
        read = 'pci_cfg_read nvme 02:00.0 @0x0 -> 0x101b36\n'
        other = 'pci_cfg_read edu 00:06.0 @0x0 -> 0x11e81234\n'
        cases = ((mark + read + mark + read * 2 + mark, Status.PASSED),
                 (mark + read + mark + read + other + mark, Status.FAILED),
                 (mark + read * 2, Status.FAILED),
                 ('', Status.FAILED))
        for errors, status in cases:
            with self.subTest(errors=errors):
                found = self.judge(*GOOD, boot=boot, errors=errors)
                self.assertIs(found['is-read'], status)

    def test_claim_without_services(self) -> None:
        lines = (*GOOD[:6], 'rv: sent x 1 abc', *GOOD[6:])
        self.assertEqual(self.failures(*lines), {'read.host-sent-x-1'})

    def test_kunit_skips(self) -> None:
        kernel = ('KTAP version 1', '1..1', '    KTAP version 1',
                  '    # Subtest: suite', '    1..2', '    ok 1 works',
                  '    ok 2 quiet # SKIP', 'ok 1 suite', 'rv: ready',
                  'rv: done')
        boot = Boot('kunit', 'x86_64', kunit=True)
        self.assertEqual(self.failures(*kernel, boot=boot),
                         {'kunit/x86_64/kunit.suite.quiet'})
        known = replace(boot, skip_reasons=(('suite.quiet', 'known'),))
        found = self.judge(*kernel, boot=known)
        self.assertIs(found['kunit/x86_64/kunit.suite.quiet'], Status.SKIPPED)
