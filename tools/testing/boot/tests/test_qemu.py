# SPDX-License-Identifier: GPL-2.0
"""No QEMU is ever left behind, however the harness ends."""

import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

from boot import procs
from boot.qemu import Qemu, clean
from boot.qmp import QmpError, parse_properties

PROGRAM = 'qemu-system-x86_64'
IDLE = [PROGRAM, '-machine', 'none', '-display', 'none', '-nodefaults']
TESTING = str(Path(__file__).resolve().parents[2])

# Starts a QEMU, tells its process id, and then ends in the way it is told.
CHILD = f'''
import os, sys, threading, time
sys.path.insert(0, {TESTING!r})
from boot import procs
from boot.qemu import Qemu
procs.install_handlers()
with Qemu({IDLE!r}) as qemu:
    qemu.qmp.execute('query-status')
    print(qemu.process.pid, qemu.directory, flush=True)
    if sys.argv[1] == 'raise':
        raise RuntimeError
    if sys.argv[1] == 'exit':
        os._exit(3)
    time.sleep(60)
'''


def alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        state = Path(f'/proc/{pid}/stat').read_text('ascii').rsplit(')')[1]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.split()[0] not in ('Z', 'X')


def gone_soon(pid: int) -> bool:
    end = time.monotonic() + 10
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pid)


@unittest.skipUnless(shutil.which(PROGRAM), f'{PROGRAM} is not installed')
class LeftoverTest(unittest.TestCase):
    """A child of this test starts QEMU and is ended in every way there is."""

    def child(self, how: str, number: int | None = None) -> None:
        with subprocess.Popen([sys.executable, '-c', CHILD, how],
                              stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            pid_text, _, directory = process.stdout.readline().partition(' ')
            pid = int(pid_text)
            if number is not None:
                self.assertTrue(alive(pid))
                process.send_signal(number)
            process.wait(20)
        self.assertTrue(gone_soon(pid), f'QEMU {pid} is still there')
        if number != signal.SIGKILL and how != 'exit':
            self.assertFalse(Path(directory.strip()).exists())
        shutil.rmtree(directory.strip(), ignore_errors=True)

    def test_exception(self) -> None:
        self.child('raise')

    def test_interrupt(self) -> None:
        self.child('wait', signal.SIGINT)

    def test_terminate(self) -> None:
        self.child('wait', signal.SIGTERM)

    def test_hangup(self) -> None:
        self.child('wait', signal.SIGHUP)

    @unittest.skipUnless(shutil.which('setpriv'), 'setpriv is not installed')
    def test_kill(self) -> None:
        self.child('wait', signal.SIGKILL)

    @unittest.skipUnless(shutil.which('setpriv'), 'setpriv is not installed')
    def test_exit_without_cleaning_up(self) -> None:
        self.child('exit')


@unittest.skipUnless(shutil.which(PROGRAM), f'{PROGRAM} is not installed')
class QemuTest(unittest.TestCase):
    """qemu.Qemu with a machine that has nothing in it."""

    def test_several_side_by_side(self) -> None:
        with Qemu(IDLE) as one, Qemu(IDLE) as two:
            self.assertNotEqual(one.directory, two.directory)
            for qemu in (one, two):
                status = qemu.qmp.execute('query-status')
                self.assertTrue(status['running'])
            pids = one.process.pid, two.process.pid
        for pid in pids:
            self.assertTrue(gone_soon(pid))

    def test_deadline(self) -> None:
        with Qemu(IDLE) as qemu:
            started = time.monotonic()
            self.assertEqual(qemu.wait_end(0.5), [])
            self.assertLess(time.monotonic() - started, 5)

    def test_end_is_noticed(self) -> None:
        with Qemu(IDLE) as qemu:
            qemu.qmp.execute('quit')
            self.assertIsNone(qemu.read_lines(10))

    def test_errors_are_kept(self) -> None:
        with Qemu([*IDLE, '-device', 'no-such-device']) as qemu:
            self.assertIsNone(qemu.read_lines(10))
            self.assertIn('no-such-device', qemu.errors())

    def test_refused_command(self) -> None:
        with Qemu(IDLE) as qemu, self.assertRaises(QmpError):
            qemu.qmp.execute('device_del', {'id': 'none'})

    def test_missing_program_leaves_nothing(self) -> None:
        table = procs.ProcessTable()
        qemu = Qemu(['/nonexistent/qemu'], table)
        try:
            with qemu:
                qemu.read_lines(5)
        except OSError:
            pass
        self.assertFalse(qemu.directory.exists())


class TextTest(unittest.TestCase):
    """What needs no QEMU."""

    def test_clean(self) -> None:
        self.assertEqual(clean(b'\x1b[2J\x1b[01;01Hhello\r\n'), 'hello')
        self.assertEqual(clean(b'a\xffb'), 'a\ufffdb')

    def test_properties(self) -> None:
        self.assertEqual(
            parse_properties(['id=hp0', 'iommu_platform=on', 'num=4',
                              'mask=0x1f', 'addr=3', 'disable-legacy=on']),
            {'id': 'hp0', 'iommu_platform': True, 'num': 4, 'mask': 31,
             'addr': '3', 'disable-legacy': 'on'})
        with self.assertRaises(QmpError):
            parse_properties(['novalue'])

    def test_closed_table_starts_nothing(self) -> None:
        table = procs.ProcessTable()
        table.kill_all()
        with self.assertRaises(procs.Interrupted):
            table.start(['true'], stdin=None, stdout=None, stderr=None)

    def test_grandchildren_die_too(self) -> None:
        table = procs.ProcessTable()
        process = table.start(
            ['sh', '-c', 'sleep 60 & echo $!; wait'],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=None)
        assert process.stdout is not None
        grandchild = int(process.stdout.readline())
        self.assertTrue(alive(grandchild))
        table.stop(process)
        process.stdout.close()
        self.assertTrue(gone_soon(grandchild))
