# SPDX-License-Identifier: GPL-2.0
"""What a guest says on its console, line by line.

All lines of the guest's own programs go through /dev/kmsg, so that no kernel
message can land within one of them:

    rv: ready                   /init runs
    rv: iommu rust loaded       or: rv: iommu rust failed REASON; or kvm
    rv: begin NAME              a test starts
    rv| TEXT                    a line that the test printed
    rv: end NAME STATUS         its exit status
    rv: wrote DISK OFFSET LENGTH SHA256
    rv: sent NAME BYTES SHA256  claims that the host checks
    rv: host VERB ARGS          a request; answered on the console's input
    rv: done                    nothing more will come
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_PRINTK = re.compile(r'^\[ *\d+\.\d+\](?:\[ *[A-Z]\d+\])? ?')
CONTROL = 'rv: '
OUTPUT = 'rv| '
EMPTY_OUTPUT = 'rv|'


def strip_prefix(line: str) -> str:
    """The line without the time (and caller) that printk puts before it."""
    return _PRINTK.sub('', line, count=1)


@dataclass
class TestRun:
    """What one guest test printed; ``status`` is None while it runs."""

    name: str
    lines: list[str] = field(default_factory=list)
    status: int | None = None


@dataclass(frozen=True)
class Request:
    """Something that the guest asks of the host."""

    verb: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """Something that the guest says it did, for the host to check."""

    kind: str
    words: tuple[str, ...]
    test: str


class Conversation:
    """Collects everything that one guest says."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        #: The lines in which the kernel itself speaks, by their index.
        self.kernel_lines: list[str] = []
        self.runs: list[TestRun] = []
        self.claims: list[Claim] = []
        #: rust or c: what was loaded of the module that has both.
        self.driver: str = ''
        self.driver_error: str = ''
        self.ready = False
        self.done = False
        self._current: TestRun | None = None

    def feed(self, line: str) -> Request | None:
        """Takes one console line; returns a request if it is one."""
        self.lines.append(line)
        text = strip_prefix(line)
        if text.startswith(OUTPUT) or text == EMPTY_OUTPUT:
            self.kernel_lines.append('')
            if self._current is not None:
                self._current.lines.append(text[len(OUTPUT):])
            return None
        if text.startswith(CONTROL):
            self.kernel_lines.append('')
            return self._control(text[len(CONTROL):].split())
        self.kernel_lines.append(text)
        return None

    def _control(self, words: list[str]) -> Request | None:
        match words:
            case ['ready']:
                self.ready = True
            case ['done']:
                self.done = True
            case ['iommu' | 'kvm', which, 'loaded']:
                self.driver = which
            case ['iommu' | 'kvm', which, 'failed', *reason]:
                self.driver_error = f'{which}: ' + ' '.join(reason)
            case ['begin', name]:
                self._current = TestRun(name)
                self.runs.append(self._current)
            case ['end', name, status]:
                self._end(name, status)
            case [('wrote' | 'sent') as kind, *rest]:
                test = self._current.name if self._current else ''
                self.claims.append(Claim(kind, tuple(rest), test))
            case ['host', verb, *rest]:
                return Request(verb, tuple(rest))
        return None

    def _end(self, name: str, status: str) -> None:
        run, self._current = self._current, None
        if run is not None and run.name == name and status.isdigit():
            run.status = int(status)

    def run_of(self, name: str) -> TestRun | None:
        """What a test printed; None if it never started."""
        return next((run for run in self.runs if run.name == name), None)
