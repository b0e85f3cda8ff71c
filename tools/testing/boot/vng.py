# SPDX-License-Identifier: GPL-2.0
"""Boots the plain x86_64 kernel with virtme-ng, on the tool root's own files."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Callable, Sequence

from boot import accel, procs, splat
from boot.paths import Layout, MissingInput
from boot.qemu import clean
from boot.results import StageResult, failed, passed, skipped

ARCH = 'x86_64'
FLAVOUR = 'plain'
NAME = 'vng'
KEY = f'boot/{ARCH}/{NAME}'
DEADLINE = 240.0
_ITS_INIT = 'virtme-init: '
DEFAULT_COMMAND = 'uname -a'
# The sum shows that the line is the guest's, not an echo of the command.
_TEST_COMMAND = 'echo "rv-vng $(uname -r) $((40 + 2))"'
_TEST_ANSWER = 'rv-vng {release} 42'

_Say = Callable[[str], None]


def command_line(image: Path, command: str, use_kvm: bool,
                 verbose: bool) -> list[str]:
    """The vng command line.

    9p is what every QEMU has built in; virtiofs would need a daemon.
    """
    if shutil.which('vng') is None:
        raise MissingInput('vng is not installed: install virtme-ng')
    # Two emulated processors on a busy host do not always find each other when
    # the kernel stops all of them for a moment.
    machine = (['--cpus', '2'] if use_kvm
               else ['--disable-kvm', '--cpus', '1'])
    loud = ['--verbose'] if verbose else []
    return ['vng', '--run', str(image), *machine, *loud, '--force-9p',
            '--user', 'root', '--memory', '1G',
            '--exec', command]


def _transcribe(master: int, say: _Say, deadline: float) -> bool:
    """Passes lines on until the terminal is closed; False if too late."""
    end = time.monotonic() + deadline
    buffer = b''
    while (left := end - time.monotonic()) > 0:
        if not select.select([master], [], [], left)[0]:
            return False
        try:
            data = os.read(master, 65536)
        except OSError:
            # What a terminal answers when its other end is closed.
            data = b''
        if not data:
            break
        *lines, buffer = (buffer + data).split(b'\n')
        for line in lines:
            say(clean(line))
    if buffer:
        say(clean(buffer))
    return time.monotonic() < end


def execute(argv: Sequence[str], say: _Say,
            deadline: float = DEADLINE) -> int | None:
    """Runs vng on a terminal of its own, which it insists on.

    Returns its exit status; None if it did not end in time.
    """
    master, slave = pty.openpty()
    try:
        process = procs.TABLE.start(argv, stdin=slave, stdout=slave,
                                    stderr=slave)
        os.close(slave)
        try:
            in_time = _transcribe(master, say, deadline)
            if not in_time:
                return None
            try:
                return process.wait(10)
            except subprocess.TimeoutExpired:
                return None
        finally:
            procs.TABLE.stop(process)
    finally:
        os.close(master)


def _kvm_works(layout: Layout, image: Path, use_kvm: bool) -> bool:
    return use_kvm and accel.choose(layout, ARCH, image) == 'kvm'


def run(layout: Layout, words: Sequence[str], use_kvm: bool) -> int:
    """``make vng``: runs a command and shows what it says."""
    image = layout.image(ARCH, FLAVOUR)
    command = ' '.join(words) or DEFAULT_COMMAND
    argv = command_line(image, command, _kvm_works(layout, image, use_kvm),
                        verbose=False)
    status = execute(argv, lambda line: print(line, flush=True))
    if status is None:
        print(f'vng did not end within {DEADLINE:.0f} s')
        return 1
    return status


def test(layout: Layout, logs: Path, use_kvm: bool,
         watch: _Say) -> StageResult:
    """A command runs in the guest, on our kernel, and its status comes out."""
    started = time.monotonic()
    log = logs / 'boot-x86_64-vng.log'
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        watch(line)

    stuck = ''
    try:
        image = layout.image(ARCH, FLAVOUR)
        release = (layout.build(ARCH, FLAVOUR) / 'include/config/'
                   'kernel.release').read_text(encoding='ascii').strip()
        argv = command_line(image, _TEST_COMMAND,
                            _kvm_works(layout, image, use_kvm), verbose=True)
        status = execute(argv, say)
        if status is None and not any(_ITS_INIT in line for line in lines):
            # As in runner.py.
            stuck = f'the kernel got stuck under emulation; {lines[-1:]}'
            lines.clear()
            status = execute(argv, say)
    except (MissingInput, OSError) as error:
        return StageResult(KEY, [failed(f'{KEY}/command', str(error))])
    logs.mkdir(parents=True, exist_ok=True)
    log.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    answer = _TEST_ANSWER.format(release=release)
    problem = _problem(lines, status, answer)
    splats = splat.find(lines)
    outcomes = [
        failed(f'{KEY}/command', problem) if problem
        else passed(f'{KEY}/command'),
        failed(f'{KEY}/log-is-clean', str(splats[0])) if splats
        else passed(f'{KEY}/log-is-clean')]
    if stuck:
        outcomes.append(skipped(f'{KEY}/first-attempt', stuck))
    again = f'make check-boot BOOT={NAME}'
    outcomes = [replace(outcome, reproduce=again) for outcome in outcomes]
    return StageResult(KEY, outcomes, time.monotonic() - started, str(log))


def _problem(lines: Sequence[str], status: int | None, answer: str) -> str:
    tail = '\n'.join(f'  | {line}' for line in lines[-30:])
    if status is None:
        return f'no end within {DEADLINE:.0f} s; the last lines:\n{tail}'
    if status != 0:
        return f'vng ended with status {status}; the last lines:\n{tail}'
    if not any(answer in line for line in lines):
        return f'"{answer}" was not said; the last lines:\n{tail}'
    return ''
