# SPDX-License-Identifier: GPL-2.0
"""The command line of tools/enter."""

from __future__ import annotations

import argparse
import functools
import os
from pathlib import Path
from typing import Dict, List, Mapping, NoReturn, Sequence

from . import bootstrap, cli, hostcheck, prerequisites, supervise, view
from .environment import (
    DIRECTORY_VARIABLES,
    INSIDE,
    copy_registry_settings,
    inside_environment,
)
from .errors import ToolRootError
from .paths import REPOSITORY, Cache, find_cache

SHELL = ("/bin/bash", "--norc", "-i")
PROMPT = r"(rust-virt) \w\$ "


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Options stop at the command: what follows belongs to it."""
    parser = argparse.ArgumentParser(
        prog="tools/enter",
        description="Runs a command (or a shell) in the tool root, in the same directory.",
    )
    parser.add_argument("--bind", metavar="DIR", action="append", default=[],
                        help="show this directory too; the repository, the cache, KDIR and O "
                        "are always shown")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD")
    arguments = parser.parse_args(argv)
    if arguments.command[:1] == ["--"]:
        del arguments.command[0]
    return arguments


def main(argv: Sequence[str]) -> int:
    """Runs tools/enter; ends as the command ends."""
    arguments = parse_arguments(argv)
    environ = os.environ
    if environ.get(INSIDE):
        _execute(arguments.command or SHELL, dict(environ))
    cache = find_cache(environ)
    if environ.get("TOOLROOT") == cli.HOST:
        hostcheck.require(environ, cache)
        _execute(arguments.command or SHELL, hostcheck.environment(environ, cache))
    bootstrap.ensure(cache, cli.make_request(environ))
    cache.create()
    copy_registry_settings(environ, cache)
    with bootstrap.in_use(cache):
        status = supervise.run(_command(arguments, environ, cache))
    supervise.end_as(status)


def _command(
    arguments: argparse.Namespace, environ: Mapping[str, str], cache: Cache
) -> supervise.Command:
    directory = os.getcwd()
    binds = collect_binds(arguments.bind, environ, cache)
    if directory != "/" and not any(view.is_under(directory, bind.path) for bind in binds):
        raise ToolRootError(
            f"{directory} cannot be seen in the tool root: add --bind {directory}"
        )
    inside = inside_environment(environ, cache, REPOSITORY)
    if not arguments.command:
        inside["PS1"] = PROMPT
    return supervise.Command(
        argv=arguments.command or SHELL,
        environ=inside,
        directory=directory,
        prepare=functools.partial(view.show_read_only, cache.root, cache.mountpoint, binds),
        ids=prerequisites.id_map(),
    )


def collect_binds(
    wanted: Sequence[str], environ: Mapping[str, str], cache: Cache
) -> List[view.Bind]:
    """All directories that the command sees of the host."""
    directories = [str(REPOSITORY), str(cache.top)]
    for name in DIRECTORY_VARIABLES:
        if environ.get(name):
            directories.append(_build_directory(environ[name], name))
    for path in wanted:
        if not os.path.isdir(path):
            raise ToolRootError(f"--bind {path}: there is no such directory")
        directories.append(os.path.realpath(path))
    directories += git_directories(REPOSITORY)
    if "/" in directories:
        raise ToolRootError("/ itself cannot be shown in the tool root")
    binds = [view.Bind(path) for path in directories]
    # The tools stay as the bootstrap made them.
    binds.append(view.Bind(str(cache.root), read_only=True))
    return binds


def git_directories(repository: Path) -> List[str]:
    """Where git keeps the checkout's objects, if that is somewhere else."""
    found = []
    git = repository / ".git"
    if git.is_file():
        text = git.read_text(encoding="utf-8", errors="replace").strip()
        if text.startswith("gitdir:"):
            git = (repository / text[len("gitdir:") :].strip()).resolve()
            found.append(git)
            common = git / "commondir"
            if common.is_file():
                git = (git / common.read_text(encoding="utf-8").strip()).resolve()
                found.append(git)
    alternates = git / "objects/info/alternates"
    if alternates.is_file():
        for line in alternates.read_text(encoding="utf-8", errors="replace").splitlines():
            if line and not line.startswith("#"):
                found.append((git / "objects" / line).resolve())
    return [str(path) for path in found if path.is_dir()]


def _build_directory(path: str, name: str) -> str:
    if name == "KDIR" and not os.path.isdir(path):
        raise ToolRootError(f"KDIR={path}: there is no such directory")
    # The kernel's make would make it, but it has to exist to be shown.
    os.makedirs(path, exist_ok=True)
    return os.path.realpath(path)


def _execute(argv: Sequence[str], environ: Dict[str, str]) -> NoReturn:
    try:
        os.execvpe(argv[0], list(argv), environ)
    except FileNotFoundError as error:
        raise ToolRootError(f"{argv[0]}: not found") from error
