# SPDX-License-Identifier: GPL-2.0
"""Making the tool root: mmdebstrap for the base, apt-get in it for the rest."""

from __future__ import annotations

import functools
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import List, Sequence

from . import apt, view
from .errors import ToolRootError
from .packages import BACKPORTS_SUITE, BASE_SUITE, PackageList
from .stamp import STAMP_NAME
from .steps import Runner

UNPACKED = "usr/lib/rust-virt"
PHASES = 5

_DPKG_OPTIONS = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    # A root that is interrupted is made anew: syncing each file gains nothing.
    "force-unsafe-io",
)
_APT_OPTIONS = ('APT::Install-Recommends "false"', 'Acquire::Languages "none"')
_RETRIES = 'Acquire::Retries "3"'


@dataclass(frozen=True)
class RootMaker:
    """One unfinished root and what goes into it."""

    runner: Runner
    target: Path
    packages: PackageList
    mirror: str

    def make(self, wanted_stamp: str) -> None:
        """All phases; the stamp is the last thing written."""
        progress = self.runner.progress
        with progress.phase("Debian trixie base"):
            self._base()
        with progress.phase("package lists"):
            self._add_backports()
            self._apt(["update"], "reading the package lists")
        with progress.phase(f"{BASE_SUITE}: compilers, checkers, firmware"):
            # Without -t, which would put the suite above its own updates.
            self._install(BASE_SUITE, self.packages.base)
            if self.packages.llvm:
                self._shell(plain_names_script(self.packages.llvm), "naming the compilers")
        with progress.phase(f"{BACKPORTS_SUITE}: Rust, QEMU, kernel source"):
            self._install(BACKPORTS_SUITE, ["-t", BACKPORTS_SUITE, *self.packages.backports])
        with progress.phase("busybox for the guests"):
            self._unpack_foreign()
            self._clean()
        _write_anew(self.target / STAMP_NAME, wanted_stamp + "\n")

    def _base(self) -> None:
        options = [*_APT_OPTIONS, *_host_apt_settings()]
        if not any(option.startswith("Acquire::Retries ") for option in options):
            options.append(_RETRIES)
        argv = ["mmdebstrap", "--mode=root", "--variant=apt", "--include=ca-certificates"]
        argv += [f"--aptopt={option}" for option in options]
        argv += [f"--dpkgopt={option}" for option in _DPKG_OPTIONS]
        argv += [BASE_SUITE, str(self.target)]
        argv += [self.mirror] if self.mirror else []
        self.runner.run(argv, view.show_host, "making the Debian base")
        # Mount points for the host's own files, whatever the host had then.
        for path in view.HOST_FILES:
            _write_anew(self.target / path.lstrip("/"), "")

    def _add_backports(self) -> None:
        text = (self.target / "etc/apt/sources.list").read_text(encoding="utf-8")
        lines = backports_lines(text)
        if not lines:
            raise ToolRootError("mmdebstrap wrote no line for trixie into sources.list")
        text = "".join(f"{line}\n" for line in lines)
        _write_anew(self.target / "etc/apt/sources.list.d/backports.list", text)

    def _install(self, suite: str, arguments: Sequence[str]) -> None:
        self._apt(
            ["install", "-y", "--no-install-recommends", *arguments],
            f"installing packages of {suite}",
        )

    def _apt(self, arguments: List[str], what: str) -> None:
        self.runner.run(
            ["apt-get", "-q", *arguments],
            self._writable(),
            what,
            lambda descriptor: ["-o", f"{apt.STATUS_VARIABLE}={descriptor}"],
        )

    def _unpack_foreign(self) -> None:
        base = (self.target / "etc/apt/sources.list").read_text(encoding="utf-8")
        lines = "\n".join(suite_lines(base, BASE_SUITE))
        self._shell(foreign_script(self.packages, lines), "unpacking busybox")

    def _clean(self) -> None:
        self._shell(
            "apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt",
            "cleaning up",
        )

    def _shell(self, script: str, what: str) -> None:
        self.runner.run(["/bin/sh", "-euc", script], self._writable(), what)

    def _writable(self) -> "functools.partial[None]":
        return functools.partial(view.show_writable, self.target, self.runner.cache.mountpoint)


def _write_anew(path: Path, text: str) -> None:
    """Never through a link: inside the root, those point to the host."""
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")


def suite_lines(sources: str, suite: str) -> List[str]:
    """The `deb` lines of exactly this suite."""
    return [
        line
        for line in sources.splitlines()
        if line.startswith("deb ") and suite in line.split("#", 1)[0].split()
    ]


def backports_lines(sources: str) -> List[str]:
    """The same mirror's lines for trixie-backports."""
    return [
        " ".join(BACKPORTS_SUITE if word == BASE_SUITE else word for word in line.split())
        for line in suite_lines(sources, BASE_SUITE)
    ]


def plain_names_script(llvm: str) -> str:
    """Makes the programs of one LLVM those that `make LLVM=1` finds, with ccache before clang."""
    return "\n".join([
        f"for program in /usr/lib/llvm-{llvm}/bin/*; do",
        "ln -s $program /usr/local/bin/",
        "done",
        "ln -sf ../../bin/ccache /usr/lib/ccache/clang",
    ])


def foreign_script(packages: PackageList, sources: str) -> str:
    """Downloads packages of other architectures without making dpkg know those."""
    arches = sorted({item.debian_arch for item in packages.unpack})
    wanted = " ".join(f"{item.name}:{item.debian_arch}" for item in packages.unpack)
    options = [
        "Dir::Etc::sourcelist=$scratch/sources.list",
        "Dir::Etc::sourceparts=-",
        "Dir::State::lists=$scratch/lists",
        "Dir::Cache::pkgcache=",
        "Dir::Cache::srcpkgcache=",
        "APT::Sandbox::User=root",
        *(f"APT::Architectures::={arch}" for arch in arches),
    ]
    lines = [
        "scratch=$(mktemp -d)",
        "mkdir -p $scratch/lists/partial $scratch/debs",
        f"printf '%s\\n' {shlex.quote(sources)} > $scratch/sources.list",
        "cd $scratch/debs",
        f"set -- {' '.join(f'-o {option}' for option in options)}",
        'apt-get -q "$@" update',
        f'apt-get -q "$@" download {wanted}',
    ]
    for item in packages.unpack:
        directory = f"/{UNPACKED}/busybox/{item.guest_arch}"
        lines += [
            f"dpkg-deb -x {item.name}_*_{item.debian_arch}.deb $scratch/{item.guest_arch}",
            f"mkdir -p {directory}",
            f"find $scratch/{item.guest_arch} -type f -name busybox "
            f"-exec install -m 755 {{}} {directory}/busybox \\;",
            f"test -x {directory}/busybox",
        ]
    return "\n".join([*lines, "rm -rf $scratch"])


def _host_apt_settings() -> List[str]:
    try:
        result = subprocess.run(
            ["apt-config", "dump"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, errors="replace", check=False,
        )
    except FileNotFoundError:
        return []
    return apt.host_settings(result.stdout)
