# SPDX-License-Identifier: GPL-2.0
"""TOOLROOT=host: each missing thing is named with its fix."""

from __future__ import annotations

import os
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Dict, List

TOOLS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOOLS))

from bootstraplib import hostcheck, paths  # noqa: E402
from bootstraplib.errors import ToolRootError  # noqa: E402


class Host(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.top = Path(directory.name)
        self.programs = self.top / "bin"
        self.programs.mkdir()
        sysroot = self.top / "sysroot"
        core = sysroot / "lib/rustlib/src/rust/library/core/src/lib.rs"
        core.parent.mkdir(parents=True)
        core.touch()
        self.core = core
        for tool in (*hostcheck.COMMON, *self._guest_tools()):
            self.install(tool.program, f"echo {tool.program} version 99.1.2")
        self.install("make", 'case "$*" in *--version*) echo GNU Make 4.3;; esac')
        self.install("rustc", f'[ "$1" = --print ] && echo {sysroot} || echo rustc 1.96.1')
        self.kernel = self.top / "linux"
        self.kernel.mkdir()
        (self.kernel / "Kbuild").touch()
        self.write_version("7", "3")
        for arch in hostcheck.GUESTS:
            busybox = self.top / "busybox" / arch / "busybox"
            busybox.parent.mkdir(parents=True)
            busybox.write_bytes(b"\x7fELF static")

    def _guest_tools(self) -> List[hostcheck.Tool]:
        return [
            tool for guest in hostcheck.GUESTS.values() for tool in (guest.emulator, guest.compiler)
        ]

    def install(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
        path.chmod(0o755)

    def write_version(self, version: str, patchlevel: str) -> None:
        text = f"VERSION = {version}\nPATCHLEVEL = {patchlevel}\n"
        (self.kernel / "Makefile").write_text(text, encoding="ascii")

    def environ(self, **more: str) -> Dict[str, str]:
        return {
            "PATH": str(self.programs),
            "KDIR": str(self.kernel),
            "RV_BUSYBOX": str(self.top / "busybox"),
            "ARCH": "x86_64 arm64 riscv powerpc",
            **more,
        }

    def missing(self, **more: str) -> List[str]:
        return hostcheck.missing(self.environ(**more))

    def test_complete(self) -> None:
        self.assertEqual(self.missing(), [])

    def test_missing_programs(self) -> None:
        for name in ("clang", "bindgen", "rustc", "ccache", "qemu-system-aarch64"):
            with self.subTest(name=name):
                script = (self.programs / name).read_text(encoding="ascii")
                (self.programs / name).unlink()
                found = self.missing()
                self.assertEqual(len(found), 1, found)
                self.assertTrue(found[0].startswith(f"{name}: install"), found)
                self.install(name, script.split("\n", 1)[1])

    def test_too_old(self) -> None:
        self.install("bindgen", "echo bindgen 0.60.1")
        self.assertEqual(
            self.missing(),
            ["bindgen 0.60.1 is too old: install bindgen (cargo: bindgen-cli) 0.71.1 or newer"],
        )

    def test_powerpc_wants_a_newer_rustc(self) -> None:
        self.install("rustc", f'[ "$1" = --print ] && echo {self.top}/sysroot || echo rustc 1.85.0')
        self.assertEqual(self.missing(ARCH="x86_64"), [])
        self.assertIn("rustc 1.85.0 is too old", self.missing(ARCH="powerpc")[0])

    def test_rust_src(self) -> None:
        self.core.unlink()
        self.assertIn("install rust-src", self.missing()[0])

    def test_busybox(self) -> None:
        busybox = self.top / "busybox/riscv/busybox"
        busybox.write_bytes(b"\x7fELF /lib/ld-linux-riscv64-lp64d.so.1")
        self.assertIn("linked dynamically", self.missing()[0])
        busybox.unlink()
        self.assertIn("unpack Debian's busybox-static for riscv", self.missing()[0])

    def test_tree(self) -> None:
        self.assertIn("set KDIR", self.missing(KDIR="")[0])
        self.assertIn("is no kernel tree", self.missing(KDIR=str(self.top))[0])
        self.write_version("6", "12")
        self.assertIn("is Linux 6.12: set KDIR to an unpacked Linux 7.3 tree", self.missing()[0])

    def test_rustavailable_speaks(self) -> None:
        self.install("make", 'case "$*" in *--version*) echo GNU Make 4.3;; '
                     '*) echo "***"; echo "*** libclang is too old."; exit 1;; esac')
        found = self.missing(ARCH="x86_64 powerpc")
        self.assertEqual(len(found), 2)
        self.assertIn("ARCH=powerpc LLVM=1 rustavailable` says: libclang is too old.", found[1])

    def test_unknown_arch(self) -> None:
        self.assertEqual(
            self.missing(ARCH="s390"),
            ["ARCH=s390 is unknown: one of x86_64 arm64 riscv powerpc"],
        )

    def test_checked_again_when_a_tool_changes(self) -> None:
        cache = paths.Cache(self.top / "cache")
        hostcheck.require(self.environ(), cache)
        self.install("make", "exit 1")
        os.utime(self.programs / "make", ns=(1, 1))
        with self.assertRaisesRegex(ToolRootError, "the host lacks something"):
            hostcheck.require(self.environ(), cache)

    def test_versions(self) -> None:
        cases = (
            ("QEMU emulator version 11.1.3 (Debian 1:11.1.3)", (11, 1, 3)),
            ("Debian clang version 19.1.7 (3+b1)", (19, 1, 7)),
            ("rustc 1.96.1 (31fca3adb 2026-06-26)", (1, 96, 1)),
            ("no number", None),
        )
        for text, expected in cases:
            with self.subTest(text=text):
                self.assertEqual(hostcheck.first_version(text), expected)


if __name__ == "__main__":
    unittest.main()
