# SPDX-License-Identifier: GPL-2.0
"""What has to be true of the host before the root can be made."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import List, Optional

from . import supervise, view
from .errors import ToolRootError
from .idmap import IdMap, own_id_map
from .progress import Progress, gigabytes
from .steps import read_text

# Measured, with room for what a later point release adds.
ROOT_BYTES = 3_400_000_000
ROOT_PEAK_BYTES = 4_300_000_000
LINUX_BYTES = 2_000_000_000
FILES = 200_000

DEBIAN_ARCHES = {"x86_64": "amd64", "aarch64": "arm64"}
TESTED_ARCH = "amd64"

_RESTRICTIONS = (
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=10000"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "kernel.apparmor_restrict_unprivileged_userns=0",
    ),
)


def host_arch() -> str:
    """The host's architecture by Debian's name."""
    machine = platform.machine()
    if machine not in DEBIAN_ARCHES:
        raise ToolRootError(
            f"the tool root can be made on x86_64 (tested) and aarch64 (untested), not on {machine}"
        )
    return DEBIAN_ARCHES[machine]


def id_map() -> Optional[IdMap]:
    """None as root; else how to become root in a user namespace."""
    if os.geteuid() == 0:
        return None
    if not (shutil.which("newuidmap") and shutil.which("newgidmap")):
        raise ToolRootError(
            "without root, newuidmap and newgidmap are needed: install the package uidmap "
            "(Fedora: shadow-utils), or run this as root"
        )
    return own_id_map()


def check_namespaces(ids: Optional[IdMap]) -> None:
    """Tries in a child what every later command will do."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            silence = os.open("/dev/null", os.O_RDWR)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            command = supervise.Command(["true"], dict(os.environ), "/", view.show_host, ids)
            code = 0 if supervise.run(command) == 0 else 1
        except ToolRootError:
            pass
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    if status != 0:
        raise ToolRootError(_no_namespaces(ids))


def _no_namespaces(ids: Optional[IdMap]) -> str:
    if ids is None:
        return (
            "this root user may not make mount and PID namespaces: in a container, start it "
            "with CAP_SYS_ADMIN (such as `podman run --privileged`)"
        )
    wrong = [
        setting
        for path, value, setting in _RESTRICTIONS
        if read_text(Path(path)).strip() == value
    ]
    advice = f"as root, run `sysctl -w {' '.join(wrong)}`" if wrong else "use another machine"
    return f"this machine does not allow user namespaces: {advice}, or run this as root"


def check_file_system(directory: Path) -> None:
    """A cache that cannot hold programs, or device-free bind mounts, is of no use."""
    if os.statvfs(directory).f_flag & os.ST_NOEXEC:
        raise ToolRootError(
            f"{directory} is mounted noexec: choose another cache directory by RUST_VIRT_CACHE="
        )


def check_space(directory: Path, needed: int) -> None:
    """Refuses to start what cannot end."""
    status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize
    if free < needed:
        raise ToolRootError(
            f"no space: {directory} has {gigabytes(free)} free, {gigabytes(needed)} are needed "
            "(RUST_VIRT_CACHE= chooses another place)"
        )
    if status.f_files and status.f_favail < FILES:
        raise ToolRootError(
            f"no space: {directory} has only {status.f_favail} inodes free, {FILES} are needed"
        )


def require_mmdebstrap(progress: Progress) -> None:
    """Installs mmdebstrap where that is ours to do, else says how to get it."""
    if shutil.which("mmdebstrap"):
        return
    if os.geteuid() != 0 or not _is_debian_like():
        raise ToolRootError(
            "mmdebstrap is missing: install it (Debian, Ubuntu: "
            "`apt-get install mmdebstrap debian-archive-keyring uidmap` as root; "
            "Fedora: `dnf install mmdebstrap`)"
        )
    progress.say("installing mmdebstrap with apt-get")
    # The keyring is renewed with it: an old one does not know trixie's keys.
    packages = ["mmdebstrap", "debian-archive-keyring"]
    for argv in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        _apt_get(argv)
    if not shutil.which("mmdebstrap"):
        raise ToolRootError("apt-get says that mmdebstrap is installed, but it is not in PATH")


def _apt_get(arguments: List[str]) -> None:
    result = subprocess.run(
        ["apt-get", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode != 0:
        raise ToolRootError(
            "mmdebstrap is missing, and `apt-get " + " ".join(arguments) + "` failed",
            result.stdout.splitlines()[-12:],
        )


def _is_debian_like() -> bool:
    for line in read_text(Path("/etc/os-release")).splitlines():
        name, _, value = line.partition("=")
        if name in ("ID", "ID_LIKE") and {"debian", "ubuntu"} & set(value.strip('"').split()):
            return shutil.which("apt-get") is not None
    return False
