# SPDX-License-Identifier: MIT
"""Data through passthrough: every way of reading and writing, and that the daemon sees none of it."""
import ctypes
import mmap
import os
import platform
import struct
import subprocess

from harness import File, broker, caches, equal, holds, lacking, need, only_in, read, refused, syscalls, write
from harness.credentials import acting_as

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
DATA = bytes(range(256)) * 4096        # one MiB


def need_passthrough(t):
    need("passthrough")
    if any(option in t.settings.mount_options for option in ("passthrough=", "lower_io=", "writeback=on")):
        lacking("passthrough, by --mount-options")
    broker.beside(t)


def passed_through(t, tree=None, **named):
    need_passthrough(t)
    m = t.mount(t.layer(tree or {"file": DATA, "copy": DATA}), **named)
    status = m.status()["passthrough"]
    holds(status["active"], f"passthrough is active: {status.get('reason')}")
    return m


def without_data_requests(m):
    """A counter that must not have seen READ or WRITE."""
    class Watch:
        def __enter__(self):
            self.counted = m.requests()
            self.counted.__enter__()

        def __exit__(self, *error):
            self.counted.__exit__(*error)
            seen = {name: self.counted.counts.get(name, 0) for name in ("READ", "WRITE")} if not error[0] else {}
            if not error[0]:
                equal(seen, {"READ": 0, "WRITE": 0}, "data requests")
    return Watch()


def test_reading_lower_and_upper_files_reaches_no_daemon(t):
    m = passed_through(t)
    os.chmod(m / "copy", 0o600)
    with without_data_requests(m):
        equal(read(m / "file") == DATA, True, "the lower file reads right")
        equal(read(m / "copy") == DATA, True, "the upper file reads right")


def test_writing_reaches_no_daemon_and_the_upper(t):
    m = passed_through(t)
    with without_data_requests(m):
        with open(m / "file", "r+b", buffering=0) as file:
            file.write(b"start")
            file.seek(0, 2)
            file.write(b"end")
        write(m / "new", DATA)
    expected = b"start" + DATA[5:] + b"end"
    equal(read(m.upper + "/file") == expected, True, "the upper layer's file is right")
    equal(read(m.upper + "/new") == DATA, True, "the new file is right")
    equal(os.stat(m / "file").st_size, len(expected), "size")


def test_sizes_and_times_after_writes_are_seen_at_once(t):
    m = passed_through(t)
    with open(m / "file", "ab", buffering=0) as file:
        for number in range(1, 5):
            before = os.stat(m / "file")
            file.write(b"x" * 1000)
            info = os.stat(m / "file")
            equal(info.st_size, len(DATA) + 1000 * number, f"size after append {number}")
            holds(info.st_mtime_ns >= before.st_mtime_ns, "mtime does not go back")


def test_mmap_reads_and_writes(t):
    m = passed_through(t)
    with without_data_requests(m), open(m / "file", "r+b") as file, mmap.mmap(file.fileno(), 0) as area:
        equal(area[5000:5010], DATA[5000:5010], "mapped bytes")
        area[5000:5003] = b"map"
        area.flush()
    equal(read(m.upper + "/file")[4998:5005], DATA[4998:5000] + b"map" + DATA[5003:5005], "bytes in the upper layer")


def test_times_of_what_is_stored_into_a_mapping_are_seen(t):
    m = passed_through(t)
    old = 1_000_000_000_000_000_000
    fd = os.open(m / "file", os.O_RDWR)
    memory = mmap.mmap(fd, 0)
    os.close(fd)
    for number in range(3):
        os.utime(m / "file", ns=(old, old))
        equal(os.stat(m / "file").st_mtime_ns, old, "time before the store")
        memory[number:number + 1] = b"!"
        memory.flush()
        holds(os.stat(m / "file").st_mtime_ns > old, f"time after store {number}")
        equal(os.stat(m / "file").st_mtime_ns, os.stat(m.upper + "/file").st_mtime_ns, "time in the upper")
    memory.close()
    m.settle()
    dropped, counted = None, None
    while dropped != caches.drops():        # by another test: what the kernel forgot it asks for again
        dropped = caches.drops()
        os.stat(m / "file")
        with m.requests() as counted:
            os.stat(m / "file")
    equal(counted.counts, {}, "requests of a stat once the file is not mapped")


def test_exec_of_lower_and_upper_programs(t):
    m = passed_through(t, {"true": File(read("/bin/true"), 0o755), "sh": File(read("/bin/sh"), 0o755)})
    with without_data_requests(m):
        equal(subprocess.run([m / "true"], check=False).returncode, 0, "a lower program")
        os.chmod(m / "sh", 0o755)
        equal(subprocess.run([m / "sh", "-c", "echo hi"], capture_output=True, check=True).stdout, b"hi\n", "an upper one")


def test_splice_and_sendfile(t):
    m = passed_through(t)
    receive, send = os.pipe()
    with without_data_requests(m), open(m / "file", "rb") as source, open(m / "new", "wb") as target:
        moved = os.splice(source.fileno(), send, 4096, offset_src=100)
        equal(os.splice(receive, target.fileno(), moved), moved, "bytes spliced to a new file")
        equal(os.sendfile(target.fileno(), source.fileno(), 8192, 4096), 4096, "bytes sent")
    equal(read(m / "new"), DATA[100:100 + moved] + DATA[8192:8192 + 4096], "content")
    os.close(receive), os.close(send)


def test_direct_io(t):
    m = passed_through(t)
    buffer = mmap.mmap(-1, 8192)
    fd = os.open(m / "file", os.O_RDWR | os.O_DIRECT)
    equal(os.preadv(fd, [buffer], 4096), 8192, "bytes read")
    equal(buffer[:] == DATA[4096:4096 + 8192], True, "the bytes are right")
    buffer[:4] = b"DIRE"
    equal(os.pwritev(fd, [buffer], 0), 8192, "bytes written")
    os.close(fd)
    equal(read(m / "file")[:4], b"DIRE", "content")
    equal(os.stat(m / "file").st_size, len(DATA), "size")


def test_vectored_io_and_per_call_flags(t):
    m = passed_through(t)
    fd = os.open(m / "file", os.O_RDWR)
    equal(os.pwritev(fd, [b"one", b"two"], 10, os.RWF_DSYNC), 6, "bytes written")
    parts = [bytearray(3), bytearray(3)]
    equal(os.preadv(fd, parts, 10), 6, "bytes read")
    equal(parts, [b"one", b"two"], "content")
    os.close(fd)


def test_kernel_aio(t):
    numbers = {"x86_64": (206, 208, 209, 207), "aarch64": (0, 4, 2, 1)}.get(platform.machine())
    if numbers is None:
        lacking(f"known numbers of io_submit on {platform.machine()}")
    setup, getevents, submit, destroy = numbers
    m = passed_through(t)
    fd = os.open(m / "file", os.O_RDWR | os.O_DIRECT)
    buffer = mmap.mmap(-1, 4096)
    buffer[:] = b"a" * 4096
    address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
    context = ctypes.c_ulong(0)
    call = syscalls.libc.syscall
    equal(call(setup, 8, ctypes.byref(context)), 0, "io_setup")
    for opcode, expected in ((1, 4096), (0, 4096)):            # IOCB_CMD_PWRITE, IOCB_CMD_PREAD
        control = ctypes.create_string_buffer(struct.pack("=QIIHhIQQqQII", 0, 0, 0, opcode, 0, fd, address, 4096, 4096, 0, 0, 0))
        pointer = ctypes.c_void_p(ctypes.addressof(control))
        equal(call(submit, context, 1, ctypes.byref(pointer)), 1, "io_submit")
        event = ctypes.create_string_buffer(32)
        equal(call(getevents, context, 1, 1, event, None), 1, "io_getevents")
        equal(struct.unpack_from("=q", event.raw, 16)[0], expected, "bytes of the asynchronous operation")
    call(destroy, context)
    os.close(fd)
    equal(read(m / "file")[4096:8192], b"a" * 4096, "content")


@only_in("root", "userns", why="it writes as another user")
def test_set_id_bits_are_dropped_by_a_passed_through_write(t):
    m = passed_through(t, {"suid": File("x", 0o6777), "plain": File("x", 0o777), "capable": File("x", 0o777)})
    os.setxattr(m / "capable", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    for name in ("suid", "plain", "capable"):
        with acting_as(1000), open(m / name, "r+b", buffering=0) as file:
            file.write(b"y")
        equal(os.stat(m / name).st_mode & 0o7777, 0o777, f"mode of {name}")
        equal(os.listxattr(m / name), [], f"attributes of {name}")


def test_an_append_only_upper_file_is_not_overwritten(t):
    m = passed_through(t, {"other": "x"}, upper=t.layer({"log": "first\n"}))
    log = m.upper + "/log"
    t.by_root(make_append_only, log, True)
    t.at_end(lambda: t.by_root(make_append_only, log, False))
    refused(1, open, m / "log", "r+b")
    refused(1, open, m / "log", "wb")
    write(m / "log", "second\n", "ab")
    equal(read(log), b"first\nsecond\n", "the log")


def make_append_only(path, on):
    """Its other flags stay: without that of extents ext4 would convert the file, or refuse to."""
    with open(path, "rb") as file:
        others = syscalls.get_flags(file.fileno()) & ~syscalls.FS_APPEND_FL
        syscalls.set_flags(file.fileno(), others | (syscalls.FS_APPEND_FL if on else 0))


def test_backing_ids_and_handles_are_given_back(t):
    m = passed_through(t, {f"file{number}": "x" for number in range(300)})
    fds = [os.open(f"{m.path}/file{number}", os.O_RDONLY) for number in range(300)]
    holds(m.status()["open_handles"] >= 300, "the handles are counted")
    for fd in fds:
        os.close(fd)
    m.settle()
    equal(m.status()["open_handles"], 0, "open handles")
    for number in range(300):
        os.unlink(f"{m.path}/file{number}")
    m.settle()
    holds(m.status()["backing_ids"] <= 300, "backing ids are bounded")
    holds(m.status()["open_fds"] < 1000, "open descriptors are bounded")


def test_a_removed_files_space_is_given_back(t):
    from harness.loop_images import mount_image
    need_passthrough(t)
    root = mount_image(t, "tmpfs", 32 << 20)
    os.mkdir(root + "/upper")
    m = t.mount(t.layer({}), upper=root + "/upper")
    for number in range(6):                    # 6 x 20 MiB would not fit at once
        write(m / "large", b"x" * (20 << 20))
        equal(len(read(m / "large")), 20 << 20, f"size of file {number}")
        os.unlink(m / "large")
        m.settle()
    equal(os.listdir(m.path), [], "names at the end")


def test_passthrough_can_be_turned_off(t):
    need_passthrough(t)
    m = t.mount(t.layer({"file": DATA}), options=("passthrough=off",))
    equal(m.status()["passthrough"]["active"], False, "passthrough")
    holds(m.status()["passthrough"]["reason"], "the status says why")
    write(m / "file", b"+", "ab")
    equal(read(m / "file") == DATA + b"+", True, "content is right")


def test_layers_that_are_stacked_file_systems_are_served(t):
    from harness import systems
    need("overlayfs")
    inner = t.fresh("inner")
    layers = systems.Stack([t.layer({"file": DATA}), t.layer({"gone": "x"})])
    kernel = systems.mount_kernel(t.settings, layers, inner)
    t.at_end(kernel.umount)
    m = t.mount(inner)
    equal(read(m / "file") == DATA, True, "a file of an overlayfs lower reads right")
    write(m / "file", b"+", "ab")
    os.unlink(m / "gone")
    equal(read(m / "file") == DATA + b"+", True, "content after a copy-up")
    equal(os.listdir(m.path), ["file"], "names")
