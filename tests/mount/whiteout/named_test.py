# SPDX-License-Identifier: MIT
"""Uppers on file systems without device nodes and extended attributes, as NFS is for ordinary users: whiteouts and
opaque directories are files with the names that fuse-overlayfs gives them.
"""
import errno
import json
import os
import subprocess

from harness import File, MountFailed, acl, contains, equal, holds, limits, only_in, read, refused, syscalls, systems, write

WORLDS = ("root", "userns")
ELSEWHERE = "an ordinary user's seccomp filter would keep fusermount3 from mounting"
SYSTEMS = ("overpass",)
LOWER = {"file": "low", "gone": "x", "dir": {"a": "1", "b": {"c": "2"}}, "other": {"in": "3"}, "empty": {}}


def nfs(t, stack):
    return t.mount_stack(stack, preexec_fn=limits.like_nfs())


def names_below(path):
    """Every name that begins with .wh., as a path."""
    return sorted(os.path.relpath(os.path.join(directory, name), path)
                  for directory, names, files in os.walk(path) for name in (*names, *files) if name.startswith(".wh."))


def change(root):
    os.unlink(f"{root}/gone")
    os.unlink(f"{root}/dir/a"), os.unlink(f"{root}/dir/b/c"), os.rmdir(f"{root}/dir/b"), os.rmdir(f"{root}/dir")
    os.mkdir(f"{root}/dir"), write(f"{root}/dir/new", "n")
    os.rename(f"{root}/file", f"{root}/moved")
    os.unlink(f"{root}/other/in")


def test_whiteouts_and_opaque_directories_are_files_with_names(t):
    m = nfs(t, t.stack(t.layer(LOWER)))
    change(m.path)
    equal(names_below(m.upper), [".wh.file", ".wh.gone", "dir/.wh..wh..opq", "other/.wh.in"], "names of the format in the upper")
    for name in names_below(m.upper):
        held = os.lstat(m.upper + "/" + name)
        equal((held.st_size, oct(held.st_mode)), (0, "0o100600"), name)
    equal(sorted(os.listdir(m.path)), ["dir", "empty", "moved", "other"], "names of the union")
    equal((os.listdir(m / "dir"), os.listdir(m / "other")), (["new"], []), "names of its directories")
    for name in (".wh.gone", "dir/.wh..wh..opq", "gone", "file", "dir/b"):
        refused(errno.ENOENT, os.stat, m / name)


def test_a_name_that_is_made_again_loses_its_whiteout(t):
    """fuse-overlayfs takes it to hide what is there."""
    m = nfs(t, t.stack(t.layer({name: "low" for name in "abcdefg"} | {"h": {"low": ""}, "i": {"low": ""}})))
    for name in "abcdefg":
        os.unlink(m / name)
    for name in "hi":
        os.unlink(m / f"{name}/low"), os.rmdir(m / name)
    write(m / "a", "new"), os.mkdir(m / "b"), os.symlink("to", m / "c"), os.mkfifo(m / "d"), os.link(m / "a", m / "e")
    os.rename(m / "a", m / "f"), os.mkdir(m / "h"), os.mkdir(m / "fresh"), os.rename(m / "fresh", m / "i")
    equal(names_below(m.upper), [".wh.a", ".wh.g", "b/.wh..wh..opq", "h/.wh..wh..opq", "i/.wh..wh..opq"], "names in the upper")
    for _ in range(2):
        equal(sorted(os.listdir(m.path)), ["b", "c", "d", "e", "f", "h", "i"], "names of the union")
        equal((os.listdir(m / "h"), os.listdir(m / "i"), read(m / "e")), ([], [], b"new"), "what was made")
        m.umount()
        m = nfs(t, m.stack)
    for name in "bhi":
        os.rmdir(m / name)
    equal(names_below(m.upper), [".wh.a", ".wh.b", ".wh.g", ".wh.h", ".wh.i"], "names in the upper after removals")


def test_fuse_overlayfs_shows_the_same_and_the_other_way_round(t):
    written = {}
    for writer, reader in (("overpass", "fuse-overlayfs"), ("fuse-overlayfs", "overpass")):
        stack = t.stack(t.layer(LOWER))
        t.watch_lower(stack.lowers[0])
        m = nfs(t, stack) if writer == "overpass" else by_fuse_overlayfs(t, stack)
        change(m.path)
        before = t.dump(m.path, links=False, mtime=None, xattrs=False)
        written[writer] = set(names_below(stack.upper))
        m.umount()
        m = nfs(t, stack) if reader == "overpass" else t.mount_stack(stack, reader)
        equal(t.dump(m.path, links=False, mtime=None, xattrs=False), before, f"what {reader} shows of what {writer} wrote")
        m.umount()
    holds(written["overpass"] <= written["fuse-overlayfs"], f"fuse-overlayfs writes these names: {written}")


def by_fuse_overlayfs(t, stack):
    subprocess.run(["fuse-overlayfs", "-o", systems.option_text(stack), stack.mountpoint], check=True, capture_output=True,
                   preexec_fn=limits.like_nfs())
    mount = systems.Mount(t.settings, stack, "fuse-overlayfs")
    t.mounts.append(mount)
    return mount


def test_what_root_wrote_with_devices_is_read_and_replaced(t):
    stack = t.stack(t.layer({"file": "low", "dir": {"low": ""}, "gone": ""}))
    m = t.mount_stack(stack)
    os.unlink(m / "file"), os.unlink(m / "dir/low"), os.rmdir(m / "dir"), os.unlink(m / "gone")
    m.umount()
    m = nfs(t, stack)
    equal(os.listdir(m.path), [], "names of the union")
    write(m / "file", "new"), os.mkdir(m / "dir")
    m.umount()
    m = nfs(t, stack)
    equal((sorted(os.listdir(m.path)), os.listdir(m / "dir"), read(m / "file")), (["dir", "file"], [], b"new"), "the union")


def test_marking_a_moved_directory_leaves_its_times(t):
    m = nfs(t, t.stack(t.layer({"name": {"low": ""}})))
    os.unlink(m / "name/low"), os.rmdir(m / "name"), os.mkdir(m / "moved"), os.utime(m / "moved", (1_000_000_000, 1_000_000_000))
    os.rename(m / "moved", m / "name")
    equal((os.listdir(m / "name"), os.stat(m / "name").st_mtime), ([], 1_000_000_000), "entries and time of the directory")


def test_a_copied_up_file_keeps_its_number_while_it_is_mounted(t):
    m = nfs(t, t.stack(t.layer(LOWER)))
    before = os.stat(m / "file").st_ino
    write(m / "file", "+", "ab")
    equal((os.stat(m / "file").st_ino, read(m / "file")), (before, b"low+"), "number and content")


def test_a_file_without_room_for_its_whiteouts_name_is_not_removed(t):
    long = "n" * 252
    m = nfs(t, t.stack(t.layer({long: "kept", long + "d": {"in": ""}, "other": "x"})))
    refused(errno.ENAMETOOLONG, os.unlink, m / long)
    refused(errno.ENAMETOOLONG, os.rename, m / long, m / "short")
    equal((sorted(os.listdir(m.path)), read(m / long)), (sorted([long, long + "d", "other"]), b"kept"), "the union")
    write(m / long, "+", "ab")
    equal(read(m / long), b"kept+", "the file, which can be changed")


def test_attributes_are_refused_and_permissions_never_grow(t):
    """A file with an ACL would give its group what the mask is, if it lost the list."""
    lower = t.layer({"listed": File("text", 0o660, xattrs={"system.posix_acl_access": acl.encode("u::rw-,u:7:rw-,g::---,m::rw-,o::---")}),
                     "plain": "text"})
    stack = t.stack(lower)
    m = t.mount_stack(stack, preexec_fn=limits.like_nfs(lowers_have_xattrs=True))
    for change_it in (lambda: os.chmod(m / "listed", 0o600), lambda: write(m / "listed", "+", "ab")):
        refused(errno.EOPNOTSUPP, change_it)
    refused(errno.EOPNOTSUPP, os.setxattr, m / "plain", "user.a", b"1")
    write(m / "plain", "+", "ab")
    equal((read(m / "listed"), read(m / "plain"), os.listdir(stack.upper)), (b"text", b"text+", ["plain"]), "files, and the upper")


def test_the_mount_says_what_it_does_without(t):
    m = nfs(t, t.stack(t.layer(LOWER), options=("redirect_dir=on", "metacopy=on", "index=on")))
    said = m.daemon.text()
    for words in ("takes no extended attributes", "cannot be locked", "redirect_dir=on has no effect",
                  "metacopy=on has no effect", "index=on has no effect"):
        contains(said, words, "the messages of the mount")
    status = m.status()
    equal((status["redirect_dir"], status["index"]["active"]), ("follow", False), "status")
    refused(errno.EXDEV, os.rename, m / "dir", m / "elsewhere")
    refused(errno.EINVAL, syscalls.renameat2, m / "gone", m / "file", syscalls.RENAME_EXCHANGE)


def test_owners_in_attributes_are_refused(t):
    try:
        nfs(t, t.stack(t.layer(LOWER), options=("xattr_permissions=2",)))
    except MountFailed as failure:
        contains(failure.text, "use a file system that keeps attributes", "the message")
    else:
        holds(False, "the mount should be refused")


@only_in("root", why="the lock of another user's check")
def test_check_finds_nothing_wrong_on_a_file_system_without_attributes(t):
    root = t.fresh("ramfs")
    syscalls.mount("ramfs", root, "ramfs")
    os.mkdir(root + "/u"), os.mkdir(root + "/w")
    stack = systems.Stack([t.layer(LOWER)], root + "/u", root + "/w", (), t.fresh("mnt"))
    m = nfs(t, stack)
    change(m.path)
    m.umount()
    status, out, _ = t.status_text("check", "--json", "-o", systems.option_text(stack))
    equal((status, json.loads(out)["findings"]), (0, []), "what is found")
    m = t.mount_stack(stack)
    equal(sorted(os.listdir(m.path)), ["dir", "empty", "moved", "other"], "names, by a daemon that can make devices")
    os.rmdir(m / "empty"), os.mkdir(m / "empty")
    equal((os.listdir(stack.upper + "/empty"), m.status()["index"]["active"]), ([".wh..wh..opq"], False), "the directory's mark")
