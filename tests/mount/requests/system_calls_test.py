# SPDX-License-Identifier: MIT
"""The cost of operations in system calls of the daemon, and how many of these recognize objects: an open pays for that with at
most one, what the kernel answers by itself with none.
"""
import os

from counts_test import fresh_parent
from harness import Symlink, at_most, equal, lacking, syscalls, write
from harness.loop_images import mount_image
from harness.traced import MARKER, OPTIONS, Traced

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "registering a file for passthrough is part of what is counted, and tracing root's daemon needs root"
ALONE = True        # another test's drop of caches would cost calls
MANY = 5
HELD = {"openat": MANY, "statx": MANY, "close": MANY}     # where a descriptor is had for recognizing alone


def names(kind):
    return [f"{kind}{i}" for i in range(MANY)]


def union(t):
    """Lower files and links, and upper files and links in a directory that was copied up; all known to the kernel."""
    m = t.mount(t.layer({MARKER: "", **{name: "lower" for name in names("lower")}, "work": {},
                         **{name: Symlink("target") for name in names("link")}}), options=OPTIONS)
    if not m.status()["passthrough"]["active"]:
        lacking("passthrough")
    for name in names("upper"):
        write(m / f"work/{name}", "x")
    for name in [MARKER, *names("lower"), *names("link"), *(f"work/{name}" for name in names("upper"))]:
        os.lstat(m / name)
    fresh_parent(m)
    return m


def cost(t, m, call, kind):
    """Traces call(path) for each path of the kind."""
    with Traced(t, m) as traced:
        for name in names(kind):
            call(m / name if kind in ("lower", "link") else m / f"work/{name}")
    return traced


def open_and_close(flags):
    return lambda path: os.close(os.open(path, flags, 0o644))


def times(number, **calls):
    return {name: count * number for name, count in calls.items()}


def test_the_first_open_of_a_lower_file_costs_one_call_more_than_opening_and_registering_it(t):
    m = union(t)
    traced = cost(t, m, open_and_close(os.O_RDONLY), "lower")
    equal(traced.layer, times(MANY, openat=1, statx=1, ioctl=1, close=1), "calls of first opens")
    equal(traced.recognizing, {"statx": MANY}, "calls that recognize what was opened")


def test_opening_a_registered_file_again_costs_no_call_on_the_layer(t):
    m = union(t)
    for name in names("lower"):
        open_and_close(os.O_RDONLY)(m / name)
    traced = cost(t, m, open_and_close(os.O_RDONLY), "lower")
    equal((traced.layer, traced.requests), ({}, 2 * MANY), "calls on layers, and requests")


def test_opening_an_upper_file_for_writing_costs_one_call_more(t):
    m = union(t)
    traced = cost(t, m, open_and_close(os.O_WRONLY), "upper")
    equal(traced.layer, times(MANY, openat=1, statx=1, close=1), "calls of opens for writing")
    equal(traced.recognizing, {"statx": MANY}, "calls that recognize what was opened")


def test_a_truncating_open_truncates_what_it_has_recognized(t):
    """So the truncation is a call of its own."""
    m = union(t)
    for name in names("upper"):
        write(m / f"work/{name}", "y")      # after which the kernel does not ask for the file's capabilities
    traced = cost(t, m, open_and_close(os.O_WRONLY | os.O_TRUNC), "upper")
    equal(traced.layer, times(MANY, openat=1, statx=1, ftruncate=1, close=1), "calls of truncating opens")
    equal(traced.recognizing, {"statx": MANY}, "calls that recognize what was opened")


def test_a_create_recognizes_nothing(t):
    m = union(t)
    traced = cost(t, m, open_and_close(os.O_WRONLY | os.O_CREAT | os.O_EXCL), "new")
    equal(traced.recognizing, {}, "calls that recognize objects")


def test_calls_on_a_name_use_a_descriptor_that_was_recognized(t):
    m = union(t)
    for what, call, kind, most in (
            ("chmod", lambda path: os.chmod(path, 0o600), "upper", 5),
            ("setxattr", lambda path: os.setxattr(path, "user.a", b"b"), "upper", 4),
            ("getxattr", lambda path: os.getxattr(path, "user.a"), "upper", 4),
            ("readlink", os.readlink, "link", 4)):
        traced = cost(t, m, call, kind)
        equal(traced.recognizing, HELD, f"calls of {what} that recognize")
        at_most(sum(traced.layer.values()), most * MANY, f"calls of {what} on layers: {traced.layer}")


def test_a_link_a_rename_and_an_unlink_recognize_once(t):
    for what, call, expected in (("link", lambda path: os.link(path, path + ".linked"), HELD),
                                 ("rename", lambda path: os.rename(path, path + ".moved"), {"statx": MANY}),
                                 ("unlink", os.unlink, {"statx": MANY})):
        equal(cost(t, union(t), call, "upper").recognizing, expected, f"calls of {what} that recognize")


def test_names_known_to_the_kernel_cost_neither_a_request_nor_a_call(t):
    m = union(t)
    traced = cost(t, m, os.stat, "lower")
    equal((traced.layer, traced.requests), ({}, 0), "calls on layers, and requests")


def test_attributes_that_are_asked_for_anew_cost_one_call(t):
    m = union(t)
    flags = syscalls.AT_STATX_FORCE_SYNC | syscalls.AT_SYMLINK_NOFOLLOW
    traced = cost(t, m, lambda path: syscalls.statx(path, flags), "lower")
    equal(traced.layer, {"statx": MANY}, "calls of GETATTR")
    equal(traced.recognizing, {}, "calls that only recognize")


def served(t, upper=None):
    """Files of the upper, of which the daemon moves the data: each is open for writing, and was written once."""
    named = {"upper": upper} if upper else {}
    m = t.mount(t.layer({MARKER: "", "work": {}}), options=(*OPTIONS, "passthrough=off"), **named)
    handles = {}
    for name in names("upper"):
        fd = os.open(m / f"work/{name}", os.O_RDWR | os.O_CREAT, 0o644)
        os.write(fd, b"first")
        handles[name] = fd
    os.lstat(m / MARKER)
    fresh_parent(m)
    return m, handles


def per_handle(t, m, handles, call):
    """The calls on layers for call(name) of each handle. All are closed at the end."""
    with Traced(t, m) as traced:
        for name in list(handles):
            call(name)
    for fd in handles.values():
        os.close(fd)
    return traced.layer


def test_a_write_costs_one_look_at_the_file(t):
    """After it; the mode before it is known from there. Where the file system knows no RWF_NOWAIT, waits are counted too."""
    m, handles = served(t)
    layer = per_handle(t, m, handles, lambda name: os.pwrite(handles[name], b"second", 0))
    equal((layer.get("statx"), layer.get("pwritev2")), (MANY, MANY), f"looks and writes: {layer}")
    at_most(sum(layer.values()), 4 * MANY, f"calls of writes: {layer}")


def test_an_append_costs_one_look_at_the_file(t):
    m, handles = served(t)
    appending = {name: os.open(m / f"work/{name}", os.O_WRONLY | os.O_APPEND) for name in handles}
    for fd in handles.values():
        os.close(fd)
    layer = per_handle(t, m, appending, lambda name: os.write(appending[name], b"second"))
    equal((layer.get("statx"), layer.get("pwritev2")), (MANY, MANY), f"looks and writes: {layer}")
    at_most(sum(layer.values()), 4 * MANY, f"calls of appends: {layer}")


def test_a_close_after_a_write_costs_no_look(t):
    m, handles = served(t)
    layer = per_handle(t, m, handles, lambda name: os.close(handles.pop(name)))
    equal(layer, {"close": MANY}, "calls of closes")


FORCED = syscalls.AT_STATX_FORCE_SYNC | syscalls.AT_SYMLINK_NOFOLLOW


def test_attributes_of_a_settled_file_cost_no_call(t):
    """On ext4 an fsync settles it: blocks are allocated late."""
    m, handles = served(t)
    for name, fd in handles.items():
        os.fsync(fd)
        equal(syscalls.statx(m / f"work/{name}", FORCED).size, 5, "size")
    layer = per_handle(t, m, handles, lambda name: syscalls.statx(m / f"work/{name}", FORCED))
    equal(layer, {}, "calls of GETATTR")


def test_attributes_of_a_written_file_cost_no_call_in_memory(t):
    upper = mount_image(t, "tmpfs") + "/upper"
    os.mkdir(upper)
    m, handles = served(t, upper)
    layer = per_handle(t, m, handles, lambda name: syscalls.statx(m / f"work/{name}", FORCED))
    equal(layer, {}, "calls of GETATTR")
