# SPDX-License-Identifier: MIT
"""The other kinds of users that mount: root of a user namespace, and ordinary users through fusermount3."""
import os
import stat
import subprocess

from . import credentials, features, syscalls

NOBODY = 65534


def ordinary_fuse_device(t):
    """A /dev/fuse that everybody may open, in this private mount namespace only."""
    features.need("fuse")
    directory = t.fresh("device")
    syscalls.mount("tmpfs", directory, "tmpfs")
    os.mknod(directory + "/fuse", stat.S_IFCHR | 0o666, os.stat("/dev/fuse").st_rdev)
    os.chmod(directory + "/fuse", 0o666)
    syscalls.mount(directory + "/fuse", "/dev/fuse", None, syscalls.MS_BIND)
    t.at_end(lambda: syscalls.umount("/dev/fuse", syscalls.MNT_DETACH))


def in_user_namespace(function, uid=0, count=1):
    """Runs function() as root of a fresh user and mount namespace whose id 0 is uid outside."""
    features.need("user namespaces")
    ready_read, ready_write = os.pipe()
    mapped_read, mapped_write = os.pipe()
    mapper = os.fork()
    if mapper == 0:
        _write_maps(ready_read, mapped_write, uid, count)

    def enter():
        os.close(ready_read)
        syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWNS)
        os.write(ready_write, str(os.getpid()).encode())
        os.read(mapped_read, 1)
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)

    try:
        return credentials.in_child(function, enter)
    finally:
        for fd in (ready_read, ready_write, mapped_read, mapped_write):
            os.close(fd)
        os.waitpid(mapper, 0)


def _write_maps(ready, mapped, uid, count):
    pid = os.read(ready, 32).decode()
    for kind in ("uid", "gid"):
        with open(f"/proc/{pid}/{kind}_map", "w") as file:
            file.write(f"0 {uid} {count}\n")
    os.write(mapped, b"x")
    os._exit(0)


def give_to(path, uid):
    """Makes a tree belong to uid."""
    os.chown(path, uid, uid, follow_symlinks=False)
    for directory, names, files in os.walk(path):
        for name in [*names, *files]:
            os.chown(os.path.join(directory, name), uid, uid, follow_symlinks=False)


def hand_over(t, stack, uid):
    """Makes the layers and the mountpoint uid's, before the first mount."""
    for path in (stack.lowers[0], stack.upper, stack.work, stack.mountpoint):
        give_to(path, uid)
    os.chmod(t.directory, 0o777)
    t.watch_lower(stack.lowers[0])


def umount(m):
    """By whoever has mounted it."""
    if os.geteuid() == 0:
        m.umount()
    else:
        subprocess.run(["fusermount3", "-u", m.path], check=True, capture_output=True)
        m.alive = False
        m.daemon.end()
