# SPDX-License-Identifier: GPL-2.0
"""tools/build: fragments, what became of them, and what is told of a build."""

from __future__ import annotations

import io
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

TOOLS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOOLS))

from buildlib import configure, fragments, kernel, llvm, oracle, progress, report, tree  # noqa: E402
from buildlib.cli import FRAGMENTS  # noqa: E402
from buildlib.errors import BuildError  # noqa: E402
from buildlib.kernels import ARCHITECTURES, FLAVOURS  # noqa: E402


def a_kernel(arch: str = "x86_64", flavour: str = "test", **more: object) -> kernel.Kernel:
    fields = {"source": Path("/src"), "output": Path("/out"), "jobs": 2, **more}
    return kernel.Kernel(arch, flavour, **fields)  # type: ignore[arg-type]


class Parsing(unittest.TestCase):
    def test_values(self) -> None:
        cases = (
            ("CONFIG_A=y\n", {"A": "y"}),
            ("CONFIG_A=m\n\n# why\nCONFIG_B=n\n", {"A": "m", "B": "n"}),
            ("# CONFIG_A is not set\n", {"A": "n"}),
            ('CONFIG_A="x y"\nCONFIG_B=-1\n', {"A": '"x y"', "B": "-1"}),
            ("", {}),
        )
        for text, expected in cases:
            with self.subTest(text=text):
                self.assertEqual(fragments.parse("f", text), expected)

    def test_refused(self) -> None:
        for text in ("A=y\n", "CONFIG_A\n", "CONFIG_A=\n", "CONFIG_A=y\nCONFIG_A=y\n"):
            with self.subTest(text=text), self.assertRaisesRegex(BuildError, r"f\.config:\d"):
                fragments.parse("f", text)


class Combining(unittest.TestCase):
    def test_the_first_to_ask_is_named(self) -> None:
        wanted = fragments.combine((("a", {"X": "y"}), ("b", {"X": "y", "Z": "n"})))
        self.assertEqual(wanted.origin, {"X": "a", "Z": "b"})
        self.assertEqual(wanted.text(), "CONFIG_X=y\n# CONFIG_Z is not set\n")

    def test_a_contradiction_is_refused(self) -> None:
        with self.assertRaisesRegex(BuildError, r"CONFIG_X is y in a\.config and m in b\.config"):
            fragments.combine((("a", {"X": "y"}), ("b", {"X": "m"})))


class Surviving(unittest.TestCase):
    def lost(self, wanted: str, dotconfig: str) -> list[tuple[str, str]]:
        asked = fragments.combine((("f", fragments.parse("f", wanted)),))
        found = fragments.read_dotconfig(dotconfig)
        return [(loss.symbol, loss.found) for loss in fragments.lost_symbols(asked, found)]

    def test_what_counts_as_lost(self) -> None:
        cases = (
            ("CONFIG_A=y", "CONFIG_A=y", []),
            ("CONFIG_A=y", "CONFIG_A=m", [("A", "m")]),
            ("CONFIG_A=m", "CONFIG_A=y", [("A", "y")]),
            ("CONFIG_A=y", "# CONFIG_A is not set", [("A", "n")]),
            ("CONFIG_A=y", "CONFIG_AB=y", [("A", "n")]),
            ("CONFIG_A=n", "", []),
            ("CONFIG_A=n", "# CONFIG_A is not set", []),
            ("CONFIG_A=n", "CONFIG_A=y", [("A", "y")]),
            ('CONFIG_A="b"', 'CONFIG_A="c"', [("A", '"c"')]),
            ("CONFIG_A=2048", "CONFIG_A=1280", [("A", "1280")]),
        )
        for wanted, dotconfig, expected in cases:
            with self.subTest(wanted=wanted, dotconfig=dotconfig):
                self.assertEqual(self.lost(wanted, dotconfig), expected)

    def test_hints(self) -> None:
        kconfig = ("config A\n\tbool \"a\"\n\tdepends on B\n\tdepends on C || D\n"
                   "\thelp\n\t  Text.\n\nif E\nconfig F\n\tbool\nendif\n")
        known = fragments.find_definitions("d/Kconfig", kconfig, ("A", "F", "G"))
        self.assertEqual(known["A"], fragments.Definition("d/Kconfig:1", ("B", "C || D")))
        self.assertEqual(known["F"], fragments.Definition("d/Kconfig:9", ()))
        self.assertNotIn("G", known)
        text = fragments.explain(
            (fragments.Lost("A", "y", "n", "f"), fragments.Lost("G", "y", "n", "f")), known)
        self.assertIn("d/Kconfig:1: depends on B && (C || D)", text)
        self.assertIn("the tree does not know it", text)

    def test_a_misspelt_symbol_is_lost_also_where_it_is_wanted_off(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            top = Path(name)
            (top / "Kconfig").write_text("config RIGHT\n\tbool\n", encoding="ascii")
            (top / ".config").write_text("", encoding="ascii")
            where = a_kernel(source=top, output=top)
            fine = fragments.combine((("f", {"RIGHT": "n"}),))
            configure.check_survivors(where, fine)
            wrong = fragments.combine((("f", {"WRNOG": "n"}),))
            with self.assertRaisesRegex(BuildError, "CONFIG_WRNOG"):
                configure.check_survivors(where, wrong)


class OwnFragments(unittest.TestCase):
    def test_each_kernel_has_fragments_that_agree(self) -> None:
        for arch in ARCHITECTURES:
            for flavour in FLAVOURS:
                with self.subTest(arch=arch, flavour=flavour):
                    wanted = configure.read_wanted(FRAGMENTS, a_kernel(arch, flavour))
                    self.assertEqual(wanted.values["RUST"], "y")

    def test_test_kernels_are_paranoid(self) -> None:
        for arch in ARCHITECTURES:
            wanted = configure.read_wanted(FRAGMENTS, a_kernel(arch, "test"))
            # What 7.3 and rustc leave of both on powerpc is told in the fragments.
            locks, memory = (("DEBUG_LOCK_ALLOC", "SLUB_DEBUG") if arch == "powerpc"
                             else ("PROVE_LOCKING", "KASAN"))
            for symbol in (locks, memory, "DEBUG_ATOMIC_SLEEP", "DEBUG_KMEMLEAK",
                           "RUST_OVERFLOW_CHECKS", "RUST_DEBUG_ASSERTIONS", "FAILSLAB"):
                with self.subTest(arch=arch, symbol=symbol):
                    self.assertEqual(wanted.values[symbol], "y")

    def test_every_fragment_can_be_read(self) -> None:
        for path in FRAGMENTS.glob("*.config"):
            with self.subTest(path=path.name):
                text = path.read_text(encoding="utf-8")
                self.assertTrue(text.startswith("# SPDX-License-Identifier: GPL-2.0\n"))
                self.assertTrue(fragments.parse(path.stem, text))

    def test_with_and_without(self) -> None:
        changed = a_kernel(extra_fragments=("kvm-arm64",), left_out=("kasan",))
        self.assertIn("kvm-arm64", changed.fragments)
        self.assertNotIn("kasan", changed.fragments)


class SameLlvm(unittest.TestCase):
    def test_major_versions_are_compared(self) -> None:
        rustc = "rustc 1.96.1\nrelease: 1.96.1\nLLVM version: 22.1.8\n"
        for clang, expected in (("Debian clang version 22.1.0 (1)\nTarget: x\n", True),
                                ("clang version 22.1.8", True),
                                ("clang version 19.1.7", False),
                                ("clang version 2.9.1", False),
                                ("", False)):
            with self.subTest(clang=clang):
                self.assertEqual(llvm.is_same(clang, rustc), expected)
        self.assertFalse(llvm.is_same("", ""))

    def test_only_plain_kernels_ask_for_it(self) -> None:
        for arch, flavour, expected in (("x86_64", "plain", True), ("arm64", "trace", True),
                                        ("x86_64", "test", False), ("riscv", "plain", False)):
            with self.subTest(arch=arch, flavour=flavour):
                self.assertEqual(llvm.FRAGMENT in a_kernel(arch, flavour).fragments, expected)


class KconfigState(unittest.TestCase):
    def test_only_kconfig_files_count(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            top = Path(name)
            (top / "drivers").mkdir()
            (top / "drivers/Kconfig").write_text("a", encoding="ascii")
            before = tree.kconfig_state(top)
            (top / "drivers/a.c").write_text("a", encoding="ascii")
            self.assertEqual(tree.kconfig_state(top), before)
            (top / "drivers/Kconfig").write_text("ab", encoding="ascii")
            self.assertNotEqual(tree.kconfig_state(top), before)


class Commands(unittest.TestCase):
    def test_an_own_tree_gets_an_own_directory(self) -> None:
        cache = Path("/c")
        own = kernel.default_output(cache, "riscv", "plain", None)
        theirs = kernel.default_output(cache, "riscv", "plain", Path("/home/a/linux"))
        other = kernel.default_output(cache, "riscv", "plain", Path("/home/b/linux"))
        self.assertEqual(own, Path("/c/build/riscv-plain"))
        self.assertEqual(len({own, theirs, other}), 3)

    def test_the_outer_make_does_not_reach_the_inner_one(self) -> None:
        outer = {"MAKEFLAGS": "-n", "ARCH": "alpha", "O": "/x", "HOME": "/h", "PATH": "/bin"}
        inner = kernel.build_environment(outer, Path("/out"))
        self.assertFalse({"MAKEFLAGS", "ARCH", "O"} & set(inner))
        self.assertEqual(inner["HOME"], "/h")
        self.assertIn("KBUILD_BUILD_TIMESTAMP", inner)

    def test_verbose_is_handed_on(self) -> None:
        with mock.patch.dict("os.environ", {"V": "1"}):
            self.assertIn("V=1", a_kernel().make("vmlinux"))
        with mock.patch.dict("os.environ"):
            kernel.os.environ.pop("V", None)
            self.assertNotIn("V=1", a_kernel().make("vmlinux"))


class Oracles(unittest.TestCase):
    def test_only_where_the_rust_module_can_be_left_out(self) -> None:
        path = "drivers/iommu/virtio-iommu.c"
        cases = (
            ({"VIRTIO_IOMMU": "m", "VIRTIO_IOMMU_RUST": "y"}, [path]),
            ({"VIRTIO_IOMMU": "y", "VIRTIO_IOMMU_RUST": "y"}, []),
            ({"VIRTIO_IOMMU": "m"}, []),
        )
        for dotconfig, expected in cases:
            with self.subTest(dotconfig=dotconfig):
                self.assertEqual(oracle.wanted_files(dotconfig), expected)

    def test_kbuild(self) -> None:
        text = oracle.kbuild_text(["drivers/iommu/virtio-iommu.c"], "0123")
        self.assertIn("obj-m += virtio-iommu.o\n", text)
        self.assertIn("-I$(srctree)/drivers/iommu -DRV_CONFIG_0123\n", text)

    def test_parts_that_are_modules(self) -> None:
        rust = {"KVM_RISCV_ONEREG_RUST": "y"}
        for more, expected in (({"KVM": "m"}, ["KVM_RISCV_ONEREG_RUST"]), ({"KVM": "y"}, [])):
            with self.subTest(more=more):
                self.assertEqual(list(oracle.wanted_parts({**rust, **more})), expected)
        self.assertEqual(oracle.wanted_parts({"KVM": "m"}), {})

    def test_part_without_rust(self) -> None:
        text = oracle.part_kbuild_text("KVM_RISCV_ONEREG_RUST", "0123").splitlines()
        off = text.index("override CONFIG_KVM_RISCV_ONEREG_RUST :=")
        self.assertLess(off, text.index("include $(src)/Makefile"))
        self.assertIn("-DRV_CONFIG_0123", text[-1])

    def test_another_configuration_is_another_command(self) -> None:
        before = oracle.digest({"PM": "y", "SMP": "y"})
        self.assertEqual(before, oracle.digest({"SMP": "y", "PM": "y"}))
        self.assertNotEqual(before, oracle.digest({"SMP": "y"}))


class Telling(unittest.TestCase):
    def test_objects_are_counted(self) -> None:
        meter = progress.Meter(io.StringIO(), "build", verbose=False)
        for line in ("  CC      kernel/fork.o", "  CC [M]  drivers/iommu/virtio-iommu.o",
                     "  RUSTC L rust/kernel.o", "  LD      vmlinux.o", "make: nothing",
                     "a.c:1:2: warning: unused"):
            meter.line(line)
        self.assertEqual(meter.objects, 3)
        self.assertEqual(meter.warnings, ["a.c:1:2: warning: unused"])

    def test_quiet_logs_get_a_line_every_half_minute(self) -> None:
        out = io.StringIO()
        with mock.patch("time.monotonic") as clock:
            clock.return_value = 0.0
            meter = progress.Meter(out, "build", verbose=False)
            for second in range(1, 66):
                clock.return_value = float(second)
                meter.tick()
            meter.end("done")
        self.assertEqual([line.split()[1] for line in out.getvalue().splitlines()[:2]],
                         ["0:30", "1:00"])
        self.assertIn("done in 1:05", out.getvalue())

    def test_excerpt_has_the_first_error_and_the_end(self) -> None:
        lines = ["  CC a.o"] * 50 + ["a.c:1: error: no"] + ["  CC b.o"] * 100 + ["make: *** end"]
        text = progress.excerpt(lines)
        self.assertTrue(text.startswith("a.c:1: error: no"))
        self.assertTrue(text.endswith("make: *** end"))
        self.assertLess(text.count("\n"), 60)
        self.assertEqual(progress.excerpt(["one"]), "one")
        self.assertEqual(progress.excerpt([]), "")

    def test_failing_make(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            log = Path(name, "log")
            meter = progress.Meter(io.StringIO(), "build", verbose=False)
            command = [sys.executable, "-c", "print('x: error: y'); raise SystemExit(2)"]
            with self.assertRaisesRegex(BuildError, "x: error: y"):
                progress.run(command, {}, log, meter)
            self.assertIn("x: error: y", log.read_text(encoding="utf-8"))

    def test_ccache(self) -> None:
        log = ("# a.c\ndirect_cache_hit\nlocal_storage_hit\n# b.c\npreprocessed_cache_hit\n"
               "# c.c\ndirect_cache_miss\ncache_miss\n# /dev/null\ndirect_cache_hit\n"
               "# \nno_input_file\n")
        self.assertEqual(report.ccache_counts(log), (2, 1))


if __name__ == "__main__":
    unittest.main()
