# SPDX-License-Identifier: MIT
"""Files that are open while they are copied up, renamed, removed or replaced."""
import ctypes
import mmap
import os
import subprocess
import threading

from harness import equal, holds, only, read, refused, syscalls, write

WORLDS = ("root", "userns", "user")
OLD_BYTES, NEW_BYTES = b"old content\n", b"NEW CONTENT\n"


def reader(path):
    return os.open(path, os.O_RDONLY)


def test_a_new_reader_sees_what_was_written_while_an_old_reader_lives(t):
    m = t.mount(t.layer({"file": OLD_BYTES}))
    old = reader(m / "file")
    equal(os.pread(old, 99, 0), OLD_BYTES, "the old reader before")
    write(m / "file", NEW_BYTES, "r+b")
    equal(read(m / "file"), NEW_BYTES, "a new reader")
    holds(os.pread(old, 99, 0) in (OLD_BYTES, NEW_BYTES), "the old reader sees one of the two contents, whole")
    os.close(old)
    equal(read(m / "file"), NEW_BYTES, "after the old reader has gone")


def test_writers_and_readers_in_any_order_agree(t):
    m = t.mount(t.layer({"file": OLD_BYTES}))
    first = reader(m / "file")
    with open(m / "file", "r+b") as writer:
        second = reader(m / "file")
        writer.write(NEW_BYTES)
        writer.flush()
        equal(os.pread(second, 99, 0), NEW_BYTES, "a reader opened after the writer")
        third = reader(m / "file")
        equal(os.pread(third, 99, 0), NEW_BYTES, "a reader opened after the write")
    for fd in (first, second, third):
        os.close(fd)


def test_a_change_of_metadata_alone_keeps_old_and_new_readers_at_the_same_bytes(t):
    m = t.mount(t.layer({"file": OLD_BYTES}))
    old = reader(m / "file")
    os.chmod(m / "file", 0o600)
    new = reader(m / "file")
    equal((os.pread(old, 99, 0), os.pread(new, 99, 0)), (OLD_BYTES, OLD_BYTES), "both readers")
    equal(os.fstat(old).st_mode & 0o777, 0o600, "the mode that the old reader's handle shows")
    write(m / "file", NEW_BYTES, "r+b")
    equal(read(m / "file"), NEW_BYTES, "a reader after a write")
    os.close(old), os.close(new)


def test_changes_of_attributes_beside_a_first_writer_leave_true_attributes(t):
    m = t.mount(t.layer({f"f{number}": OLD_BYTES for number in range(60)}))
    readers = [reader(m / f"f{number}") for number in range(60)]

    def change(number):
        for mode in (0o600, 0o640, 0o604):
            os.chmod(m / f"f{number}", mode)

    for number, old in enumerate(readers):
        changer = threading.Thread(target=change, args=(number,))
        changer.start()
        with open(m / f"f{number}", "ab") as writer:    # parts the file from its old reader
            changer.join()
            writer.write(NEW_BYTES)
        by_path, by_handle = os.stat(m / f"f{number}"), os.fstat(old)
        equal((by_handle.st_size, by_handle.st_mode, by_handle.st_mtime_ns),
              (by_path.st_size, by_path.st_mode, by_path.st_mtime_ns), f"attributes of f{number} by handle and by path")
        equal(by_path.st_size, len(OLD_BYTES + NEW_BYTES), "size")
        os.close(old)


def test_truncation_while_an_old_reader_lives(t):
    m = t.mount(t.layer({"file": OLD_BYTES}))
    old = reader(m / "file")
    os.truncate(m / "file", 3)
    equal(read(m / "file"), OLD_BYTES[:3], "a new reader")
    equal(os.stat(m / "file").st_size, 3, "size")
    write(m / "file", b"")
    equal(read(m / "file"), b"", "after truncation at open")
    holds(os.pread(old, 99, 0) in (OLD_BYTES, OLD_BYTES[:3], b""), "the old reader sees one of the contents")
    os.close(old)


def test_the_inode_number_is_the_same_for_old_and_new_handles(t):
    m = t.mount(t.layer({"file": OLD_BYTES}))
    old = reader(m / "file")
    number = os.fstat(old).st_ino
    write(m / "file", NEW_BYTES, "r+b")
    new = reader(m / "file")
    equal((os.fstat(old).st_ino, os.fstat(new).st_ino, os.stat(m / "file").st_ino), (number,) * 3, "inode numbers")
    os.close(old), os.close(new)


def test_a_handle_reopened_through_proc_reads_after_a_copy_up(t):
    m = t.mount(t.layer({"file": OLD_BYTES}))
    old = reader(m / "file")
    write(m / "file", NEW_BYTES, "r+b")
    again = os.open(f"/proc/self/fd/{old}", os.O_RDONLY)
    holds(os.pread(again, 99, 0) in (OLD_BYTES, NEW_BYTES), "it reads one of the contents, whole")
    os.close(old), os.close(again)


def test_a_handle_reopened_through_proc_for_writing_copies_up(t):
    m = t.mount(t.layer({"file": OLD_BYTES}))
    path = os.open(m / "file", os.O_PATH)
    with open(f"/proc/self/fd/{path}", "r+b") as writer:
        writer.write(NEW_BYTES)
    os.close(path)
    equal(read(m / "file"), NEW_BYTES, "content")
    equal(read(m.upper + "/file"), NEW_BYTES, "content in the upper layer")


def test_a_removed_lower_file_stays_readable(t):
    m = t.mount(t.layer({"file": OLD_BYTES}))
    old = reader(m / "file")
    os.unlink(m / "file")
    equal(os.pread(old, 99, 0), OLD_BYTES, "content")
    write(m / "file", "another")
    equal(os.pread(old, 99, 0), OLD_BYTES, "content after the name is used again")
    equal(os.fstat(old).st_size, len(OLD_BYTES), "size")
    os.close(old)


def test_a_removed_upper_file_stays_usable(t):
    m = t.mount(t.layer({}))
    with open(m / "file", "w+b", buffering=0) as file:
        file.write(OLD_BYTES)
        os.unlink(m / "file")
        file.write(NEW_BYTES)
        os.fchmod(file.fileno(), 0o600)
        os.truncate(file.fileno(), 20)
        equal(os.pread(file.fileno(), 99, 0), (OLD_BYTES + NEW_BYTES)[:20], "content")
        info = os.fstat(file.fileno())
        equal((info.st_size, info.st_nlink, info.st_mode & 0o777), (20, 0, 0o600), "size, links and mode")
        os.fsync(file.fileno())


def test_many_removed_files_stay_usable(t):
    m = t.mount(t.layer({f"low{number}": f"{number}" for number in range(100)}))
    fds = [reader(f"{m.path}/low{number}") for number in range(100)]
    for number in range(100):
        os.unlink(f"{m.path}/low{number}")
    for number, fd in enumerate(fds):
        equal(os.pread(fd, 9, 0), str(number).encode(), f"content of file {number}")
        os.close(fd)


def test_renames_carry_open_files_along(t):
    m = t.mount(t.layer({"file": OLD_BYTES, "dir": {}}))
    with open(m / "file", "r+b", buffering=0) as file:
        os.rename(m / "file", m / "dir/moved")
        file.write(NEW_BYTES)
        equal(read(m / "dir/moved"), NEW_BYTES, "content at the new name")
        write(m / "file", "another")
        equal(os.pread(file.fileno(), 99, 0), NEW_BYTES, "content of the handle")


def test_an_exchange_leaves_handles_with_their_files(t):
    m = t.mount(t.layer({"a": "content of a", "b": "content of b"}))
    a, b = reader(m / "a"), reader(m / "b")
    syscalls.renameat2(m / "a", m / "b", syscalls.RENAME_EXCHANGE)
    equal((os.pread(a, 99, 0), os.pread(b, 99, 0)), (b"content of a", b"content of b"), "handles")
    equal((read(m / "a"), read(m / "b")), (b"content of b", b"content of a"), "names")
    os.close(a), os.close(b)


def test_a_private_mapping_of_the_old_file_shows_one_content_whole(t):
    m = t.mount(t.layer({"file": OLD_BYTES}))
    with open(m / "file", "rb") as file, mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ) as area:
        equal(area[:], OLD_BYTES, "before")
        write(m / "file", NEW_BYTES, "r+b")
        holds(area[:] in (OLD_BYTES, NEW_BYTES), "after the write it shows one of the contents")
        equal(read(m / "file"), NEW_BYTES, "a new reader")


def test_shared_mappings_and_writes_agree(t):
    m = t.mount(t.layer({"file": b"\0" * 8192}))
    with open(m / "file", "r+b", buffering=0) as file:
        with mmap.mmap(file.fileno(), 0) as area:
            area[5000:5003] = b"map"
            equal(os.pread(file.fileno(), 3, 5000), b"map", "what a read sees of the mapping")
            os.pwrite(file.fileno(), b"wri", 100)
            equal(area[100:103], b"wri", "what the mapping sees of a write")
        equal(read(m / "file")[5000:5003], b"map", "a new reader")


def test_a_running_program_cannot_be_written(t):
    m = t.mount(t.layer({"sleep": read("/bin/sleep")}))
    os.chmod(m / "sleep", 0o755)
    process = subprocess.Popen([m / "sleep", "60"])
    try:
        refused(26, open, m / "sleep", "r+b")
    finally:
        process.kill()
        process.wait()


def test_a_program_just_written_runs(t):
    m = t.mount(t.layer({"script": "#!/bin/sh\necho old\n"}))
    os.chmod(m / "script", 0o755)
    equal(subprocess.run([m / "script"], capture_output=True, check=True).stdout, b"old\n", "the lower program")
    write(m / "script", "#!/bin/sh\necho new\n")
    equal(subprocess.run([m / "script"], capture_output=True, check=True).stdout, b"new\n", "the written program")
    write(m / "binary", read("/bin/true"))
    os.chmod(m / "binary", 0o755)
    equal(subprocess.run([m / "binary"], check=False).returncode, 0, "a copied binary")


@only("overpass")
def test_with_cached_lower_io_old_readers_see_new_writes(t):
    m = t.mount(t.layer({"file": OLD_BYTES}), options=("lower_io=cached",))
    old = reader(m / "file")
    equal(os.pread(old, 99, 0), OLD_BYTES, "before")
    write(m / "file", NEW_BYTES + b"longer", "r+b")
    equal(os.pread(old, 99, 0), NEW_BYTES + b"longer", "the old reader after the write")
    os.close(old)


@only("overpass")
def test_with_cached_lower_io_locks_hold_over_a_copy_up(t):
    import fcntl
    m = t.mount(t.layer({"file": OLD_BYTES}), options=("lower_io=cached",))
    old = reader(m / "file")
    fcntl.flock(old, fcntl.LOCK_EX)
    with open(m / "file", "r+b") as writer:
        refused(11, fcntl.flock, writer.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(old)


def test_file_flags_are_read_through_an_old_handle(t):
    m = t.mount(t.layer({"file": OLD_BYTES}))
    old = reader(m / "file")
    write(m / "file", NEW_BYTES, "r+b")
    holds(syscalls.get_flags(old) is not None, "FS_IOC_GETFLAGS answers on the old handle")
    os.close(old)


def test_an_advisory_drop_of_caches_changes_nothing(t):
    m = t.mount(t.layer({"file": OLD_BYTES * 1000}))
    with open(m / "file", "r+b", buffering=0) as file:
        file.write(NEW_BYTES)
        syscalls.libc.posix_fadvise(file.fileno(), ctypes.c_long(0), ctypes.c_long(0), 4)
        equal(os.pread(file.fileno(), len(NEW_BYTES), 0), NEW_BYTES, "content")
