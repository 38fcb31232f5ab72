# SPDX-License-Identifier: MIT
"""Listing merged directories: every name once, right types and numbers, offsets that stay."""
import os
import stat

from harness import WHITEOUT, Dir, equal, holds, syscalls, write

WORLDS = ("root", "userns", "user")
MANY = 3000


def entries_of(fd, size=4096):
    found = []
    while piece := syscalls.getdents(fd, size):
        found += piece
    return found


def names_of(entries):
    return [os.fsdecode(entry.name) for entry in entries if entry.name not in (b".", b"..")]


def opened(path):
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def large(t):
    """A directory merged of three layers with MANY names, some in several layers, some hidden."""
    bottom = {f"n{number:05}": "" for number in range(0, MANY, 2)}
    middle = {f"n{number:05}": "" for number in range(0, MANY, 3)}
    top = {f"n{number:05}": "" for number in range(1, MANY, 2)}
    top |= {"n00000": WHITEOUT, "n00002": WHITEOUT}
    expected = sorted((set(bottom) | set(middle) | set(top)) - {"n00000", "n00002"})
    m = t.mount(t.layer({"dir": middle}), t.layer({"dir": bottom}), upper=t.layer({"dir": top}))
    return m, expected


def test_every_name_of_three_layers_is_listed_once(t):
    m, expected = large(t)
    for size in (280, 4096, 1 << 20):
        fd = opened(m / "dir")
        equal(sorted(names_of(entries_of(fd, size))), expected, f"names read with a buffer of {size} bytes")
        os.close(fd)


def test_types_and_numbers_agree_with_stat(t):
    m = t.mount(t.layer({"d": {"f": "x", "s": {}, "both": {"x": "1"}}}),
                upper=t.layer({"d": Dir({"u": "y", "both": Dir({"y": "2"}, opaque="trusted")})}))
    kinds = {4: stat.S_IFDIR, 8: stat.S_IFREG}
    fd = opened(m / "d")
    for entry in entries_of(fd):
        if entry.name in (b".", b".."):
            continue
        info = os.lstat(os.path.join(m / "d", os.fsdecode(entry.name)))
        equal(kinds[entry.kind], stat.S_IFMT(info.st_mode), f"type of {entry.name}")
        equal(entry.ino, info.st_ino, f"inode number of {entry.name}")
    os.close(fd)


def test_the_dots_are_there_with_their_numbers(t):
    m = t.mount(t.layer({"d": {"s": {}}}))
    for where, parent in (("d/s", "d"), ("d", ".")):
        fd = opened(m / where)
        dots = {entry.name: entry.ino for entry in entries_of(fd)}
        os.close(fd)
        equal(dots[b"."], os.stat(m / where).st_ino, f"the number of . in {where}")
        equal(dots[b".."], os.stat(m / parent).st_ino, f"the number of .. in {where}")


def test_a_remembered_offset_leads_back_to_the_same_entry(t):
    m, _ = large(t)
    fd = opened(m / "dir")
    entries = entries_of(fd)
    for position in (0, 1, 2, 500, 1700, len(entries) - 2):
        os.lseek(fd, entries[position].offset, os.SEEK_SET)
        rest = [entry.name for entry in entries_of(fd)]
        equal(rest, [entry.name for entry in entries[position + 1:]], f"the entries after position {position}")
    os.close(fd)


def test_offsets_stay_while_the_directory_changes(t):
    m, expected = large(t)
    fd = opened(m / "dir")
    first = syscalls.getdents(fd, 4096)
    for name in names_of(first)[:20]:
        os.unlink(m / "dir/" + name)
    for number in range(50):
        write(f"{m.path}/dir/new{number}", "")
    os.lseek(fd, first[-1].offset, os.SEEK_SET)
    rest = [name for name in names_of(entries_of(fd)) if not name.startswith("new")]
    os.close(fd)
    equal(sorted(names_of(first) + rest), expected, "all old names, each once")


def test_a_directory_emptied_while_it_is_read_gives_every_name_once(t):
    m, expected = large(t)
    fd, seen = opened(m / "dir"), []
    while piece := syscalls.getdents(fd, 1024):
        for name in names_of(piece):
            os.unlink(m / "dir/" + name)
            seen.append(name)
    os.close(fd)
    equal(sorted(seen), expected, "the removed names")
    equal(os.listdir(m / "dir"), [], "what is left")
    os.rmdir(m / "dir")


def test_rm_minus_r_removes_a_large_merged_tree(t):
    import subprocess
    tree = {f"d{number}": {f"f{inner}": "x" for inner in range(150)} for number in range(8)}
    m = t.mount(t.layer({"tree": tree}), t.layer({"tree": tree}))
    done = subprocess.run(["rm", "-r", m / "tree"], capture_output=True, check=False)
    equal((done.returncode, done.stderr), (0, b""), "rm -r")
    equal(os.listdir(m.path), [], "what is left")


def test_a_stream_rewound_shows_the_present(t):
    m, expected = large(t)
    fd = opened(m / "dir")
    entries_of(fd)
    os.unlink(m / "dir/n00001")
    write(m / "dir/new", "")
    os.lseek(fd, 0, os.SEEK_SET)
    equal(sorted(names_of(entries_of(fd))), sorted(set(expected) - {"n00001"} | {"new"}), "names after the rewind")
    os.close(fd)


def test_two_streams_do_not_disturb_each_other(t):
    m, expected = large(t)
    one, two = opened(m / "dir"), opened(m / "dir")
    first, second = [], []
    while True:
        pieces = syscalls.getdents(one, 512), syscalls.getdents(two, 2048)
        if not any(pieces):
            break
        first += names_of(pieces[0])
        second += names_of(pieces[1])
    os.close(one), os.close(two)
    equal((sorted(first), sorted(second)), (expected, expected), "names of both streams")


def test_listings_agree_with_themselves_after_every_change(t):
    m = t.mount(t.layer({"d": {f"low{number}": "" for number in range(20)}}))
    expected = set(os.listdir(m / "d"))
    for number in range(20):
        write(f"{m.path}/d/up{number}", "")
        os.unlink(f"{m.path}/d/low{number}")
        os.rename(f"{m.path}/d/up{number}", f"{m.path}/d/moved{number}")
        expected = expected - {f"low{number}"} | {f"moved{number}"}
        equal(set(os.listdir(m / "d")), expected, f"names after change {number}")
    holds(len(expected) == 20, "twenty names are left")
