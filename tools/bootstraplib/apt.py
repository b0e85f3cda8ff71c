# SPDX-License-Identifier: GPL-2.0
"""Understanding what apt says: its progress and its failures."""

from __future__ import annotations

import re
from typing import List, Optional, Sequence

STATUS_VARIABLE = "APT::Status-Fd"

# Settings of the host's apt that say how to get to a mirror; nothing else of
# its configuration concerns the tool root.
_HOST_SETTING = re.compile(
    r'(Acquire::(?:https?::(?:[\w.-]+::)*Proxy(?:::[\w.-]+)?|Retries|ForceIPv[46]'
    r'|Check-Valid-Until|Check-Date)) "([^"\\]+)";'
)

_NEEDED = re.compile(r"Need to get ([\d.,]+ [kMG]?B)(?:/[\d.,]+ [kMG]?B)? of archives")

_NO_NETWORK = re.compile(
    r"Temporary failure resolving|Could not resolve|Could not connect|Unable to connect"
    r"|Network is unreachable|Connection (?:failed|refused|timed out|reset)|No route to host"
    r"|Name or service not known"
)
_NO_SPACE = re.compile(r"No space left on device|enough free space|Disk quota exceeded")
_GONE = re.compile(
    r"(?:Unable to locate package |Package '?|Version '[^']*' for '|for package )"
    r"([a-z0-9][a-z0-9+.:-]+)'?(?: has no installation candidate| was not found|$)",
    re.MULTILINE,
)
_KEY = re.compile(r"NO_PUBKEY|is not signed|public key is not available|Missing key")
_MOVED = re.compile(r"404\s+Not Found|Hash Sum mismatch|File has unexpected size")


def host_settings(dump: str) -> List[str]:
    """Options for mmdebstrap and apt-get from the output of `apt-config dump`."""
    options = []
    for line in dump.splitlines():
        match = _HOST_SETTING.fullmatch(line.strip())
        if match:
            options.append(f'{match.group(1)} "{match.group(2)}"')
    return options


def download_size(log: str) -> Optional[str]:
    """How much the last apt-get in the log has to download."""
    found = _NEEDED.findall(log)
    return str(found[-1]) if found else None


def describe_status(line: str, size: Optional[str]) -> Optional[str]:
    """A line of apt's status pipe in words."""
    fields = line.strip().split(":")
    if len(fields) < 3:
        return None
    kind = fields[0]
    try:
        percent = float(fields[2])
    except ValueError:
        return None
    if kind == "dlstatus":
        return f"download {percent:.0f}% of {size}" if size else f"download {percent:.0f}%"
    if kind == "pmstatus":
        return f"unpack {percent:.0f}%"
    return None


def explain(log: str, mirror: str) -> Optional[str]:
    """The reason of a failure as one sentence, where the log tells it."""
    if _NO_SPACE.search(log):
        return "the disk is full"
    if _KEY.search(log):
        return (
            "the host does not know the key that Debian trixie is signed with: "
            "install a newer debian-archive-keyring"
        )
    gone = _GONE.search(log)
    if gone:
        return f"the package {gone.group(1)} is gone from Debian: change tools/packages.txt"
    if _NO_NETWORK.search(log):
        return (
            f"no network: {mirror} cannot be reached "
            "(look at the connection, http_proxy, or choose another one by MIRROR=)"
        )
    if _MOVED.search(log):
        return f"{mirror} changed during the download: run it again"
    if "have unmet dependencies" in log:
        return "packages of Debian do not fit together at the moment: run it again later"
    return None


def last_lines(log: str, count: int) -> Sequence[str]:
    """The end of a log, without empty lines and the commands themselves."""
    lines = [line for line in log.splitlines() if line.strip() and not line.startswith("+ ")]
    return lines[-count:]
