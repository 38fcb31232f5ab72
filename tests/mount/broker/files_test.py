# SPDX-License-Identifier: MIT
"""Attacks on overpass-broker by files: what an ordinary user offers must give him nothing he does not have."""
import contextlib
import errno
import fcntl
import mmap
import os
import shutil
import socket
import subprocess

from harness import equal, holds, need, read, refused, syscalls, write
from harness.broker import REGISTER, Broker, Client
from harness.credentials import as_user, in_child
from harness.loop_images import mount_image
from harness.raw_fuse import FOPEN_DIRECT_IO, FOPEN_PASSTHROUGH, RawFuse
from harness.worlds import NOBODY, give_to, ordinary_fuse_device

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "it starts the broker, which root alone may, and enters the worlds of its clients itself"
ENDS = "the connection ends"
PR_SET_DUMPABLE = 4


def world(t, *arguments):
    """A broker, a mountpoint of NOBODY's, and a directory of root's beside it."""
    need("passthrough")
    ordinary_fuse_device(t)
    broker = Broker(t, *arguments)
    point, home = t.fresh("mnt"), t.fresh("home")
    give_to(point, NOBODY), give_to(home, NOBODY)
    os.chmod(t.directory, 0o777)
    t.roots = t.fresh("roots")
    t.home = home
    return broker, point


@contextlib.contextmanager
def greeted(broker, point):
    """As the attacker: a mount of his own, known to the broker."""
    fuse = RawFuse(point)
    client = Client(broker.socket)
    try:
        equal(client.greet(fuse.fd), ("None", 0, 0), "the greeting")
        yield fuse, client
    finally:
        client.leave()
        fuse.umount()


def attack(broker, point, deed):
    """deed(fuse, client) as NOBODY; its result."""
    def run():
        with greeted(broker, point) as (fuse, client):
            return deed(fuse, client)
    return as_user(NOBODY, run)


WAYS_TO_WRITE = {"O_WRONLY": os.O_WRONLY, "O_RDWR": os.O_RDWR, "O_APPEND": os.O_RDWR | os.O_APPEND,
                 "O_DIRECT": os.O_WRONLY | os.O_DIRECT, "O_SYNC": os.O_RDWR | os.O_SYNC}


def outcomes_of_writing(path):
    """What comes of opening and writing in each way: the errno, or "written"."""
    found = {}
    for name, flags in WAYS_TO_WRITE.items():
        try:
            writer = os.open(path, flags)
        except OSError as error:
            found[name] = errno.errorcode[error.errno]
            continue
        with mmap.mmap(-1, 4096) as page:           # O_DIRECT wants it aligned
            page[:4] = b"mine"
            os.pwrite(writer, page, 0)
        os.close(writer)
        found[name] = "written"
    return found


def test_a_file_open_for_reading_is_never_written(t):
    """The client of a FUSE is told EIO whatever keeps the kernel from opening a backing file: here EROFS. So the same is
    done with a file that may be written, where it has to succeed. Of several files on a mount the first is registered in
    another way than those after a directory of the mount was offered.
    """
    broker, point = world(t)
    target, second = t.roots + "/target", t.roots + "/second"
    write(target, "root's")
    write(second, "root's")

    def deed(fuse, client):
        write(t.home + "/own", "own")
        offers = os.open(target, os.O_RDONLY), os.open(second, os.O_RDONLY), os.open(t.home + "/own", os.O_RDWR)
        answers = [client.register(offers[0]), client.offer_directory(os.open(t.roots, os.O_PATH))]
        answers += [client.register(offer) for offer in offers[1:]]
        equal([answer[0] for answer in answers], ["None"] * 4, "the answers")
        del answers[1]
        fuse.files["file"], fuse.files["second"], fuse.files["own"] = (answer[1] for answer in answers)
        fuse.serve()
        found = [outcomes_of_writing(f"{point}/{name}") for name in ("file", "second", "own")]
        equal(read(point + "/file"), b"root's", "content")
        reader = os.open(point + "/file", os.O_RDONLY)
        with mmap.mmap(reader, 6, mmap.MAP_SHARED, mmap.PROT_READ) as mapped:
            equal(mapped[:], b"root's", "a mapping")
        refused(errno.EACCES, mmap.mmap, reader, 6, mmap.MAP_SHARED, mmap.PROT_WRITE)
        refused(errno.EIO, os.open, f"/proc/self/fd/{reader}", os.O_RDWR)
        os.close(reader)
        return found
    *of_theirs, of_own = attack(broker, point, deed)
    equal(of_theirs, [dict.fromkeys(WAYS_TO_WRITE, "EIO")] * 2, "opening files that may be read")
    equal(of_own, dict.fromkeys(WAYS_TO_WRITE, "written"), "opening a file that may be written")
    equal((read(target), read(second)), (b"root's", b"root's"), "contents in the end")


def test_no_mapping_writes_what_is_open_for_reading(t):
    """A server may have reads and writes sent to itself and only mappings passed through."""
    broker, point = world(t)
    target = t.roots + "/target"
    write(target, "root's")

    def deed(fuse, client):
        fuse.files["file"] = client.register(os.open(target, os.O_RDONLY))[1]
        fuse.open_flags = FOPEN_PASSTHROUGH | FOPEN_DIRECT_IO
        fuse.serve()
        refused(errno.EIO, os.open, point + "/file", os.O_RDWR)
        reader = os.open(point + "/file", os.O_RDONLY)
        refused(errno.EACCES, mmap.mmap, reader, 6, mmap.MAP_SHARED, mmap.PROT_WRITE)
    attack(broker, point, deed)
    equal(read(target), b"root's", "content in the end")


def test_without_the_brokers_checks_the_attacks_succeed(t):
    """Else they would prove nothing. With the right to register, and none of the broker's care."""
    point, target = world(t)[1], t.roots + "/target"

    def deed(how):
        write(target, "secret")
        os.chmod(target, 0o600)
        fuse = RawFuse(point)
        fuse.files["file"] = fuse.register(os.open(target, how))
        fuse.serve()
        try:
            found = read(point + "/file")
            outcomes = outcomes_of_writing(point + "/file")
        finally:
            fuse.umount()
        return found, outcomes, read(target)[:4]
    for how in (os.O_PATH, os.O_RDONLY):
        equal(in_child(lambda how=how: deed(how)), (b"secret", dict.fromkeys(WAYS_TO_WRITE, "written"), b"mine"),
              "what was read, how it was written, and what it holds")


def test_a_file_open_for_writing_is_written(t):
    broker, point = world(t)

    def deed(fuse, client):
        write(t.home + "/own", "before")
        fd = os.open(t.home + "/own", os.O_RDWR)
        fuse.files["file"] = client.register(fd)[1]
        fuse.serve()
        os.close(fd)
        writer = os.open(point + "/file", os.O_WRONLY)
        os.write(writer, b"after!")
        os.close(writer)
        return read(t.home + "/own")
    equal(attack(broker, point, deed), b"after!", "content")


def test_a_path_gives_nothing(t):
    broker, point = world(t)
    write(t.roots + "/secret", "secret")
    os.chmod(t.roots + "/secret", 0o600)
    outcome = attack(broker, point, lambda fuse, client: client.register(os.open(t.roots + "/secret", os.O_PATH)))
    equal(outcome[0], "PathOnly", "an O_PATH descriptor of a secret")


def test_access_modes_that_do_not_read_are_refused(t):
    broker, point = world(t)

    def deed(fuse, client):
        path = t.home + "/own"
        write(path, "x")
        return [client.register(os.open(path, flags))[0] for flags in (os.O_WRONLY, 3, os.O_WRONLY | os.O_APPEND)]
    equal(attack(broker, point, deed), ["WriteOnly"] * 3, "refusals")


def test_append_only_stays_append_only(t):
    broker, point = world(t)
    log = t.roots + "/log"
    write(log, "first\n")
    os.chmod(log, 0o666)
    outcome = attack(broker, point, lambda fuse, client: client.register(os.open(log, os.O_RDWR | os.O_APPEND)))
    equal(outcome[0], "AppendOnly", "the answer")


def test_files_protected_by_chattr_stay_as_they_are(t):
    """Also for a client that has opened it before."""
    broker, point = world(t)
    for name, flag in (("append", syscalls.FS_APPEND_FL), ("immutable", syscalls.FS_IMMUTABLE_FL)):
        path = f"{t.roots}/{name}"
        write(path, "first\n")
        os.chmod(path, 0o666)
        protected, done = os.pipe(), os.pipe()
        helper = os.fork()
        if helper == 0:
            try:
                os.read(protected[0], 1)
                mark(path, flag)
            finally:
                os.write(done[1], b"x")
                os._exit(0)
        t.at_end(lambda path=path: mark(path, 0))

        def deed(fuse, client, path=path, name=name, go=protected[1], done=done[0]):
            before = os.open(path, os.O_RDWR)
            os.write(go, b"x")
            os.read(done, 1)
            refusal, backing, _ = client.register(os.open(path, os.O_RDONLY))
            answers = refusal, client.register(before)[0]
            fuse.files[name] = backing
            fuse.serve()
            refused(errno.EIO, os.open, f"{point}/{name}", os.O_RDWR)
            return answers
        equal(attack(broker, point, deed), ("None", "Protected"), f"for reading, for writing: {name}")
        os.waitpid(helper, 0)
        equal(read(path), b"first\n", "content")


def mark(path, flag):
    """Sets that one flag of chattr(1) and takes the other."""
    with open(path, "rb") as file:
        flags = syscalls.get_flags(file.fileno()) & ~(syscalls.FS_APPEND_FL | syscalls.FS_IMMUTABLE_FL)
        syscalls.set_flags(file.fileno(), flags | flag)


def test_a_registered_program_may_run(t):
    """An id for writing does not keep the file open for writing."""
    broker, point = world(t)

    def deed(fuse, client):
        program = t.home + "/program"
        shutil.copy("/bin/sleep", program)
        fd = os.open(program, os.O_RDWR)
        refusal, fuse.files["program"], _ = client.register(fd)
        os.close(fd)
        fuse.serve()
        with subprocess.Popen([program, "100"]) as running:
            refused(errno.EIO, os.open, point + "/program", os.O_RDWR)
            running.kill()
        os.close(os.open(point + "/program", os.O_RDWR))
        return refusal
    equal(attack(broker, point, deed), "None", "the answer")


def test_objects_other_than_files_end_the_connection(t):
    broker, point = world(t)

    def offers():
        syscalls.libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)      # else /proc/self is root's, as this process was
        yield "pipe", os.pipe()[0], "NotRegular"
        yield "socket", socket.socketpair()[0].detach(), "NotRegular"
        yield "directory", os.open("/", os.O_RDONLY), "NotRegular"
        yield "device", os.open("/dev/null", os.O_RDWR), "NotRegular"
        yield "terminal", os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY), "NotRegular"
        yield "event counter", syscalls.libc.eventfd(0, 0), None
        yield "process", os.pidfd_open(os.getpid()), None
        yield "namespace", os.open("/proc/self/ns/net", os.O_RDONLY), "FileSystem"
        yield "page map", os.open("/proc/self/pagemap", os.O_RDONLY), "FileSystem"
        yield "memory of a process", os.open("/proc/self/mem", os.O_RDWR), "FileSystem"
        yield "map of user ids", os.open("/proc/self/uid_map", os.O_RDWR), "FileSystem"
        yield "attribute of the kernel", os.open("/sys/kernel/mm/transparent_hugepage/enabled", os.O_RDONLY), "FileSystem"

    for number, (name, _, wanted) in enumerate(as_user(NOBODY, lambda: list(offers()))):
        def run(fuse, client, number=number):
            fd = list(offers())[number][1]
            outcome = client.register(fd)[0]
            return outcome, client.receive()
        outcome, after = attack(broker, point, run)
        holds(outcome == wanted or (wanted is None and outcome in ("NotRegular", "FileSystem")), f"{name}: {outcome}")
        equal(after, None, f"{name}: {ENDS}")
    broker.wait_for_children(0, "at the end")


def test_memory_files_keep_their_seals(t):
    broker, point = world(t)

    def deed(fuse, client):
        found = []
        for seals in (None, 0, fcntl.F_SEAL_WRITE, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW):
            fd = os.memfd_create("memory", os.MFD_ALLOW_SEALING if seals is not None else 0)
            os.write(fd, b"sealed")
            if seals:
                fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
            found.append(client.register(fd)[0])
        return found
    equal(attack(broker, point, deed), ["Sealable"] * 4, "refusals")


def test_files_on_disks_and_in_memory_are_served(t):
    broker, point = world(t)
    for kind in ("ext4", "xfs", "btrfs", "tmpfs"):
        root = mount_image(t, kind)
        os.chmod(root, 0o777)

        def deed(fuse, client, root=root):
            write(root + "/file", "first")
            fuse.files["read"] = client.register(os.open(root + "/file", os.O_RDONLY))[1]
            equal(client.offer_directory(os.open(root, os.O_PATH))[0], "None", "the answer to the directory")
            write(root + "/again", "again")
            fuse.files["again"] = client.register(os.open(root + "/again", os.O_RDONLY))[1]
            write(root + "/other", "second")
            fuse.files["write"] = client.register(os.open(root + "/other", os.O_RDWR))[1]
            fuse.serve()
            write(point + "/write", "third.", "r+b")
            for name in ("read", "again"):
                refused(errno.EIO, os.open, f"{point}/{name}", os.O_RDWR)
            return read(point + "/read"), read(point + "/again"), read(root + "/other")
        equal(attack(broker, point, deed), (b"first", b"again", b"third."), f"contents on {kind}")


def test_file_systems_of_other_kinds_are_refused(t):
    broker, point = world(t)
    union, lower = t.fresh("union"), t.fresh("lower")
    write(lower + "/file", "content")
    syscalls.mount("overlay", union, "overlay", 0, f"lowerdir={lower}:{t.roots}")
    offers = [("overlayfs", lambda: os.open(union + "/file", os.O_RDONLY))]
    with open("/proc/filesystems") as file:
        known = file.read().split()
    if "hugetlbfs" in known:
        huge = t.fresh("huge")
        syscalls.mount("hugetlbfs", huge, "hugetlbfs", 0, "mode=0777")
        offers.append(("hugetlbfs", lambda: os.open(huge + "/file", os.O_RDWR | os.O_CREAT)))
    if "cgroup2" in known:
        groups = t.fresh("groups")
        syscalls.mount("cgroup2", groups, "cgroup2")
        offers.append(("cgroup2", lambda: os.open(groups + "/cgroup.controllers", os.O_RDONLY)))
    for name, opened in offers:
        def deed(fuse, client, opened=opened):
            return client.register(opened())[0], client.receive()
        equal(attack(broker, point, deed), ("FileSystem", None), f"{name}: the answer, and {ENDS}")


def test_directories_without_use_end_the_connection(t):
    broker, point = world(t)
    union = t.fresh("union")
    syscalls.mount("overlay", union, "overlay", 0, f"lowerdir={t.fresh('lower')}:{t.roots}")
    write(t.home + "/file", "content")
    offers = {"a file": (t.home + "/file", "NotDirectory"), "a device": ("/dev/null", "NotDirectory"), "overlayfs": (union, "FileSystem"),
              "/proc": ("/proc/self", "FileSystem"), "/sys": ("/sys", "FileSystem"), "the attacker's own": (point, "FileSystem")}
    for name, (path, expected) in offers.items():
        def deed(fuse, client, path=path):
            if path == point:
                fuse.serve()
            return client.offer_directory(os.open(path, os.O_PATH))[0], client.receive()
        equal(attack(broker, point, deed), (expected, None), f"{name}: the answer, and {ENDS}")


def test_the_file_offered_is_the_file_registered(t):
    broker, point = world(t)
    write(t.roots + "/secret", "secret")
    os.chmod(t.roots + "/secret", 0o600)

    def deed(fuse, client):
        path = t.home + "/own"
        found = []
        for turn in range(100):
            write(path, "own")
            fd = os.open(path, os.O_RDWR)
            client.send(client.message(REGISTER), [fd])
            # Between the check and the use: the number, the name, the mode, the flags.
            other = os.open("/etc/hostname" if turn % 2 else "/dev/null", os.O_RDONLY)
            os.dup2(other, fd)
            os.unlink(path)
            os.symlink(t.roots + "/secret", path)
            answer = client.receive()
            found.append(answer[0])
            fuse.files[f"file{turn}"] = answer[1]
            os.unlink(path), os.close(other), os.close(fd)
        fuse.serve()
        return set(found), {read(f"{point}/file{turn}") for turn in range(100)}
    equal(attack(broker, point, deed), ({"None"}, {b"own"}), "answers and contents")


def test_a_file_of_the_attackers_own_server_holds_up_only_him(t):
    broker, point = world(t)
    other = t.fresh("mnt")
    give_to(other, NOBODY)

    def deed(fuse, client):
        fuse.files["trap"] = 0
        fuse.serve()
        trap = os.open(point + "/trap", os.O_RDWR)
        outcome = client.register(trap)
        return outcome[0], client.receive()
    equal(attack(broker, point, deed), ("FileSystem", None), "a file of FUSE")
    broker.wait_for_children(0, "after the attack")
    equal(attack(broker, other, lambda fuse, client: client.register(os.open(t.roots, os.O_PATH))[0]), "PathOnly",
          "the next client is answered")
