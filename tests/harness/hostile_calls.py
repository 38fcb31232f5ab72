# SPDX-License-Identifier: MIT
"""What hostile commands call. The text of this file begins each of them (hostile.py); it must need nothing but Python.

Each attack is an attempt() with a name. At the end report() prints the outcome of each: "done", or the name of an error.
"""
import ctypes
import errno
import fcntl
import json
import os
import platform
import signal
import socket
import stat
import struct
import subprocess
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
outcomes = {}

MS_RDONLY, MS_REMOUNT, MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 1, 32, 4096, 8192, 16384, 1 << 18
MNT_DETACH = 2
NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
PTRACE_ATTACH, PTRACE_SEIZE = 16, 0x4206
AT_FDCWD, AT_EMPTY_PATH, AT_RECURSIVE, OPEN_TREE_CLONE = -100, 0x1000, 0x8000, 1
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR, PIDFD_OPEN, PIDFD_GETFD = 428, 429, 442, 434, 438
IS_X86 = platform.machine() == "x86_64"
PIVOT_ROOT, KEYCTL, ADD_KEY, CLONE = (155, 250, 248, 56) if IS_X86 else (41, 219, 217, 220)
IOPRIO_SET = 251 if IS_X86 else 30


def checked(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def call(number, *arguments):
    """syscall(2). Numbers are passed as 64 bits, strings as bytes."""
    return checked(libc.syscall(ctypes.c_long(number), *(ctypes.c_long(one) if isinstance(one, int) else one
                                                         for one in arguments)))


def attempt(name, function, *arguments, **named):
    """Its result, or None if it failed."""
    try:
        result = function(*arguments, **named)
    except OSError as error:
        outcomes[name] = errno.errorcode.get(error.errno, str(error.errno))
        return None
    outcomes[name] = "done"
    return result


def told(name, text):
    """An outcome that is no success and no error."""
    outcomes[name] = text


def report():
    print(json.dumps(outcomes), flush=True)


def mount(source, target, kind=None, flags=0, data=None):
    encoded = [None if one is None else os.fsencode(one) for one in (source, target, kind, data)]
    checked(libc.mount(*encoded[:3], ctypes.c_ulong(flags), encoded[3]))


def umount(target, flags=0):
    checked(libc.umount2(os.fsencode(target), flags))


def unshare(flags):
    checked(libc.unshare(flags))


def become_root_of_own_namespace(more=NEWNS):
    """As an ordinary user does it. True unless this kernel refuses it."""
    uid, gid = os.getuid(), os.getgid()
    try:
        unshare(NEWUSER | more)
    except OSError:
        return False
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        try:
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
        except OSError:
            pass
    return True


def mounts():
    """(mountpoint, options) of all mounts."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return [(words[4].replace("\\040", " "), words[5].split(",")) for words in map(str.split, file)]


def in_child(function):
    """Runs it in a child, and takes over the outcomes of that."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        outcomes.clear()
        try:
            function()
        finally:
            os.write(write_end, json.dumps(outcomes).encode())
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        outcomes.update(json.loads(pipe.read() or b"{}"))
    os.waitpid(child, 0)


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def of_overpass():
    """The visible processes of overpass itself: pid 1, and who waits for this command."""
    found = []
    for pid in pids():
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            if file.read().strip() == "overpass":
                found.append(pid)
    return found
