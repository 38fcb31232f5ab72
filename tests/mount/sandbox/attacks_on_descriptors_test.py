# SPDX-License-Identifier: MIT
"""Hostile commands try to get out by what they are given or can name: descriptors, sockets, handles, the terminal.

Each test runs as the caller, and as root inside (--root). The directory outside is compared at its end (harness/sandboxes.py).
"""
import fcntl
import json
import os
import pty
import socket
import struct
import subprocess
import termios
import threading

from harness import equal, hostile, read, syscalls, write
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 300
TREE = {"file": "old", "dir": {"inner": "deep"}, "given": "first\n"}


def test_inherited_descriptors_are_not_handed_on(t):
    for kind in hostile.kinds(t):
        s = Sandboxes(t, TREE)
        numbers = [os.open(s.outside, os.O_RDONLY), os.open(s.outside + "/file", os.O_RDWR), os.open(s.outside, os.O_PATH)]
        numbers += [fcntl.fcntl(number, fcntl.F_DUPFD, 300) for number in numbers]
        for number in numbers:
            os.set_inheritable(number, True)
        found = hostile.outcomes(s, """
for number in numbers:
    attempt(f"descriptor {number}", os.fstat, number)
for name in os.listdir("/proc/self/fd"):
    if int(name) > 2:
        try:
            told(f"open {name}", os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            pass
for pid in of_overpass():
    for number in numbers:
        attempt(f"descriptor {number} of {pid}", os.open, f"/proc/{pid}/fd/{number}", os.O_RDONLY)
""", *kind, values={"numbers": numbers}, pass_fds=numbers)
        for number in numbers:
            os.close(number)
        hostile.all_refused(found, *(f"descriptor {number}" for number in numbers))
        equal([name for name in found if name.startswith("open ")], [], "descriptors of the command")


def test_files_that_are_read_from_cannot_be_changed(t):
    """By none of the calls that take a descriptor or the link in /proc."""
    for kind in hostile.kinds(t):
        s = Sandboxes(t, TREE)
        with open(s.outside + "/given", encoding="ascii") as file:
            found = hostile.outcomes(s, """
told("content", sys.stdin.readline())
attempt("write", os.write, 0, b"bad")
attempt("truncate", os.truncate, 0, 0)
attempt("chmod", os.fchmod, 0, 0o777)
attempt("chown", os.fchown, 0, os.getuid(), os.getgid())
attempt("utime", os.utime, 0, (1, 1))
attempt("setxattr", os.setxattr, 0, "user.hostile", b"x")
attempt("flags", fcntl.ioctl, 0, 0x40086602, struct.pack("=Q", 0))
for path in ("/proc/self/fd/0", "/dev/stdin", "/dev/fd/0", "/proc/thread-self/fd/0"):
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND):
        attempt(f"open {path} {flags}", os.open, path, flags)
    attempt(f"truncate {path}", os.truncate, path, 0)
    attempt(f"chmod {path}", os.chmod, path, 0o777)
    attempt(f"link {path}", lambda: checked(libc.linkat(AT_FDCWD, path.encode(), AT_FDCWD, b"linked", 0x400)))
attempt("link", lambda: checked(libc.linkat(0, b"", AT_FDCWD, b"linked", AT_EMPTY_PATH)))
attempt("map", lambda: __import__("mmap").mmap(0, 4))
attempt("clone its mount", call, OPEN_TREE, 0, b"", OPEN_TREE_CLONE | AT_EMPTY_PATH)
attempt("make its mount writable", call, MOUNT_SETATTR, 0, b"", AT_EMPTY_PATH, struct.pack("=QQQQ", 0, 1, 0, 0), 32)
attempt("make its mount writable by path", mount, None, "/proc/self/fd/0", None, MS_REMOUNT | MS_BIND)
attempt("bind it", mount, "/proc/self/fd/0", "file", None, MS_BIND)
""", *kind, stdin=file)
        equal(found.pop("content"), "first\n", "what the command read")
        hostile.all_refused(found, "write", "open /proc/self/fd/0", "make its mount writable")
        equal(read(s.outside + "/given"), b"first\n", "the file")


def test_directories_as_standard_streams_are_refused(t):
    s = Sandboxes(t, TREE)
    for flags in (os.O_RDONLY | os.O_DIRECTORY, os.O_PATH | os.O_DIRECTORY, os.O_PATH):
        for stream in ("stdin", "stdout", "stderr"):
            fd = os.open(s.outside if flags & os.O_DIRECTORY else s.outside + "/file", flags)
            streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: fd}
            done = subprocess.run([t.settings.overpass, "run", "true"], env=s.environment(), cwd=s.outside, check=False,
                                  timeout=t.settings.seconds(60), **streams)
            os.close(fd)
            equal(done.returncode, 125, f"a run with {flags:o} as {stream}")


def test_disk_that_is_read_from_cannot_be_written(t):
    """Its link in /proc would open it anew, whatever the mount is: device nodes are not of a read-only file system."""
    if t.world == "root":
        image = t.fresh("image") + "/disk"
        write(image, b"disk" * 4096)
        loop = subprocess.run(["losetup", "-f", "--show", image], check=True, capture_output=True, text=True).stdout.strip()
        t.at_end(lambda: subprocess.run(["losetup", "-d", loop], check=True))
    s = Sandboxes(t, TREE)
    if t.world != "root":
        equal(s.run("true").returncode, 0, "a run; only root may read a disk")
        return
    with open(loop, "rb") as disk:
        done = s.run("--", "sh", "-c", "echo bad > /proc/self/fd/0", stdin=disk)
    os.sync()
    equal(read(image)[:4], b"disk", "the disk")
    equal((done.returncode, "disk" in done.stderr), (125, True), f"the run: {done.stderr}")


def _listening(t, address, kind=socket.SOCK_STREAM):
    """A server, and the list of what connected to it."""
    server, served = socket.socket(socket.AF_UNIX, kind), []
    server.bind(address)
    if kind == socket.SOCK_STREAM:
        server.listen()
    server.settimeout(0.1)
    is_over = threading.Event()

    def serve():
        while not is_over.is_set():
            try:
                served.append(server.accept() if kind == socket.SOCK_STREAM else server.recv(10))
            except TimeoutError:
                pass
    thread = threading.Thread(target=serve)
    thread.start()

    def end():
        is_over.set()
        thread.join()
        server.close()
    t.at_end(end)
    return served


CONNECT = """
def reach(name, address, kind):
    one = socket.socket(socket.AF_UNIX, kind)
    attempt(name, one.connect, address)
    attempt(f"send to {name}", one.sendto, b"hostile", 0, address)
    one.close()
for name, address in addresses.items():
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        reach(f"{name} {kind}", address, kind)
"""


def test_sockets_outside_cannot_be_reached(t):
    for kind in hostile.kinds(t):
        s = Sandboxes(t, TREE)
        os.chdir(s.outside)
        served = _listening(t, s.outside + "/listens"), _listening(t, s.outside + "/receives", socket.SOCK_DGRAM)
        os.link(s.outside + "/listens", s.outside + "/dir/linked")
        os.symlink(s.outside + "/listens", s.outside + "/symbolic")
        s.outside_is_as_it_should_be()
        found = hostile.outcomes(s, CONNECT, *kind, values={"addresses": {
            "listening": s.outside + "/listens", "receiving": s.outside + "/receives", "hard link": s.outside + "/dir/linked",
            "symbolic link": s.outside + "/symbolic"}})
        hostile.all_refused(found, "listening", "receiving", "hard link", "symbolic link")
        equal(served, ([], []), "what the servers got")


def test_sockets_on_a_file_system_that_became_read_only_cannot_be_reached(t):
    point = t.fresh("point")
    t.by_root(syscalls.mount, "tmpfs", point, "tmpfs", 0, "mode=777")
    served = _listening(t, point + "/listens")
    os.mkfifo(point + "/pipe")
    os.chmod(point + "/pipe", 0o666)
    pipe = os.open(point + "/pipe", os.O_RDONLY | os.O_NONBLOCK)
    t.at_end(lambda: os.close(pipe))
    t.by_root(syscalls.mount, None, point, None, syscalls.MS_REMOUNT | syscalls.MS_RDONLY)
    for kind in hostile.kinds(t):
        s = Sandboxes(t, TREE)
        found = hostile.outcomes(s, CONNECT + """
attempt("pipe", lambda: os.write(os.open(point + "/pipe", os.O_WRONLY | os.O_NONBLOCK), b"hostile"))
told("file", str(os.path.exists(point + "/listens")))
""", *kind, values={"addresses": {"listening": point + "/listens"}, "point": point})
        equal(found.pop("file"), "True", "whether the file system is shown")
        hostile.all_refused(found, "listening", "pipe")
        equal(served, [], "what the server got")


def test_pipes_outside_cannot_be_reached(t):
    for kind in hostile.kinds(t):
        s = Sandboxes(t, TREE)
        os.mkfifo(s.outside + "/pipe")
        s.outside_is_as_it_should_be()
        reader = os.open(s.outside + "/pipe", os.O_RDONLY | os.O_NONBLOCK)
        found = hostile.outcomes(s, """
attempt("pipe", lambda: os.write(os.open("pipe", os.O_WRONLY | os.O_NONBLOCK), b"hostile"))
""", *kind)
        equal(os.read(reader, 10), b"", "what came through the pipe")
        os.close(reader)
        hostile.all_refused(found, "pipe")


def test_sockets_without_a_path_cannot_be_reached(t):
    if hostile.hostile_calls.libc.syscall(444, None, 0, 1) < 6:
        t.need("Landlock's scopes")
    name = f"\0overpass-{os.getpid()}"
    served = _listening(t, name), _listening(t, name + "2", socket.SOCK_DGRAM)
    for kind in hostile.kinds(t):
        found = hostile.outcomes(Sandboxes(t), CONNECT + """
def below():
    become_root_of_own_namespace()
    reach("below", addresses["listening"], socket.SOCK_STREAM)
in_child(below)
""", *kind, values={"addresses": {"listening": name, "receiving": name + "2"}})
        hostile.all_refused(found, "listening", "receiving", "below")
    equal(served, ([], []), "what the servers got")


def test_handles_of_files_outside_open_nothing(t):
    hidden = t.fresh("hidden", {"secret": "hidden"})
    for kind in hostile.kinds(t):
        s = Sandboxes(t, TREE)
        os.makedirs(s.store, exist_ok=True)
        handles = [syscalls.file_handle(path) for path in (s.outside, s.outside + "/file", hidden + "/secret", s.store, "/")]
        found = hostile.outcomes(s, """
def attack(how):
    for number, (kind, content) in enumerate(handles):
        handle = struct.pack("=Ii", len(content), kind) + content
        for where in ("/", ".", "/tmp", "/dev", "/sys", "/proc", "/dev/null", "/dev/shm"):
            mount_fd = os.open(where, os.O_RDONLY)
            for flags in (os.O_RDONLY, os.O_RDWR, os.O_PATH):
                attempt(f"handle {number} at {where} {flags} {how}",
                        lambda: checked(libc.open_by_handle_at(mount_fd, handle, flags)))
            os.close(mount_fd)
in_child(lambda: attack("as it is"))
in_child(lambda: become_root_of_own_namespace() and attack("in a namespace below"))
""", *kind, "--hide", hidden, values={"handles": handles})
        hostile.all_refused(found, "handle 0 at / 0 as it is", "handle 1 at /dev/null 2 as it is")


TERMINAL = """
def in_32_bits(number, first, second, third):
    import mmap
    code = mmap.mmap(-1, 4096, prot=7)
    code.write(bytes.fromhex("53 89f8 89f3 89d6 89ca 89f1 cd80 5b c3"))
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    function = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_uint] * 4)(address)
    result = function(number, first, second, third)
    if result < 0:
        raise OSError(-result, os.strerror(-result))

def from_below():
    libc.mmap.restype = ctypes.c_void_p
    below = libc.mmap(None, ctypes.c_size_t(4096), 3, 0x62, -1, ctypes.c_long(0))
    ctypes.memmove(below, b"\\\\n", 1)
    attempt("32 bits", in_32_bits, 54, 0, 0x5412, below)

text = ctypes.create_string_buffer(b"\\\\n")
for fd in (0, os.open("/dev/tty", os.O_RDWR)):
    for name, request in (("TIOCSTI", 0x5412), ("TIOCLINUX", 0x541C)):
        for more in (0, 1 << 32, 0xdeadbeef << 32):
            attempt(f"{name} {fd} {more:x}", call, 16 if IS_X86 else 29, fd, request | more, ctypes.addressof(text))
attempt("steal", fcntl.ioctl, 0, 0x540E, 1)
if IS_X86:
    call_x32 = 0x40000000 + 514
    attempt("x32", call, call_x32, 0, 0x5412, ctypes.addressof(text))
    in_child(from_below)
"""


def test_nothing_is_typed_into_the_terminal(t):
    for kind in hostile.kinds(t):
        s = Sandboxes(t, TREE)
        ours, theirs = pty.openpty()
        result = s.outside + "/../result"
        words = hostile.command(TERMINAL)
        words[2] = words[2].rsplit("report()", 1)[0] + "sys.stderr.write(json.dumps(outcomes) + '\\n')\n"

        def take_terminal(fd=theirs):
            os.setsid()
            fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
        with open(result, "wb") as errors:
            subprocess.run([t.settings.overpass, "run", *kind, "typed", "--", *words], stdin=theirs, stdout=theirs,
                           stderr=errors, preexec_fn=take_terminal, env=s.environment(), cwd=s.outside, check=False,
                           timeout=t.settings.seconds(60))
        waiting = struct.unpack("i", fcntl.ioctl(theirs, termios.FIONREAD, bytes(4)))[0]
        os.close(theirs)
        os.close(ours)
        text = read(result).decode()
        equal(waiting, 0, f"bytes that wait in the terminal's input: {text}")
        found = json.loads(text.splitlines()[-1])
        hostile.all_refused(found, "TIOCSTI 0 0", "TIOCLINUX", "steal")
