# SPDX-License-Identifier: GPL-2.0
"""tools/bootstrap: what it reads and what it says."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

TOOLS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOOLS))

from bootstraplib import apt, environment, idmap, paths, prerequisites, progress  # noqa: E402
from bootstraplib import rootmaker, stamp  # noqa: E402
from bootstraplib.errors import ToolRootError  # noqa: E402
from bootstraplib.packages import PackageList, Unpacked, parse_packages  # noqa: E402

LIST = """
# a comment
[trixie]
clang   # another
gcc-x86-64-linux-gnu [!amd64]
only-here [amd64]
[trixie-backports]
linux-source-7.3
[unpack]
busybox-static:riscv64
"""

SOURCES = (
    "deb http://mirror.example/debian trixie main\n"
    "deb http://mirror.example/debian trixie-updates main\n"
    "deb http://security.example/debian trixie-security main\n"
)


class Packages(unittest.TestCase):
    def test_sections_and_qualifiers(self) -> None:
        found = parse_packages(LIST, "amd64")
        self.assertEqual(found.base, ("clang", "only-here"))
        self.assertEqual(found.backports, ("linux-source-7.3",))
        self.assertEqual(found.unpack, (Unpacked("busybox-static", "riscv64"),))
        self.assertEqual(found.unpack[0].guest_arch, "riscv")
        self.assertEqual(found.linux_source, "linux-source-7.3")
        self.assertEqual(
            parse_packages(LIST, "arm64").base, ("clang", "gcc-x86-64-linux-gnu")
        )

    def test_refused(self) -> None:
        cases = (
            ("clang\n", "line 1"),
            ("[sid]\n", "no such section: sid"),
            ("[trixie]\ntwo words\n", "line 2"),
            ("[trixie]\nclang:arm64\n", "line 2"),
            ("[unpack]\nbusybox-static\n", "line 2"),
            ("[unpack]\nbusybox-static:s390x\n", "line 2"),
            ("[trixie]\nclang\n[trixie-backports]\nclang\n", "names twice: clang"),
            ("[trixie]\n$(reboot)\n", "line 2"),
        )
        for text, expected in cases:
            with self.subTest(text=text), self.assertRaisesRegex(ToolRootError, expected):
                parse_packages(text, "amd64")

    def test_exactly_one_kernel(self) -> None:
        for names in ((), ("linux-source-7.3", "linux-source-7.4")):
            with self.subTest(names=names), self.assertRaises(ToolRootError):
                self.assertIsNone(PackageList((), names, ()).linux_source)

    def test_a_certain_llvm(self) -> None:
        self.assertIsNone(parse_packages(LIST, "amd64").llvm)
        certain = parse_packages(LIST.replace("clang ", "clang-22\nlld-22"), "amd64")
        self.assertEqual(certain.llvm, "22")

    def test_own_list(self) -> None:
        text = paths.PACKAGE_LIST.read_text(encoding="utf-8")
        for arch in prerequisites.DEBIAN_ARCHES.values():
            found = parse_packages(text, arch)
            self.assertTrue(found.llvm)
            self.assertIn("rustc", found.backports)
            self.assertTrue(found.linux_source)
            guests = {item.guest_arch for item in found.unpack}
            self.assertEqual(guests, {"x86_64", "arm64", "riscv", "powerpc"})


class Stamp(unittest.TestCase):
    def test_fingerprint(self) -> None:
        one = parse_packages(LIST, "amd64")
        same = parse_packages(LIST.replace("# a comment", "\n\n# b"), "amd64")
        more = parse_packages(LIST.replace("clang ", "clang\nlld"), "amd64")
        first = stamp.fingerprint(one, "root", "amd64")
        self.assertEqual(first, stamp.fingerprint(same, "root", "amd64"))
        others = (
            stamp.fingerprint(more, "root", "amd64"),
            stamp.fingerprint(one, "user", "amd64"),
            stamp.fingerprint(one, "root", "arm64"),
        )
        self.assertNotIn(first, others)

    def test_only_the_same_stamp_is_current(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            self.assertFalse(stamp.is_current(root, "abc"))
            self.assertFalse(stamp.is_ours(root))
            (root / "etc").mkdir()
            (root / stamp.STAMP_NAME).write_text("abc\n", encoding="ascii")
            self.assertTrue(stamp.is_current(root, "abc"))
            self.assertTrue(stamp.is_ours(root))
            self.assertFalse(stamp.is_current(root, "abcd"))


class Apt(unittest.TestCase):
    def test_explain(self) -> None:
        cases = (
            ("E: Unable to locate package sparse-gone", "sparse-gone is gone"),
            ("E: Package 'sparse' has no installation candidate", "sparse is gone"),
            ("  Temporary failure resolving 'a.example'", "no network: the mirror"),
            ("  Could not connect to a.example:80", "no network: the mirror"),
            ("tar: write error: No space left on device", "disk is full"),
            ("E: You don't have enough free space in /x/.", "disk is full"),
            ("W: GPG error: NO_PUBKEY 6ED0E7B82643E131", "debian-archive-keyring"),
            ("E: Failed to fetch x  404  Not Found", "run it again"),
            ("The following packages have unmet dependencies:", "do not fit together"),
        )
        for log, expected in cases:
            with self.subTest(log=log):
                self.assertIn(expected, apt.explain(f"Reading\n{log}\n", "the mirror") or "")
        self.assertIsNone(apt.explain("Segmentation fault", "the mirror"))

    def test_progress(self) -> None:
        size = apt.download_size("x\nNeed to get 385 MB of archives.\n")
        self.assertEqual(size, "385 MB")
        self.assertEqual(apt.download_size("Need to get 1,2 kB/3 MB of archives"), "1,2 kB")
        self.assertIsNone(apt.download_size(""))
        cases = (
            ("dlstatus:3:44.6:Retrieving file 3 of 9", "download 45% of 385 MB"),
            ("pmstatus:clang:12.0:Unpacking clang", "unpack 12%"),
            ("pmerror:clang:12.0:broken", None),
            ("dlstatus:x:y", None),
            ("", None),
        )
        for line, expected in cases:
            with self.subTest(line=line):
                self.assertEqual(apt.describe_status(line, size), expected)

    def test_host_settings(self) -> None:
        dump = (
            'Acquire::http::Proxy "http://proxy.example:3142";\n'
            'Acquire::http::Proxy::mirror.example "DIRECT";\n'
            'Acquire::https::Proxy "http://p:1";\n'
            'Acquire::Retries "5";\n'
            'Acquire::http::Proxy "";\n'
            'APT::Update::Post-Invoke:: "rm -rf /";\n'
            'Acquire::Languages "none";\n'
        )
        self.assertEqual(
            apt.host_settings(dump),
            [
                'Acquire::http::Proxy "http://proxy.example:3142"',
                'Acquire::http::Proxy::mirror.example "DIRECT"',
                'Acquire::https::Proxy "http://p:1"',
                'Acquire::Retries "5"',
            ],
        )

    def test_last_lines(self) -> None:
        self.assertEqual(apt.last_lines("a\n\n+ cmd\nb\nc\n", 2), ["b", "c"])
        self.assertEqual(apt.last_lines("a\n\n+ cmd\nb\n", 5), ["a", "b"])


class Root(unittest.TestCase):
    def test_backports_come_from_the_same_mirror(self) -> None:
        self.assertEqual(
            rootmaker.backports_lines(SOURCES),
            ["deb http://mirror.example/debian trixie-backports main"],
        )
        self.assertEqual(rootmaker.backports_lines("# deb x trixie main\n"), [])

    def test_plain_names_script_is_shell(self) -> None:
        script = rootmaker.plain_names_script("22")
        subprocess.run(["sh", "-n", "-euc", script], check=True)
        self.assertIn("/usr/lib/llvm-22/bin/", script)

    def test_foreign_script_is_shell(self) -> None:
        packages = parse_packages(LIST, "amd64")
        script = rootmaker.foreign_script(packages, "deb [arch=it's] http://x trixie main")
        result = subprocess.run(["sh", "-n"], input=script, text=True, check=False)
        self.assertEqual(result.returncode, 0)
        self.assertIn("download busybox-static:riscv64", script)


class Host(unittest.TestCase):
    def test_space(self) -> None:
        def status(blocks: int, inodes: int) -> mock.Mock:
            return mock.Mock(f_bavail=blocks, f_frsize=1000, f_files=10**7, f_favail=inodes)

        target = "bootstraplib.prerequisites.os.statvfs"
        with mock.patch(target, return_value=status(10**7, 10**7)):
            prerequisites.check_space(Path("/x"), 10**10)
        with mock.patch(target, return_value=status(10**7 - 1, 10**7)):
            with self.assertRaisesRegex(ToolRootError, "/x has 10.0 GB free, 10.0 GB are needed"):
                prerequisites.check_space(Path("/x"), 10**10)
        with mock.patch(target, return_value=status(10**7, 1000)):
            with self.assertRaisesRegex(ToolRootError, "1000 inodes"):
                prerequisites.check_space(Path("/x"), 10**9)

    def test_unknown_machine(self) -> None:
        with mock.patch("bootstraplib.prerequisites.platform.machine", return_value="sparc64"):
            with self.assertRaisesRegex(ToolRootError, "not on sparc64"):
                prerequisites.host_arch()

    def test_subordinate_ids(self) -> None:
        text = "# x\nann:100000:65536\nbob:1:10\nbob:200000:65536\n1002:300000:65536\nbad:x:y\n"
        cases = (
            ("ann", 1000, 100000),
            ("bob", 1001, 200000),
            ("eve", 1002, 300000),
            ("bad", 1003, None),
            ("nobody", 1004, None),
        )
        for name, number, start in cases:
            with self.subTest(name=name):
                found = idmap.find_range(text, name, number)
                self.assertEqual(found.start if found else None, start)

    def test_cache_directory(self) -> None:
        cases = (
            ({"RUST_VIRT_CACHE": "/a/b"}, "/a/b"),
            ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/rust-virt"),
            ({"HOME": "/h"}, "/h/.cache/rust-virt"),
        )
        for environ, expected in cases:
            with self.subTest(environ=environ):
                self.assertEqual(str(paths.find_cache(environ).top), expected)
        for bad in ("relative", str(paths.REPOSITORY), str(paths.REPOSITORY.parent), "/"):
            with self.subTest(bad=bad), self.assertRaises(ToolRootError):
                paths.find_cache({"RUST_VIRT_CACHE": bad})


class Environment(unittest.TestCase):
    def test_only_what_is_listed(self) -> None:
        host = {
            "HOME": "/home/ann", "PATH": "/evil", "LD_PRELOAD": "x", "V": "1", "RV_KEEP": "1",
            "http_proxy": "http://p", "CARGO_HOME": "/home/ann/.cargo", "MAKEFLAGS": "-j",
            "CARGO_REGISTRIES_X_INDEX": "i", "ARCH": "arm64",
        }
        cache = paths.Cache(Path("/c"))
        inside = environment.inside_environment(host, cache, Path("/repo"))
        for name in ("V", "RV_KEEP", "http_proxy", "CARGO_REGISTRIES_X_INDEX", "ARCH"):
            self.assertEqual(inside[name], host[name])
        self.assertEqual(inside["HOME"], "/c/home")
        self.assertEqual(inside["CARGO_HOME"], "/c/cargo")
        self.assertTrue(inside["PATH"].startswith("/usr/lib/ccache:"))
        self.assertFalse({"LD_PRELOAD", "MAKEFLAGS"} & set(inside))

    def test_registry_settings(self) -> None:
        config = (
            "[build]\nrustc-wrapper = 'sccache'\n"
            "[source.crates-io]\nreplace-with = 'm'\n[source.m]\nregistry = 'sparse+u'\n"
            "[target.x86_64-unknown-linux-gnu]\nlinker = 'mold'\n[net]\nretry = 3\n"
        )
        self.assertEqual(
            environment.registry_settings(config),
            "[source.crates-io]\nreplace-with = 'm'\n[source.m]\nregistry = 'sparse+u'\n"
            "[net]\nretry = 3\n",
        )


class Lines(unittest.TestCase):
    def test_one_line_each_without_a_terminal(self) -> None:
        stream = io.StringIO()
        shown = progress.Progress(stream, 2)
        with shown.phase("first"):
            shown.detail("10%")
            shown.tick()
        with self.assertRaises(ValueError), shown.phase("second"):
            raise ValueError
        lines = stream.getvalue().splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], r"^\[1/2\] first  10%  0:00  done$")
        self.assertRegex(lines[1], r"^\[2/2\] second  0:00  failed$")

    def test_moving_line_on_a_terminal(self) -> None:
        stream = io.StringIO()
        with mock.patch.object(stream, "isatty", return_value=True):
            shown = progress.Progress(stream, 1)
        with shown.phase("only"):
            shown.tick()
        self.assertEqual(stream.getvalue().count("\n"), 1)
        self.assertGreaterEqual(stream.getvalue().count("\r\033[K"), 3)


if __name__ == "__main__":
    unittest.main()
