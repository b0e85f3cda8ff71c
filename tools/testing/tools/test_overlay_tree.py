# SPDX-License-Identifier: GPL-2.0
"""What apply, status and revert promise about a kernel tree."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import unittest

from overlay_fixture import (LAID, PATCHED, TOOLS, Crash, OverlayCase, crash_after, fill,
                             snapshot)


class ApplyAndRevert(OverlayCase):
    def test_lays_files_and_patches(self) -> None:
        self.apply()
        for path in LAID:
            self.assertEqual((self.tree / path).read_bytes(), (self.repo / path).read_bytes())
        self.assertTrue(os.access(self.tree / "tools/testing/selftests/small/run.sh", os.X_OK))
        self.assertFalse((self.tree / "tools/testing/boot").exists())
        self.assertFalse((self.tree / "drivers/iommu/small-rust/main.o").exists())
        self.assertEqual((self.tree / "rust/kernel/lib.rs").read_bytes(),
                         b"pub mod alloc;\npub mod anchor;\npub mod bug;\npub mod io;\n"
                         b"pub mod sync;\npub mod virtio;\npub mod wq;\n")
        self.assertTrue((self.tree / "drivers/iommu/Makefile").read_bytes()
                        .endswith(b"last-y := small-rust"))
        self.assertEqual((self.tree / "drivers/iommu/Makefile").stat().st_mode & 0o777, 0o664)
        self.assertEqual((self.tree / "scripts/run.sh").stat().st_mode & 0o777, 0o755)

    def test_tells_each_path(self) -> None:
        text = self.apply()
        for path in (*LAID, *PATCHED):
            self.assertIn(path, text)

    def test_twice_equals_once(self) -> None:
        self.apply()
        once = snapshot(self.tree)
        times = {path: (self.tree / path).lstat().st_mtime_ns for path in once}
        self.assertIn("nothing to do", self.apply())
        self.assertEqual(once, snapshot(self.tree))
        self.assertEqual(times, {path: (self.tree / path).lstat().st_mtime_ns for path in once})

    def test_reverted_equals_pristine(self) -> None:
        self.apply()
        self.revert()
        self.assert_pristine()
        self.assertIn("nothing to take back", self.revert())

    def test_revert_needs_no_repository(self) -> None:
        for link in (False, True):
            with self.subTest(link=link):
                self.apply(link=link)
                moved = self.repo.rename(self.folder / "elsewhere")
                self.revert()
                self.assert_pristine()
                moved.rename(self.repo)

    def test_revert_keeps_foreign_files_in_our_folders(self) -> None:
        self.apply()
        built = self.tree / "drivers/iommu/small-rust/main.o"
        built.write_bytes(b"object")
        self.assertIn("drivers/iommu/small-rust/", self.revert())
        self.assertTrue(built.exists())
        built.unlink()
        built.parent.rmdir()
        self.assert_pristine()

    def test_hardlinked_tree_is_never_written_through(self) -> None:
        twin = self.folder / "twin"
        shutil.copytree(self.tree, twin, symlinks=True, copy_function=os.link)
        self.apply()
        self.assertEqual(self.pristine, snapshot(twin))
        self.revert()
        self.assertEqual(self.pristine, snapshot(twin))
        self.assert_pristine()

    @unittest.skipUnless(os.geteuid() == 0, "only root can give files away")
    def test_root_leaves_the_tree_to_its_owner(self) -> None:
        for path in (self.tree, *self.tree.rglob("*")):
            os.chown(path, 12345, 12346, follow_symlinks=False)
        for link in (False, True):
            self.apply(link=link)
            for name in (*LAID, *PATCHED, "drivers/iommu/small-rust/deep", ".rust-virt"):
                owner = (self.tree / name).lstat()
                self.assertEqual((owner.st_uid, owner.st_gid), (12345, 12346), name)

    def test_link_mode(self) -> None:
        self.apply(link=True)
        for path in LAID:
            self.assertEqual(os.readlink(self.tree / path), str(self.repo / path))
        fill(self.repo, {"rust/kernel/virtio.rs": b"// edited\n"})
        self.assertTrue(self.status()[0])
        self.assertIn("nothing to do", self.apply(link=True))
        self.apply()
        self.assertFalse((self.tree / "rust/kernel/virtio.rs").is_symlink())
        self.apply(link=True)
        self.revert()
        self.assert_pristine()

    def test_git_ignored_programs_stay_behind(self) -> None:
        subprocess.run(["git", "init", "-q", str(self.repo)], check=True)
        fill(self.repo, {"tools/testing/selftests/small/.gitignore": b"prog\n",
                         "tools/testing/selftests/small/prog": b"\x7fELF"})
        self.apply()
        laid = sorted(path.name for path in (self.tree / "tools/testing/selftests/small").iterdir())
        self.assertEqual(laid, [".gitignore", "run.sh"])


class Update(OverlayCase):
    def test_only_changed_files_are_rewritten(self) -> None:
        self.apply()
        everything = [path for path in snapshot(self.tree) if not path.startswith(".rust-virt")]
        for path in everything:
            os.utime(self.tree / path, ns=(10**18, 10**18), follow_symlinks=False)
        fill(self.repo, {"rust/kernel/virtio.rs": b"// changed\n"})
        self.edit_patch("0001-rust.patch", b"+pub mod virtio;", b"+pub mod virtio; // new")
        self.edit_patch("0002-driver.patch", b"It is chosen", b"The driver is chosen")
        self.apply()
        fresh = {path for path in everything
                 if (self.tree / path).is_file()
                 and (self.tree / path).lstat().st_mtime_ns != 10**18}
        self.assertEqual(fresh, {"rust/kernel/virtio.rs", "rust/kernel/lib.rs"})
        self.assertIn(b"// new", (self.tree / "rust/kernel/lib.rs").read_bytes())
        self.revert()
        self.assert_pristine()

    def test_files_and_patches_that_went_away(self) -> None:
        self.apply()
        shutil.rmtree(self.repo / "drivers")
        (self.repo / "patches/0002-driver.patch").unlink()
        self.apply()
        self.assertFalse((self.tree / "drivers/iommu/small-rust").exists())
        for path in ("drivers/iommu/Kconfig", "drivers/iommu/Makefile", "scripts/run.sh"):
            self.assertEqual((self.tree / path).read_bytes(), self.pristine[path][2])
        self.assertTrue(self.status()[0])
        self.revert()
        self.assert_pristine()


class Refusals(OverlayCase):
    def test_misfitting_hunk_before_the_first_apply(self) -> None:
        self.edit_patch("0002-driver.patch", b" config DRIVER_6\n+", b" config OTHER\n+")
        self.assert_refused(self.apply, "patches/0002-driver.patch",
                            "drivers/iommu/Kconfig: hunk 2", "does not fit")
        self.assert_pristine()

    def test_misfitting_hunk_on_an_applied_tree(self) -> None:
        self.apply()
        self.edit_patch("0001-rust.patch", b" pub mod sync;", b" pub mod nothing;")
        fill(self.repo, {"rust/kernel/virtio.rs": b"// changed\n"})
        self.assert_refused(self.apply, "rust/kernel/lib.rs: hunk 1")

    def test_all_faults_are_told_at_once(self) -> None:
        self.edit_patch("0001-rust.patch", b" pub mod sync;", b" pub mod nothing;")
        fill(self.tree, {"rust/kernel/virtio.rs": b"theirs\n"})
        self.assert_refused(self.apply, "rust/kernel/lib.rs: hunk 1", "rust/kernel/virtio.rs")

    def test_foreign_file(self) -> None:
        fill(self.tree, {"drivers/iommu/small-rust/main.rs": b"theirs\n"})
        self.assert_refused(self.apply, "drivers/iommu/small-rust/main.rs", "not ours")

    def test_foreign_file_even_if_equal(self) -> None:
        path = "drivers/iommu/small-rust/main.rs"
        fill(self.tree, {path: (self.repo / path).read_bytes()})
        self.assert_refused(self.apply, path, "not ours")

    def test_edited_files_by_name(self) -> None:
        for path in ("rust/kernel/lib.rs", "rust/kernel/virtio.rs"):
            with self.subTest(path=path):
                self.apply()
                fill(self.tree, {path: (self.tree / path).read_bytes() + b"// mine\n"})
                self.assert_refused(self.apply, path, "edited")
                self.assert_refused(self.revert, path, "edited")
                self.revert(force=True)
                self.assert_pristine()

    def test_changed_permission_is_an_edit(self) -> None:
        self.apply()
        (self.tree / "rust/kernel/virtio.rs").chmod(0o755)
        self.assert_refused(self.apply, "rust/kernel/virtio.rs", "edited")

    def test_link_replaced_by_a_file(self) -> None:
        self.apply(link=True)
        place = self.tree / "rust/kernel/virtio.rs"
        place.unlink()
        place.write_bytes(b"// mine\n")
        self.assert_refused(lambda: self.apply(link=True), "rust/kernel/virtio.rs", "edited")

    def test_folder_in_the_place_of_a_file(self) -> None:
        self.apply()
        place = self.tree / "rust/kernel/virtio.rs"
        place.unlink()
        place.mkdir()
        self.assert_refused(lambda: self.revert(force=True), "rust/kernel/virtio.rs", "regular")

    def test_linked_folder_on_the_way(self) -> None:
        outside = self.folder / "outside"
        outside.mkdir()
        (self.tree / "drivers/iommu/small-rust").symlink_to(outside)
        self.assert_refused(self.apply, "drivers/iommu/small-rust")
        self.assertEqual(list(outside.iterdir()), [])

    def test_what_is_no_base_tree(self) -> None:
        shutil.rmtree(self.tree / "rust")
        self.assert_refused(self.apply, "no kernel source tree")
        (self.tree / "rust").mkdir()
        fill(self.tree, {"Makefile": b"VERSION = 7\nPATCHLEVEL = 30\nSUBLEVEL = 1\n"})
        self.assert_refused(self.apply, "7.30.1", "7.3", "--any-base")

    def test_any_base(self) -> None:
        fill(self.tree, {"Makefile": b"VERSION = 7\nPATCHLEVEL = 4\nSUBLEVEL = 0\n"})
        self.apply(any_base=True)
        self.assertTrue(self.status()[0])

    def test_file_that_a_patch_edits_is_missing(self) -> None:
        (self.tree / "scripts/run.sh").unlink()
        self.assert_refused(self.apply, "scripts/run.sh", "no such file")

    def test_second_run_at_the_same_time(self) -> None:
        handle = os.open(self.tree, os.O_RDONLY)
        self.addCleanup(os.close, handle)
        fcntl.flock(handle, fcntl.LOCK_EX)
        self.assert_refused(self.apply, "another overlay run")

    def test_damaged_manifest(self) -> None:
        self.apply()
        manifest = self.tree / ".rust-virt/manifest.json"
        whole = manifest.read_text(encoding="utf-8")
        raw = json.loads(whole)
        raw["files"]["../escape"] = raw["files"]["rust/kernel/virtio.rs"]
        for damaged in (whole[:100], whole.replace('"format": 1', '"format": 99'),
                        "null", "[]", json.dumps(raw)):
            with self.subTest(start=damaged[:20]):
                manifest.write_text(damaged, encoding="utf-8")
                self.assert_refused(self.revert, "manifest.json")


class Status(OverlayCase):
    def test_each_word(self) -> None:
        clean, text = self.status()
        self.assertFalse(clean)
        self.assertIn("not applied", text)
        self.apply()
        clean, text = self.status()
        self.assertTrue(clean)
        self.assertIn(f"{len(LAID) + len(PATCHED)} ok, 0 changed, 0 missing, 0 outdated", text)
        fill(self.repo, {"rust/kernel/virtio.rs": b"// newer\n", "include/new.h": b"\n"})
        fill(self.tree, {"scripts/run.sh": b"mine\n"})
        (self.tree / "rust/kernel/virtio/queue.rs").unlink()
        (self.repo / "Documentation/small.rst").unlink()
        clean, text = self.status()
        self.assertFalse(clean)
        pairs = [line.split() for line in text.splitlines()]
        words = {pair[1]: pair[0] for pair in pairs if len(pair) == 2}
        self.assertEqual({path: word for path, word in words.items() if word != "ok"},
                         {"rust/kernel/virtio.rs": "outdated", "include/new.h": "missing",
                          "scripts/run.sh": "changed", "rust/kernel/virtio/queue.rs": "missing",
                          "Documentation/small.rst": "outdated"})

    def test_removed_files_are_put_back(self) -> None:
        self.apply()
        once = snapshot(self.tree)
        (self.tree / "rust/kernel/virtio.rs").unlink()
        (self.tree / "rust/kernel/lib.rs").write_bytes(self.pristine["rust/kernel/lib.rs"][2])
        self.assertFalse(self.status()[0])
        self.apply()
        self.assertEqual(once, snapshot(self.tree))


class Interruption(OverlayCase):
    def crash_everywhere(self, command: str, applied_before: bool) -> None:
        """Lets the command crash after each number of changes, then goes on either way."""
        for then in ("apply", "revert"):
            count = 0
            while self.crash_once(command, applied_before, then, count):
                count += 1
            self.assertGreater(count, 2)

    def crash_once(self, command: str, applied_before: bool, then: str, count: int) -> bool:
        """Whether there was anything left to interrupt."""
        self.revert()
        self.assert_pristine()
        if applied_before:
            fill(self.repo, {"rust/kernel/virtio.rs": b"// older\n", "include/old.h": b"\n"})
            self.apply()
            fill(self.repo, {"rust/kernel/virtio.rs": b"// newer\n"})
            (self.repo / "include/old.h").unlink()
        crashed = True
        with crash_after(count), contextlib.suppress(Crash):
            getattr(self, command)()
            crashed = False
        with self.subTest(command=command, then=then, count=count):
            if crashed:
                self.assertFalse(self.status()[0])
            getattr(self, then)()
            if then == "revert":
                self.assert_pristine()
            else:
                self.assertTrue(self.status()[0])
                self.assertFalse((self.tree / ".rust-virt/staging").exists())
        return crashed

    def test_interrupted_first_apply(self) -> None:
        self.crash_everywhere("apply", applied_before=False)

    def test_interrupted_update(self) -> None:
        self.crash_everywhere("apply", applied_before=True)

    def test_interrupted_revert(self) -> None:
        self.crash_everywhere("revert", applied_before=True)

    def test_status_tells_an_interruption(self) -> None:
        with crash_after(5), contextlib.suppress(Crash):
            self.apply()
        clean, text = self.status()
        self.assertFalse(clean)
        self.assertIn("interrupted", text)

    def test_edit_after_an_interruption_is_still_seen(self) -> None:
        with crash_after(12), contextlib.suppress(Crash):
            self.apply()
        fill(self.tree, {"drivers/iommu/Kconfig": b"mine\n"})
        self.assert_refused(self.apply, "drivers/iommu/Kconfig", "edited")


class CommandLine(OverlayCase):
    def run_tool(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(TOOLS / "overlay"), "--repository", str(self.repo),
                   *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_exit_codes(self) -> None:
        tree = str(self.tree)
        self.assertEqual(self.run_tool("status", tree).returncode, 1)
        self.assertEqual(self.run_tool("check", tree).returncode, 0)
        self.assertEqual(self.run_tool("apply", tree).returncode, 0)
        self.assertEqual(self.run_tool("status", tree).returncode, 0)
        self.assertEqual(self.run_tool("revert", tree).returncode, 0)
        self.assert_pristine()
        self.edit_patch("0001-rust.patch", b" pub mod sync;", b" pub mod nothing;")
        refused = self.run_tool("apply", tree)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("nothing was touched", refused.stderr)
        self.assertEqual(self.run_tool("check", tree).returncode, 1)
        self.assertEqual(self.run_tool("apply").returncode, 2)
