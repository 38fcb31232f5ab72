# SPDX-License-Identifier: MIT
"""The daemon's descriptors for open files: none for passed-through readers, a bounded share for others; names always go on."""
import contextlib
import ctypes
import errno
import os
import resource

from harness import at_most, contains, equal, holds, lacking, only_in, read, refused, write
from harness.credentials import acting_as
from harness.daemon import need_no_sanitizer
from harness.worlds import NOBODY

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
LIMIT = 256
CAP_SYS_RESOURCE, PR_CAPBSET_DROP = 24, 24
LIBC = ctypes.CDLL(None)
TREE = {f"d{number:02}": {f"f{inner:02}": "content" for inner in range(50)} for number in range(20)} | {"file": "content"}
FILES = [f"d{number:02}/f{inner:02}" for number in range(20) for inner in range(50)]


def few_descriptors():
    """The daemon to be cannot raise this limit, even if it is root's."""
    LIBC.prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, LIMIT))


def mount(t, *options, tree=None):
    need_no_sanitizer(t.settings, "they have descriptors of their own")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    m = t.mount_stack(t.stack(t.layer(tree or TREE), options=options), preexec_fn=few_descriptors)
    contains(read(f"/proc/{m.pid}/limits").decode(), f"Max open files            {LIMIT} ", "limits of the daemon")
    return m


def in_use(m):
    """Of the daemon, as the kernel counts them."""
    return len(os.listdir(f"/proc/{m.pid}/fd"))


@contextlib.contextmanager
def open_files(m, names, flags):
    """Opens as many as the daemon lets: (descriptors, errnos of those that were refused)."""
    held, refusals = [], []
    try:
        for name in names:
            try:
                held.append(os.open(m / name, flags, 0o644))
            except OSError as error:
                refusals.append(error.errno)
        yield held, refusals
    finally:
        for fd in held:
            with contextlib.suppress(OSError):
                os.close(fd)


def demand_names_go_on(m, mark):
    """Whatever is open: everything that is done by name."""
    equal(len(os.listdir(m.path)), len(os.listdir(m.path)), "the names on top")
    for number in range(20):
        equal(len(os.listdir(m / f"d{number:02}")), 50, "names in a directory")
    for number in range(20):
        path = m / f"d{number:02}/f49"
        os.chmod(path, 0o600 + number)
        equal(os.stat(path).st_mode & 0o777, 0o600 + number, "mode")
        os.rename(path, path + mark), os.link(path + mark, path), os.unlink(path + mark)
    made = m / mark
    os.mkdir(made), os.mknod(made + "/node"), os.symlink("x", made + "/link")
    os.truncate(made + "/node", 100), os.utime(made + "/node", (1, 1))
    os.unlink(made + "/node"), os.unlink(made + "/link"), os.rmdir(made)


def demand_as_before(m, before):
    """After everything was closed."""
    m.settle()
    equal(m.status()["open_handles"], 0, "open handles")
    equal(m.status()["descriptors"]["of_open_files"], 0, "descriptors of open files")
    for name in FILES[:49]:
        write(m / name, "+", "ab")
        equal(read(m / name), b"content+" if before == "content" else read(m / name), "what was appended")
    with open_files(m, FILES[:60], os.O_RDWR) as (held, refusals):
        equal((len(held), refusals), (60, []), "files opened for writing")


def demand_bounded(m, held, refusals, files):
    """Some opens were refused, in the right way; the rest of the descriptors is left."""
    holds(len(held) >= LIMIT // 5, f"a good part is opened ({len(held)})")
    equal((len(held) + len(refusals), set(refusals)), (files, {errno.ENFILE}), "opened and refused, and why")
    at_most(in_use(m), LIMIT - 64, "descriptors in use")
    status = m.status()["descriptors"]
    equal(status["refused_opens"] >= len(refusals), True, "refusals are counted")
    equal(status["of_open_files"] >= len(held), True, "descriptors of open files are counted")
    contains(m.daemon.text(), "ulimit -n", "the log")
    equal(m.daemon.text().count("ulimit -n"), 1, "how often the log says it")


def test_passed_through_readers_cost_no_descriptors(t):
    m = mount(t)
    if not m.status()["passthrough"]["active"]:
        lacking("passthrough")
    before = in_use(m)
    with open_files(m, FILES, os.O_RDONLY) as (held, refusals):
        equal((len(held), refusals), (1000, []), "files opened")
        at_most(in_use(m), before + 40, "descriptors in use")
        equal({os.pread(fd, 100, 0) for fd in held}, {b"content"}, "what is read")
        for fd in held:                 # These need one, but not to keep it.
            equal(os.lseek(fd, 0, os.SEEK_DATA), 0, "data")
            os.fsync(fd)
            equal(os.fstat(fd).st_size, 7, "size")
        at_most(in_use(m), before + 60, "descriptors in use after each file was asked something")
        with open(m / "copy", "wb") as copy:
            for fd in held[:200]:
                equal(os.copy_file_range(fd, copy.fileno(), 7, 0), 7, "copied")
        at_most(in_use(m), before + 60, "descriptors in use after copying")
        demand_names_go_on(m, "a")
    demand_as_before(m, "content")


def bounded(t, flags, *options):
    m = mount(t, *options)
    for _ in range(2):
        with open_files(m, FILES, flags) as (held, refusals):
            demand_bounded(m, held, refusals, 1000)
            if flags != os.O_RDONLY:
                equal({os.pwrite(fd, b"CONTENT", 0) for fd in held}, {7}, "what is written")
                for fd in held:
                    os.fsync(fd)
            equal({os.pread(fd, 7, 0).lower() for fd in held}, {b"content"}, "what is read")
            demand_names_go_on(m, "a")
    demand_as_before(m, "content" if flags == os.O_RDONLY else None)


def test_writers_are_bounded(t):
    bounded(t, os.O_RDWR)


def test_files_that_the_daemon_serves_are_bounded(t):
    bounded(t, os.O_RDONLY, "passthrough=off")


def test_writers_that_the_daemon_serves_are_bounded(t):
    bounded(t, os.O_RDWR, "passthrough=off")


def test_new_files_are_refused_before_they_are_made(t):
    m = mount(t)
    names = [f"d00/new{number:03}" for number in range(300)]
    with open_files(m, names, os.O_RDWR | os.O_CREAT | os.O_EXCL) as (held, refusals):
        demand_bounded(m, held, refusals, 300)
        made = {name for name in os.listdir(m / "d00") if name.startswith("new")}
        equal(len(made), len(held), "names that were made")
        made = {name for name in os.listdir(m.upper + "/d00") if name.startswith("new")}
        equal(len(made), len(held), "names in the upper")
    for name in made:
        os.unlink(m / f"d00/{name}")
    demand_as_before(m, "content")


def test_lower_files_are_refused_before_they_are_copied(t):
    m = mount(t)
    with open_files(m, FILES, os.O_RDWR) as (held, refusals):
        demand_bounded(m, held, refusals, 1000)
        copies = sum(len(files) for _, _, files in os.walk(m.upper))
        equal(copies, len(held), "files in the upper")


def test_unnamed_files_are_bounded(t):
    m = mount(t)
    with open_files(m, ["d00"] * 300, os.O_TMPFILE | os.O_RDWR) as (held, refusals):
        demand_bounded(m, held, refusals, 300)
        for fd in held:
            os.write(fd, b"unnamed")
            os.fchmod(fd, 0o640)
            equal((os.fstat(fd).st_size, os.fstat(fd).st_nlink), (7, 0), "size and links")
        demand_names_go_on(m, "a")
    demand_as_before(m, "content")


def test_removed_files_are_bounded(t):
    m = mount(t)
    for name in FILES:
        write(m / name, "content")
    names = [name for name in FILES if not name.endswith("f49")]
    with open_files(m, names, os.O_RDONLY) as (held, _):
        for name in names:              # None is refused, although each is open and there are more than descriptors.
            if os.path.exists(m / name):
                os.unlink(m / name)
        at_most(in_use(m), LIMIT - 32, "descriptors in use")
        told, errors = 0, set()
        for fd in held:
            equal(os.pread(fd, 100, 0), b"content", "what is read of a removed file")
            try:
                told += os.fstat(fd).st_size == 7
            except OSError as error:
                errors.add(error.errno)
        holds(told >= LIMIT // 8, f"a good part still has attributes ({told})")
        at_most(len(errors - {errno.ENFILE}), 0, f"other errors than ENFILE: {errors}")
        for number in range(20):
            os.mknod(m / f"d{number:02}/new"), os.unlink(m / f"d{number:02}/new")
    m.settle()
    for number in range(20):
        equal(os.listdir(m / f"d{number:02}"), ["f49"], "names left")
    with open_files(m, [f"d{number:02}/f49" for number in range(20)], os.O_RDWR) as (held, refusals):
        equal((len(held), refusals), (20, []), "files opened for writing afterwards")


def test_removed_copies_never_lead_back_to_the_lower(t):
    m = mount(t, "passthrough=off")
    with open_files(m, FILES, os.O_RDONLY) as (held, _):
        for name in FILES[:len(held)]:
            os.chmod(m / name, 0o600), os.unlink(m / name)
        done, errors = 0, set()
        for fd in held:
            try:
                os.fchmod(fd, 0o606)
                done += os.fstat(fd).st_mode & 0o777 == 0o606
            except OSError as error:
                errors.add(error.errno)
        holds(done >= 8, f"some can be changed ({done})")
        at_most(len(errors - {errno.ENFILE}), 0, f"other errors than ENFILE: {errors}")
        for name in FILES[:len(held)]:
            equal(os.stat(f"{m.stack.lowers[0]}/{name}").st_mode & 0o777, 0o644, "mode of the lower file")
        os.mknod(m / "d00/new"), os.unlink(m / "d00/new")


def test_directories_and_walks_are_bounded(t):
    m = mount(t, tree={f"d{number:03}": {"in": {f"f{inner}": "" for inner in range(20)}} for number in range(300)})
    names = [f"d{number:03}/in" for number in range(300)]
    with open_files(m, names, os.O_RDONLY | os.O_DIRECTORY) as (held, refusals):
        equal(refusals, [], "directories that were refused")
        for fd in held:
            with os.scandir(fd) as entries:
                next(entries)
        equal({len(os.listdir(fd)) for fd in held}, {20}, "names")
        at_most(in_use(m), LIMIT - 64, "descriptors in use")
        for name in names:
            write(m / f"{name}/f1", "x"), os.chmod(m / f"{name}/f2", 0o600)
    at_most(in_use(m), LIMIT - 64, "descriptors in use afterwards")


def test_a_storm_of_opens_leaves_names_alone(t):
    m = mount(t)
    problems = []
    child = os.fork()
    if child == 0:
        try:
            for _ in range(30):
                with open_files(m, FILES[:300], os.O_RDWR):
                    pass
        finally:
            os._exit(0)
    rounds = 0
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        try:
            demand_names_go_on(m, f"mark{rounds}")
        except OSError as error:
            problems.append(str(error))
        rounds += 1
    equal((problems, rounds > 0), ([], True), "calls by name that failed, and that there were any")
    demand_as_before(m, None)


@only_in("root", why="others act in it")
def test_one_user_leaves_descriptors_to_others(t):
    m = mount(t)
    users = (NOBODY, 1234, 0)
    for user in users:
        os.mkdir(m / str(user)), os.chown(m / str(user), user, user)
    most = m.status()["descriptors"]["most_of_open_files"]
    with contextlib.ExitStack() as stack:
        opened = []
        for user in users:
            with acting_as(user):
                names = [f"{user}/{number}" for number in range(400)]
                held, refusals = stack.enter_context(open_files(m, names, os.O_RDWR | os.O_CREAT))
            opened.append(len(held))
            equal(set(refusals), {errno.ENFILE}, "refusals")
        equal((opened[0], opened[1]), (most // 2, most // 4), f"files of the first user and of the second, of {most}")
        equal(sum(opened), most, "files of all, root's last")
        contains(m.daemon.text(), f"user {NOBODY}", "the log")
        demand_names_go_on(m, "a")
    demand_as_before(m, "content")


def test_a_limit_that_is_changed_while_mounted_counts(t):
    m = mount(t)
    resource.prlimit(m.pid, resource.RLIMIT_NOFILE, (200, LIMIT))
    equal(m.status()["descriptors"]["limit"], 200, "the limit")
    with open_files(m, FILES, os.O_RDWR) as (fewer, refusals):
        equal(set(refusals), {errno.ENFILE}, "refusals")
        resource.prlimit(m.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
        with open_files(m, FILES[len(fewer):], os.O_RDWR) as (more, _):
            holds(len(more) > 20, f"more can be opened at once ({len(more)})")
    resource.prlimit(m.pid, resource.RLIMIT_NOFILE, (in_use(m) + 1, LIMIT))
    with open_files(m, FILES, os.O_RDWR) as (_, refusals):
        equal(set(refusals), {errno.ENFILE}, "refusals when the limit is below what is kept back")
    resource.prlimit(m.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    equal(m.status()["descriptors"]["limit"], LIMIT, "the limit")
    demand_as_before(m, "content")
