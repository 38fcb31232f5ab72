# SPDX-License-Identifier: MIT
"""Hostile commands try to uncover, change or leave the mounts of their sandbox. Nothing outside may change.

Each test runs as the caller, and as root inside (--root). The directory outside is compared at its end (harness/sandboxes.py).
"""
import os

from harness import equal, hostile, read, syscalls
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 300

# Where the superuser of the machine has no id these can be written, and are the sandbox's own.
OF_A_NAMESPACE = tuple(f"open /proc/sys/{name}" for name in (
    "user/", "fs/mqueue/", "kernel/auto_msgmni", "kernel/msg", "kernel/sem", "kernel/shm", "kernel/ns_last_pid", "kernel/pid_max"))

# With the rights of the command, and with all rights in a namespace below.
IN_BOTH = """
in_child(lambda: attack("as it is"))
in_child(lambda: become_root_of_own_namespace() and attack("in a namespace below"))
"""


def test_no_mount_is_made_writable(t):
    hostile.everywhere(t, lambda: Sandboxes(t), """
def attack(how):
    for point, options in mounts():
        if "ro" not in options:
            continue
        attempt(f"remount {point} {how}", mount, None, point, None, MS_REMOUNT | MS_BIND)
        attempt(f"remount the file system at {point} {how}", mount, None, point, None, MS_REMOUNT)
        attempt(f"setattr {point} {how}", call, MOUNT_SETATTR, AT_FDCWD, os.fsencode(point), 0,
                struct.pack("=QQQQ", 0, MS_RDONLY, 0, 0), 32)
        attempt(f"bind {point} {how}", lambda: (mount(point, "/mnt", None, MS_BIND),
                                                mount(None, "/mnt", None, MS_REMOUNT | MS_BIND),
                                                os.close(os.open("/mnt/made", os.O_CREAT | os.O_WRONLY))))
""" + IN_BOTH, "remount /sys as it is", "setattr /sys in a namespace below")


def test_no_mount_is_taken_away_to_see_what_is_below(t):
    covered = t.fresh("covered", {"over": {"secret": "below"}})
    below = t.fresh("device")
    t.by_root(syscalls.mount, "tmpfs", covered + "/over", "tmpfs")
    for kind in hostile.kinds(t):
        s = Sandboxes(t)
        found = hostile.outcomes(s, """
def attack(how):
    for point, _ in reversed(mounts()):
        if point == "/":
            continue
        attempt(f"umount {point} {how}", umount, point)
        attempt(f"detach {point} {how}", umount, point, MNT_DETACH)
        attempt(f"move {point} {how}", mount, point, "/mnt", None, MS_MOVE)
        attempt(f"clone {point} {how}", call, OPEN_TREE, AT_FDCWD, os.fsencode(point + "/.."), OPEN_TREE_CLONE)
    attempt(f"detach the root {how}", umount, "/", MNT_DETACH)
    outcomes.pop(f"detach the root {how}")      # What that leaves is asked next.
    for where in (covered, covered + "/..", "/mnt"):
        attempt(f"read in {where} {how}", open, f"{where}/over/secret", "rb")
        mount_is_bound = attempt(f"bind {where} alone {how}", mount, where, "/mnt", None, MS_BIND)
        outcomes.pop(f"bind {where} alone {how}")
        for name in ("/mnt/over/secret", "/mnt/secret", f"/mnt/{os.path.basename(covered)}/over/secret"):
            attempt(f"read {name} of {where} {how}", open, name, "rb")
        try:
            umount("/mnt")
        except OSError:
            pass
""" + IN_BOTH, *kind, values={"covered": covered})
        hostile.all_refused(found, "umount /proc as it is", "detach /proc in a namespace below", f"umount {covered}/over",
                            f"read in {covered} as it is")
    equal(os.path.ismount(covered + "/over"), True, "the mount outside")
    equal(os.listdir(below), [], "another directory outside")


def test_no_other_root_leads_out(t):
    store_is_hidden = """
def see_store(name):
    attempt(f"see the store by {name}", os.listdir, os.environ["OVERPASS_STORE"])
"""
    hostile.everywhere(t, lambda: Sandboxes(t), store_is_hidden + """
def up(name):
    before = os.stat("/")
    for _ in range(60):
        os.chdir("..")
    here = os.stat(".")
    told(name, "done" if (here.st_dev, here.st_ino) != (before.st_dev, before.st_ino) else "the same root")
    see_store(name)

def chroot_and_fchdir():
    root, before = os.open("/", os.O_RDONLY | os.O_DIRECTORY), os.stat("/")
    os.mkdir("jail")
    os.chroot("jail")
    os.fchdir(root)
    for _ in range(60):
        os.chdir("..")
    os.chroot(".")
    here = os.stat("/")
    told("chroot", "done" if (here.st_dev, here.st_ino) != (before.st_dev, before.st_ino) else "the same root")
    see_store("chroot")

def pivot():
    become_root_of_own_namespace()
    os.makedirs("new/old", exist_ok=True)
    mount("new", "new", None, MS_BIND)
    call(PIVOT_ROOT, b"new", b"new/old")
    os.chdir("/old")
    for point, _ in mounts():
        try:
            umount(point, MNT_DETACH)
        except OSError:
            pass
    told("pivot", "tried")
    up("up from a former root")

def tried(name, function):
    try:
        function()
    except OSError as error:
        told(name, errno.errorcode[error.errno])

in_child(lambda: tried("go up", lambda: up("go up")))
in_child(lambda: tried("chroot", lambda: become_root_of_own_namespace() and chroot_and_fchdir()))
in_child(lambda: tried("pivot", pivot))
""", "see the store by go up", "chroot", "pivot")


def test_no_device_leads_out(t):
    equal_before = [os.stat(f"/dev/{name}") for name in ("null", "zero", "full", "random", "urandom")]
    hostile.everywhere(t, lambda: Sandboxes(t), """
numbers = set()
for line in open("/proc/partitions", encoding="ascii"):
    words = line.split()
    if len(words) == 4 and words[0].isdigit():
        numbers.add((stat.S_IFBLK, os.makedev(int(words[0]), int(words[1]))))
for major, minor in ((1, 1), (1, 2), (1, 4), (1, 11), (10, 229), (10, 237), (5, 1), (4, 0)):
    numbers.add((stat.S_IFCHR, os.makedev(major, minor)))

def attack(how):
    for kind, number in sorted(numbers):
        for where in (".", "/tmp", "/dev", "/dev/shm"):
            path = f"{where}/node{kind}-{number}"
            attempt(f"node {number} {where} {how}", lambda: (os.mknod(path, kind | 0o666, number), os.open(path, os.O_RDONLY)))
    for name in ("fuse", "kmsg", "mem", "kvm", "net/tun", "loop-control", "vda", "sda", "userfaultfd"):
        attempt(f"open {name} {how}", os.open, f"/dev/{name}", os.O_RDONLY)
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        path = f"/dev/{name}"
        attempt(f"chmod {name} {how}", os.chmod, path, 0o600)
        attempt(f"chown {name} {how}", os.chown, path, os.getuid(), os.getgid())
        attempt(f"utime {name} {how}", os.utime, path, (1, 1))
        attempt(f"setxattr {name} {how}", os.setxattr, path, "user.x", b"x")
        attempt(f"unlink {name} {how}", os.unlink, path)
        attempt(f"rename {name} {how}", os.rename, path, path + "2")
""" + IN_BOTH, "node", "open fuse", "chmod null as it is", "chown zero in a namespace below")
    for before, name in zip(equal_before, ("null", "zero", "full", "random", "urandom"), strict=True):
        now = os.stat(f"/dev/{name}")
        equal((now.st_mode, now.st_uid, now.st_gid, now.st_mtime_ns),
              (before.st_mode, before.st_uid, before.st_gid, before.st_mtime_ns), f"/dev/{name} outside")


def test_devices_can_still_be_used(t):
    s = Sandboxes(t)
    for kind in hostile.kinds(t):
        equal(s.sh("echo x > /dev/null; head -c 3 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; echo x > /dev/full || "
                   "echo full", *kind), "3\n4\nfull\n", "what the devices answer")


def test_file_systems_of_the_kernel_are_not_mounted_anew(t):
    hostile.everywhere(t, lambda: Sandboxes(t), """
def attack(how):
    for kind in ("sysfs", "cgroup2", "cgroup", "debugfs", "tracefs", "securityfs", "bpf", "configfs", "devtmpfs", "pstore"):
        attempt(f"mount {kind} {how}", mount, kind, "/mnt", kind)
    if os.geteuid() == 0:
        attempt(f"cgroup namespace by unshare {how}", unshare, NEWCGROUP)
        attempt(f"cgroup namespace by clone {how}", call, CLONE, NEWCGROUP | signal.SIGCHLD, 0, 0, 0, 0)
        attempt(f"cgroup namespace by clone3 {how}", call, 435, struct.pack("=11Q", NEWCGROUP, *[0] * 3, 17, *[0] * 6), 88)

def sysfs_of_an_own_network(how):
    unshare(NEWNET)
    attempt(f"writable sysfs {how}", lambda: (mount("sysfs", "/mnt", "sysfs"),
                                              os.open("/mnt/power/state", os.O_WRONLY)))

def proc_of_own_processes(how):
    unshare(NEWPID)
    child = os.fork()
    if child == 0:
        try:
            mount("proc", "/mnt", "proc")
            with open("/mnt/sys/kernel/core_pattern", "r+", encoding="ascii") as file:
                file.write(file.read())
        except OSError as error:
            os._exit(error.errno)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    told(f"writable proc {how}", "done" if status == 0 else errno.errorcode.get(status, str(status)))

in_child(lambda: attempt("any", sysfs_of_an_own_network, "as it is"))
in_child(lambda: attempt("any", proc_of_own_processes, "as it is"))
in_child(lambda: become_root_of_own_namespace() and attempt("any", sysfs_of_an_own_network, "below"))
in_child(lambda: become_root_of_own_namespace() and attempt("any", proc_of_own_processes, "below"))
outcomes.pop("any", None)
""" + IN_BOTH, "mount sysfs as it is", "mount cgroup2 in a namespace below", "writable proc below",
                       "cgroup namespace by unshare in a namespace below")


def test_what_the_machine_is_changed_by_is_read_only(t):
    hostile.everywhere(t, lambda: Sandboxes(t), """
wanted = [f"/proc/{name}" for name in os.listdir("/proc") if not name.isdigit() and not os.path.islink(f"/proc/{name}")]
for top in ("/sys/fs/cgroup", "/sys/module/fuse", "/sys/kernel", "/sys/power", "/proc/sys", "/proc/irq", "/proc/fs", "/proc/bus"):
    for directory, _, names in os.walk(top):
        wanted += [os.path.join(directory, name) for name in names]
wanted = [path for path in wanted if not os.path.isdir(path)]

def attack(how):
    for path in wanted:
        if os.path.exists(path):
            attempt(f"open {path} {how}", lambda: os.close(os.open(path, os.O_WRONLY)))
            attempt(f"chmod {path} {how}", os.chmod, path, stat.S_IMODE(os.stat(path).st_mode))
    attempt(f"make a cgroup {how}", os.mkdir, "/sys/fs/cgroup/hostile")
    attempt(f"set the name of the machine {how}", lambda: checked(libc.sethostname(b"x", 1)))
    attempt(f"set the clock {how}", time.clock_settime, time.CLOCK_REALTIME, time.time())
    attempt(f"reboot {how}", lambda: checked(libc.reboot(0x89ABCDEF)))
""" + IN_BOTH, "open /proc/meminfo as it is", "open /proc/sys/kernel/core_pattern in a namespace below",
                       "make a cgroup", but=() if t.world == "root" else OF_A_NAMESPACE)


def test_mounts_made_inside_stay_inside(t):
    """In a namespace of its own a command mounts what it likes: over the union, the store's place, and the outside."""
    before = read("/proc/self/mountinfo")
    for kind in hostile.kinds(t):
        s = Sandboxes(t)
        found = hostile.outcomes(s, """
if become_root_of_own_namespace():
    for where in ("/", ".", "/tmp", "/dev", "/etc", "/mnt"):
        for flags in (1 << 18, 1 << 19, 1 << 20, 1 << 17):
            attempt(f"propagation of {where} {flags}", mount, None, where, None, MS_REC | flags)
        attempt(f"tmpfs on {where}", mount, "tmpfs", where, "tmpfs")
    os.chdir(cwd) if os.path.isdir(cwd) else None
    attempt("write", lambda: open("dir/hostile", "w").write("x"))
    told("tried", "yes")
else:
    told("tried", "no namespaces")
""", *kind, values={"cwd": s.outside})
        equal("tried" in found, True, f"the command ran: {found}")
    equal(read("/proc/self/mountinfo"), before, "the mounts outside")
