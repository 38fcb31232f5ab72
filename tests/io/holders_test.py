# SPDX-License-Identifier: MIT
"""Processes that hold a file while others change it: by a descriptor, a duplicate, a child's, a mapping, /proc, a running program.

Every way of holding is combined with every way of changing, for files of the lower and of the upper, in each mode.
What a holder from before the first write to a lower file sees is the mode's matter (`old_reads`, `old_maps`); in all
other cases, and for every later opener, there is one answer.
"""
import errno
import mmap
import os
import subprocess

from harness import File, equal, holds, read, refused, syscalls, write
from harness.parallel import together
from modes import OLD, in_each_mode

BEFORE = b"old " * 1024
PAGE = 4096


# Ways of holding: each returns what shows the content now, and what ends it. `kind` says which rule is theirs.

def reader(path):
    return os.open(path, os.O_RDONLY)


def all_of(fd):
    return os.pread(fd, 2 * PAGE, 0)


def by_descriptor(path):
    fd = reader(path)
    return lambda: all_of(fd), lambda: os.close(fd)


def by_duplicate(path):
    fd = reader(path)
    other = os.dup(fd)
    os.close(fd)
    return lambda: all_of(other), lambda: os.close(other)


def by_reopened(path):
    fd = reader(path)
    other = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
    os.close(fd)
    return lambda: all_of(other), lambda: os.close(other)


def by_reopening_later(path):
    """Right after a truncation the kernel still knows the path by the old inode: it is to walk it first (ESTALE)."""
    fd = reader(path)

    def shown():
        try:
            return read(f"/proc/self/fd/{fd}")
        except OSError as error:
            equal(error.errno, errno.ESTALE, "errno of a descriptor that is reopened")
        read(path)
        return read(f"/proc/self/fd/{fd}")
    return shown, lambda: os.close(fd)


def by_path_alone(path):
    fd = os.open(path, os.O_PATH)
    return lambda: read(f"/proc/self/fd/{fd}"), lambda: os.close(fd)


def by_child(path):
    """The descriptor lives in a child only, which reads when it is asked to."""
    fd = reader(path)
    (asked, ask), (answered, answer) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ask)
        while os.read(asked, 1):
            os.write(answer, all_of(fd).ljust(2 * PAGE, b"\xff"))
        os._exit(0)
    os.close(fd), os.close(asked), os.close(answer)

    def shown():
        os.write(ask, b"?")
        data = b""
        while len(data) < 2 * PAGE:
            data += os.read(answered, 2 * PAGE)
        return data.rstrip(b"\xff")

    def end():
        os.close(ask), os.close(answered)
        os.waitpid(child, 0)
    return shown, end


def mapped(flags, protection=mmap.PROT_READ, store=b""):
    def by_mapping(path):
        fd = reader(path)
        area = mmap.mmap(fd, PAGE, flags, protection)
        os.close(fd)
        holds(area[:] == BEFORE, "the mapping shows the file")
        if store:
            area[:len(store)] = store
        return lambda: area[:], area.close
    return by_mapping


def by_bind_mount(path):
    """Seen through a mount of the file over one beside the union."""
    point = f"{os.path.dirname(path)}.bound"
    write(point, "")
    syscalls.mount(path, point, None, syscalls.MS_BIND)

    def end():
        syscalls.umount(point, syscalls.MNT_DETACH)
        os.unlink(point)
    return lambda: read(point), end


HOLDERS = {
    "a descriptor": ("reads", by_descriptor),
    "a duplicate": ("reads", by_duplicate),
    "a reopened descriptor": ("reads", by_reopened),
    "a descriptor that is reopened later": ("reads", by_reopening_later),
    "a child's descriptor": ("reads", by_child),
    "a shared mapping": ("maps", mapped(mmap.MAP_SHARED)),
    "a private mapping": ("maps", mapped(mmap.MAP_PRIVATE)),
    "a private mapping that was stored to": ("own", mapped(mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE, b"own")),
    "a path descriptor": ("path", by_path_alone),
    "a bind mount": ("path", by_bind_mount),
}


# Ways of changing: each returns the content that it makes.

def writing(path):
    with open(path, "r+b", buffering=0) as file:
        os.pwrite(file.fileno(), b"NEW", 0)
    return b"NEW" + BEFORE[3:]


def truncating_open(path):
    write(path, b"shorter")
    return b"shorter"


def cutting(path):
    os.truncate(path, 100)
    return BEFORE[:100]


def appending(path):
    write(path, b"more", "ab")
    return BEFORE + b"more"


def storing(path):
    with open(path, "r+b", buffering=0) as file, mmap.mmap(file.fileno(), PAGE) as area:
        area[5:8] = b"MAP"
        area.flush()
    return BEFORE[:5] + b"MAP" + BEFORE[8:]


def writing_through_a_link(path):
    os.link(path, path + ".link")
    writing(path + ".link")
    return b"NEW" + BEFORE[3:]


def changing_attributes(path):
    os.chmod(path, 0o600)
    os.utime(path, (1, 1))
    return BEFORE


def writing_after_a_change_of_attributes(path):
    os.chmod(path, 0o600)
    return writing(path)


def replacing(path):
    write(path + ".new", b"another")
    os.rename(path + ".new", path)
    return b"another"


def removing(path):
    os.unlink(path)
    write(path, b"made anew")
    return b"made anew"


CHANGES = (writing, truncating_open, cutting, appending, storing, writing_through_a_link, changing_attributes,
           writing_after_a_change_of_attributes, replacing, removing)


def expected(mode, kind, change, start, new):
    """What the holder shows after the change."""
    old_view = {"reads": mode.old_reads, "path": "new"}.get(kind, mode.old_maps)
    if kind == "own":                           # a page of one's own goes when the file is cut down to nothing
        lost = change is truncating_open and not (start == "lower" and old_view == OLD)
        return new.ljust(PAGE, b"\0") if lost else b"own" + BEFORE[3:]
    seen = BEFORE if change in (replacing, removing) or start == "lower" and old_view == OLD else new
    return seen.ljust(PAGE, b"\0")[:PAGE] if kind == "maps" else seen


def every_holder_sees_what_it_should_after_every_change(t, mode):
    cases = [(start, holder, change) for start in ("lower", "upper") for holder in HOLDERS for change in CHANGES]
    names = [f"f{number}" for number in range(len(cases))]
    tree = {start: {name: BEFORE for name, case in zip(names, cases, strict=True) if case[0] == start}
            for start in ("lower", "upper")}
    m = mode.mount(t, t.layer(tree["lower"]), upper=t.layer(tree["upper"]))
    wrong, contents = [], {}
    for name, (start, holder, change) in zip(names, cases, strict=True):
        what = f"{holder} of a file of the {start} after {change.__name__.replace('_', ' ')}"
        kind, hold = HOLDERS[holder]
        shown, end = hold(m / name)
        contents[name] = new = change(m / name)
        seen, wanted = shown(), expected(mode, kind, change, start, new)
        if seen != wanted:
            wrong.append(f"{what}: {seen[:12]}... ({len(seen)} bytes), expected {wanted[:12]}... ({len(wanted)} bytes)")
        if read(m / name) != new or os.stat(m / name).st_size != len(new):
            wrong.append(f"an opener after {what}: {read(m / name)[:12]}...")
        end()
        if read(m / name) != new:
            wrong.append(f"an opener once {what} has gone: {read(m / name)[:12]}...")
    holds(not wrong, f"{len(wrong)} of {len(cases)} show something else:\n    " + "\n    ".join(wrong[:20]))
    m = mode.remount(t, m)
    for name, (start, holder, change) in zip(names, cases, strict=True):
        equal(read(m / name) == contents[name], True, f"after a remount, {name}: {holder}, {start}, {change.__name__}")


def a_writer_without_a_path_is_served_or_refused_but_never_given_the_lower(t, mode):
    m = mode.mount(t, t.layer({"file": BEFORE}))
    old = reader(m / "file")
    magic = f"/proc/self/fd/{old}"
    if mode.old_reads == OLD:                   # the kernel holds the lower's inode: there is no safe answer
        refused(errno.ESTALE, os.open, magic, os.O_RDWR)
        equal(all_of(old), BEFORE, "what the reader sees")
    else:
        with open(magic, "r+b", buffering=0) as writer:
            os.pwrite(writer.fileno(), b"NEW", 0)
        equal(all_of(old), b"NEW" + BEFORE[3:], "what the reader sees")
    os.close(old)
    write(m / "file", b"later", "ab")
    equal(read(m / "file")[-5:], b"later", "after the reader has gone")


def a_description_that_is_shared_has_one_offset(t, mode):
    m = mode.mount(t, t.layer({"lower": BEFORE}))
    for name in ("lower", "new"):
        fd = os.open(m / name, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        twin = os.dup(fd)
        expected_content = b""
        for turn in range(5):
            for number, writer in ((1, fd), (2, twin)):
                data = bytes([48 + turn * 3 + number]) * (1000 * number + turn)
                os.write(writer, data)
                expected_content += data
            data = bytes([48 + turn * 3]) * 3001
            child = os.fork()
            if child == 0:
                os._exit(0 if os.write(fd, data) == len(data) else 1)
            equal(os.waitpid(child, 0)[1], 0, "the child has written")
            expected_content += data
            equal(os.lseek(twin, 0, os.SEEK_CUR), len(expected_content), "the offset after the child's write")
        equal(os.pread(twin, len(expected_content) + 1, 0) == expected_content, True, f"content of {name} by the handle")
        os.close(fd), os.close(twin)
        equal(read(m / name) == expected_content, True, f"content of {name}")
        equal(read(f"{m.upper}/{name}") == expected_content, True, f"content of {name} in the upper")


def mappings_of_several_processes_show_each_others_stores(t, mode):
    m = mode.mount(t, t.layer({"file": bytes(8 * PAGE)}))
    write(m / "file", b"\0", "r+b")                       # copied up before they come

    def work(number):
        fd = os.open(m / "file", os.O_RDWR)
        area = mmap.mmap(fd, 8 * PAGE)
        for turn in range(200):
            place = 8 * number + 64 * (turn % 500)
            area[place:place + 8] = b"%d:%05d." % (number, turn)
            if os.pread(fd, 8, place) != b"%d:%05d." % (number, turn):
                raise AssertionError(f"store {turn} is not read")
        os.pwrite(fd, b"written%d" % number, 7 * PAGE + 8 * number)
        while any(area[7 * PAGE + 8 * other:7 * PAGE + 8 * other + 8] != b"written%d" % other for other in range(3)):
            pass
        os.close(fd), area.close()
    together(t, [lambda n=number: work(n) for number in range(3)])
    wanted = b"".join(b"%d:%05d." % (number, turn) if number < 3 else bytes(40) for turn in range(200) for number in range(4))
    equal(read(m / "file")[:len(wanted)] == wanted, True, "all stores are in the file")
    m.umount()
    equal(read(m.upper + "/file")[:len(wanted)] == wanted, True, "all stores are in the upper")


def a_running_program_is_not_disturbed_by_its_replacement(t, mode):
    programs = {name: read("/bin/sleep") for name in ("replaced", "removed", "changed", "kept")}
    m = mode.mount(t, t.layer(programs))
    for name in ("replaced", "removed", "changed"):
        os.chmod(m / name, 0o755)                         # copied up for their attributes only
    os.chmod(m / "kept", 0o755)
    running = {name: subprocess.Popen([m / name, "60"]) for name in programs}
    try:
        for name in programs:
            refused(errno.ETXTBSY, open, m / name, "r+b")
        write(m / "new", read("/bin/true")), os.chmod(m / "new", 0o755)
        os.rename(m / "new", m / "replaced")
        os.unlink(m / "removed")
        os.chmod(m / "changed", 0o700)
        equal(subprocess.run([m / "replaced"], check=False).returncode, 0, "the replacement runs")
        equal(subprocess.run([m / "changed", "0"], check=False).returncode, 0, "a second one of the changed runs")
        for name, process in running.items():
            equal(process.poll(), None, f"the {name} program still runs")
            equal(read(f"/proc/{process.pid}/exe") == programs[name], True, f"what the {name} program is made of")
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    for name in ("changed", "kept"):
        write(m / name, read("/bin/true"))
        equal(subprocess.run([m / name, "60"], check=False, timeout=t.settings.seconds(30)).returncode, 0, f"the {name} program written anew")


def a_lower_program_runs_while_it_is_copied_up(t, mode):
    m = mode.mount(t, t.layer({"sleep": File(read("/bin/sleep"), 0o755)}))
    process = subprocess.Popen([m / "sleep", "60"])
    try:
        os.chmod(m / "sleep", 0o700)
        os.link(m / "sleep", m / "linked")
        equal(read(f"/proc/{process.pid}/exe") == read("/bin/sleep"), True, "what it is made of")
        equal(subprocess.run([m / "linked", "0"], check=False).returncode, 0, "another one runs by another name")
        equal(process.poll(), None, "its status")
    finally:
        process.kill()
        process.wait()
    write(m / "sleep", read("/bin/true"))
    equal(subprocess.run([m / "linked", "60"], check=False, timeout=t.settings.seconds(30)).returncode, 0, "the program written by one name")


TABLE = in_each_mode(every_holder_sees_what_it_should_after_every_change,
                     a_writer_without_a_path_is_served_or_refused_but_never_given_the_lower,
                     a_description_that_is_shared_has_one_offset, mappings_of_several_processes_show_each_others_stores,
                     a_running_program_is_not_disturbed_by_its_replacement, a_lower_program_runs_while_it_is_copied_up)
