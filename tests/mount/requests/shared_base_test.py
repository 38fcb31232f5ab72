# SPDX-License-Identifier: MIT
"""Many builders over one base, as docs/beyond-one-machine.md has them: how often a build asks the base, with a bound; and
builds over an image, at once, that come out as one over a plain directory does.
"""
import hashlib
import os
import subprocess

from harness import equal, features, holds, loop_images, read, write
from harness.counting_server import CountingServer

SYSTEMS = ("overpass",)
WORLDS = ("root", "user")
ELSEWHERE = "fusermount3 mounts for the machine's users"
ALONE = True        # another test's drop of caches would cost requests
PATIENCE = 300

SOURCES, HEADERS, SIZE = 12, 20, 6000
PATHS = ("first", "second", "include")         # the headers are in the last
BASE = {"src": {f"{number}.c": b"source" * 50 for number in range(SOURCES)},
        "include": {f"{number}.h": bytes([65 + number]) * SIZE for number in range(HEADERS)},
        "first": {"other.h": b"x"}, "second": {"other.h": b"x"}, "out": {}}
FILES = SOURCES + HEADERS
NAMES = FILES + len(BASE)                      # that a build finds
ABSENT = HEADERS * 2 + SOURCES                 # headers where they are not, and objects before they are made
OPENS = SOURCES * (1 + HEADERS)
# Where names and attributes may not be kept, an open is a lookup, an open, and the attributes before, at and after it. A file
# may be looked up once more, to be held.
FOR_OPENS = {"LOOKUP": OPENS + FILES, "OPEN": OPENS, "GETATTR": 3 * OPENS}
FEW = 10                                       # of the mount itself, and to copy the directory of the objects up
# Each name twice at most: once for what it is, once to hold it.
FIRST_BUILD = {"LOOKUP": OPENS + 2 * (ABSENT + NAMES), "OPEN": OPENS, "GETATTR": 3 * OPENS + NAMES + FEW, "READ": FILES, "OPENDIR": FEW,
               "READDIR": FEW, "GETXATTR": FEW, "LISTXATTR": FEW}


def build(m):
    """What a compiler asks of a file system: each source includes each header, which is looked for in each directory."""
    for number in range(SOURCES):
        seen = hashlib.sha256(read(m / f"src/{number}.c"))
        for header in range(HEADERS):
            path = next(path for path in (m / f"{place}/{header}.h" for place in PATHS) if os.path.exists(path))
            seen.update(read(path))
        write(m / f"out/{number}.o", seen.digest())
    return {name: read(m / f"out/{name}") for name in os.listdir(m / "out")}


def within(counts, bounds):
    """No request is asked more often than that, and none that is not named. What is asked is asked."""
    equal(counts.get("OPEN", 0) > 0 or not bounds, True, f"opens are counted: {counts}")
    excess = {name: (number, bounds.get(name, 0)) for name, number in counts.items() if number > bounds.get(name, 0)}
    equal(excess, {}, "requests beyond their bounds, as (number, bound)")


def base(t):
    server = CountingServer(t.fresh("server"), BASE)
    t.at_end(server.umount)
    t.let_lower_change(server.mountpoint, "reading it would count")
    return server


def test_a_build_asks_the_base_once_for_each_name_and_content(t):
    server = base(t)
    m = t.mount(server.mountpoint)
    server.counts()
    made = build(m)
    equal(len(made), SOURCES, "objects")
    within(server.counts(), FIRST_BUILD)
    equal(build(m), made, "objects of a second build")
    within(server.counts(), FOR_OPENS)


def test_another_builder_asks_as_little_and_reads_nothing_that_the_machine_has(t):
    server = base(t)
    first, other = t.mount(server.mountpoint), t.mount(server.mountpoint)
    made = build(first)
    server.counts()
    equal(build(other), made, "objects of another builder")
    within(server.counts(), {**FIRST_BUILD, "READ": 0})


def test_a_union_without_an_upper_asks_once_and_then_nothing(t):
    """As a base is used by those who only read: open=none is the default there, and the kernel keeps what it has read."""
    server = base(t)
    m = t.mount(server.mountpoint, upper=None, options=("passthrough=off",))
    names = [f"{place}/{name}" for place, entries in BASE.items() for name in entries]
    server.counts()
    before = [read(m / name) for name in names]
    within(server.counts(), {**FIRST_BUILD, "LOOKUP": 3 * (NAMES + FEW), "OPEN": len(names), "READ": len(names)})
    equal([read(m / name) for name in names * 3], before * 3, "contents")
    within(server.counts(), {})


PROGRAM = """#include "answer.h"
#include <stdio.h>
int main(void) { printf("%d\\n", ANSWER); return 0; }
"""


def test_builders_over_one_image_build_what_one_over_a_directory_does(t):
    features.need("erofs")
    tree = {"src": {"main.c": PROGRAM, "answer.h": "#define ANSWER 42\n"}, "out": {}}
    image = t.directory + "/base.erofs"
    subprocess.run(["mkfs.erofs", "--quiet", image, t.fresh("tree", tree)], check=True, capture_output=True)
    with open(image, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    point = t.fresh("base")
    loop_images.mount_loop(t, "erofs", image, point, "ro")
    plain = t.mount(t.layer(tree))
    builders = [t.mount(point) for _ in range(3)]
    running = [subprocess.Popen(["cc", "-O1", "-frandom-seed=0", "-o", "out/program", "src/main.c"], cwd=m.path)
               for m in [plain, *builders]]
    equal([process.wait(t.settings.seconds(60)) for process in running], [0] * 4, "the compilers' statuses")
    equal(len({read(m / "out/program") for m in [plain, *builders]}), 1, "different programs")
    equal(subprocess.run([builders[0] / "out/program"], capture_output=True, check=True).stdout, b"42\n", "what the program prints")
    write(builders[1] / "src/answer.h", "#define ANSWER 43\n")
    equal(read(builders[2] / "src/answer.h"), b"#define ANSWER 42\n", "the header for another builder")
    holds(os.listdir(builders[2].upper) == ["out"], "a builder's upper has what it made alone")
    with open(image, "rb") as file:
        equal(hashlib.sha256(file.read()).hexdigest(), digest, "the image's digest")
