# SPDX-License-Identifier: MIT
"""Memory and descriptors stay bounded whatever is walked or removed, and are given back.

The full sizes (200,000 files walked, 100,000 removed) run with --full; the shorter default keeps the
same bound per file.
"""
import os
import subprocess
import time

from harness import at_most, caches, equal, holds, need, read, write
from harness.daemon import is_sanitized

# meson sets it, and glibc then fills what is allocated and freed: pages become resident that no user's daemon touches.
os.environ.pop("MALLOC_PERTURB_", None)

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
LIMIT_MIB, FULL_FILES = 50, 200_000    # 262 bytes a file
KEPT_PERCENT = 10
FDS = 1000


def rss(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))


def fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def many(t, files, per_directory=500):
    """A lower with this many empty files, made quickly."""
    low = t.layer()
    for number in range(files // per_directory):
        directory = f"{low}/d{number:04}"
        os.mkdir(directory)
        fd = os.open(directory, os.O_RDONLY)
        for inner in range(per_directory):
            os.close(os.open(f"f{inner:03}", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd))
        os.close(fd)
    return low


def walk(path):
    count = 0
    for directory, _, files in os.walk(path):
        for name in files:
            os.lstat(f"{directory}/{name}")
            count += 1
    return count


def growth_allowed(files, pid):
    """In proportion to the files, but never less than a daemon's own small change of 16 MiB."""
    bound = max(LIMIT_MIB * files // FULL_FILES, 16) << 20
    return bound * (8 if is_sanitized(pid) else 1)


def forget(m):
    """Makes the kernel forget all unused inodes of the mount."""
    caches.drop()
    deadline = time.monotonic() + m.settings.seconds(20)
    while m.status()["inodes"] > 200 and time.monotonic() < deadline:
        time.sleep(0.05)
        caches.drop()


def wait_until(t, is_so):
    deadline = time.monotonic() + t.settings.seconds(20)
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)


def test_walking_many_files_takes_little_memory_and_few_descriptors(t):
    files = FULL_FILES if t.settings.full else 30_000
    m = t.mount(many(t, files))
    walk(m / "d0000"), forget(m)  # What the daemon needs for its first requests and keeps.
    before = rss(m.pid)
    equal(walk(m.path), files, "files walked")
    at_most(rss(m.pid) - before, growth_allowed(files, m.pid), "growth of the daemon's memory")
    at_most(fds(m.pid), FDS, "open descriptors")
    holds(m.status()["inodes"] >= 1, "inodes are counted")
    forget(m)
    at_most(m.status()["inodes"], 200, "inodes after the kernel has forgotten")
    if not is_sanitized(m.pid):
        allowed = before * (100 + KEPT_PERCENT) // 100
        wait_until(t, lambda: rss(m.pid) <= allowed)
        at_most(rss(m.pid), allowed, "the daemon's memory after the kernel has forgotten")
    at_most(fds(m.pid), FDS, "open descriptors at the end")


def test_removing_many_files_takes_little_memory_and_few_descriptors(t):
    files = FULL_FILES // 2 if t.settings.full else 15_000
    m = t.mount(many(t, files))
    before = rss(m.pid)
    subprocess.run(["rm", "-rf", *(f"{m.path}/{name}" for name in os.listdir(m.path))], check=True)
    equal(os.listdir(m.path), [], "names left")
    at_most(rss(m.pid) - before, growth_allowed(files, m.pid), "growth of the daemon's memory")
    at_most(fds(m.pid), FDS, "open descriptors")


def test_past_a_bound_the_kernel_is_asked_to_forget_idle_inodes(t):
    need("prune")
    files, bound = FULL_FILES if t.settings.full else 30_000, 5000
    m = t.mount(many(t, files), options=[f"max_idle_inodes={bound}"])
    held = os.open(m / "d0000/f000", os.O_RDONLY)
    number = os.fstat(held).st_ino
    directory = os.open(m / "d0001", os.O_RDONLY | os.O_DIRECTORY)
    equal(walk(m.path), files, "files walked")
    wait_until(t, lambda: m.status()["inodes"] <= bound)
    at_most(m.status()["inodes"], bound, "inodes some time after the walk")
    equal(m.status()["max_idle_inodes"], bound, "the bound that the status says")
    equal(os.stat(m / "d0000/f000").st_ino, number, "number of a file that was open meanwhile")
    equal(os.read(held, 1), b"", "what is read from it")
    equal(len(os.listdir(directory)), 500, "names in a directory that was open meanwhile")
    os.close(held), os.close(directory)
    equal(walk(m.path), files, "files walked again")


def test_written_data_outlive_the_kernels_memory_of_the_file(t):
    need("prune")
    m = t.mount(many(t, 2000), options=["max_idle_inodes=100"])
    for number in range(500):
        write(m / f"d0000/f{number:03}", f"{number}")
    walk(m.path)
    wait_until(t, lambda: m.status()["inodes"] <= 100)
    at_most(m.status()["inodes"], 100, "inodes")
    for number in range(500):
        equal(read(m / f"d0000/f{number:03}"), b"%d" % number, f"content of file {number}")


def test_copying_up_many_files_leaks_no_descriptors(t):
    m = t.mount(many(t, 2000))
    for directory, _, files in os.walk(m.path):
        for name in files:
            write(f"{directory}/{name}", "x")
    at_most(fds(m.pid), FDS, "open descriptors")
    forget(m)
    status = m.status()
    equal(status["open_handles"], 0, "open handles")
    at_most(status["inodes"], 200, "inodes")


def test_opening_and_closing_again_and_again_leaks_nothing(t):
    m = t.mount(t.layer({"file": "content", "d": {"x": "y"}}))
    for _ in range(50):
        os.close(os.open(m / "file", os.O_RDONLY)), os.listdir(m / "d")
    m.settle()
    before = fds(m.pid), m.status()["backing_ids"]
    for number in range(2000):
        os.close(os.open(m / "file", os.O_RDONLY))
        if number % 10 == 0:
            os.listdir(m / "d")
    m.settle()
    at_most(fds(m.pid), before[0] + 2, "open descriptors")
    at_most(m.status()["backing_ids"], before[1] + 1, "backing ids")


def test_names_made_and_removed_again_and_again_leak_nothing(t):
    m = t.mount(t.layer({}))
    for number in range(200):
        write(m / "name", "x"), os.unlink(m / "name")
    m.settle()
    before = m.status()["inodes"], fds(m.pid), rss(m.pid)
    for number in range(3000):
        write(m / "name", "x"), os.unlink(m / "name")
    m.settle()
    forget(m)
    at_most(m.status()["inodes"], before[0] + 50, "inodes")
    at_most(fds(m.pid), before[1] + 20, "open descriptors")
    at_most(rss(m.pid) - before[2], growth_allowed(3000, m.pid), "growth of the daemon's memory")


def test_a_hundred_lowers_are_mounted_with_few_descriptors(t):
    layers = [t.layer({"d": {f"f{number}": ""}}) for number in range(100)]
    m = t.mount(*layers)
    equal(len(os.listdir(m / "d")), 100, "names of the merged directory")
    at_most(fds(m.pid), 400, "open descriptors")
