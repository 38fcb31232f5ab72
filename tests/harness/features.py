# SPDX-License-Identifier: MIT
"""The abilities of the running kernel, found by trying, never by its version.

A test that needs a feature says `need("passthrough")`; if the kernel lacks it the test is skipped,
counted and listed under the feature's description. Missing programs are not features: setting up the
machine is the caller's duty, and their absence fails the test.
"""
import contextlib
import ctypes
import functools
import os
import struct
import tempfile

from . import administrator, syscalls
from .checks import Lacking

MOUNTING = "mounting FUSE file systems"

FUSE_PASSTHROUGH = 1 << 37
FUSE_OVER_IO_URING = 1 << 41


def lacking(feature):
    raise Lacking(DESCRIPTIONS.get(feature, feature))


def need(*features):
    for feature in features:
        if not has(feature):
            lacking(feature)


@functools.lru_cache(None)
def has(feature):
    return administrator.do(_probe, feature)


def _probe(feature):
    return PROBES[feature]()


@contextlib.contextmanager
def _silent_server():
    """The connection of a file server that never answers; None without FUSE."""
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="overpass-probe.") as point:
        try:
            try:
                syscalls.mount("probe", point, "fuse", 0, f"fd={device},rootmode=40000,user_id=0,group_id=0")
                connection = device
            except OSError:
                connection = None
            yield connection
        finally:
            os.close(device)
            _umount_quietly(point)


@functools.lru_cache(None)
def fuse_init_flags():
    """The flags that the kernel offers in FUSE_INIT; None without FUSE."""
    with _silent_server() as device:
        if device is None:
            return None
        request = os.read(device, 1 << 17)
    header_size = 40
    _, _, _, flags = struct.unpack_from("=IIII", request, header_size)
    more, = struct.unpack_from("=I", request, header_size + 16) if len(request) >= header_size + 20 else (0,)
    return flags | (more << 32)


def _umount_quietly(point):
    try:
        syscalls.umount(point, syscalls.MNT_DETACH)
    except OSError:
        pass


def _fuse():
    return fuse_init_flags() is not None


def _passthrough():
    return bool((fuse_init_flags() or 0) & FUSE_PASSTHROUGH)


def _prune():
    """FUSE_NOTIFY_PRUNE (9) of no node at all is an unknown message to older kernels."""
    with _silent_server() as device:
        try:
            return device is not None and os.write(device, struct.pack("=IiQIIQ", 32, 9, 0, 0, 0, 0)) == 32
        except OSError:
            return False


def _io_uring_transport():
    return bool((fuse_init_flags() or 0) & FUSE_OVER_IO_URING)


def _file_system(name):
    """Known to the kernel, or a module that loads at the first mount."""
    def known():
        with open("/proc/filesystems") as file:
            return name in file.read().split()
    if known():
        return True
    with tempfile.TemporaryDirectory(prefix="overpass-probe.") as point:
        try:
            syscalls.mount("none", point, name)
            _umount_quietly(point)
        except OSError:
            pass
    return known()


def _loop():
    return os.path.exists("/dev/loop-control")


def _user_namespace():
    child = os.fork()
    if child == 0:
        try:
            syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWNS)
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _io_uring():
    number = 425
    parameters = ctypes.create_string_buffer(120)
    fd = syscalls.libc.syscall(number, 1, parameters)
    if fd >= 0:
        os.close(fd)
    return fd >= 0


def _tmpfs_user_xattrs():
    with tempfile.TemporaryDirectory(prefix="overpass-probe.") as point:
        syscalls.mount("tmpfs", point, "tmpfs")
        try:
            os.setxattr(point, "user.probe", b"1")
            return True
        except OSError:
            return False
        finally:
            _umount_quietly(point)


def _xwhiteouts():
    """Kernel overlayfs reads an empty file with overlay.whiteout as a whiteout (since 6.7)."""
    with tempfile.TemporaryDirectory(prefix="overpass-probe.") as base:
        syscalls.mount("tmpfs", base, "tmpfs")
        try:
            for name in ("top", "low", "merged"):
                os.mkdir(f"{base}/{name}")
            for path in ("top/gone", "low/gone"):
                open(f"{base}/{path}", "w").close()
            os.setxattr(f"{base}/top/gone", "trusted.overlay.whiteout", b"")
            os.setxattr(f"{base}/top", "trusted.overlay.opaque", b"x")
            syscalls.mount("overlay", f"{base}/merged", "overlay", 0, f"lowerdir={base}/top:{base}/low")
            hidden = not os.path.exists(f"{base}/merged/gone")
            _umount_quietly(f"{base}/merged")
            return hidden
        except OSError:
            return False
        finally:
            _umount_quietly(base)


DESCRIPTIONS = {
    "fuse": MOUNTING,
    "passthrough": "FUSE passthrough (Linux 6.9)",
    "prune": "asking the kernel to forget inodes (Linux 6.18)",
    "io_uring transport": "FUSE over io_uring (Linux 6.14, fuse.enable_uring=Y)",
    "io_uring": "io_uring for programs",
    "overlayfs": "kernel overlayfs",
    "ext4": "ext4 on a loop device",
    "xfs": "xfs on a loop device",
    "btrfs": "btrfs on a loop device",
    "squashfs": "squashfs on a loop device",
    "erofs": "erofs on a loop device",
    "user namespaces": "user namespaces",
    "tmpfs user xattrs": "user xattrs on tmpfs (Linux 6.6)",
    "xwhiteouts": "whiteouts as extended attributes in kernel overlayfs (Linux 6.7)",
}

PROBES = {
    "fuse": _fuse,
    "passthrough": functools.lru_cache(None)(_passthrough),
    "prune": functools.lru_cache(None)(_prune),
    "io_uring transport": functools.lru_cache(None)(_io_uring_transport),
    "io_uring": functools.lru_cache(None)(_io_uring),
    "overlayfs": functools.lru_cache(None)(lambda: _file_system("overlay")),
    "ext4": functools.lru_cache(None)(lambda: _loop() and _file_system("ext4")),
    "xfs": functools.lru_cache(None)(lambda: _loop() and _file_system("xfs")),
    "btrfs": functools.lru_cache(None)(lambda: _loop() and _file_system("btrfs")),
    "squashfs": functools.lru_cache(None)(lambda: _loop() and _file_system("squashfs")),
    "erofs": functools.lru_cache(None)(lambda: _loop() and _file_system("erofs")),
    "user namespaces": functools.lru_cache(None)(_user_namespace),
    "tmpfs user xattrs": functools.lru_cache(None)(_tmpfs_user_xattrs),
    "xwhiteouts": functools.lru_cache(None)(_xwhiteouts),
}
