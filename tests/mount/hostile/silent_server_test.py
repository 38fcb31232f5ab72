# SPDX-License-Identifier: MIT
"""A lower on a file server that answers no longer holds up the callers that need it, and no others.

A change of a directory waits for lookups in it that are under way, as in every file system. So what the server has is
in a directory of its own, and what others use in another.
"""
import contextlib
import errno
import os
import pickle
import select
import signal

from harness import File, Symlink, contains, equal, holds, only_in, read, refused, transport, write
from harness.credentials import in_child
from harness.silent_server import SilentServer

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 300
EACH = 5
NAMES = range(EACH)
GONE = {errno.ENOTCONN, errno.ECONNABORTED, errno.EIO}


def stuck_tree():
    return {"silent": {
        **{f"{kind}{i}": File(b"there", 0o644) for kind in ("open", "attribute", "append", "mode", "read") for i in NAMES},
        **{f"link{i}": Symlink("target") for i in NAMES},
        **{f"dir{i}": {"inside": "x"} for i in NAMES}}}


def answering_tree():
    return {**{f"quick{i}": "q" for i in range(8)}, "dir": {f"file{i}": "f" for i in range(8)}}


def append(path):
    with open(path, "ab", buffering=0) as file:
        return file.write(b"!")


def calls_on(m, opened):
    """One call of each kind and number that needs the server, and what it has to answer."""
    for i in NAMES:
        where = m / "silent"
        yield lambda i=i: read(f"{where}/open{i}"), b"there"
        yield lambda i=i: os.stat(f"{where}/absent{i}"), errno.ENOENT
        yield lambda i=i: os.getxattr(f"{where}/attribute{i}", "user.absent"), errno.ENODATA
        yield lambda i=i: os.readlink(f"{where}/link{i}"), "target"
        yield lambda i=i: os.listdir(f"{where}/dir{i}"), ["inside"]
        yield lambda i=i: append(f"{where}/append{i}"), 1
        yield lambda i=i: os.chmod(f"{where}/mode{i}", 0o600), None
        yield lambda i=i: os.pread(opened[i], 100, 0), b"there"


class Caller:
    """A process that makes one call and says what was answered."""

    def __init__(self, call):
        self.answers, theirs = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                answer = call()
            except OSError as error:
                answer = error.errno
            os.write(theirs, pickle.dumps(answer))
            os._exit(0)
        os.close(theirs)

    def answer(self, t):
        came = select.select([self.answers], [], [], t.settings.seconds(30))[0]
        answer = pickle.loads(os.read(self.answers, 65536)) if came else "none: it hangs"
        self.end()
        return answer

    def end(self):
        os.close(self.answers)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    def wait_for_end(self, t):
        """Of one that was killed."""
        holds(select.select([self.answers], [], [], t.settings.seconds(20))[0], "a caller that was killed ends")
        self.end()


class Union:
    """Above a silent server: its files are known by name, some are open, and more callers than there are serving threads
    can be made to wait for it."""

    def __init__(self, t, *options):
        self.t, self.callers, self.expected = t, [], []
        self.server = SilentServer(t, stuck_tree())
        self.m = t.mount(t.layer(answering_tree()), self.server.path, options=options)
        for where in ("silent", "dir"):
            for name in os.listdir(self.m / where):
                os.lstat(self.m / f"{where}/{name}")
        self.opened = [os.open(self.m / f"silent/read{i}", os.O_RDONLY) for i in NAMES]
        # The kernel keeps what is open, also when its caches are dropped. Otherwise it would look for these names
        # again, and the server be asked whether it has such a directory too.
        self.directories = [os.open(self.m / where, os.O_PATH) for where in ("silent", "dir")]

    def ask(self):
        """Returns when all wait."""
        for call, expected in calls_on(self.m, self.opened):
            self.callers.append(Caller(call))
            self.expected.append(expected)
        self.server.wait_for(len(self.callers))

    def answers(self):
        return [caller.answer(self.t) for caller in self.callers]

    def close(self):
        for fd in self.opened + self.directories:
            os.close(fd)


def work_elsewhere(m):
    """Calls of all kinds that need the upper and the answering lower only."""
    for i in range(8):
        os.stat(m / f"quick{i}"), os.stat(m / f"dir/file{i}")
        equal(read(m / f"dir/file{i}"), b"f", "a file of another lower")
    refused(errno.ENOENT, os.stat, m / "dir/absent")
    os.listdir(m / "dir")
    os.chmod(m / "quick1", 0o600)
    os.chmod(m / "dir/file1", 0o600)
    for name in ("quick2", "dir/file2"):
        append(m / name)
        equal(read(m / name)[1:], b"!", "a file that was copied up")
    write(m / "dir/new", "new")
    with open(m / "dir/new", "rb") as file:
        os.fsync(file.fileno())
    os.truncate(m / "dir/file3", 0)
    os.mkdir(m / "dir/sub")
    os.symlink("x", m / "dir/link")
    os.link(m / "dir/file4", m / "dir/second")
    os.rename(m / "dir/file5", m / "dir/renamed")
    os.setxattr(m / "dir/file6", "user.a", b"b")
    os.unlink(m / "dir/file7")
    os.statvfs(m.path)
    return sorted(os.listdir(m / "dir"))


def within_patience(t, function):
    """function() in another process, which ends in the middle if it hangs."""
    def limited():
        signal.alarm(int(t.settings.seconds(30)))
        return function()
    return in_child(limited)


WORKED = ["file0", "file1", "file2", "file3", "file4", "file6", "link", "new", "renamed", "second", "sub"]
MODES = ((), ("passthrough=off",), ("lower_io=cached",), ("passthrough=off", "threads=1"))


def test_others_are_answered_while_forty_callers_wait_for_the_server(t):
    for options in MODES:
        union = Union(t, *options)
        with union.server.stopped():
            union.ask()
            equal(within_patience(t, lambda m=union.m: work_elsewhere(m)), WORKED, f"names elsewhere with {options}")
            equal(within_patience(t, union.m.status)["transport"], "/dev/fuse", "what status says")
        equal(union.answers(), union.expected, f"answers after the server went on, with {options}")
        union.close()
        union.m.umount()
        equal(os.listdir(union.server.upper), [], "what was written to the lower")


def test_callers_get_an_error_when_the_server_ends(t):
    for options in MODES:
        union = Union(t, *options)
        with union.server.stopped():
            union.ask()
            union.server.kill()
        answers = union.answers()
        equal([answer for answer in answers if answer not in GONE], [], f"answers of a server that is gone, with {options}")
        equal(within_patience(t, lambda m=union.m: work_elsewhere(m)), WORKED, "names elsewhere")
        refused(tuple(GONE), os.stat, union.m / "silent/never")
        union.close()
        union.m.umount()


def test_killed_callers_end(t):
    """Those who wait in the kernel, on the server's own file, at once; whose request the daemon has, with its answer, for
    the kernel lets nobody go whose request was taken (request_wait_answer() there)."""
    union = Union(t)
    passed_through = union.m.status()["passthrough"]["active"] and "cached" not in t.settings.mount_options
    with union.server.stopped():
        union.ask()
        for caller in union.callers:
            caller.kill()
        kinds = len(union.callers) // EACH
        at_once = [caller for i, caller in enumerate(union.callers) if i % kinds in (0, kinds - 1)] if passed_through else []
        for caller in at_once:
            caller.wait_for_end(t)
        equal(within_patience(t, lambda: work_elsewhere(union.m)), WORKED, "names elsewhere")
    for caller in union.callers:
        if caller not in at_once:
            caller.wait_for_end(t)
    equal(read(union.m / "silent/open0"), b"there", "what is answered afterwards")
    union.close()
    union.m.umount()


@only_in("root", why="the kernel's switch for io_uring is root's")
def test_io_uring_is_left_out_above_a_file_server_and_status_says_why(t):
    server = SilentServer(t, stuck_tree())
    with transport.switched_on():
        m = t.mount(t.layer(answering_tree()), server.path, options=("io_uring=auto",))
        beside = t.mount(t.layer(answering_tree()), options=("io_uring=auto",))
    equal(beside.status()["transport"], "io_uring", "what a union of directories is served over")
    with server.stopped():
        answer = within_patience(t, m.status)
        equal(answer["transport"], "/dev/fuse", "what a union above the server is served over")
        contains(answer["transport_reason"], "a layer is on a file server", "the reason")
