# SPDX-License-Identifier: GPL-2.0
"""TOOLROOT=host: whether the person's own tools and tree will do, and the fix if not."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .errors import ToolRootError
from .paths import Cache
from .steps import read_text

Version = Tuple[int, ...]

BASE_VERSION = (7, 3)
DEFAULT_ARCH = "x86_64"

# Where the boot tools look for ARCH/busybox; RV_BUSYBOX names another place.
BUSYBOX_DIRECTORY = "/usr/lib/rust-virt/busybox"

_TIMEOUT_SECONDS = 60
_CCACHE_LINKS = "/usr/lib/ccache"


@dataclass(frozen=True)
class Tool:
    """A program, the least version that works, and the package that has it."""

    program: str
    package: str
    least: Version = ()


@dataclass(frozen=True)
class Guest:
    """What one guest architecture needs beyond the common tools."""

    emulator: Tool
    compiler: Tool
    rustc: Version


COMMON = (
    Tool("clang", "clang", (17, 0, 1)),
    Tool("ld.lld", "lld", (17, 0, 1)),
    Tool("llvm-objcopy", "llvm", (17, 0, 1)),
    Tool("make", "make", (4, 0)),
    Tool("bc", "bc"),
    Tool("bison", "bison"),
    Tool("flex", "flex"),
    Tool("perl", "perl"),
    Tool("cpio", "cpio"),
    Tool("patch", "patch"),
    Tool("ccache", "ccache"),
    Tool("cargo", "cargo"),
    Tool("rustfmt", "rustfmt"),
    Tool("clippy-driver", "rust-clippy (rustup: clippy)"),
    Tool("bindgen", "bindgen (cargo: bindgen-cli)", (0, 71, 1)),
)

GUESTS = {
    "x86_64": Guest(
        Tool("qemu-system-x86_64", "qemu-system-x86", (10,)), Tool("gcc", "gcc libc6-dev"), (1, 85)
    ),
    "arm64": Guest(
        Tool("qemu-system-aarch64", "qemu-system-arm", (10,)),
        Tool("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross"),
        (1, 85),
    ),
    "riscv": Guest(
        Tool("qemu-system-riscv64", "qemu-system-riscv", (10,)),
        Tool("riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu libc6-dev-riscv64-cross"),
        (1, 85),
    ),
    "powerpc": Guest(
        Tool("qemu-system-ppc64", "qemu-system-ppc", (10,)),
        Tool("powerpc64le-linux-gnu-gcc", "gcc-powerpc64le-linux-gnu libc6-dev-ppc64el-cross"),
        (1, 95),
    ),
}


def missing(environ: Mapping[str, str]) -> List[str]:
    """One line for each thing that is missing, with its fix."""
    arches = environ.get("ARCH", DEFAULT_ARCH).split()
    unknown = [arch for arch in arches if arch not in GUESTS]
    if unknown:
        return [f"ARCH={unknown[0]} is unknown: one of {' '.join(GUESTS)}"]
    found: List[str] = []
    for tool in COMMON:
        found += _check_tool(tool, environ)
    found += _check_rust(max(GUESTS[arch].rustc for arch in arches), environ)
    for arch in arches:
        found += _check_tool(GUESTS[arch].emulator, environ)
        found += _check_tool(GUESTS[arch].compiler, environ)
        found += _check_busybox(arch, environ)
    found += _check_tree(arches, environ)
    return found


def report(environ: Mapping[str, str]) -> int:
    """tools/bootstrap --check-host."""
    lines = missing(environ)
    for line in lines:
        print(f"missing: {line}")
    if lines:
        print(f"{len(lines)} missing: put them right, or unset TOOLROOT to use the tool root")
        return 1
    print("the host's own tools will do")
    return 0


def require(environ: Mapping[str, str], cache: Cache) -> None:
    """Checks once for a set of tools and a tree; later commands only compare them."""
    cache.create()
    stamp = cache.top / "host-check"
    wanted = _tools_fingerprint(environ)
    if read_text(stamp).strip() == wanted:
        return
    lines = missing(environ)
    if lines:
        raise ToolRootError(
            "TOOLROOT=host: the host lacks something (tools/bootstrap --check-host)", lines
        )
    stamp.write_text(wanted + "\n", encoding="ascii")


def environment(environ: Mapping[str, str], cache: Cache) -> Dict[str, str]:
    """The person's own environment, with the caches where the other tools look."""
    result = dict(environ)
    result["RUST_VIRT_CACHE"] = str(cache.top)
    result.setdefault("CCACHE_DIR", str(cache.ccache))
    if os.path.isdir(_CCACHE_LINKS):
        result["PATH"] = f"{_CCACHE_LINKS}:{result.get('PATH', os.defpath)}"
    return result


def first_version(text: str) -> Optional[Version]:
    """The first thing that looks like a version number in a program's output."""
    match = re.search(r"(?<![\d.])(\d+(?:\.\d+)+)", text)
    return tuple(int(part) for part in match.group(1).split(".")) if match else None


def _check_tool(tool: Tool, environ: Mapping[str, str]) -> Iterator[str]:
    if not shutil.which(tool.program, path=environ.get("PATH")):
        yield f"{tool.program}: install {tool.package}"
        return
    if not tool.least:
        return
    version = first_version(_output([tool.program, "--version"], environ))
    if version is None:
        yield f"{tool.program} --version says nothing: reinstall {tool.package}"
    elif version < tool.least:
        yield (
            f"{tool.program} {_dotted(version)} is too old: install {tool.package} "
            f"{_dotted(tool.least)} or newer"
        )


def _check_rust(least: Version, environ: Mapping[str, str]) -> Iterator[str]:
    problems = list(_check_tool(Tool("rustc", "rustc", least), environ))
    yield from problems
    if problems:
        return
    sysroot = _output(["rustc", "--print", "sysroot"], environ).strip()
    if not Path(sysroot, "lib/rustlib/src/rust/library/core/src/lib.rs").is_file():
        yield "the source of Rust's core: install rust-src (rustup component add rust-src)"


def _check_busybox(arch: str, environ: Mapping[str, str]) -> Iterator[str]:
    directory = environ.get("RV_BUSYBOX") or BUSYBOX_DIRECTORY
    path = Path(directory, arch, "busybox")
    if not path.is_file():
        yield (
            f"{path}: unpack Debian's busybox-static for {arch} there "
            "(RV_BUSYBOX= names another directory)"
        )
    elif b"/ld-" in path.read_bytes()[:4096]:
        yield f"{path} is linked dynamically: take the one of busybox-static"


def _check_tree(arches: Sequence[str], environ: Mapping[str, str]) -> Iterator[str]:
    named = environ.get("KDIR")
    fix = f"set KDIR to an unpacked Linux {_dotted(BASE_VERSION)} tree"
    if not named:
        yield f"KDIR: {fix}"
        return
    makefile = read_text(Path(named, "Makefile"))
    version = tuple(
        int(match.group(1))
        for name in ("VERSION", "PATCHLEVEL")
        for match in [re.search(rf"^{name} = (\d+)$", makefile, re.MULTILINE)]
        if match
    )
    if len(version) != 2 or not Path(named, "Kbuild").is_file():
        yield f"KDIR={named} is no kernel tree: {fix}"
        return
    if version != BASE_VERSION:
        yield f"KDIR={named} is Linux {_dotted(version)}: {fix}"
        return
    for arch in arches:
        argv = ["make", "-s", "-C", named, f"ARCH={arch}", "LLVM=1", "rustavailable"]
        result = _run(argv, environ)
        if result.returncode != 0:
            lines = [line for line in result.stdout.splitlines() if line.startswith("***")]
            reason = " ".join(line.strip("* ") for line in lines).strip() or result.stdout.strip()[-300:]
            yield f"`{' '.join(argv)}` says: {reason}"


def _tools_fingerprint(environ: Mapping[str, str]) -> str:
    named = [environ.get(name, "") for name in ("PATH", "KDIR", "ARCH", "RV_BUSYBOX")]
    programs = [tool.program for tool in COMMON] + ["rustc"]
    for guest in GUESTS.values():
        programs += [guest.emulator.program, guest.compiler.program]
    for program in programs:
        path = shutil.which(program, path=environ.get("PATH"))
        named.append(f"{path} {os.stat(path).st_mtime_ns}" if path else f"no {program}")
    return hashlib.sha256("\n".join(named).encode()).hexdigest()


def _output(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    return _run(argv, environ).stdout


def _run(
    argv: Sequence[str], environ: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            list(argv), env=dict(environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
            timeout=_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"note: {argv[0]}: {error}", file=sys.stderr)
        return subprocess.CompletedProcess(list(argv), 1, "", "")


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
