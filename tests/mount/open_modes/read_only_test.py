# SPDX-License-Identifier: MIT
"""A union without an upper layer: each call that would change something is EROFS, by name and by descriptor."""
from harness import File, Symlink, equal, script_calls, script_flags     # noqa: F401 (they register commands)
from harness.script import Script

WORLDS = ("root", "userns", "user")
TREE = {"file": File("content", xattrs={"user.a": b"value"}), "link": Symlink("file"), "dir": {"inner": "inner"}, "empty": {}}

REFUSED = (
    "put new x", "put file x", "mkdir new", "mknod new file", "mknod new fifo", "mknod new socket", "symlink a new", "link file new",
    "rename file new", "rename file link", "rename file new noreplace", "rename file dir exchange", "unlink file", "rmdir empty",
    "chmod file 600", "chmod_at link 600", "chown file 1:1", "lchown link 1:1", "utime file 1 1", "utime_now file",
    "utime_at file omit now", "truncate file 0", "setxattr file user.a b", "setxattr file user.b b create", "removexattr file user.a",
    "try_open file w", "try_open file r,w", "try_open file r,trunc", "try_open new r,w,creat", "try_open dir w,tmpfile", "faccess file w",
    "unlink absent")
BY_HANDLE = ("fchmod h 600", "fchown h 1:1", "futime h 1 1", "fsetxattr h user.a b")
# What is there, or what the call would do, is said before.
OTHERWISE = {"mkdir dir": "EEXIST", "mknod file fifo": "EEXIST", "try_open file w,creat,excl": "EEXIST",
             "chmod absent 600": "ENOENT", "truncate dir 0": "EISDIR", "faccess file r": "ok", "try_open file r,creat": "ok",
             "cat file": "content", "utime_at file omit omit": "ok"}


def test_each_change_is_refused(t):
    script = Script(t.mount(t.layer(TREE), t.layer({}), upper=None).path)
    wanted = [f"{line} -> EROFS" for line in REFUSED] + [f"{line} -> {answer}" for line, answer in OTHERWISE.items()]
    equal(script.run([*REFUSED, *OTHERWISE]), wanted, "answers")


def test_each_change_by_a_descriptor_is_refused(t):
    script = Script(t.mount(t.layer(TREE), t.layer({}), upper=None).path)
    for line in ("open h file", "opendir h dir"):
        equal(script.run([line, *BY_HANDLE]), [f"{line} -> ok", *(f"{call} -> EROFS" for call in BY_HANDLE)], "answers")
