# SPDX-License-Identifier: MIT
"""Filters of system calls for a daemon (seccomp(2)): programs of struct sock_filter, installed in the child before it is
the daemon.

A program is a list of (code, jump if true, jump if false, value). `begin()` loads the number of the call; `number(both)`
is a call's number on this machine.
"""
import ctypes
import os
import platform
import socket
import struct

from . import lacking, syscalls

# Machine -> column of the tables of calls (x86_64, asm-generic), the kernel's name for it, the number of seccomp(2).
ARCHITECTURES = {"x86_64": (0, 0xC000003E, 317), "aarch64": (1, 0xC00000B7, 277), "riscv64": (1, 0xC00000F3, 277)}
LOAD, JUMP_EQUAL, JUMP_SET, AND, RETURN = 0x20, 0x15, 0x45, 0x54, 0x06
ALLOW, NOTIFY, ERRNO = 0x7FFF0000, 0x7FC00000, 0x00050000
SET_MODE_FILTER, NEW_LISTENER = 1, 8
NR_AT, ARCH_AT, ARGUMENTS_AT = 0, 4, 16
IO_URING_SETUP = 425


def need():
    if platform.machine() not in ARCHITECTURES:
        lacking("system call numbers of this processor")


def number(both):
    """Of (x86_64, elsewhere); None where there is no such call."""
    return both[ARCHITECTURES[platform.machine()][0]]


def begin():
    """Lets calls of other architectures pass, and loads the number."""
    return [(LOAD, 0, 0, ARCH_AT), (JUMP_EQUAL, 1, 0, ARCHITECTURES[platform.machine()][1]), (RETURN, 0, 0, ALLOW), load_number()]


def load_number():
    return (LOAD, 0, 0, NR_AT)


def load_argument(which):
    """Its lower half."""
    return (LOAD, 0, 0, ARGUMENTS_AT + 8 * which)


def failing(which, error):
    """The call of this number fails with the errno."""
    return [(JUMP_EQUAL, 0, 1, which), (RETURN, 0, 0, ERRNO | error)]


def install(program, listener=None):
    """In the child. With NOTIFY in the program its supervisor is sent the listener through the socket `listener`."""
    code = b"".join(struct.pack("=HBBI", *step) for step in program)
    memory = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("=HxxxxxxQ", len(program), ctypes.addressof(memory))
    call = ARCHITECTURES[platform.machine()][2]
    installed = syscalls.libc.syscall(call, SET_MODE_FILTER, NEW_LISTENER if listener else 0, head)
    if installed < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "seccomp")
    if listener:
        socket.send_fds(listener, [b"listener"], [installed])
