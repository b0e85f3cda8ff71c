# SPDX-License-Identifier: GPL-2.0
"""The guest for people: a shell in it, and a demonstration by it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from boot import accel, hostside, procs, protocol, runner, tests_viommu
from boot.paths import Layout, kernel_config
from boot.plan import Boot
from boot.results import Status


def _settings(layout: Layout, arch: str, flavour: str, use_kvm: bool,
              ) -> runner.Settings:
    chosen = accel.choose_for(layout, arch, flavour, use_kvm)
    return runner.Settings(layout, layout.results, {arch: chosen})


def demo(layout: Layout, arch: str, use_kvm: bool) -> int:
    """``make run``: shows the guest's own lines as they come."""
    settings = _settings(layout, arch, 'plain', use_kvm)
    boot = tests_viommu.demo(arch)
    print(f'Booting Linux on {arch} ({settings.accel[arch].upper()}), '
          'its disk and network behind a virtio-iommu', flush=True)
    result = runner.run(boot, settings, _show)
    bad = [o for o in result.outcomes if o.status is Status.FAILED]
    for outcome in bad:
        print(f'failed {outcome.name}: {outcome.detail}')
    verdict = 'failed' if bad else 'ok'
    print(f'Demonstration {verdict} in {result.seconds:.0f} s; '
          f'the whole log: {result.log}')
    return 1 if bad else 0


def _show(line: str) -> None:
    """The lines that tell the story; the rest of the log is noise here."""
    text = protocol.strip_prefix(line)
    if (text.startswith('rv| ') and 'KTAP' not in text
            and not re.match(r'rv\| \d+\.\.\d+', text)):
        print('  ' + text.removeprefix('rv| '), flush=True)
    elif re.search(r'virtio_iommu|iommu: |page fault from EP', text):
        print('  ' + line, flush=True)


def _default_variant(arch: str) -> str:
    return 'generic' if arch == 'powerpc' else 'viommu'


def shell(layout: Layout, arch: str, flavour: str, variant: str,
          driver: str, use_kvm: bool) -> int:
    """``make shell``: the console of the guest on this terminal."""
    settings = _settings(layout, arch, flavour, use_kvm)
    variant = variant or _default_variant(arch)
    config = kernel_config(layout.build(arch, flavour))
    behind = variant.startswith('viommu')
    module = behind and config.get('VIRTIO_IOMMU') == 'm'
    boot = Boot('shell', arch, flavour=flavour, variant=variant,
                driver=driver if module else '', append='rv.shell=1')
    directory = Path(tempfile.mkdtemp(prefix='rv-boot-'))
    services = hostside.HostServices(directory) if behind else None
    try:
        argv = runner.prepare(boot, settings, directory, services)
        print('Leave the guest with "exit"; Ctrl-A X ends QEMU, '
              'Ctrl-A C is its monitor.', flush=True)
        process = procs.TABLE.start(
            [*argv, '-serial', 'mon:stdio'], stdin=None, stdout=None,
            stderr=None, own_group=False)
        try:
            return process.wait()
        finally:
            procs.TABLE.stop(process)
            _restore_terminal()
    finally:
        if services is not None:
            services.close()
        shutil.rmtree(directory, ignore_errors=True)


def _restore_terminal() -> None:
    """QEMU leaves the terminal raw when it is killed."""
    subprocess.run(['stty', 'sane'], check=False,
                   stderr=subprocess.DEVNULL)
