# SPDX-License-Identifier: MIT
"""overpass-broker as a child process of a test, and a client that says to it whatever a test likes."""
import array
import os
import signal
import socket
import struct
import subprocess
import sys
import time

from . import administrator, checks
from .daemon import REPORTS
from .patience import wait_for

BROKER_UID = 64999
MAGIC, VERSION, MESSAGE = 0x4F765042, 2, "=IHHiIQ"
GREET, REGISTER, CLOSE, LIST, DIRECTORY = 1, 2, 3, 4, 5
REFUSALS = ("None", "Malformed", "Version", "OutOfOrder", "NotFuse", "NotYours", "NotNamespace", "PathOnly", "WriteOnly",
            "AppendOnly", "Protected", "NotRegular", "FileSystem", "Sealable", "Mount", "Kernel", "TooManyFiles",
            "TooManyClients", "TooFast", "NotPermitted", "Broken", "NotDirectory")


class Broker:
    """Runs from its making to the end of the test, where it must end well and leave no process. `passed`: started as a
    service manager does, as its own user, with a socket that is there already. `at`: where it listens.
    """

    def __init__(self, t, *arguments, passed=False, at=None):
        self.settings = t.settings
        self.program = os.path.join(os.path.dirname(t.settings.overpass), "overpass-broker")
        self.directory = t.fresh("broker")
        os.chmod(self.directory, 0o755)
        self.socket = at or self.directory + "/socket"
        self.log = open(self.directory + "/log", "w+b")
        if passed:
            self.process = self._start_with_socket(arguments)
        else:
            self.process = self._start([self.program, "--socket", self.socket, "--user", str(BROKER_UID), *arguments])
        t.at_end(self.end)
        deadline = time.monotonic() + t.settings.seconds(20)
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise checks.Failure(f"overpass-broker did not start:\n{self.text()}")
            time.sleep(0.01)
        self.wait_for_children(0, "at the beginning")

    def _start(self, command, **named):
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, **named)

    def _start_with_socket(self, arguments):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(self.socket)
            os.chmod(self.socket, 0o666)
            listener.listen()
            rights = "=-all,+dac_read_search,+sys_chroot,+sys_admin"
            command, options = with_socket(listener, self.program, *arguments)
            return self._start(["setpriv", f"--reuid={BROKER_UID}", f"--regid={BROKER_UID}", "--clear-groups", "--no-new-privs",
                                *(f"--{kind}-caps{rights}" for kind in ("inh", "ambient")), f"--bounding-set{rights}",
                                *command], **options)

    def listens(self):
        """Whether it answers."""
        return _answers(self.socket)

    def text(self):
        with open(self.directory + "/log", "rb") as file:
            return file.read().decode(errors="replace")

    def children(self):
        """The processes that serve clients."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            return [int(pid) for pid in file.read().split()]

    def wait_for_children(self, count, what):
        """Waits until so many clients are served."""
        deadline = time.monotonic() + self.settings.seconds(20)
        while len(self.children()) != count:
            if time.monotonic() > deadline:
                raise checks.Failure(f"{what}: {len(self.children())} clients are served, not {count}:\n{self.text()}")
            time.sleep(0.01)

    def listed(self):
        """The rows of --list: PID, UID, FILES, MOUNT."""
        done = subprocess.run([self.program, "--socket", self.socket, "--list"], capture_output=True, check=False)
        if done.returncode != 0:
            raise checks.Failure(f"--list ended with {done.returncode}: {done.stderr.decode()}")
        return [line.split() for line in done.stdout.decode().splitlines()[1:]]

    def kill(self):
        """Ends it in the middle of everything; its clients' processes notice within moments."""
        orphans = self.children()
        self.process.kill()
        self.process.wait()
        deadline = time.monotonic() + self.settings.seconds(20)
        while any(map(is_running, orphans)):
            if time.monotonic() > deadline:
                raise checks.Failure(f"clients are served without the broker: {orphans}")
            time.sleep(0.01)

    def end(self):
        status = self.process.poll()
        if status is None:
            self.process.terminate()
            status = self.process.wait(self.settings.seconds(20))
            if status != 0:
                raise checks.Failure(f"overpass-broker ended with status {status}:\n{self.text()}")
        self.log.close()
        if REPORTS.search(self.text()):
            raise checks.Failure(f"overpass-broker reported:\n{self.text()[:6000]}")


def beside(t):
    """A broker of the machine's root for the mounts of this test, in worlds whose mounts need one to be passed through."""
    if t.world == "root":
        return
    program = os.path.join(os.path.dirname(t.settings.overpass), "overpass-broker")
    directory = t.fresh("broker")
    pid = administrator.do_at_home(_start_for_others, program, directory)
    os.environ["OVERPASS_BROKER"] = directory + "/socket"

    def end():
        del os.environ["OVERPASS_BROKER"]
        t.by_root(os.kill, pid, signal.SIGTERM)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])      # an orphan, and we are the first process here
        with open(directory + "/log", encoding="utf-8", errors="replace") as log:
            text = log.read()
        if status != 0 or REPORTS.search(text):
            raise checks.Failure(f"overpass-broker ended with status {status}:\n{text}")

    t.at_end(end)
    wait_for(t, lambda: _answers(directory + "/socket"), "the broker")


def _start_for_others(program, directory):
    with open(directory + "/log", "wb") as log:
        return subprocess.Popen([program, "--socket", directory + "/socket", "--user", str(BROKER_UID)],
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log).pid


def _answers(path):
    """Whether a broker answers there, be it with a refusal."""
    try:
        return bool(Client(path).ask(LIST))
    except OSError:
        return False


def with_socket(listener, *command):
    """That command and Popen's arguments, so that it gets the socket as sd_listen_fds(3) has it."""
    script = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""
    return [sys.executable, "-c", script, str(listener.fileno()), *command], {"pass_fds": [listener.fileno()]}


def is_running(pid):
    """Whether that process is there, and not only for its parent to ask after."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Client:
    """Speaks the protocol, or not."""

    def __init__(self, path):
        self.end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.end.connect(path)          # waits where too many do; with a timeout it would fail
        self.end.settimeout(20)
        self.serial = 0

    def send(self, data, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.end.sendmsg([data], rights)

    def receive(self):
        """Refusal, value and errno of an answer; None at the end of the connection."""
        data = self.take()
        if not data:
            return None
        magic, version, refusal, value, error, serial = struct.unpack("=IHHiiQ", data)
        if (magic, version, serial) not in ((MAGIC, VERSION, self.serial), (MAGIC, VERSION, 0)):
            raise checks.Failure(f"an answer of another kind: {data!r}")
        return REFUSALS[refusal], value, error

    def take(self):
        """The next packet, empty at the end. What was sent before the end can be read after the news of it."""
        try:
            return self.end.recv(64)
        except ConnectionResetError:
            return self.end.recv(64)

    def message(self, kind, backing_id=0, reserved=0, magic=MAGIC, version=VERSION):
        self.serial += 1
        return struct.pack(MESSAGE, magic, version, kind, backing_id, reserved, self.serial)

    def ask(self, kind, *fds, **fields):
        self.send(self.message(kind, **fields), fds)
        return self.receive()

    def greet(self, fuse):
        namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        try:
            return self.ask(GREET, fuse, namespace)
        finally:
            os.close(namespace)

    def register(self, fd):
        return self.ask(REGISTER, fd)

    def offer_directory(self, fd):
        return self.ask(DIRECTORY, fd)

    def give_back(self, backing_id):
        """Close has no answer."""
        self.send(self.message(CLOSE, backing_id))

    def leave(self):
        self.end.close()
