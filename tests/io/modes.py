# SPDX-License-Identifier: MIT
"""The ways in which a mount moves data. Every test of this suite runs in each of them.

A new way is one line of MODES. `TABLE = in_each_mode(function, ...)` makes a test of function(t, mode) for each
mode; its sentence is the function's name and the mode's. Kernel overlayfs has one way of its own, with which the
tests prove themselves.
"""
import ctypes
import dataclasses
import errno
import platform
import struct

from harness import features, lacking, syscalls

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
IO_URING_SETUP = 425
OLD, NEW = "old", "new"


@dataclasses.dataclass(frozen=True)
class Mode:
    name: str
    options: tuple = ()
    needs: tuple = ()
    without_io_uring: bool = False      # the daemon may not make rings: its synchronous engine
    old_reads: str = NEW                # what a descriptor from before the first write reads afterwards,
    old_maps: str = NEW                 # and what it maps
    passes_through: bool = False        # what is written goes straight to the upper's file
    apart: bool = False                 # the tests' own process serves the daemon, so it must not wait for a page of it
    gathers: bool = False               # the kernel gathers writes: writeback= in overpass(1) says what that costs

    def mount(self, t, *lowers, **named):
        """A mount of these layers (top first) in this mode; `named` as of Case.stack."""
        return self.mount_stack(t, t.stack(*lowers, options=self.options, **named))

    def mount_stack(self, t, stack):
        features.need(*self.needs)
        if t.settings.system == "kernel":
            return t.mount_stack(stack)
        if self.without_io_uring:
            if t.settings.transport == "io_uring":
                lacking("a daemon without io_uring: the transport is it")
            return t.mount_stack(stack, preexec_fn=forbid_io_uring)
        return t.mount_stack(stack)

    def remount(self, t, m):
        m.umount()
        return self.mount_stack(t, m.stack)

    def with_options(self, *options):
        return dataclasses.replace(self, options=self.options + options)


MODES = (
    Mode("passed through", needs=("passthrough",), old_reads=OLD, old_maps=OLD, passes_through=True),
    Mode("through the daemon", ("passthrough=off",)),
    Mode("through threads of the daemon", ("passthrough=off",), without_io_uring=True),
    Mode("gathered by the kernel", ("writeback=on",), gathers=True),
    Mode("with lowers cached", ("lower_io=cached",), passes_through=True),
)
KERNEL_MODES = (Mode("on overlayfs", old_reads=NEW, old_maps=OLD, passes_through=True),)


def modes_for(settings):
    return KERNEL_MODES if settings.system == "kernel" else MODES


class EachMode:
    def __init__(self, functions):
        self.functions = functions

    def cases(self, settings):
        for mode in modes_for(settings):
            for function in self.functions:
                if settings.system in getattr(function, "systems", (settings.system,)):
                    sentence = f"{function.__name__.replace('_', ' ')}, {mode.name}"
                    yield sentence, lambda t, f=function, m=mode: f(t, m)


def in_each_mode(*functions):
    return EachMode(functions)


def forbid_io_uring():
    """In the daemon's process before it is the daemon: making a ring fails as it does where there are none."""
    numbers = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7, "riscv64": 0xC00000F3}
    load, jump_equal, give_back = 0x20, 0x15, 0x06
    program = [(load, 0, 0, 4), (jump_equal, 0, 3, numbers[platform.machine()]), (load, 0, 0, 0),
               (jump_equal, 0, 1, IO_URING_SETUP), (give_back, 0, 0, 0x00050000 | errno.ENOSYS),
               (give_back, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    header = struct.pack("=HxxxxxxQ", len(program), ctypes.addressof(code))
    word = ctypes.c_ulong
    if syscalls.libc.prctl(PR_SET_SECCOMP, word(SECCOMP_MODE_FILTER), header, word(0), word(0)):
        raise OSError(ctypes.get_errno(), "seccomp")


__all__ = ["Mode", "MODES", "in_each_mode", "modes_for"]
