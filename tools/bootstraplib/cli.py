# SPDX-License-Identifier: GPL-2.0
"""The command line of tools/bootstrap."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Callable, Mapping, Sequence

from . import bootstrap, hostcheck, prerequisites
from .environment import INSIDE
from .errors import ToolRootError
from .packages import parse_packages
from .paths import PACKAGE_LIST, Cache, find_cache

HOST = "host"


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The options, with `MIRROR=URL` also as a plain word as make passes it."""
    parser = argparse.ArgumentParser(
        prog="tools/bootstrap",
        description="Makes the tool root: compilers, QEMU and the kernel tree, "
        "in the cache directory, once.",
    )
    parser.add_argument("--mirror", metavar="URL", help="Debian mirror (or MIRROR= in the "
                        "environment); mmdebstrap's default otherwise")
    parser.add_argument("--packages", metavar="FILE", type=Path, default=PACKAGE_LIST,
                        help="another package list")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--force", action="store_true", help="make it anew")
    action.add_argument("--clean", action="store_true", help="remove the cache directory")
    action.add_argument("--print", dest="shown", choices=("root", "linux", "cache"),
                        help="print a path and do nothing else")
    action.add_argument("--check-host", action="store_true",
                        help="check the host's own tools for TOOLROOT=host")
    return parser.parse_args(argv)


def make_request(
    environ: Mapping[str, str], packages: Path = PACKAGE_LIST, mirror: str = "", force: bool = False
) -> bootstrap.Request:
    """What the repository and the environment ask for."""
    arch = prerequisites.host_arch()
    return bootstrap.Request(
        packages=parse_packages(packages.read_text(encoding="utf-8"), arch),
        arch=arch,
        mirror=mirror or environ.get("MIRROR", ""),
        force=force,
        with_linux=not environ.get("KDIR"),
    )


def main(argv: Sequence[str]) -> int:
    """Runs tools/bootstrap; returns its exit status."""
    arguments = parse_arguments(argv)
    environ = os.environ
    cache = find_cache(environ)
    if arguments.shown:
        print(_shown_path(cache, arguments.shown))
    elif arguments.check_host:
        return hostcheck.report(environ)
    elif arguments.clean:
        _refuse_inside(environ)
        bootstrap.clean(cache)
    elif environ.get("TOOLROOT") == HOST:
        return hostcheck.report(environ)
    elif not environ.get(INSIDE):
        request = make_request(
            environ, arguments.packages, arguments.mirror or "", arguments.force
        )
        bootstrap.ensure(cache, request)
    return 0


def run_reporting(main_function: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """Turns failures into one sentence and status 1."""
    try:
        return main_function(argv)
    except ToolRootError as error:
        print(f"error: {error.sentence}", file=sys.stderr)
        for line in error.details:
            print(f"  {line}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; the next run starts afresh", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _shown_path(cache: Cache, which: str) -> Path:
    return {"root": cache.root, "linux": cache.linux, "cache": cache.top}[which]


def _refuse_inside(environ: Mapping[str, str]) -> None:
    if environ.get(INSIDE):
        raise ToolRootError("the tool root cannot be removed from inside")
