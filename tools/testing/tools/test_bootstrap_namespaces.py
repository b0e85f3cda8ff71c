# SPDX-License-Identifier: GPL-2.0
"""tools/enter and the removal of the cache, with real namespaces and mounts."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Callable, Dict, List, Sequence, Tuple

TOOLS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOOLS))

from bootstraplib import bootstrap, entercli, lock, paths, prerequisites  # noqa: E402
from bootstraplib import removal, supervise, syscalls, view  # noqa: E402
from bootstraplib.errors import ToolRootError  # noqa: E402

PATIENCE_SECONDS = 10


def can_unshare() -> bool:
    try:
        prerequisites.check_namespaces(prerequisites.id_map())
    except ToolRootError:
        return False
    return True


def run_isolated(argv: Sequence[str], prepare: Callable[[], None]) -> int:
    """Runs in a child, since supervise.run moves its caller into namespaces."""
    ids = prerequisites.id_map()
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            command = supervise.Command(argv, dict(os.environ), "/", prepare, ids)
            code = os.waitstatus_to_exitcode(supervise.run(command)) & 0xFF
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def look(prepare: Callable[[], None], question: Callable[[], object]) -> object:
    """What `question` answers in the view that `prepare` makes."""
    reader, writer = os.pipe()

    def answer() -> None:
        prepare()
        try:
            text = json.dumps(question())
        except (ToolRootError, OSError) as error:
            text = json.dumps(f"error: {error}")
        os.write(writer, text.encode())
        os._exit(0)

    run_isolated(["true"], answer)
    os.close(writer)
    with os.fdopen(reader) as stream:
        return json.loads(stream.read() or "null")


class Scratch(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.top = Path(os.path.realpath(directory.name))


@unittest.skipUnless(can_unshare(), "this machine does not allow new namespaces")
class Namespaces(Scratch):
    def setUp(self) -> None:
        super().setUp()
        self.mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")

    def tearDown(self) -> None:
        after = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
        self.assertEqual(after, self.mounts, "a mount leaked out of its namespace")

    def tree_with_mount(self, mount: Callable[[str], None]) -> object:
        """The refusal to remove a tree with a mount in it, and what was kept."""
        tree = self.top / "tree"
        (tree / "below").mkdir(parents=True)
        (tree / "kept").write_text("x", encoding="ascii")

        def prepare() -> None:
            view.show_host()
            mount(str(tree / "below"))

        def question() -> List[object]:
            try:
                removal.remove_tree(tree)
                refusal = ""
            except ToolRootError as error:
                refusal = error.sentence
            return [refusal, (tree / "kept").exists()]

        return look(prepare, question)

    def test_removal_refuses_another_file_system(self) -> None:
        def mount(target: str) -> None:
            syscalls.mount("tmpfs", target, "tmpfs", 0)
            Path(target, "precious").write_text("x", encoding="ascii")

        self.assertEqual(self.tree_with_mount(mount), self.refusal())

    def test_removal_refuses_a_bind_of_the_same_file_system(self) -> None:
        precious = self.top / "precious"
        precious.mkdir()
        (precious / "file").write_text("x", encoding="ascii")

        def mount(target: str) -> None:
            syscalls.bind(str(precious), target)

        self.assertEqual(self.tree_with_mount(mount), self.refusal())
        self.assertTrue((precious / "file").exists())

    def refusal(self) -> List[object]:
        return [f"{self.top}/tree is not removed: something is mounted in it", True]

    def small_root(self) -> Path:
        root = self.top / "cache/root"
        for name in ("usr/bin", "usr/src/rustc", "etc", "var/tmp", "dev", "proc", "sys", "tmp",
                     "run", "home", "root"):
            (root / name).mkdir(parents=True)
        (root / "bin").symlink_to("usr/bin")
        for name in ("resolv.conf", "hosts"):
            (root / "etc" / name).write_text("", encoding="ascii")
        (root / "usr/src/note").write_text("from the root", encoding="ascii")
        (self.top / "cache/mnt").mkdir()
        return root

    def view_of(self, binds: Sequence[view.Bind]) -> Callable[[], None]:
        root = self.small_root()
        return functools.partial(view.show_read_only, root, self.top / "cache/mnt", binds)

    def test_view(self) -> None:
        work = self.top / "work"
        work.mkdir()
        cache = str(self.top / "cache")
        binds = [view.Bind(str(work)), view.Bind(cache), view.Bind(f"{cache}/root", True)]

        def question() -> Dict[str, object]:
            Path(work, "made").write_text("x", encoding="ascii")
            Path("/dev/null").write_bytes(b"x")
            return {
                "link": os.readlink("/bin"),
                "usr": os.access("/usr", os.W_OK),
                "root in cache": os.access(f"{cache}/root/usr", os.W_OK),
                "cache": os.access(cache, os.W_OK),
                "view in the cache": os.listdir(f"{cache}/mnt"),
                "foreign": os.path.exists(str(TOOLS)),
                "hosts": Path("/etc/hosts").read_text(encoding="utf-8"),
                "devices": sorted(set(os.listdir("/dev")) - {"kvm"}),
                "first process": Path("/proc/1/stat").exists() and os.getpid() == 1,
            }

        found = look(self.view_of(binds), question)
        self.assertEqual(
            found,
            {
                "link": "usr/bin", "usr": False, "root in cache": False, "cache": True,
                "view in the cache": [], "foreign": False,
                "hosts": Path("/etc/hosts").read_text(encoding="utf-8"),
                "devices": sorted(["fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr",
                                   "stdin", "stdout", "tty", "urandom", "zero"]),
                "first process": True,
            },
        )
        self.assertTrue((work / "made").exists())

    def test_bind_below_a_read_only_directory(self) -> None:
        root = self.small_root()

        def prepare() -> None:
            view.show_read_only(root, self.top / "cache/mnt", [])

        def question() -> List[object]:
            view.make_mount_point("/usr/src/linux", "")
            below = sorted(os.listdir("/usr/src"))
            return [below, Path("/usr/src/note").read_text(encoding="ascii")]

        self.assertEqual(look(prepare, question), [["linux", "note", "rustc"], "from the root"])

    def test_status_and_signals(self) -> None:
        cases = (
            (["sh", "-c", "exit 7"], 7),
            (["sh", "-c", "kill -TERM $$"], (-signal.SIGTERM) & 0xFF),
            (["/nonexistent"], supervise.NOT_FOUND),
        )
        for argv, expected in cases:
            with self.subTest(argv=argv):
                self.assertEqual(run_isolated(argv, view.show_host), expected)

    def test_sigpipe_is_not_ignored(self) -> None:
        script = "grep -q '^SigIgn:.*[02468ace]...$' /proc/self/status"
        self.assertEqual(run_isolated(["sh", "-c", script], view.show_host), 0)

    def test_nothing_survives_a_killed_caller(self) -> None:
        alive = self.top / "alive"
        # It ends by itself too, should the test fail.
        loop = f"for i in $(seq 600); do date +%s%N > {alive}; sleep 0.05; done"
        script = f"({loop}) & sleep 30"
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                run_isolated(["sh", "-c", script], view.show_host)
            finally:
                os._exit(0)
        self.addCleanup(os.waitpid, pid, 0)
        self._wait_for(alive.exists)
        carrier = int(Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii"))
        os.kill(carrier, signal.SIGKILL)
        self._wait_for(lambda: self._is_still(alive))

    def _is_still(self, path: Path) -> bool:
        before = path.read_bytes()
        time.sleep(0.5)
        return path.read_bytes() == before

    def _wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), deadline, "waited in vain")
            time.sleep(0.05)


class Removal(Scratch):
    def test_removes_everything_but_link_targets(self) -> None:
        kept = self.top / "kept"
        kept.mkdir()
        (kept / "file").write_text("x", encoding="ascii")
        tree = self.top / "tree"
        (tree / "a/b").mkdir(parents=True)
        (tree / "a/link").symlink_to(kept)
        (tree / "a/b/file").write_text("x", encoding="ascii")
        os.mkfifo(tree / "fifo")
        (tree / "a/b").chmod(0o500)
        removal.remove_tree(tree)
        self.assertEqual(sorted(os.listdir(self.top)), ["kept"])
        self.assertTrue((kept / "file").exists())

    def test_refuses_what_is_no_directory(self) -> None:
        kept = self.top / "kept"
        kept.mkdir()
        link = self.top / "link"
        link.symlink_to(kept)
        with self.assertRaisesRegex(ToolRootError, "is not a directory"):
            removal.remove_tree(link)
        self.assertTrue(kept.exists())
        removal.remove_tree(self.top / "missing")

    def test_mount_table(self) -> None:
        table = (
            "36 35 98:0 / /a rw - ext4 /dev/x rw\n"
            "37 35 98:0 /dev /a/b\\040c/dev rw - ext4 /dev/x rw\n"
            "38 35 98:0 / /ab rw - ext4 /dev/x rw\n"
        )
        self.assertEqual(removal.mounts_within(table, Path("/a")), ["/a", "/a/b c/dev"])
        self.assertEqual(removal.mounts_within(table, Path("/a/b c")), ["/a/b c/dev"])
        self.assertEqual(removal.mounts_within(table, Path("/a/b")), [])

    def test_cleans_only_its_own_cache(self) -> None:
        cache = paths.Cache(self.top / "cache")
        cache.top.mkdir()
        (cache.top / "photos").write_text("x", encoding="ascii")
        with self.assertRaisesRegex(ToolRootError, "was not made by"):
            bootstrap.clean(cache)
        self.assertTrue((cache.top / "photos").exists())
        cache.create()
        with bootstrap.in_use(cache):
            with self.assertRaisesRegex(ToolRootError, "is running in the tool root"):
                bootstrap.clean(cache)
        bootstrap.clean(cache)
        self.assertFalse(cache.top.exists())


class Locks(Scratch):
    def test_second_one_waits_and_says_so(self) -> None:
        path = self.top / "lock"
        said: List[str] = []
        with lock.locked(path, fcntl.LOCK_SH, None) as first:
            self.assertTrue(first)
            with lock.locked(path, fcntl.LOCK_EX, None) as second:
                self.assertFalse(second)
            with lock.locked(path, fcntl.LOCK_SH, None) as shared:
                self.assertTrue(shared)
        holder = subprocess.Popen(
            ["flock", str(path), "sh", "-c", "echo held; sleep 0.5"], stdout=subprocess.PIPE
        )
        assert holder.stdout is not None
        with holder, holder.stdout:
            holder.stdout.readline()
            with lock.locked(path, fcntl.LOCK_EX, lambda: said.append("waiting")) as got:
                self.assertTrue(got)
        self.assertEqual(said, ["waiting"])


class Binds(Scratch):
    def test_covered_directories_are_dropped(self) -> None:
        binds = [view.Bind("/a/b"), view.Bind("/a"), view.Bind("/a/root", True),
                 view.Bind("/ab"), view.Bind("/a")]
        self.assertEqual(
            view.without_covered(binds),
            [view.Bind("/a"), view.Bind("/a/root", True), view.Bind("/ab")],
        )

    def test_git_objects_elsewhere(self) -> None:
        main = self.top / "main/.git"
        (main / "worktrees/w").mkdir(parents=True)
        (main / "objects/info").mkdir(parents=True)
        shared = self.top / "shared/objects"
        shared.mkdir(parents=True)
        (main / "objects/info/alternates").write_text(f"{shared}\n", encoding="ascii")
        (main / "worktrees/w/commondir").write_text("../..\n", encoding="ascii")
        tree = self.top / "tree"
        tree.mkdir()
        (tree / ".git").write_text(f"gitdir: {main}/worktrees/w\n", encoding="ascii")
        self.assertEqual(
            entercli.git_directories(tree), [f"{main}/worktrees/w", str(main), str(shared)]
        )

    def test_refused(self) -> None:
        cache = paths.Cache(self.top / "cache")
        cases: Sequence[Tuple[List[str], Dict[str, str], str]] = (
            (["/nonexistent"], {}, "there is no such directory"),
            (["/"], {}, "/ itself"),
            ([], {"KDIR": "/nonexistent"}, "KDIR=/nonexistent"),
        )
        for wanted, environ, expected in cases:
            with self.subTest(wanted=wanted), self.assertRaisesRegex(ToolRootError, expected):
                entercli.collect_binds(wanted, environ, cache)


if __name__ == "__main__":
    unittest.main()
