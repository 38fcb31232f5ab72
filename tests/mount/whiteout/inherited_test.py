# SPDX-License-Identifier: MIT
"""An object made in the workdir and moved to its name inherits from its directory, and nothing from the workdir.

The truth is a plain directory that is dressed like the upper's. A name that was deleted is made again in the workdir,
since a whiteout is in the way; a lower file that is changed and a lower directory are copied there. (Kernel overlayfs
clears ACLs and modes as well, but lets its workdir hand down flags and project ids.)
"""
import errno
import os
import shutil
import stat

from harness import Stack, acl, equal, features, holds, loop_images, only_in, read, refused, syscalls, write

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
LOWER = {"d": {"file": "x", "other": "x", "fifo": "x", "link": "x", "sub": {"deep": "y"}, "copied": "c",
               "tree": {"leaf": "l"}, "gone": "g", "emptied": {"a": "1"}}}
NODUMP, NOATIME, SYNC, DIRSYNC, NOCOW, COMPRESS = 0x40, 0x80, 0x8, 0x10000, 0x800000, 0x4
PROJINHERIT = 0x200             # FS_XFLAG_PROJINHERIT
FOR_USER = "u::rwx,u:1000:rwx,g::r-x,m::rwx,o::---"
MADE = ("file", "fifo", "link", "sub", "sub/deep")


def make_all(directory):
    """Each kind of object, at names that may have been deleted before."""
    write(directory + "/file", "new")
    os.mkfifo(directory + "/fifo")
    os.symlink("file", directory + "/link")
    os.mkdir(directory + "/sub")
    write(directory + "/sub/deep", "new")


def delete_all(directory):
    for name in ("file", "fifo", "link"):
        os.unlink(f"{directory}/{name}")
    shutil.rmtree(directory + "/sub")


def attributes(path):
    """What may have been inherited."""
    info = os.lstat(path)
    found = {"mode": oct(info.st_mode), "owner": (info.st_uid, info.st_gid),
             "acls": [acl.get_acl(path, kind) if kind in os.listxattr(path, follow_symlinks=False) else None
                      for kind in (acl.ACCESS, acl.DEFAULT)]}
    if stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode):
        fd = os.open(path, os.O_RDONLY)
        try:
            for name, get in (("flags", lambda: syscalls.get_flags(fd) & ~0x10081000), ("project", lambda: syscalls.get_project(fd))):
                try:
                    found[name] = get()
                except OSError as error:
                    found[name] = error.errno
        finally:
            os.close(fd)
    return found


def layers_on(t, root, dress, dress_work):
    """A stack on the file system at root, whose upper has d, and a plain directory beside it, both dressed."""
    for name in ("u", "w", "plain"):
        os.mkdir(f"{root}/{name}")
    stack = Stack([t.layer(LOWER)], root + "/u", root + "/w", (), t.fresh("mnt"))
    dress_work(root + "/w")
    os.mkdir(root + "/plain/d"), os.mkdir(root + "/u/d")
    for directory in (root + "/plain/d", root + "/u/d"):
        dress(directory)
    return stack, root + "/plain/d"


def made_again(t, root, dress, dress_work):
    stack, plain = layers_on(t, root, dress, dress_work)
    make_all(plain)
    m = t.mount_stack(stack)
    delete_all(m / "d")
    make_all(m / "d")
    for name in MADE:
        equal(attributes(f"{m.upper}/d/{name}"), attributes(f"{plain}/{name}"), f"what {name} inherits")
    equal(sorted(name for name in os.listdir(m.work + "/work") if name != "whiteout") if os.geteuid() == 0 else [], [],
          "what is left in the workdir")
    return m


def nothing(path):
    pass


def with_default_acl(path):
    acl.set_acl(path, FOR_USER, acl.DEFAULT)


def with_setgid(path):
    os.chmod(path, 0o2775)


def with_flags(flags):
    def dress(path):
        fd = os.open(path, os.O_RDONLY)
        syscalls.set_flags(fd, syscalls.get_flags(fd) | flags)
        os.close(fd)
    return dress


def with_project(project):
    def dress(path):
        fd = os.open(path, os.O_RDONLY)
        syscalls.set_project(fd, project, PROJINHERIT if project else 0)
        os.close(fd)
    return dress


def test_a_default_acl_of_the_workdir_stays_there(t):
    m = made_again(t, t.fresh("root"), nothing, with_default_acl)
    write(m / "d/copied", "+", "ab")
    holds(acl.ACCESS not in os.listxattr(m.upper + "/d/copied"), "a copy has no ACL")
    os.chmod(m / "d/tree/leaf", 0o640)
    equal(attributes(m.upper + "/d/tree")["acls"], [None, None], "ACLs of a copied directory")


def test_a_default_acl_of_the_directory_is_inherited_by_what_is_new_and_by_no_copy(t):
    m = made_again(t, t.fresh("root"), with_default_acl, nothing)
    write(m / "d/copied", "+", "ab")
    equal((attributes(m.upper + "/d/copied")["acls"], os.stat(m / "d/copied").st_mode & 0o777), ([None, None], 0o644),
          "ACLs and mode of a copied file")
    os.chmod(m / "d/tree/leaf", 0o640)
    equal(attributes(m.upper + "/d/tree")["acls"], [None, None], "ACLs of a copied directory")


def test_a_set_group_id_bit_of_the_workdir_stays_there(t):
    made_again(t, t.fresh("root"), nothing, with_setgid)


@only_in("root", "userns", why="it gives a directory to another group")
def test_a_group_is_inherited_from_the_directory_alone(t):
    def group(number):
        def dress(path):
            os.chown(path, -1, number), os.chmod(path, 0o2775)
        return dress
    m = made_again(t, t.fresh("root"), group(2000), group(3000))
    os.chmod(m / "d/copied", 0o600)
    equal(os.stat(m.upper + "/d/copied").st_gid, 0, "the group of a copy is the lower's")


def test_flags_of_the_workdir_stay_there(t):
    for kind, flags in (("ext4", NODUMP | NOATIME | SYNC | DIRSYNC), ("xfs", NODUMP | NOATIME), ("btrfs", NOCOW),
                        ("btrfs", COMPRESS)):
        if features.has(kind):
            made_again(t, loop_images.mount_image(t, kind), nothing, with_flags(flags))


def test_flags_of_the_directory_are_inherited(t):
    for kind, flags in (("ext4", NODUMP | NOATIME | SYNC | DIRSYNC), ("xfs", NODUMP | NOATIME), ("btrfs", NOCOW),
                        ("btrfs", COMPRESS)):
        if features.has(kind):
            made_again(t, loop_images.mount_image(t, kind), with_flags(flags), nothing)


def project(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        return syscalls.get_project(fd)[0]
    finally:
        os.close(fd)


def change_everything(m):
    """Everything that is prepared in the workdir, in a directory of another project."""
    write(m / "d/copied", "+", "ab"), write(m / "d/tree/leaf", "+", "ab")
    os.link(m / "d/copied", m / "d/second")
    os.unlink(m / "d/gone"), os.link(m / "d/copied", m / "d/gone")
    shutil.rmtree(m / "d/emptied"), os.mkdir(m / "d/emptied")
    os.mkdir(m / "d/new"), os.rename(m / "d/new", m / "d/moved")
    equal((read(m / "d/copied"), read(m / "d/gone"), read(m / "d/tree/leaf")), (b"c+", b"c+", b"l+"), "contents")
    equal(os.listdir(m / "d/emptied"), [], "a directory made again")
    os.unlink(m / "d/copied"), os.unlink(m / "d/second"), os.unlink(m / "d/gone"), shutil.rmtree(m / "d/tree")
    refused(errno.ENOENT, os.stat, m / "d/tree")


@only_in("root", why="project ids are set in the initial user namespace, and by an administrator")
def test_project_ids_are_those_of_the_directory_whichever_the_workdir_has(t):
    t.need("xfs")
    for upper, work in ((7, 0), (0, 7), (7, 8), (7, 7)):
        m = made_again(t, loop_images.mount_image(t, "xfs"), with_project(upper), with_project(work))
        os.chmod(m / "d/copied", 0o600), os.chmod(m / "d/tree/leaf", 0o600)
        equal([project(f"{m.upper}/d/{name}") for name in ("copied", "tree", "tree/leaf")], [upper] * 3,
              f"projects of copies in {upper} with a workdir of {work}")
        change_everything(m)
        m.umount()


@only_in("root", why="project ids are set in the initial user namespace, and by an administrator")
def test_an_indexed_copy_is_of_the_project_of_its_directory_or_is_not_made(t):
    t.need("xfs")
    for work, is_made in ((0, True), (7, True), (8, False)):
        stack, _ = layers_on(t, loop_images.mount_image(t, "xfs"), with_project(7), with_project(work))
        os.link(stack.lowers[0] + "/d/copied", stack.lowers[0] + "/d/linked")
        m = t.mount_stack(Stack(stack.lowers, stack.upper, stack.work, ("index=on",), stack.mountpoint))
        if is_made:
            os.chmod(m / "d/linked", 0o600)
            equal((project(m.upper + "/d/linked"), os.stat(m / "d/copied").st_mode & 0o777), (7, 0o600), "the copy")
        else:
            refused(errno.EXDEV, os.chmod, m / "d/linked", 0o600)
            equal((os.listdir(m.work + "/index"), os.listdir(m.upper + "/d")), ([], []), "what is in index and upper")
        equal((read(m / "d/linked"), read(m / "d/copied")), (b"c", b"c"), "contents")
        m.umount()


def test_a_file_whose_directory_is_gone_is_copied_all_the_same(t):
    m = t.mount(t.layer(LOWER))
    write(m / "d/tree/new", "x")
    fd = os.open(m / "d/tree/leaf", os.O_RDONLY)
    shutil.rmtree(m / "d")
    os.fchmod(fd, 0o640)
    equal((os.fstat(fd).st_mode & 0o777, os.pread(fd, 9, 0)), (0o640, b"l"), "mode and content")
    os.close(fd)
