# SPDX-License-Identifier: MIT
"""xattr_permissions=: owners, modes and kinds in attributes; and what else fuse-overlayfs lets one switch off."""
import errno
import os
import stat
import subprocess

from harness import Dir, equal, holds, only_in, read, refused, systems, write
from harness.credentials import as_user
from harness.worlds import NOBODY, hand_over, in_user_namespace, ordinary_fuse_device, umount

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
STAT = "user.containers.override_stat"


def said(path, name=STAT):
    return os.getxattr(path, name, follow_symlinks=False).decode()


def look(path):
    found = os.lstat(path)
    return found.st_uid, found.st_gid, oct(found.st_mode)


@only_in("root", "userns", why="an ordinary user gives nothing away")
def test_files_that_root_makes_stay_the_daemons_on_disk(t):
    m = t.mount(t.layer({"low": "1"}), options=("xattr_permissions=2",))
    write(m / "file", "x"), os.chown(m / "file", 7, 8), os.chmod(m / "file", 0o4711)
    os.mkdir(m / "dir", 0o2750), os.mkfifo(m / "pipe", 0o600)
    if t.world == "root":       # from others the kernel takes no device
        os.mknod(m / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.symlink("to", m / "link")
    equal(said(m.stack.upper + "/file"), "7:8:4711:file", "the file's attribute")
    equal(look(m.stack.upper + "/file"), (0, 0, oct(stat.S_IFREG | 0o611)), "the file's inode")
    special = "null" if t.world == "root" else "pipe"
    equal(stat.S_IFMT(os.lstat(f"{m.stack.upper}/{special}").st_mode), stat.S_IFREG, f"the inode of {special}")
    before = {name: look(m / name) for name in sorted(os.listdir(m.path))}
    kinds = {entry.name: (entry.is_file(), entry.is_dir()) for entry in os.scandir(m.path)}
    equal(kinds["pipe"], (False, False), "the type that a listing tells of a pipe")
    m = t.remount(m)
    equal({name: look(m / name) for name in sorted(os.listdir(m.path))}, before, "after a remount")
    equal(before["file"], (7, 8, oct(stat.S_IFREG | 0o4711)), "what is shown")
    if t.world == "root":       # each file's owner can write what it is
        refused(errno.EACCES, open, m / "null", "wb")
        holds(os.statvfs(m.path).f_flag & os.ST_NOSUID, "set-user-ID bits have no effect")


@only_in("root", "userns", why="an ordinary user gives nothing away")
def test_copies_say_what_their_lowers_were(t):
    lower = t.layer({"file": "0123", "dir": {"a": "1"}})
    os.chown(lower + "/file", 7, 8), os.chmod(lower + "/file", 0o2755), os.chown(lower + "/dir", 9, 9)
    m = t.mount(lower, options=("xattr_permissions=2",))
    write(m / "dir/new", "x"), os.utime(m / "file")
    equal(said(m.stack.upper + "/file"), "7:8:2755:file", "the copy")
    equal(said(m.stack.upper + "/dir"), "9:9:0755:dir", "the copied directory")
    equal((look(m / "file"), look(m / "dir")[:2]), ((7, 8, oct(stat.S_IFREG | 0o2755)), (9, 9)), "what is shown")
    equal(read(m / "file"), b"0123", "the bytes")


@only_in("root", "userns", why="it writes as another user")
def test_a_write_by_another_user_takes_set_id_bits(t):
    for passthrough in ("on", "off") if t.world == "root" else ("off",):
        m = t.mount(t.layer(), options=("xattr_permissions=2", f"passthrough={passthrough}"))
        os.chmod(t.directory, 0o755)
        for step, change in (("write", lambda p: write(p, "yy")), ("truncate", lambda p: os.truncate(p, 1)),
                             ("chown", None)):
            path = m / step
            write(path, "x"), os.chown(path, NOBODY, NOBODY), os.chmod(path, 0o6777)
            if change:
                as_user(NOBODY, lambda p=path, c=change: c(p))
            else:
                os.chown(path, 1, 1)
            equal(oct(os.stat(path).st_mode & 0o7777), oct(0o777), f"mode after {step}, passthrough {passthrough}")
        m.umount()


@only_in("root", "userns", why="it reads as another user")
def test_the_shown_permissions_apply(t):
    m = t.mount(t.layer(), options=("xattr_permissions=2",))
    os.chmod(t.directory, 0o755)
    write(m / "secret", "x"), os.chmod(m / "secret", 0o600)
    write(m / "his", "x"), os.chown(m / "his", NOBODY, NOBODY), os.chmod(m / "his", 0o600)
    as_user(NOBODY, lambda: refused(errno.EACCES, lambda: read(m / "secret")))
    equal(as_user(NOBODY, lambda: read(m / "his")), b"x", "one's own")
    equal(os.stat(m.stack.upper + "/secret").st_mode & 0o077, 0, "no other user reads it on disk")


def test_the_attribute_is_not_callers_to_see_or_set(t):
    m = t.mount(t.layer(), options=("xattr_permissions=2",))
    write(m / "file", "x")
    equal(os.listxattr(m / "file"), [], "attributes shown")
    refused(errno.EPERM, lambda: os.setxattr(m / "file", STAT, b"0:0:4755"))
    refused(errno.ENODATA, lambda: os.getxattr(m / "file", STAT))
    refused(errno.EOPNOTSUPP, lambda: os.getxattr(m / "file", "system.posix_acl_access"))


@only_in("root", why="it enters that world itself")
def test_a_plain_user_has_roots_files_and_keeps_their_owners(t):
    ordinary_fuse_device(t)
    tree = {"etc": Dir({"shadow": "secret", "conf": "old"})}
    stack = t.stack(t.layer(tree), options=("squash_to_uid=%d" % NOBODY, "squash_to_gid=%d" % NOBODY, "xattr_permissions=2"))
    hand_over(t, stack, NOBODY, kept={"etc": (0, 0, 0o755), "etc/conf": (0, 42, 0o644)})

    def use():
        m = systems.mount_overpass(t.settings, stack, t.directory + "/log")
        write(m / "etc/conf", "new"), os.mknod(m / "etc/zero", stat.S_IFIFO | 0o600)
        seen = read(m / "etc/conf"), look(m / "etc/conf")[:2]
        umount(m)
        return seen
    equal(as_user(NOBODY, use), (b"new", (NOBODY, NOBODY)), "content and owner for the user")
    equal(said(stack.upper + "/etc/conf"), "0:42:0644:file", "the copy says whose it was")
    equal(os.stat(stack.upper + "/etc/conf").st_uid, NOBODY, "and is the user's on disk")


@only_in("root", why="it enters that world itself")
def test_root_of_a_small_user_namespace_gives_files_away(t):
    """One id is mapped; yet chown and device nodes work, as package managers want."""
    ordinary_fuse_device(t)
    stack = t.stack(t.layer({"file": "x"}), options=("xattr_permissions=2",))
    hand_over(t, stack, 100_000)

    def use():
        m = systems.mount_overpass(t.settings, stack, t.directory + "/log")
        write(m / "new", "x"), os.chmod(m / "new", 0o640)
        os.mkfifo(m / "pipe")
        seen = look(m / "new"), look(m / "pipe")
        umount(m)
        return seen
    equal(in_user_namespace(use, 100_000, 1)[0], (0, 0, oct(stat.S_IFREG | 0o640)), "what is shown inside")
    equal(said(stack.upper + "/new"), "0:0:0640:file", "the attribute")


def test_foreign_layers_without_the_mark_show_their_inodes(t):
    lower, marked = t.layer({"file": "x"}), t.layer({"file": "x"})
    for layer in (lower, marked):
        os.setxattr(layer + "/file", STAT, b"7:7:4777")
    os.setxattr(marked, STAT, b"0:0:755")
    m = t.mount(lower, options=("xattr_permissions=2",))
    equal(look(m / "file"), (os.geteuid(), os.getegid(), oct(stat.S_IFREG | 0o644)), "a file of a layer whose root says nothing")
    m.umount()
    m = t.mount(marked, options=("xattr_permissions=2",))
    equal(look(m / "file"), (7, 7, oct(stat.S_IFREG | 0o4777)), "a file of a layer whose root does")
    m.umount()
    m = t.mount(marked)
    equal(look(m / "file"), (os.geteuid(), os.getegid(), oct(stat.S_IFREG | 0o644)), "without the option")


def in_fuse_overlayfs(t, stack, function):
    layers = f"lowerdir={stack.lowers[0]},upperdir={stack.upper},workdir={stack.work}"
    subprocess.run(["fuse-overlayfs", "-o", layers + ",xattr_permissions=2", stack.mountpoint], check=True)
    try:
        return function(stack.mountpoint)
    finally:
        subprocess.run(["umount", stack.mountpoint], check=True)


@only_in("root", "userns", why="an ordinary user gives nothing away")
def test_an_upper_goes_from_fuse_overlayfs_to_overpass_and_back(t):
    """Its older versions have another name for the attribute, which the upper keeps then."""
    stack = t.stack(t.layer({"low": "1", "other": "2"}), options=("xattr_permissions=2",))
    t.watch_lower(stack.lowers[0])

    def change(m):
        write(m + "/file", "x"), os.chown(m + "/file", 7, 8), os.chmod(m + "/file", 0o4711), os.mkdir(m + "/dir", 0o751)
        os.chown(m + "/low", 5, 5)

    def looks(m):
        return {name: look(f"{m}/{name}") for name in ("file", "dir", "low")}
    written = in_fuse_overlayfs(t, stack, lambda m: (change(m), looks(m))[1])
    m = t.mount_stack(stack)
    equal(looks(m.path), written, "what the other one wrote")
    os.chown(m / "other", 70, 80), os.chmod(m / "file", 0o600), write(m / "new", "x")
    written = {name: look(m / name) for name in ("file", "dir", "low", "other", "new")}
    m.umount()
    equal(in_fuse_overlayfs(t, stack, lambda m: {name: look(f"{m}/{name}") for name in written}), written, "what we wrote")


def test_switches(t):
    lower = t.layer({"file": "x", "dir": {"a": {}, "b": {}}})
    os.setxattr(lower + "/file", "user.a", b"b")
    m = t.mount(lower, options=("noxattrs=1", "static_nlink", "timeout=0"))
    refused(errno.EOPNOTSUPP, lambda: os.getxattr(m / "file", "user.a"))
    refused(errno.EOPNOTSUPP, lambda: os.setxattr(m / "file", "user.a", b"c"))
    refused(errno.EOPNOTSUPP, lambda: os.listxattr(m / "file"))
    equal(os.stat(m / "dir").st_nlink, 1, "links of a directory")
    holds(m.status()["passthrough"] is not None, "status needs no attribute of callers")
    m.umount()
    m = t.mount(lower, options=("noacl",))
    equal(os.getxattr(m / "file", "user.a"), b"b", "other attributes are there")
    done = subprocess.run(["setfacl", "-m", "u:1:r", m / "file"], capture_output=True, text=True, check=False)
    holds(done.returncode != 0 and "not supported" in done.stderr, f"no ACL can be set: {done.stderr}")


def test_contradictory_options_are_refused(t):
    status, _, err = t.status_text("mount", "-o", f"lowerdir={t.layer()},xattr_permissions=2,index=on", t.fresh("mnt"))
    holds(status != 0 and "exclude each other" in err, err)
