# SPDX-License-Identifier: GPL-2.0
"""``check``: runs the stages that were asked for and adds them up."""

from __future__ import annotations

import os
import secrets
import shlex
import time
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Callable, Iterable, Sequence

from boot import (accel, builder, catalog, fallback, fuzz, hostile, hoststage,
                  lint, parity, runner, vng)
from boot.builder import Kernel
from boot.paths import Layout, MissingInput
from boot.plan import Boot, Selection, select, unknown_names
from boot.procs import TABLE, Interrupted
from boot.report import Reporter
from boot.results import StageResult, Totals, failed

_Stage = Callable[[], StageResult]


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what."""

    jobs: int = 1
    factor: float = 1.0
    use_kvm: bool = True
    build: bool = True


def default_jobs() -> int:
    """One boot per core: TCG keeps a core busy."""
    return max(1, min(4, os.cpu_count() or 1))


class Check:
    """One run of ``check``."""

    def __init__(self, layout: Layout, selection: Selection,
                 options: Options, reporter: Reporter) -> None:
        self._layout = layout
        self._selection = selection
        self._options = options
        self._reporter = reporter
        self._device_built: bool | None = None
        # Process ids repeat in the namespaces of the tool root.
        name = f'{time.strftime("%Y%m%d-%H%M%S")}-{secrets.token_hex(3)}'
        self.logs = layout.results / name
        self.json_path = layout.results / f'{name}.json'

    def _stage(self, name: str, work: _Stage) -> StageResult:
        """Runs a stage with the reporter told of it."""
        self._reporter.start(name)
        stage = work()
        self._reporter.finish(stage)
        return stage

    def _watch(self, name: str) -> Callable[[str], None]:
        return lambda line: self._reporter.watch(name, line)

    def host(self) -> None:
        """Cargo and the Python tests of the tools."""
        selection = self._selection
        # Whoever names a guest's test or architecture means the guests,
        # unless the level is named as well.
        guests_only = bool(selection.tests or selection.boots
                           or selection.arches or selection.drivers)
        if not selection.wants_level('host') or (guests_only
                                                 and not selection.levels):
            return
        testing = self._layout.repo / 'tools' / 'testing'
        crates = [piece for piece in selection.pieces
                  if (testing / 'host' / piece / 'Cargo.toml').is_file()]
        if crates or not selection.pieces:
            self._stage('host/cargo', lambda: hoststage.cargo(
                self._layout, self.logs, crates, self._watch('host/cargo')))
            self._stage(fuzz.NAME, lambda: fuzz.stage(
                self._layout, self.logs, fuzz.CHECK_SECONDS,
                self._watch(fuzz.NAME)))
        if selection.pieces:
            return
        self._stage(lint.NAME, lambda: lint.stage(
            self._layout, self.logs, self._watch(lint.NAME)))
        self._build_device()
        for label, directory, top in (
                ('tools', testing / 'tools', testing / 'tools'),
                ('harness', testing / 'boot' / 'tests', testing)):
            if not any(directory.glob('test*.py')):
                continue
            self._python(label, directory, top)

    def _python(self, label: str, directory: Path, top: Path) -> None:
        name = f'host/{label}'
        self._stage(name, lambda: hoststage.unittests(
            self._layout, self.logs, label, directory, top,
            self._watch(name)))

    def _build(self, kernels: Iterable[Kernel]) -> set[Kernel]:
        """Builds what the boots need; returns what failed."""
        broken = set()
        for kernel in sorted(set(kernels)):
            if Totals.of(self._build_one(kernel).outcomes).failed:
                broken.add(kernel)
        return broken

    def _build_one(self, kernel: Kernel) -> StageResult:
        return self._stage(kernel.stage, lambda: builder.build(
            self._layout, kernel, self.logs, self._watch(kernel.stage)))

    def _fallbacks(self) -> None:
        """Builds what is left where there is no Rust."""
        for one in fallback.wanted(self._selection):
            self._stage(one.stage, partial(
                fallback.build, self._layout, one, self.logs,
                self._watch(one.stage)))

    def _with_device(self, boots: Sequence[Boot]) -> list[Boot]:
        """Builds the device that lies; without it its boots are left out."""
        honest = [boot for boot in boots if boot.variant != hostile.VARIANT]
        if len(honest) == len(boots) or not self._options.build:
            return list(boots)
        return list(boots) if self._build_device() else honest

    def _build_device(self) -> bool:
        """Once, for the harness's own tests or for the boots."""
        if self._device_built is None:
            stage = self._stage(hostile.STAGE, lambda: hostile.build(
                self._layout, self.logs, self._watch(hostile.STAGE)))
            self._device_built = not Totals.of(stage.outcomes).failed
        return self._device_built

    def _accelerators(self, boots: Sequence[Boot]) -> dict[str, str]:
        """Where KVM may be used; every other architecture has TCG."""
        chosen = {}
        for boot in boots if self._options.use_kvm else ():
            try:
                image = self._layout.image(boot.arch, boot.flavour)
            except MissingInput:
                continue
            chosen[boot.arch] = accel.choose(self._layout, boot.arch, image)
        return chosen

    def boots(self) -> None:
        """KUnit and boot tests; several at a time."""
        everything = catalog.all_boots()
        typos = unknown_names(everything, self._selection)
        if typos:
            self._stage('selection', lambda: StageResult('selection', [
                failed(f'selection/{typo}', 'there is no such thing')
                for typo in typos]))
            return
        boots = select(everything, self._selection)
        kernels = {Kernel(boot.arch, boot.flavour) for boot in boots}
        with_vng = self._selection.wants_bare(vng.ARCH, vng.NAME)
        if with_vng:
            kernels.add(Kernel(vng.ARCH, vng.FLAVOUR))
        broken = self._build(kernels) if self._options.build else set()
        if self._options.build:
            self._fallbacks()
        # A kernel that does not build is one failure, not one per boot.
        boots = [boot for boot in boots
                 if Kernel(boot.arch, boot.flavour) not in broken]
        boots = self._with_device(boots)
        settings = runner.Settings(self._layout, self.logs,
                                   self._accelerators(boots),
                                   self._options.factor)
        stages = self._run_all(boots, settings)
        for boot in boots:
            self._parity(boot, boots, stages)
        if with_vng and Kernel(vng.ARCH, vng.FLAVOUR) not in broken:
            self._stage(vng.KEY, lambda: vng.test(
                self._layout, self.logs, self._options.use_kvm,
                self._watch(vng.KEY)))

    def _run_all(self, boots: Sequence[Boot],
                 settings: runner.Settings) -> dict[str, StageResult]:
        stages: dict[str, StageResult] = {}
        with ThreadPoolExecutor(self._options.jobs) as pool:
            futures: list[Future[StageResult]] = [
                pool.submit(self._boot, boot, settings) for boot in boots]
            try:
                for future in as_completed(futures):
                    stage = future.result()
                    stages[stage.name] = stage
            except BaseException:
                TABLE.kill_all()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return stages

    def _boot(self, boot: Boot, settings: runner.Settings) -> StageResult:
        return self._stage(boot.key, lambda: runner.run(
            boot, settings, self._watch(boot.key)))

    def _parity(self, boot: Boot, boots: Sequence[Boot],
                stages: dict[str, StageResult]) -> None:
        """Compares a boot with its oracle, if both were run."""
        oracle = next((b for b in boots if b.arch == boot.arch
                       and b.name == boot.oracle), None)
        if oracle is None:
            return
        stage = parity.compare(boot, stages[boot.key], oracle,
                               stages[oracle.key], catalog.DIFFERENCES)
        again = (f'make check-boot ARCH={boot.arch} '
                 f'BOOT={boot.name},{oracle.name}')
        stage.outcomes = [replace(o, reproduce=again) for o in stage.outcomes]
        self._stage(stage.name, lambda: stage)


def run(layout: Layout, selection: Selection, options: Options,
        argv: Sequence[str]) -> int:
    """Runs everything selected; the exit status of the command."""
    reporter = Reporter()
    check = Check(layout, selection, options, reporter)
    started = time.monotonic()
    try:
        check.host()
        check.boots()
    except Interrupted as stop:
        reporter.finish(StageResult('run', [failed(
            'run/interrupted', f'stopped by {stop}')]))
    reporter.write_json(check.json_path, shlex.join(argv))
    return reporter.summary(time.monotonic() - started, check.json_path)
