# SPDX-License-Identifier: GPL-2.0
"""Makes the initramfs of a guest.

It comes in two archives, which the kernel unpacks one after the other: a big
one of busybox, test scripts, programs and modules, cached by its content, and
a small one with what differs from boot to boot.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Mapping

from boot import cpio, machines
from boot.paths import Layout, MissingInput, kernel_config

# Where the bootstrap leaves ARCH/busybox; RV_BUSYBOX names another place.
BUSYBOX_DIRECTORY = Path('/usr/lib/rust-virt/busybox')


@dataclass(frozen=True)
class Choice:
    """A module of which a boot loads the Rust or the C one."""

    #: Below the build directory.
    built: str
    #: The symbol that makes the built one Rust.
    symbol: str
    #: Below the build directory too: the C one, if the built one is Rust.
    oracle: str


CHOICES = (
    Choice('drivers/iommu/virtio-iommu.ko', 'VIRTIO_IOMMU_RUST',
           'oracle/virtio-iommu.ko'),
    Choice('arch/riscv/kvm/kvm.ko', 'KVM_RISCV_ONEREG_RUST',
           'oracle/arch/riscv/kvm/kvm.ko'),
)
# Only these are kept in the cache: a rebuilt kernel makes a new archive.
KEPT_ARCHIVES = 16


def busybox(arch: str) -> Path:
    """The static busybox of an architecture."""
    directory = Path(os.environ.get('RV_BUSYBOX') or BUSYBOX_DIRECTORY)
    path = directory / arch / 'busybox'
    if not path.is_file():
        raise MissingInput(f'no static busybox at {path}: run tools/bootstrap')
    return path


def applets() -> list[str]:
    """The paths of all applets, asked of the host's own busybox.

    A foreign busybox cannot be run here; all come from the same package, and
    so know the same applets.
    """
    try:
        done = subprocess.run([busybox(machines.host_arch()), '--list-full'],
                              capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise MissingInput(f'busybox does not run here: {error}') from error
    return done.stdout.split()


def _tree(source: Path, target: str) -> Iterable[cpio.Entry]:
    """Everything below a directory of the host, as it is."""
    for path in sorted(source.rglob('*')):
        name = f'{target}/{path.relative_to(source)}'
        if path.is_symlink():
            yield cpio.symlink(name, os.readlink(path))
        elif path.is_dir():
            yield cpio.directory(name)
        elif path.is_file():
            mode = 0o755 if os.access(path, os.X_OK) else 0o644
            yield cpio.regular(name, path.read_bytes(), mode)


def _scripts(layout: Layout) -> Iterable[cpio.Entry]:
    """/init and the test scripts."""
    init = layout.guest_sources / 'init'
    if not init.is_file():
        raise MissingInput(f'no guest init at {init}')
    yield cpio.regular('init', init.read_bytes(), 0o755)
    for part in ('tests', 'lib'):
        for script in sorted((layout.guest_sources / part).glob('*.sh')):
            yield cpio.regular(f'rv/{part}/{script.name}',
                               script.read_bytes(), 0o755)


def modules(build: Path) -> Iterable[cpio.Entry]:
    """The modules of a build, those that there are two of apart."""
    config = kernel_config(build)
    listed = _listed_modules(build)
    for choice in CHOICES:
        built, oracle = build / choice.built, build / choice.oracle
        rust = config.get(choice.symbol) == 'y'
        if built in listed and built.is_file():
            place = 'rust' if rust else 'c'
            yield cpio.regular(f'rv/modules/{place}/{built.name}',
                               built.read_bytes())
        if rust and oracle.is_file():
            yield cpio.regular(f'rv/modules/c/{oracle.name}',
                               oracle.read_bytes())
    chosen = {build / choice.built for choice in CHOICES}
    for path in listed:
        if path not in chosen and path.is_file():
            yield cpio.regular(f'rv/modules/all/{path.name}',
                               path.read_bytes())


def _listed_modules(build: Path) -> list[Path]:
    """The modules of the last build; files of older ones may lie about."""
    try:
        order = (build / 'modules.order').read_text(encoding='utf-8')
    except FileNotFoundError:
        return []
    return [build / re.sub(r'\.o$', '.ko', line)
            for line in order.splitlines() if line]


def _base_entries(layout: Layout, arch: str,
                  build: Path) -> Iterable[cpio.Entry]:
    yield cpio.character('dev/console', 5, 1)
    yield cpio.character('dev/null', 1, 3)
    for path in ('proc', 'sys', 'tmp', 'root', 'etc', 'mnt', 'run'):
        yield cpio.directory(path)
    yield cpio.regular('bin/busybox', busybox(arch).read_bytes(), 0o755)
    for path in applets():
        if path != 'bin/busybox' and '/' in path:
            yield cpio.symlink(path, '/bin/busybox')
    yield from _scripts(layout)
    yield from _tree(layout.guest_files(arch) / 'bin', 'rv/bin')
    yield from _tree(layout.guest_files(arch) / 'kselftest', 'rv/kselftest')
    yield from modules(build)


def archive(entries: Iterable[cpio.Entry]) -> bytes:
    """A whole archive in memory."""
    out = io.BytesIO()
    cpio.write(out, entries)
    return out.getvalue()


def base(layout: Layout, arch: str, build: Path) -> Path:
    """The big archive of a build, from the cache if nothing in it changed."""
    data = archive(_base_entries(layout, arch, build))
    name = hashlib.sha256(data).hexdigest()[:24]
    directory = layout.cache / 'initramfs'
    path = directory / f'{arch}-{name}.cpio'
    if path.is_file() and path.stat().st_size == len(data):
        path.touch()
        return path
    directory.mkdir(parents=True, exist_ok=True)
    # Another run may be making the same file: it appears whole or not at all.
    with tempfile.NamedTemporaryFile(dir=directory, delete=False) as out:
        out.write(data)
    os.replace(out.name, path)
    _forget_old(directory)
    return path


def _forget_old(directory: Path) -> None:
    archives = sorted(directory.glob('*.cpio'),
                      key=lambda path: path.stat().st_mtime, reverse=True)
    for path in archives[KEPT_ARCHIVES:]:
        path.unlink(missing_ok=True)


def environment(values: Mapping[str, str]) -> cpio.Entry:
    """The file by which a guest learns about its machine."""
    text = ''.join(f'{name}={shlex.quote(value)}\n'
                   for name, value in sorted(values.items()))
    return cpio.regular('rv/boot.env', text.encode())


def for_boot(layout: Layout, arch: str, build: Path, target: Path,
             entries: Iterable[cpio.Entry]) -> None:
    """Writes the initramfs of one boot: the cached part and its own."""
    with target.open('wb') as out:
        out.write(base(layout, arch, build).read_bytes())
        cpio.write(out, entries)
