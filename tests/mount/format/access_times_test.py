# SPDX-License-Identifier: MIT
"""noatime, relatime, strictatime: which access times reading through the union changes, next to kernel overlayfs."""
import os
import time

from harness import Symlink, at_most, equal, holds, only_in, read, syscalls
from harness.loop_images import mount_image

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)
MS_NOATIME, MS_STRICTATIME, MS_RELATIME, MS_BIND = 1024, 1 << 24, 1 << 21, 4096
KERNEL = {"noatime": MS_NOATIME, "strictatime": MS_STRICTATIME, "relatime": MS_RELATIME}
OLD, COMING = 1000, int(time.time()) + 5000     # relatime changes the first, and not the second, which is newer than ctime


def upper_with_files(t, kind="tmpfs"):
    root = mount_image(t, kind)
    os.mkdir(root + "/upper")
    for name, access in (("old", OLD), ("coming", COMING)):
        with open(f"{root}/upper/{name}", "wb") as file:
            file.write(b"content")
        os.utime(f"{root}/upper/{name}", (access, 2000))
    os.symlink("to", root + "/upper/link")
    os.utime(root + "/upper/link", (OLD, 2000), follow_symlinks=False)
    return root + "/upper"


def changed(upper, name, before):
    return int(os.lstat(f"{upper}/{name}").st_atime) != before


def read_all(m, upper):
    """What reading through the union changes on disk; the union has to show what is there."""
    seen = {}
    for name, before in (("old", OLD), ("coming", COMING)):
        equal(read(m / name), b"content", "content")
        seen[name] = changed(upper, name, before)
        equal(os.stat(m / name).st_atime_ns, os.stat(f"{upper}/{name}").st_atime_ns, f"the time that is shown of {name}")
    equal(os.readlink(m / "link"), "to", "a link")
    seen["link"] = changed(upper, "link", OLD)
    return seen


WANTED = {"noatime": {"old": False, "coming": False, "link": False},
          "relatime": {"old": True, "coming": False, "link": True},
          "strictatime": {"old": True, "coming": True, "link": True}}


@only_in("root", why="only root may choose the access times of a mount that was there before")
def test_files_of_the_upper_have_the_access_times_that_are_asked_for(t):
    for option, wanted in WANTED.items():
        for how in ("passthrough=auto", "passthrough=off", "writeback=off,passthrough=off"):
            upper = upper_with_files(t)
            m = t.mount_stack(t.stack(t.layer({"low": "x"}), upper=upper, options=(option, *how.split(","))))
            equal(read_all(m, upper), wanted, f"what changed with {option},{how}")
            os.rename(m / "low", m / "moved")       # the upper and its workdir are on one mount
            os.unlink(m / "moved")
            m.umount()
        upper = upper_with_files(t)
        kernel = t.mount_stack(t.stack(t.layer({"low": "x"}), upper=upper), "kernel")
        syscalls.mount("none", kernel.path, None, syscalls.MS_REMOUNT | MS_BIND | KERNEL[option])
        equal(read_all(kernel, upper), wanted, f"what changes on kernel overlayfs with {option}")
        kernel.umount()


@only_in("userns", "user", why="root chooses for all that is read")
def test_noatime_holds_for_what_the_daemon_reads_of_files_of_its_own(t):
    upper = upper_with_files(t)
    m = t.mount_stack(t.stack(t.layer({"low": "x"}), upper=upper, options=("noatime",)))
    holds(not m.status()["passthrough"]["active"], "nothing is passed through here")
    found = read_all(m, upper)
    equal((found["old"], found["coming"]), (False, False), "what changed")


def test_reading_leaves_no_time_on_lower_files(t):
    lower = t.layer({"file": "content", "dir": {"x": "y"}, "link": Symlink("file")})
    names = ("file", "dir/x", "dir", "")
    for name in names:
        os.utime(f"{lower}/{name}", (OLD, 1000))
    for option in ("strictatime", "relatime", "noatime", "rw"):
        m = t.mount(lower, options=(option,))
        for name in names:      # reading the layer for its checksum has changed them
            os.utime(f"{lower}/{name}", (OLD, 1000))
        read(m / "file"), read(m / "dir/x"), os.listdir(m / "dir"), os.listdir(m.path), os.readlink(m / "link")
        with open(m / "file", "rb") as file:
            os.pread(file.fileno(), 3, 2)
        for name in names:
            equal(int(os.stat(f"{lower}/{name}").st_atime), OLD, f"the access time of {name} with {option}")
        m.umount()


def test_directories_of_the_upper_keep_their_access_times(t):
    upper = upper_with_files(t)
    os.mkdir(upper + "/own")
    m = t.mount_stack(t.stack(t.layer({"low": "x"}), upper=upper, options=("strictatime",)))
    os.utime(upper, (OLD, 2000)), os.utime(upper + "/own", (OLD, 2000))
    equal(sorted(os.listdir(m.path)), ["coming", "link", "low", "old", "own"], "names")
    equal(os.listdir(m / "own"), [], "names of a directory that the upper alone has")
    for name in ("", "/own"):
        equal(int(os.stat(upper + name).st_atime), OLD, "the access time of the directory")


@only_in("userns", why="root of a namespace may not change what came from outside")
def test_the_log_says_where_the_choice_does_not_apply(t):
    m = t.mount(t.layer({"low": "x"}), options=("strictatime",))
    equal(m.daemon.text().count("strictatime does not apply to what the kernel reads"), 1, "lines of the log")
    at_most(os.stat(m / "low").st_size, 1, "the union works")
