# SPDX-License-Identifier: GPL-2.0
"""Runs one boot and turns what happened into outcomes."""

from __future__ import annotations

import math
import re
import shlex
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Callable, Sequence

from boot import (cpio, hostile, hostside, initramfs, ktap, machines, protocol,
                  splat)
from boot.paths import Layout, MissingInput
from boot.plan import Boot
from boot.qemu import Qemu
from boot.results import (NO_REASON, Outcome, StageResult, Status, failed,
                          passed, skipped)

# How long a guest that said it is done may take to switch itself off.
POWEROFF_SECONDS = 10.0
# How much of the log is shown when a deadline is missed.
LAST_LINES = 30

Watcher = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """What holds for all boots of a run."""

    layout: Layout
    log_directory: Path
    accel: dict[str, str]
    factor: float = 1.0


# An emulated machine gets stuck now and then on a busy host, early and in code
# that has nothing of this project's in it. Nothing else is silent for so long.
SILENCE_SECONDS = 120.0


class Stuck(Exception):
    """The kernel fell silent before it started anything of the project's."""


@dataclass
class Ended:
    """How the conversation with a guest came to its end."""

    reason: str = ''
    qemu_errors: str = ''
    #: The kernel fell silent before it started anything of this project's.
    stuck: bool = False


def last_lines(lines: Sequence[str]) -> str:
    """The end of a log, for people."""
    return '\n'.join(f'  | {line}' for line in lines[-LAST_LINES:])


def append_line(boot: Boot) -> str:
    """The kernel command line, without what the machine adds."""
    words = ['printk.devkmsg=on']
    if boot.driver:
        words.append(f'rv.{boot.module}={boot.driver}')
    if boot.module == 'iommu' and boot.driver in ('rust', 'c'):
        # Built-in drivers wait for the module of the IOMMU, or they would
        # bind their devices past it.
        words.append('deferred_probe_timeout=-1')
    if boot.tests:
        words.append('rv.test=' + ','.join(test.name for test in boot.tests))
    if boot.kunit:
        words.append('kunit.enable=1')
    return ' '.join([*words, *boot.append.split()])


def guest_environment(boot: Boot,
                      services: hostside.HostServices | None) -> dict[str, str]:
    """The content of /rv/boot.env."""
    values = {'RV_ARCH': boot.arch, 'RV_FLAVOUR': boot.flavour,
              'RV_VARIANT': boot.variant, 'RV_DRIVER': boot.driver}
    values |= machines.pci_environment(
        machines.devices(boot.arch, boot.variant))
    return values | (services.environment() if services else {})


def prepare(boot: Boot, settings: Settings, directory: Path,
            services: hostside.HostServices | None,
            extra: Sequence[str] = ()) -> list[str]:
    """Makes the initramfs; returns the QEMU command line."""
    image = settings.layout.image(boot.arch, boot.flavour)
    initrd = directory / 'initrd'
    env = initramfs.environment(guest_environment(boot, services))
    initramfs.for_boot(settings.layout, boot.arch,
                       settings.layout.build(boot.arch, boot.flavour),
                       initrd, [cpio.directory('rv'), env])
    if services is not None:
        services.offer(image, initrd)
    return machines.command(machines.Start(
        boot.arch, boot.variant, str(image), str(initrd), append_line(boot),
        accel=settings.accel.get(boot.arch, 'tcg'),
        drives=services.drives if services else {},
        network=services is not None, iommu_options=boot.iommu_options,
        icount=boot.icount, cpu=boot.cpu, extra=tuple(extra),
        scratch=directory))


def converse(qemu: Qemu, talk: protocol.Conversation,
             answer: Callable[[protocol.Request], str], deadline: float,
             silence: float, watch: Watcher) -> Ended:
    """Listens until the guest is done, is gone, or the time is up.

    ``silence`` is how long nothing may be said before /init runs.
    """
    end = time.monotonic() + deadline
    heard = time.monotonic()
    while not talk.done:
        now = time.monotonic()
        left = end - now
        if not talk.ready:
            left = min(left, heard + silence - now)
        if left <= 0 and now < end:
            return Ended(f'silent for {silence:.0f} s before /init; '
                         'the last lines:\n' + last_lines(talk.lines),
                         qemu.errors(), stuck=True)
        if left <= 0:
            return Ended(f'no end within {deadline:.0f} s; the last lines:\n'
                         + last_lines(talk.lines), qemu.errors())
        lines = qemu.read_lines(left)
        if lines is None:
            return Ended('the machine stopped before its tests were done; '
                         'the last lines:\n' + last_lines(talk.lines),
                         qemu.errors())
        heard = time.monotonic() if lines else heard
        for line in lines:
            watch(line)
            request = talk.feed(line)
            if request is not None:
                qemu.send_line(answer(request))
    for line in qemu.wait_end(POWEROFF_SECONDS):
        watch(line)
        talk.feed(line)
    return Ended('', qemu.errors())


def _boot_outcome(boot: Boot, talk: protocol.Conversation,
                  ended: Ended) -> Outcome:
    """Whether the machine came up, loaded its driver and got to its end."""
    name = f'{boot.key}/boot'
    problems = [problem for problem in (
        ended.reason,
        f'QEMU: {ended.qemu_errors}' if ended.reason and ended.qemu_errors
        else '',
        f'{boot.module} module: {talk.driver_error}' if talk.driver_error
        else '',
        f'{boot.module} module {boot.driver} was not loaded'
        if boot.driver in ('rust', 'c') and talk.driver != boot.driver
        and not ended.reason and not talk.driver_error else '',
    ) if problem]
    if problems:
        return failed(name, '\n'.join(problems))
    missing = [text for text in boot.expected_lines
               if not any(re.search(text, line) for line in talk.lines)]
    if missing:
        return failed(name, 'not on the console: ' + '; '.join(missing))
    return passed(name)


def _trace_outcomes(boot: Boot, ended: Ended) -> list[Outcome]:
    """One outcome for each thing that QEMU's traces have to say."""
    outcomes = []
    for wanted in boot.traces:
        name = f'{boot.key}/{wanted.name}'
        problem = wanted.problem(ended.qemu_errors)
        outcomes.append(failed(name, problem) if problem else passed(name))
    return outcomes


def _splat_outcomes(boot: Boot, talk: protocol.Conversation,
                    ) -> list[Outcome]:
    """One outcome; none for a clean log that never got to /init."""
    name = f'{boot.key}/log-is-clean'
    # The first line of the log file is the command.
    splats = splat.find(['', *talk.kernel_lines])
    if splats:
        return [failed(name, '\n'.join(map(str, splats[:3])))]
    return [passed(name)] if talk.ready else []


def _test_outcomes(boot: Boot, talk: protocol.Conversation, name: str,
                   parser: ModuleType) -> list[Outcome]:
    """The outcomes of one guest test."""
    full = f'{boot.key}/{name}'
    run = talk.run_of(name)
    if run is None:
        return [failed(full, 'was never started')]
    outcomes = ktap.parse(parser, run.lines, full)
    good = not any(o.status is Status.FAILED for o in outcomes)
    if run.status is None:
        outcomes.append(failed(f'{full}.exit', 'never ended'))
    elif run.status not in (0, 4) and good:
        outcomes.append(failed(f'{full}.exit',
                               f'exit status {run.status} although no test '
                               'is reported as failed'))
    return outcomes


def _with_reason(boot: Boot, outcome: Outcome) -> Outcome:
    """KUnit cases that are compiled out skip without a word; some may."""
    case = outcome.name.removeprefix(f'{boot.key}.')
    reason = dict(boot.skip_reasons).get(case)
    if outcome.detail != NO_REASON or reason is None:
        return outcome
    return skipped(outcome.name, reason)


def judge(boot: Boot, talk: protocol.Conversation, ended: Ended,
          services: hostside.HostServices | None,
          parser: ModuleType) -> list[Outcome]:
    """All outcomes of a boot."""
    outcomes = [_boot_outcome(boot, talk, ended), *_splat_outcomes(boot, talk),
                *_trace_outcomes(boot, ended)]
    if boot.kunit:
        outcomes += [_with_reason(boot, outcome) for outcome in ktap.parse(
            parser, talk.kernel_lines, boot.key)]
    for test in boot.tests:
        found = _test_outcomes(boot, talk, test.name, parser)
        outcomes += [replace(o, reproduce=boot.reproduce(test.name))
                     for o in found]
    for claim in talk.claims:
        outcome = hostside.check_claim(services, claim)
        outcomes.append(replace(outcome, name=f'{boot.key}/{outcome.name}',
                                reproduce=boot.reproduce(claim.test)))
    return [o if o.reproduce else replace(o, reproduce=boot.reproduce())
            for o in outcomes]


def _run_in(boot: Boot, settings: Settings, directory: Path,
            log: Path, watch: Watcher) -> list[Outcome]:
    """One attempt, with the device beside QEMU if the machine has one."""
    if boot.variant != hostile.VARIANT:
        return _run_with(boot, settings, directory, log, watch, None)
    with hostile.Device(settings.layout) as device:
        return _run_with(boot, settings, directory, log, watch, device)


def _run_with(boot: Boot, settings: Settings, directory: Path, log: Path,
              watch: Watcher, device: hostile.Device | None) -> list[Outcome]:
    """The boot proper, with a directory for its files."""
    services = (hostside.HostServices(directory)
                if boot.variant.startswith('viommu') else None)
    try:
        build = settings.layout.build(boot.arch, boot.flavour)
        parser = ktap.load_parser(settings.layout.kernel_tree(build))
        beside = device.arguments() if device else []
        traces = [word for wanted in boot.traces
                  for word in wanted.arguments()]
        argv = prepare(boot, settings, directory, services,
                       [*boot.qemu, *beside, *traces])
        talk = protocol.Conversation()
        with log.open('w', encoding='utf-8', buffering=1) as out:
            out.write(f'# {shlex.join(argv)}\n')

            def keep(line: str) -> None:
                out.write(line + '\n')
                watch(line)

            # KUnit's suites run before /init, and may be what got stuck.
            silence = math.inf if boot.kunit else SILENCE_SECONDS
            with Qemu(argv) as qemu:
                ended = converse(
                    qemu, talk,
                    lambda request: hostside.answer(request, qemu, services,
                                                    device),
                    boot.deadline(settings.factor), silence * settings.factor,
                    keep)
        if ended.stuck:
            raise Stuck(ended.reason)
        return judge(boot, talk, ended, services, parser)
    finally:
        if services is not None:
            services.close()


def _run_twice(boot: Boot, settings: Settings, directory: Path,
               log: Path, watch: Watcher) -> list[Outcome]:
    """A second attempt where the first got stuck, which is then told."""
    try:
        return _run_in(boot, settings, directory, log, watch)
    except Stuck as stuck:
        kept = log.with_suffix('.stuck.log')
        log.rename(kept)
        told = skipped(f'{boot.key}/first-attempt',
                       f'the kernel got stuck under emulation: {kept}\n{stuck}')
        return [told, *_run_in(boot, settings, directory, log, watch)]


def run(boot: Boot, settings: Settings,
        watch: Watcher = lambda line: None) -> StageResult:
    """Boots, listens, judges and cleans up."""
    started = time.monotonic()
    settings.log_directory.mkdir(parents=True, exist_ok=True)
    log = settings.log_directory / (boot.key.replace('/', '-') + '.log')
    result = StageResult(boot.key, log=str(log))
    directory = Path(tempfile.mkdtemp(prefix='rv-boot-'))
    try:
        result.outcomes = _run_twice(boot, settings, directory, log, watch)
    except (MissingInput, OSError, Stuck) as error:
        result.outcomes = [replace(failed(f'{boot.key}/boot', str(error)),
                                   reproduce=boot.reproduce())]
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    result.seconds = time.monotonic() - started
    return result
