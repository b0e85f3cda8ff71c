# SPDX-License-Identifier: GPL-2.0
"""The command line of tools/build."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import signal
import sys
import time
from pathlib import Path
from typing import Iterator, List, NoReturn, Optional, Sequence

from . import configure, fragments, llvm, oracle, progress, report, tree
from .errors import BuildError
from .kernel import Kernel, default_output
from .kernels import ARCHITECTURES, FLAVOURS

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FRAGMENTS = REPOSITORY / "tools/testing/configs"
PRINTABLE = ("image", "modules", "headers", "oracle", "output", "log", "source", "release")


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """What the person wants built."""
    parser = argparse.ArgumentParser(
        prog="tools/build", description="Configures and builds one kernel.")
    parser.add_argument("arch", choices=sorted(ARCHITECTURES))
    parser.add_argument("--flavour", choices=FLAVOURS, default="test",
                        help="test: every checker on; plain: for the demo and benchmarks; "
                             "trace: plain, with tracers for the benchmark")
    parser.add_argument("--kdir", type=folder, metavar="DIR", default=None,
                        help="your own tree, as it is (default: $KDIR, or else the one in the "
                        "cache with the overlay applied)")
    parser.add_argument("-O", "--output", type=folder, metavar="DIR",
                        help="the build directory")
    parser.add_argument("-j", "--jobs", type=int, default=None, metavar="N",
                        help="compilers at a time (default: $JOBS, or one for each processor)")
    parser.add_argument("--with", dest="extra", action="append", default=[], metavar="FRAGMENT",
                        help="add a fragment of tools/testing/configs; choose an -O for it")
    parser.add_argument("--without", dest="left_out", action="append", default=[],
                        metavar="FRAGMENT", help="leave one out; choose an -O for it")
    parser.add_argument("--as-is", action="store_true",
                        help="do not apply the overlay to the tree in the cache first")
    parser.add_argument("--config-only", action="store_true", help="stop after configuring")
    parser.add_argument("--headers", action="store_true",
                        help="install the headers for user space as well")
    parser.add_argument("--target", action="append", default=[], metavar="TARGET",
                        help="make this instead of the image and the modules")
    parser.add_argument("--print", dest="wanted", choices=PRINTABLE,
                        help="build nothing, print where it is")
    return parser.parse_args(arguments)


def folder(text: str) -> Path:
    """A directory's absolute path."""
    return Path(text).expanduser().resolve()


def cache_directory() -> Path:
    """The directory that all tools share."""
    named = os.environ.get("RUST_VIRT_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(named) if named else Path(base) / "rust-virt"


def kernel_for(wanted: argparse.Namespace) -> Kernel:
    """The build that the command line means."""
    kdir = own_tree(wanted)
    cache = cache_directory()
    left_out = [*wanted.left_out, *([] if llvm.is_shared() else [llvm.FRAGMENT])]
    jobs = wanted.jobs or int(os.environ.get("JOBS") or len(os.sched_getaffinity(0)))
    return Kernel(
        arch=wanted.arch,
        flavour=wanted.flavour,
        source=kdir or cache / "linux",
        output=wanted.output or default_output(cache, wanted.arch, wanted.flavour, kdir),
        jobs=jobs,
        extra_fragments=wanted.extra,
        left_out=left_out,
    )


def own_tree(wanted: argparse.Namespace) -> Optional[Path]:
    """The person's own tree, if one is named."""
    named = wanted.kdir or (folder(os.environ["KDIR"]) if os.environ.get("KDIR") else None)
    return None if named is None or named == cache_directory() / "linux" else named


@contextlib.contextmanager
def sole_builder(kernel: Kernel) -> Iterator[None]:
    """Keeps a second build out of the build directory."""
    kernel.output.mkdir(parents=True, exist_ok=True)
    with (kernel.output / ".rust-virt.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"  another build uses {kernel.output}: waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(kernel: Kernel, wanted: argparse.Namespace) -> List[str]:
    """Makes image, modules and what else is asked for; the warnings."""
    verbose = os.environ.get("V", "0") not in ("", "0")
    for name in (kernel.log, kernel.output / "ccache.log"):
        name.unlink(missing_ok=True)
    asked = configure.read_wanted(FRAGMENTS, kernel)
    configure.configure(kernel, asked)
    if wanted.config_only:
        return []
    targets = wanted.target or [kernel.architecture.target, "modules"]
    meter = progress.Meter(sys.stdout, f"build {kernel.name}", verbose)
    _make(kernel, meter, *targets)
    # make may still have asked Kconfig again.
    configure.check_survivors(kernel, asked)
    if not wanted.target:
        text = (kernel.output / ".config").read_text(encoding="utf-8")
        _make(kernel, progress.Meter(sys.stdout, f"install modules of {kernel.name}", verbose),
              f"INSTALL_MOD_PATH={kernel.modules}", "INSTALL_MOD_STRIP=1", "modules_install")
        oracle.build(kernel, fragments.read_dotconfig(text), verbose)
    if wanted.headers:
        _make(kernel, progress.Meter(sys.stdout, f"headers of {kernel.name}", verbose),
              f"INSTALL_HDR_PATH={kernel.headers}", "headers_install")
    return meter.warnings


def _make(kernel: Kernel, meter: progress.Meter, *arguments: str) -> None:
    progress.run(kernel.make(*arguments), kernel.environment(), kernel.log, meter)


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main(arguments: Sequence[str]) -> int:
    """Runs tools/build."""
    # Otherwise make would outlive a build that is told to end.
    signal.signal(signal.SIGTERM, _interrupt)
    wanted = parse_arguments(arguments)
    kernel = kernel_for(wanted)
    if wanted.wanted:
        value = getattr(kernel, wanted.wanted)
        print(value() if callable(value) else value)
        return 0
    started = time.monotonic()
    try:
        tree.check(kernel.source)
        with sole_builder(kernel):
            if own_tree(wanted) is None and not wanted.as_is:
                tree.apply_overlay(REPOSITORY, kernel.source)
            warnings = build(kernel, wanted)
            if not wanted.target and not wanted.config_only:
                print("\n".join(report.lines(kernel, warnings)))
    except BuildError as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nbuild: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    print(f"  {kernel.name}: {progress.clock(time.monotonic() - started)} in all")
    return 0
