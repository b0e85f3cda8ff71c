# SPDX-License-Identifier: GPL-2.0
"""Making .config from fragments, and seeing that it says what they want."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Dict

from . import fragments, progress, tree
from .errors import BuildError
from .fragments import Wanted
from .kernel import Kernel

_STAMP = "rust-virt-config.json"
_JOINED = "rust-virt.config"


def read_wanted(directory: Path, kernel: Kernel) -> Wanted:
    """Reads and joins the fragments of a kernel."""
    parts = []
    for name in kernel.fragments:
        path = directory / f"{name}.config"
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise BuildError(f"there is no fragment {path}") from None
        parts.append((name, fragments.parse(name, text)))
    return fragments.combine(parts)


def configure(kernel: Kernel, wanted: Wanted) -> bool:
    """Makes .config anew if anything that it depends on has changed; True if so."""
    stamp = kernel.output / _STAMP
    inputs = _inputs(kernel, wanted)
    if _read_stamp(stamp) == {**inputs, "result": _digest(kernel.output / ".config")}:
        return False
    stamp.unlink(missing_ok=True)
    joined = kernel.output / _JOINED
    joined.write_text(wanted.text(), encoding="utf-8")
    _generate(kernel, joined)
    check_survivors(kernel, wanted)
    result = {**inputs, "result": _digest(kernel.output / ".config")}
    stamp.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return True


def check_survivors(kernel: Kernel, wanted: Wanted) -> None:
    """Fails, by name and with a hint, where a wanted value is not in .config."""
    text = (kernel.output / ".config").read_text(encoding="utf-8")
    losses = fragments.lost_symbols(wanted, fragments.read_dotconfig(text))
    known = tree.definitions(kernel.source, wanted.values)
    # A symbol wanted off is off as well where it is misspelt.
    misspelt = [symbol for symbol in wanted.values if symbol not in known]
    seen = {loss.symbol for loss in losses}
    losses += [
        fragments.Lost(symbol, wanted.values[symbol], "unknown", wanted.origin[symbol])
        for symbol in misspelt if symbol not in seen
    ]
    if losses:
        raise BuildError(
            f"{kernel.name}: the kernel's configuration lost {len(losses)} wanted values\n"
            + fragments.explain(losses, known)
            + "\nto look around: " + " ".join((*kernel.make(), "menuconfig"))
            + "   then / and the name"
        )


def _generate(kernel: Kernel, joined: Path) -> None:
    dotconfig = kernel.output / ".config"
    steps = (
        kernel.make("tinyconfig"),
        [str(kernel.source / "scripts/kconfig/merge_config.sh"), "-m", "-Q", "-O",
         str(kernel.output), str(dotconfig), str(joined)],
        kernel.make("olddefconfig"),
    )
    meter = progress.Meter(sys.stdout, f"configure {kernel.name}", verbose=False)
    for number, step in enumerate(steps):
        _run_quietly(kernel, step, meter, last=number == len(steps) - 1)


def _run_quietly(kernel: Kernel, step: list[str], meter: progress.Meter, last: bool) -> None:
    meter.tick()
    result = subprocess.run(step, env=kernel.environment(), stdin=subprocess.DEVNULL,
                            cwd=kernel.source, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, check=False)
    with kernel.log.open("a", encoding="utf-8") as record:
        record.write(f"+ {' '.join(step)}\n{result.stdout}")
    if result.returncode != 0:
        meter.end("failed")
        raise BuildError(progress.excerpt(result.stdout.splitlines()))
    if last:
        meter.end("done")


def _inputs(kernel: Kernel, wanted: Wanted) -> Dict[str, str]:
    return {
        "arch": kernel.arch,
        "source": str(kernel.source),
        "kconfig": tree.kconfig_state(kernel.source),
        "wanted": hashlib.sha256(wanted.text().encode()).hexdigest(),
        "compiler": _version("clang"),
        "rustc": _version("rustc"),
        "bindgen": _version("bindgen"),
    }


def _version(program: str) -> str:
    try:
        result = subprocess.run([program, "--version"], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BuildError(f"there is no {program} in PATH: run this in the tool root "
                         "(tools/enter tools/build ...)") from None
    return result.stdout.partition("\n")[0]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _read_stamp(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
