# SPDX-License-Identifier: GPL-2.0
"""The environment of a command in the tool root, and the host's say in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, List, Mapping

from .paths import Cache

# A command that is in the root already must not look for another one.
INSIDE = "RUST_VIRT_INSIDE"

PATH = "/usr/lib/ccache:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CCACHE_SIZE = "5G"
# Of Debian's libclang-dev, which its bindgen depends on.
LIBCLANG = "/usr/lib/llvm-19/lib"

_PASSED = frozenset(
    """
    TERM COLORTERM NO_COLOR CI TZ COLUMNS LINES
    V O ARCH KDIR PIECE FLAVOUR JOBS W C LINK SOURCE_DATE_EPOCH
    http_proxy https_proxy ftp_proxy all_proxy no_proxy
    HTTP_PROXY HTTPS_PROXY FTP_PROXY ALL_PROXY NO_PROXY
    CCACHE_MAXSIZE CCACHE_DISABLE CCACHE_RECACHE
    KBUILD_BUILD_TIMESTAMP KBUILD_BUILD_USER KBUILD_BUILD_HOST
    GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
    RUST_BACKTRACE PROPTEST_CASES
    """.split()
)
_PASSED_PREFIXES = ("RV_", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTRIES_", "CARGO_SOURCE_")

# Directories that the person names in the environment are shown too.
DIRECTORY_VARIABLES = ("KDIR", "O")

_CARGO_TABLES = ("source", "registries", "registry", "net", "http")


def inside_environment(host: Mapping[str, str], cache: Cache, repository: Path) -> Dict[str, str]:
    """The variables of a command in the root: a short list, the rest stays out."""
    result = {
        name: value
        for name, value in host.items()
        if name in _PASSED or name.startswith(_PASSED_PREFIXES)
    }
    for name in DIRECTORY_VARIABLES:
        if result.get(name):
            result[name] = os.path.realpath(result[name])
    result.setdefault("TERM", "dumb")
    result.setdefault("CCACHE_MAXSIZE", CCACHE_SIZE)
    result.update(
        {
            INSIDE: "1",
            "RUST_VIRT_CACHE": str(cache.top),
            "PATH": PATH,
            "HOME": str(cache.home),
            "USER": "root",
            "LOGNAME": "root",
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "CCACHE_DIR": str(cache.ccache),
            "CCACHE_BASEDIR": str(cache.top),
            "CARGO_HOME": str(cache.cargo),
            # Someone else may own the checkout: sudo, or a container.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": str(repository),
            # bindgen misreads what a newer libclang says, and an older one does not know
            # warnings and options that the compiler does.
            "LIBCLANG_PATH": LIBCLANG,
            "BINDGEN_EXTRA_CLANG_ARGS":
                "-Wno-unknown-warning-option -Wno-unused-command-line-argument",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
    )
    return result


def registry_settings(config: str) -> str:
    """The tables of a cargo configuration that say where crates come from.

    The rest (linkers, wrappers, targets) names programs of the host.
    """
    kept: List[str] = []
    wanted = False
    for line in config.splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            table = stripped.strip("[] \t").split(".", 1)[0].strip()
            wanted = table in _CARGO_TABLES
        if wanted:
            kept.append(line)
    return "".join(f"{line}\n" for line in kept)


def copy_registry_settings(host: Mapping[str, str], cache: Cache) -> None:
    """Lets cargo in the root use the crate mirror that the host's cargo uses."""
    home = host.get("CARGO_HOME") or os.path.join(host.get("HOME", "/"), ".cargo")
    target = cache.cargo / "config.toml"
    wanted = ""
    for name in ("config.toml", "config"):
        try:
            wanted = registry_settings(Path(home, name).read_text(encoding="utf-8"))
            break
        except (OSError, UnicodeDecodeError):
            continue
    present = target.read_text(encoding="utf-8") if target.exists() else ""
    if wanted != present:
        temporary = target.with_name(f"config.toml.{os.getpid()}")
        temporary.write_text(wanted, encoding="utf-8")
        os.replace(temporary, target)
