# SPDX-License-Identifier: GPL-2.0
"""Bringing the cache directory to what the repository asks for."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Optional

from . import linuxtree, prerequisites, stamp, supervise, view
from .errors import ToolRootError
from .idmap import IdMap
from .lock import locked
from .packages import PackageList
from .paths import TAG_TEXT, Cache
from .progress import Progress, clock, gigabytes
from .removal import remove_tree
from .rootmaker import PHASES, RootMaker
from .steps import Runner, read_text

DEFAULT_MIRROR = "Debian's mirror"
EXPECTED_TIME = "2-5 minutes"


@dataclass(frozen=True)
class Request:
    """What is wanted of this run."""

    packages: PackageList
    arch: str
    mirror: str
    force: bool
    # A person with a tree of their own needs no second one.
    with_linux: bool


@dataclass(frozen=True)
class Needs:
    root: bool
    linux: bool

    @property
    def phases(self) -> int:
        return (PHASES if self.root else 0) + (1 if self.linux else 0)

    @property
    def kept_bytes(self) -> int:
        return (prerequisites.ROOT_BYTES if self.root else 0) + (
            prerequisites.LINUX_BYTES if self.linux else 0
        )

    @property
    def peak_bytes(self) -> int:
        root_peak = prerequisites.ROOT_PEAK_BYTES if self.root else 0
        return max(root_peak, self.kept_bytes)


def mode_name() -> str:
    """Root and user namespaces leave files of different owners."""
    return "root" if os.geteuid() == 0 else "user"


def is_ready(cache: Cache, request: Request) -> bool:
    """Whether there is nothing to do; looks at two files, takes no lock."""
    needs = _needs(cache, request)
    return not (needs.root or needs.linux)


def ensure(cache: Cache, request: Request) -> None:
    """Makes what is missing; returns at once where nothing is."""
    if not request.force and is_ready(cache, request):
        return
    cache.create()
    with _bootstrap_lock(cache):
        # Another make may have done it while this one waited.
        needs = _needs(cache, request)
        if request.force:
            needs = Needs(root=True, linux=request.with_linux)
        else:
            _refuse_foreign(cache, needs)
        if needs.root or needs.linux:
            _make(cache, request, needs)


def clean(cache: Cache) -> None:
    """Removes the cache directory, if it is ours and nobody works in it."""
    if not os.path.lexists(cache.top):
        return
    if read_text(cache.tag) != TAG_TEXT:
        raise ToolRootError(f"{cache.top} was not made by tools/bootstrap, so it is not removed")
    with _bootstrap_lock(cache):
        with locked(_use_lock(cache), fcntl.LOCK_EX, None) as free:
            if not free:
                raise ToolRootError(
                    f"{cache.top} is not removed: a command is running in the tool root"
                )
            _remove(cache.top, prerequisites.id_map())


@contextlib.contextmanager
def in_use(cache: Cache) -> Iterator[None]:
    """Keeps the root from being replaced while a command runs in it."""

    def say() -> None:
        print("waiting: the tool root is being replaced", file=sys.stderr, flush=True)

    with locked(_use_lock(cache), fcntl.LOCK_SH, say):
        yield


def _needs(cache: Cache, request: Request) -> Needs:
    wanted = stamp.fingerprint(request.packages, mode_name(), request.arch)
    root = not stamp.is_current(cache.root, wanted)
    linux = request.with_linux and (
        root or not linuxtree.is_unpacked(cache, request.packages.linux_source)
    )
    return Needs(root, linux)


def _refuse_foreign(cache: Cache, needs: Needs) -> None:
    """What somebody else put there is not ours to replace."""
    foreign = []
    if needs.root and cache.root.exists() and not stamp.is_ours(cache.root):
        foreign.append(cache.root)
    if needs.linux and cache.linux.exists() and not cache.linux_stamp.exists():
        foreign.append(cache.linux)
    if foreign:
        raise ToolRootError(
            f"{foreign[0]} was not made by tools/bootstrap: move it away, "
            "or let tools/bootstrap --force replace it"
        )


def _make(cache: Cache, request: Request, needs: Needs) -> None:
    ids = prerequisites.id_map()
    prerequisites.check_namespaces(ids)
    prerequisites.check_file_system(cache.top)
    _sweep(cache, ids)
    prerequisites.check_space(cache.top, needs.peak_bytes)
    progress = Progress(sys.stderr, needs.phases)
    runner = Runner(cache, progress, ids, request.mirror or DEFAULT_MIRROR)
    if needs.root:
        prerequisites.require_mmdebstrap(progress)
    _announce(progress, cache, request, needs)
    cache.log.write_text("", encoding="utf-8")
    before = _free(cache)
    if needs.root:
        _make_root(runner, request)
    if needs.linux:
        _make_linux(runner, request)
    used = max(before - _free(cache), 0)
    progress.say(f"tool root ready: took {clock(progress.elapsed)} and {gigabytes(used)}")


def _announce(progress: Progress, cache: Cache, request: Request, needs: Needs) -> None:
    what = "the tool root" if needs.root else "the kernel tree"
    time = EXPECTED_TIME if needs.root else "half a minute"
    progress.say(
        f"making {what} in {cache.top}: once, about {time}, {gigabytes(needs.kept_bytes)}"
    )
    if needs.root and request.arch != prerequisites.TESTED_ARCH:
        progress.say(f"note: a {request.arch} host is untested")


def _make_root(runner: Runner, request: Request) -> None:
    cache = runner.cache
    partial = _partial(cache.root)
    maker = RootMaker(runner, partial, request.packages, request.mirror)
    maker.make(stamp.fingerprint(request.packages, mode_name(), request.arch))
    _put_in_place(runner, partial, cache.root)


def _make_linux(runner: Runner, request: Request) -> None:
    cache, package = runner.cache, request.packages.linux_source
    partial = _partial(cache.linux)
    with runner.progress.phase("kernel tree"):
        if linuxtree.is_unpacked(cache, package):
            # A new root with the same kernel: whoever builds in the tree keeps it.
            return
        linuxtree.unpack(runner, package, partial)
        linuxtree.mark_unfinished(cache)
        _put_in_place(runner, partial, cache.linux)
        linuxtree.mark_finished(cache, package)


def _put_in_place(runner: Runner, partial: Path, final: Path) -> None:
    """Swaps the finished tree in while no command uses the old one."""

    def say() -> None:
        runner.progress.say(f"waiting: commands are still running in the old {final.name}")

    old = _old(final)
    with locked(_use_lock(runner.cache), fcntl.LOCK_EX, say):
        if final.exists():
            final.rename(old)
        partial.rename(final)
    if old.exists():
        runner.progress.say(f"removing the old {final.name}")
    _remove(old, runner.ids)


def _sweep(cache: Cache, ids: Optional[IdMap]) -> None:
    """Removes what an interrupted run left."""
    for final in (cache.root, cache.linux):
        for left in (_partial(final), _old(final)):
            if os.path.lexists(left):
                print(f"removing {left}, left by an interrupted run", file=sys.stderr, flush=True)
                _remove(left, ids)


def _remove(path: Path, ids: Optional[IdMap]) -> None:
    """In a user namespace, if need be: there all files of the root are ours."""
    if not os.path.lexists(path):
        return
    if ids is None:
        remove_tree(path)
        return
    prepare = functools.partial(_remove_here, path)
    command = supervise.Command(["true"], dict(os.environ), "/", prepare, ids)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = os.waitstatus_to_exitcode(supervise.run(command))
        finally:
            os._exit(code & 0xFF)
    _, status = os.waitpid(pid, 0)
    if status != 0:
        raise ToolRootError(f"{path} could not be removed")


def _remove_here(path: Path) -> None:
    view.show_host()
    remove_tree(path)


@contextlib.contextmanager
def _bootstrap_lock(cache: Cache) -> Iterator[None]:
    def say() -> None:
        print(
            f"waiting: another bootstrap is working in {cache.top}", file=sys.stderr, flush=True
        )

    with locked(cache.top / "bootstrap.lock", fcntl.LOCK_EX, say):
        yield


def _use_lock(cache: Cache) -> Path:
    return cache.top / "use.lock"


def _partial(final: Path) -> Path:
    return final.with_name(final.name + ".partial")


def _old(final: Path) -> Path:
    return final.with_name(final.name + ".old")


def _free(cache: Cache) -> int:
    status = os.statvfs(cache.top)
    return status.f_bfree * status.f_frsize
