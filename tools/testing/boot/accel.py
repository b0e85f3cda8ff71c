# SPDX-License-Identifier: GPL-2.0
"""Finds out whether KVM really works here.

There are hosts on which /dev/kvm opens, and a virtual machine can be made,
and yet no guest ever gets anywhere.  Only a kernel that says something proves
it; the verdict is kept until the host is booted again.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Sequence

from boot import machines
from boot.paths import Layout
from boot.qemu import Qemu

PROBE_SECONDS = 15.0
SIGN_OF_LIFE = 'Linux version'


def _host_identity() -> str:
    """Changes whenever the verdict may."""
    try:
        boot_id = Path('/proc/sys/kernel/random/boot_id').read_text('ascii')
    except OSError:
        boot_id = ''
    return ' '.join((os.uname().release, boot_id.strip()))


def _says_something(argv: Sequence[str]) -> bool:
    """Whether a kernel started by a command line reaches its first message."""
    end = time.monotonic() + PROBE_SECONDS
    with Qemu(argv) as qemu:
        while (left := end - time.monotonic()) > 0:
            lines = qemu.read_lines(left)
            if lines is None:
                return False
            if any(SIGN_OF_LIFE in line for line in lines):
                return True
    return False


def probe(image: Path, arch: str) -> bool:
    """Boots an image without a root under KVM and waits for its first line."""
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        return False
    start = machines.Start(arch, 'generic', str(image), '',
                           'earlyprintk=serial', accel='kvm', cpus=1)
    return _says_something(machines.command(start))


def choose_for(layout: Layout, arch: str, flavour: str, use_kvm: bool) -> str:
    """``choose`` for a kernel of ours, unless KVM is not wanted."""
    image = layout.image(arch, flavour)
    return choose(layout, arch, image) if use_kvm else 'tcg'


def choose(layout: Layout, arch: str, image: Path) -> str:
    """``kvm`` where it is proven to work for this architecture, else ``tcg``."""
    if arch != machines.host_arch() or not os.path.exists('/dev/kvm'):
        return 'tcg'
    verdict_file = layout.cache / 'kvm-verdict.json'
    identity = _host_identity()
    try:
        verdict = json.loads(verdict_file.read_text(encoding='utf-8'))
        if verdict['host'] == identity:
            return 'kvm' if verdict['works'] is True else 'tcg'
    except (OSError, ValueError, KeyError, TypeError):
        pass
    works = probe(image, arch)
    verdict_file.parent.mkdir(parents=True, exist_ok=True)
    verdict_file.write_text(json.dumps({'host': identity, 'works': works}),
                            encoding='utf-8')
    return 'kvm' if works else 'tcg'
