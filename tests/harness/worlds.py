# SPDX-License-Identifier: MIT
"""The other kinds of users that mount: root of a user namespace, and ordinary users through fusermount3."""
import errno
import os
import stat

from . import administrator, checks, credentials, features, syscalls, trees

NOBODY = 65534
IN_NAMESPACE, IDS = 100_000, 65536      # what root of the namespace is outside, and how many ids it has


def of(module):
    """The worlds in which a file's tests hold. Most begin with what only root can do: layers with the owners, devices,
    disks or attributes that are their subject."""
    return getattr(module, "WORLDS", ("root",))


def enter(settings):
    """Makes this process one of the world that the tests are to run in, for good. What it has open stays open."""
    if settings.world == "root":
        return
    features.fuse_init_flags()      # asked now: an ordinary user cannot
    _open_fuse_to_all(os.path.join(settings.scratch, "device"))
    administrator.start()
    trees.trusted_attributes = False
    uid = IN_NAMESPACE if settings.world == "userns" else NOBODY
    os.chown(settings.scratch, uid, uid)
    os.environ["HOME"] = settings.scratch
    if settings.world == "userns":
        _enter_user_namespace(uid, IDS)
    else:
        credentials.become(uid)


def ordinary_fuse_device(t):
    """A /dev/fuse that everybody may open, in this private mount namespace only."""
    features.need("fuse")
    _open_fuse_to_all(t.fresh("device") + "/here")
    t.at_end(lambda: syscalls.umount("/dev/fuse", syscalls.MNT_DETACH))


def _open_fuse_to_all(directory):
    os.mkdir(directory)
    syscalls.mount("tmpfs", directory, "tmpfs")
    os.mknod(directory + "/fuse", stat.S_IFCHR | 0o666, os.stat("/dev/fuse").st_rdev)
    os.chmod(directory + "/fuse", 0o666)
    syscalls.mount(directory + "/fuse", "/dev/fuse", None, syscalls.MS_BIND)


def ordinary_account(t, name, uid, first, count):
    """An account with subordinate ids first..first+count-1 for newuidmap(1), in this private mount namespace only."""
    directory = t.fresh("account")
    for file, line in (("passwd", f"{name}:x:{uid}:{uid}::{directory}:/bin/sh"), ("group", f"{name}:x:{uid}:"),
                       ("subuid", f"{name}:{first}:{count}"), ("subgid", f"{name}:{first}:{count}")):
        known = []
        if file in ("passwd", "group"):
            with open(f"/etc/{file}", encoding="utf-8") as old:
                known = [row for row in old.read().splitlines() if row.split(":")[0] != name]
        with open(f"{directory}/{file}", "w", encoding="utf-8") as new:
            new.write("\n".join([*known, line, ""]))
        os.chmod(f"{directory}/{file}", 0o644)
        syscalls.mount(f"{directory}/{file}", f"/etc/{file}", None, syscalls.MS_BIND)
        t.at_end(lambda path=f"/etc/{file}": syscalls.umount(path, syscalls.MNT_DETACH))
    os.chmod(directory, 0o755)


def in_user_namespace(function, uid=0, count=1):
    """Runs function() as root of a fresh user and mount namespace whose id 0 is uid outside."""
    features.need("user namespaces")
    return credentials.in_child(function, lambda: _enter_user_namespace(uid, count))


def _enter_user_namespace(uid, count):
    """This process becomes root of a fresh user and mount namespace."""
    ready_read, ready_write = os.pipe()
    mapped_read, mapped_write = os.pipe()
    mapper = os.fork()
    if mapper == 0:
        try:
            _write_maps(ready_read, uid, count)
        finally:
            os._exit(0)
    os.close(mapped_write)
    syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWNS)
    os.write(ready_write, str(os.getpid()).encode())
    os.read(mapped_read, 1)         # until the mapper has ended
    os.waitpid(mapper, 0)
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    syscalls.make_dumpable()        # or only the machine's root could write the maps of a child's namespace
    for fd in (ready_read, ready_write, mapped_read):
        os.close(fd)


def _write_maps(ready, uid, count):
    pid = os.read(ready, 32).decode()
    for kind in ("uid", "gid"):
        with open(f"/proc/{pid}/{kind}_map", "w") as file:
            file.write(f"0 {uid} {count}\n")


def give_to(path, uid):
    """Makes a tree belong to uid."""
    os.chown(path, uid, uid, follow_symlinks=False)
    for directory, names, files in os.walk(path):
        for name in [*names, *files]:
            os.chown(os.path.join(directory, name), uid, uid, follow_symlinks=False)


def hand_over(t, stack, uid, kept=None):
    """Makes the layers and the mountpoint uid's, before the first mount. kept: {name in the lower: (uid, gid, mode)} of what
    belongs to another user there."""
    for path in (stack.lowers[0], stack.upper, stack.work, stack.mountpoint):
        give_to(path, uid)
    for name, (owner, group, mode) in (kept or {}).items():
        os.chown(f"{stack.lowers[0]}/{name}", owner, group)
        os.chmod(f"{stack.lowers[0]}/{name}", mode)
    os.chmod(t.directory, 0o777)
    t.watch_lower(stack.lowers[0])


def chown(path, uid, gid):
    """What root of the tests' world may do, and an ordinary user may not: he has to be refused. No link is followed."""
    if os.geteuid() == 0:
        os.chown(path, uid, gid, follow_symlinks=False)
    else:
        checks.refused(errno.EPERM, os.chown, path, uid, gid, follow_symlinks=False)


def umount(m):
    """By the user that mounted it."""
    m.umount()
