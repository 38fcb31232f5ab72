# SPDX-License-Identifier: MIT
"""overpass add-layer: a union that is in use gets one more lower, on top of those that it has."""
import errno
import mmap
import os
import stat
import threading
import time

from harness import contains, equal, holds, only_in, refused, same_lines, write
from harness.deaths import Deaths, kill_daemon, lives, replace
from harness.systems import Stack
from harness.trees import WHITEOUT, Dir, File, Link, Symlink

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 300
SURVIVE = ["survive=on"]
LOWER = {"file": "lower", "other": "other", "gone": "gone", "dir": {"sub": {"deep": "d"}, "name": "n"},
         "hidden": {"inner": "i", "open": "opened"}, "replaced": {"within": "w"}, "a": "one", "b": Link("a"), "link": Symlink("file")}
ADDED = {"file": "added", "dir": {"sub": {"fresh": "f"}, "new": "new"}, "gone": WHITEOUT, "more": {"x": "y"},
         "hidden": Dir({"only": "o"}, opaque="trusted"), "replaced": "a file now", "a": "two"}


def union(t, *options, lower=None, **named):
    return t.mount(t.layer(lower or LOWER), options=[*SURVIVE, *options], **named)


def add(t, m, path):
    """The exit status and what is said."""
    status, _, said = t.status_text("add-layer", m.path, path)
    return status, said


def added(t, m, tree):
    path = t.layer(tree)
    t.watch_lower(path)
    equal(add(t, m, path), (0, ""), "add-layer")
    return path


def lowers(m):
    return [layer["path"] for layer in m.status()["layers"] if layer["role"] == "lower"]


def is_as_mounted_anew(t, m, *paths):
    """What is seen is what a new mount of all layers shows."""
    seen = t.dump(m.path)
    m.umount()
    again = t.mount_stack(Stack([*paths, *m.stack.lowers], m.stack.upper, m.stack.work, m.stack.options, m.stack.mountpoint))
    same_lines(seen, t.dump(again.path), "what is seen after it, and what a mount of all layers shows")


def test_all_is_seen_as_in_a_mount_of_all_layers(t):
    m = union(t)
    write(m / "dir/mine", "mine"), write(m / "other", "changed")
    os.unlink(m / "dir/name")
    t.dump(m.path)
    refused(errno.ENOENT, os.stat, m / "more")
    first = added(t, m, ADDED)
    equal(sorted(os.listdir(m / "dir")), ["mine", "new", "sub"], "a merged directory")
    equal(os.listdir(m / "hidden"), ["only"], "a directory that is opaque in the new layer")
    with open(m / "more/x", encoding="ascii") as file:
        equal(file.read(), "y", "a name that was absent")
    refused(errno.ENOENT, os.stat, m / "gone")
    second = added(t, m, {"more": {"z": "z"}, "file": "third"})
    equal(lowers(m), [second, first, *m.stack.lowers], "the lowers")
    equal(sorted(os.listdir(m / "more")), ["x", "z"], "a directory of both")
    is_as_mounted_anew(t, m, second, first)


def test_what_is_open_goes_on(t):
    m = union(t)
    with open(m / "file", "rb") as reader, open(m / "hidden/open", "rb") as deep, open(m / "mine", "w+b") as mine, \
            open(m / "removed", "w+b") as removed, open(m / "file", "rb") as mapped:
        os.unlink(m / "removed")
        mapping = mmap.mmap(mapped.fileno(), 0, prot=mmap.PROT_READ)
        fd = os.open(m / "dir", os.O_RDONLY)
        gone = os.open(m / "hidden", os.O_RDONLY | os.O_DIRECTORY)
        inodes = [os.stat(place).st_ino for place in (m.path, m / "dir", m / "other")]
        mine.write(b"one"), mine.flush(), removed.write(b"one"), removed.flush()
        added(t, m, ADDED)
        for number in range(2):
            equal((os.pread(reader.fileno(), 9, 0), os.pread(deep.fileno(), 9, 0), mapping[:]), (b"lower", b"opened", b"lower"), "open files of lowers")
            equal(os.fstat(reader.fileno()).st_size, 5, "the size of one")
            mine.write(b"+"), mine.flush(), removed.write(b"+"), removed.flush()
            equal(os.pread(removed.fileno(), 9, 0), b"one" + b"+" * (number + 1), "a removed file")
            equal(sorted(os.listdir(fd)), ["name", "new", "sub"], "an open directory that is merged now")
            refused((errno.ESTALE, errno.ENOENT), os.stat, "inner", dir_fd=gone)
            equal([os.stat(place).st_ino for place in (m.path, m / "dir", m / "other")], inodes, "inode numbers")
            with open(m / "file", "rb") as other:
                equal(other.read(), b"added", "what has the name now")
            kill_daemon(m)
        mapping.close()
        os.close(fd), os.close(gone)
    with open(m / "mine", "rb") as file:
        equal(file.read(), b"one++", "a file of the upper")
    equal(lives(m), 2, "deaths")


def test_a_file_that_is_open_for_writing_is_the_one_that_was_opened(t):
    m = union(t)
    with open(m / "file", "r+b") as writer:
        path = added(t, m, ADDED)
        writer.write(b"WR"), writer.flush()
        equal(os.pread(writer.fileno(), 9, 0), b"WRwer", "what it has")
        os.fsync(writer.fileno())
    with open(m / "file", "rb") as file:
        # It was copied up when it was opened, and the upper is above all.
        equal(file.read(), b"WRwer", "what has the name")
    is_as_mounted_anew(t, m, path)


def test_a_file_without_its_name_is_read_and_not_changed(t):
    """Neither the lower is written through what reads it, nor a copy that nobody would see."""
    m = union(t)
    with open(m / "file", "rb") as plain, open(m / "hidden/open", "rb") as hidden, open(m / "gone", "rb") as gone:
        added(t, m, ADDED)
        for _ in range(2):
            for file, content in ((plain, b"lower"), (hidden, b"opened"), (gone, b"gone")):
                link = f"/proc/self/fd/{file.fileno()}"
                equal(os.pread(file.fileno(), 99, 0), content, "what has been opened")
                with open(link, "rb") as again:
                    equal(again.read(), content, "the same, opened anew")
                for change in (lambda: os.open(link, os.O_RDWR), lambda: os.open(link, os.O_WRONLY | os.O_TRUNC), lambda: os.truncate(link, 1),
                               lambda: os.chmod(link, 0o600), lambda: os.utime(link), lambda: os.setxattr(link, "user.x", b"y")):
                    refused(errno.ESTALE, change)
            kill_daemon(m)
    for name, content in (("file", b"added"), ("hidden/only", b"o")):
        with open(m / name, "r+b") as file:
            equal(file.read(), content, "what has the name")
            file.write(b"+"), file.flush()
        with open(m / name, "rb") as file:
            equal(file.read(), content + b"+", "what has the name, written")


def test_writes_during_it_are_not_lost(t):
    """Whoever opens a file by its name and writes has written what has the name afterwards."""
    names = [f"file{i}" for i in range(30)]
    end, written = threading.Event(), dict.fromkeys(names, 0)
    wrong = []

    def append(m):
        try:
            while not end.is_set():
                for name in names:
                    with open(m / name, "ab", buffering=0) as file:
                        file.write(b"+")
                    written[name] += 1
        except OSError as error:
            wrong.append(str(error))

    for _ in range(t.settings.in_form(2, 5, 50)):
        m = union(t, lower=dict.fromkeys(names, "."))
        for name in names:
            os.stat(m / name)
        thread = threading.Thread(target=append, args=(m,))
        path = t.layer(dict.fromkeys(names, "#"))
        t.watch_lower(path)
        thread.start()
        equal(add(t, m, path), (0, ""), "add-layer")
        end.set()
        thread.join()
        equal(wrong, [], "errors")
        for name in names:
            with open(m / name, "rb") as file:
                content = file.read()
            equal(content.count(b"+"), written[name], f"bytes of {name} that were written")
        m.umount()
        end.clear()
        written.update(dict.fromkeys(names, 0))


def test_working_directories_and_names_in_use(t):
    m = union(t)
    back = os.open(".", os.O_RDONLY)
    os.chdir(m / "dir/sub")
    try:
        added(t, m, ADDED)
        equal(sorted(os.listdir(".")), ["deep", "fresh"], "the working directory")
        write("mine", "m")
        equal(os.getcwd(), os.fspath(m / "dir/sub"), "its path")
        os.rename("mine", "../moved")
    finally:
        os.fchdir(back), os.close(back)
    equal(sorted(os.listdir(m / "dir")), ["moved", "name", "new", "sub"], "the names")


def test_it_stays_after_deaths_and_replacements(t):
    m = union(t)
    path = added(t, m, ADDED)
    for _ in range(2):
        kill_daemon(m)
        equal(lowers(m), [path, *m.stack.lowers], "the lowers after a death")
        equal(replace(t, m), (0, ""), "a replacement")
        equal(lowers(m), [path, *m.stack.lowers], "the lowers after it")
    second = added(t, m, {"second": "s"})
    os.rename(path, path + ".moved"), os.mkdir(path)
    t.let_lower_change(path, "another directory has its name")
    t.watch_lower(path + ".moved")
    kill_daemon(m)
    equal(lowers(m), [second, path, *m.stack.lowers], "the lowers")
    with open(m / "file", encoding="ascii") as file:
        equal(file.read(), "added", "the layer that was opened is used, not what has its name")


def test_what_cannot_be_added(t):
    m = union(t)
    os.mkdir(m / "own")
    inside = t.fresh("parent", {"file": "f"})
    t.watch_lower(inside)
    before = t.dump(m.path)
    pid = m.status()["pid"]
    for path, said in ((t.directory + "/nowhere", "No such file or directory"), (inside + "/file", "Not a directory"),
                       (m / "own", "lies in the union itself"), (m.path, "lies in the union itself"),
                       (m.stack.upper, "is a layer of the union already"), (m.stack.lowers[0], "is a layer of the union already")):
        status, text = add(t, m, path)
        equal(status, 1, f"the status for {path}")
        contains(text, said), contains(text, "is not added to")
    if t.world == "user":
        status, text = add(t, m, os.path.dirname(m.path))
        equal(status, 1, "the status for what the mountpoint lies in")
        contains(text, "the mountpoint")
    equal(t.status_text("add-layer", m.path)[0], 2, "the status without a directory")
    equal((m.status()["pid"], lowers(m)), (pid, m.stack.lowers), "the daemon and its lowers")
    same_lines(t.dump(m.path), before, "what is seen")
    other = t.mount(t.layer(LOWER))
    status, text = add(t, other, t.layer(ADDED))
    equal(status, 1, "the status without a keeper")
    contains(text, "survive=on")


def test_formats_that_tie_the_upper_to_its_lowers(t):
    for option in ("index=on", "metacopy=on"):
        if option == "metacopy=on" and t.world == "user":
            continue    # It has no effect there.
        m = union(t, option)
        if not m.status()[option.split("=", maxsplit=1)[0]]["active"]:
            continue
        path = t.layer(ADDED)
        t.watch_lower(path)
        status, text = add(t, m, path)
        equal(status, 1, f"the status with {option}")
        contains(text, option), contains(text, "mount anew")
        m.umount()


def test_own_directories_in_it_are_not_shown(t):
    place = t.fresh("place", {"upper": {}, "work": {}, "file": "f"})
    m = t.mount_stack(Stack([t.layer(LOWER)], place + "/upper", place + "/work", SURVIVE, t.fresh("mnt")))
    write(m / "mine", "m")
    t.let_lower_change(place, "the upper lies in it")
    equal(add(t, m, place), (0, ""), "add-layer")
    for _ in range(2):
        equal([name for name in sorted(os.listdir(m.path)) if name not in LOWER], ["mine"], "names that come from it, and that it hides")
        refused(errno.ENOENT, os.stat, m / "upper")
        refused(errno.ENOENT, os.stat, m / "work")
        kill_daemon(m)


@only_in("root", why="root's files are refused to others")
def test_nobody_sees_more_by_what_he_was_told_before(t):
    m = union(t, "allow_other", lower={"secret": Dir({"a": "a"}, mode=0o755)})
    path = t.layer({"secret": Dir({"b": File(b"b", mode=0o644)}, mode=0o700)})
    t.watch_lower(path)
    os.chmod(t.directory, 0o755)
    read, written = os.pipe()
    child = os.fork()
    if child == 0:
        os.setresuid(1000, 1000, 1000)
        seen = b"none"
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                os.stat(m / "secret/a")
            except PermissionError:
                seen = b"refused"
                break
            try:
                with open(m / "secret/b", "rb"):
                    seen = b"read"
                    break
            except OSError:
                pass
        os.write(written, seen)
        os._exit(0)
    time.sleep(0.3)
    equal(add(t, m, path), (0, ""), "add-layer")
    os.waitpid(child, 0)
    equal(os.read(read, 99), b"refused", "what another user gets")
    os.close(read), os.close(written)


def test_work_goes_on(t):
    m = union(t, lower={f"dir{i}": {f"file{j}": f"{i}{j}" for j in range(20)} for i in range(5)})
    end, wrong, counts = threading.Event(), [], [0, 0]

    def append():
        try:
            with open(m / "log", "ab", buffering=0) as log:
                while not end.is_set():
                    log.write(b"%08d\n" % counts[0])
                    counts[0] += 1
                    write(m / f"dir{counts[0] % 5}/new{counts[0] % 50}", str(counts[0]))
        except OSError as error:
            wrong.append(f"append: {error}")

    def walk():
        try:
            while not end.is_set():
                for place, _, names in os.walk(m.path, onerror=wrong.append):
                    for name in names:
                        with open(os.path.join(place, name), "rb") as file:
                            holds(name.startswith(("new", "log")) or file.read() != b"", f"{name} has content")
                counts[1] += 1
        except FileNotFoundError:
            pass
        except OSError as error:
            wrong.append(f"walk: {error}")

    threads = [threading.Thread(target=work) for work in (append, walk)]
    for thread in threads:
        thread.start()
    paths = [added(t, m, {f"dir{number % 5}": {f"added{number}": "x", "file3": f"{number}!"}})
             for number in range(t.settings.in_form(3, 6, 60))]
    end.set()
    for thread in threads:
        thread.join()
    equal(wrong, [], "errors")
    with open(m / "log", "rb") as log:
        equal(log.read(), b"".join(b"%08d\n" % number for number in range(counts[0])), "what was appended")
    is_as_mounted_anew(t, m, *reversed(paths))


def test_deaths_meanwhile_leave_one_or_the_other(t):
    m = union(t, lower={f"dir{i}": {f"file{j}": f"{i}{j}" for j in range(20)} for i in range(5)})
    paths = []
    with open(m / "dir1/file1", "rb") as reader, Deaths(m) as deaths:
        while deaths.count < t.settings.in_form(3, 6, 40):
            for place, _, names in os.walk(m.path):
                for name in names:
                    os.stat(os.path.join(place, name))
            path = t.layer({f"dir{len(paths) % 5}": {f"added{len(paths)}": "x", "file1": f"{len(paths)}!"}})
            t.watch_lower(path)
            status, said = add(t, m, path)
            holds(status == 0 or "not added" in said or "not seen everywhere" in said, f"what is said: {status} {said}")
            is_there = lowers(m)[0] == path
            holds(is_there or status != 0, "what was added is there")
            paths += [path] * is_there
            time.sleep(0.4)
        equal(os.pread(reader.fileno(), 9, 0), b"11", "a file that is open")
    equal(lowers(m), [*reversed(paths), *m.stack.lowers], "the lowers")
    equal(t.status_text("refresh", m.path)[0], 0, "refresh")
    is_as_mounted_anew(t, m, *reversed(paths))


def test_nodes_without_use_are_given_back(t):
    m = union(t, lower={f"file{i}": "x" for i in range(200)})
    for name in os.listdir(m.path):
        os.stat(m / name)
    added(t, m, {f"file{i}": "y" for i in range(0, 200, 2)})
    equal({os.stat(m / f"file{i}").st_size for i in range(200)}, {1}, "sizes")
    content = "".join(open(m / f"file{i}", encoding="ascii").read() for i in range(200))
    equal(content, "yx" * 100, "contents")
    holds(stat.S_ISREG(os.stat(m / "file1").st_mode), "a file is one")
