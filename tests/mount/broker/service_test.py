# SPDX-License-Identifier: MIT
"""overpass-broker as a service: how it starts, what it holds and may do, what it writes into the log."""
import os
import re
import socket
import subprocess

from user_mounts import Meanwhile, mounted, use, use_once, world

from harness import equal, holds, need
from harness.broker import BROKER_UID, Broker, Client, with_socket
from harness.credentials import as_user
from harness.daemon import is_sanitized
from harness.raw_fuse import RawFuse
from harness.worlds import NOBODY, give_to, ordinary_fuse_device, umount

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "it starts the broker, which root alone may, and enters the worlds of its clients itself"
RIGHTS = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")
SEARCH, CHROOT, ADMIN = 1 << 2, 1 << 18, 1 << 21


def rights_of(pid):
    with open(f"/proc/{pid}/status") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines())
    return {key: status[key].split() for key in RIGHTS}


def rights(broker, capabilities):
    """Builds with sanitizers are not confined: those need other system calls."""
    ids = [str(BROKER_UID)] * 4
    words = [f"{mask:016x}" for mask in (0, capabilities, capabilities, SEARCH | CHROOT | ADMIN)]
    return {"Uid": ids, "Gid": ids, "Groups": [], **{name: [word] for name, word in zip(RIGHTS[3:7], words)},
            "NoNewPrivs": ["1"], "Seccomp": ["0" if is_sanitized(broker.process.pid) else "2"]}


def greeted(t, broker):
    """Ordinary users' clients that stay until they are told to go on."""
    point = t.fresh("mnt")
    give_to(point, NOBODY)

    def run(pause):
        fuse, client = RawFuse(point), Client(broker.socket)
        answer = client.greet(fuse.fd)[0]
        pause(answer)
        client.leave()
        fuse.umount()
    meanwhile = Meanwhile()
    meanwhile.user(NOBODY, run)
    equal(meanwhile.wait(), "None", "the greeting")
    return meanwhile


def made(t, *arguments, **named):
    need("passthrough")
    ordinary_fuse_device(t)
    broker = Broker(t, *arguments, **named)
    os.chmod(t.directory, 0o777)
    return broker


def test_it_keeps_three_rights_and_a_clients_process_two(t):
    broker = made(t)
    equal(rights_of(broker.process.pid), rights(broker, SEARCH | CHROOT | ADMIN), "rights of the server")
    client = greeted(t, broker)
    equal(rights_of(broker.children()[0]), rights(broker, SEARCH | ADMIN), "rights of a client's process")
    client.go_on()


def test_other_processes_may_not_look_into_it(t):
    broker = made(t)
    client = greeted(t, broker)
    for pid in (broker.process.pid, *broker.children()):
        equal(os.stat(f"/proc/{pid}/environ").st_uid, 0, "a process that may not be traced belongs to root in /proc")
    client.go_on()


def test_a_clients_process_holds_nothing_of_others(t):
    broker = made(t)
    clients = [greeted(t, broker) for _ in range(3)]
    for pid in broker.children():
        kinds = sorted(re.sub(r":?\[.*|(?<=/proc/)\d+", "", os.readlink(f"/proc/{pid}/fd/{fd}")) for fd in os.listdir(f"/proc/{pid}/fd"))
        log = os.path.realpath(broker.directory) + "/log"
        equal([kind for kind in kinds if kind not in ("/dev/null", log)], ["/dev/fuse", "/proc//fd", "anon_inode", "socket", "socket"],
              "its mount, its own descriptors, its client's pidfd, the connections to the client and to the server")
    for client in clients:
        client.go_on()


def test_a_service_manager_may_start_it(t):
    broker, stack = world(t, NOBODY, passed=True)
    equal(rights_of(broker.process.pid), rights(broker, SEARCH | CHROOT | ADMIN), "rights of the server")
    as_user(NOBODY, lambda: use_once(t, broker, stack))
    broker.wait_for_children(0, "after the unmount")
    equal(broker.listed(), [], "the list")


def test_a_failed_start_gives_its_reason_in_a_line(t):
    broker = made(t)
    free = t.fresh("free") + "/socket"

    def outcome(*arguments, **named):
        done = subprocess.run([broker.program, *arguments], capture_output=True, check=False, **named)
        text = done.stderr.decode()
        equal((text.count("\n"), done.stdout), (1, b""), f"lines for {arguments}")
        return done.returncode, text
    for arguments, status, words in (
            (("--socket", broker.socket), 1, "another broker does"),
            (("--socket", free, "--user", "nobody-of-that-name"), 1, "there is no user 'nobody-of-that-name'"),
            (("--socket", free, "--user", "0"), 1, "the superuser"),
            (("--socket", free + "/below/a/file"), 1, "cannot listen"),
            (("--soket", free), 2, "--soket"),
            (("--clients", "many"), 2, "--clients"),
            (("--list", "--socket", free + "-none"), 1, "no broker listens")):
        code, text = outcome(*arguments)
        equal(code, status, f"the status after {arguments}")
        holds(words in text, f"{words!r} is in {text!r}")
    code, text = outcome("--socket", free, user=NOBODY, group=NOBODY, extra_groups=[])
    holds(code == 1 and "CAP_SYS_ADMIN" in text, f"as an ordinary user: {text!r}")
    code, text = as_user(NOBODY, lambda: outcome("--list", "--socket", broker.socket))
    holds(code == 1 and "superuser" in text, f"the list for an ordinary user: {text!r}")
    code, text = outcome(env={**os.environ, "LISTEN_PID": "1", "LISTEN_FDS": "1"}, *("--socket", broker.socket))
    holds("another broker" in text, "a socket passed to another process is not taken")


def test_another_kind_of_socket_is_not_taken(t):
    broker = made(t)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.bind(broker.directory + "/stream")
        stream.listen()
        command, options = with_socket(stream, broker.program)
        done = subprocess.run(command, capture_output=True, check=False, **options)
    equal(done.returncode, 1, "status")
    holds(b"SOCK_SEQPACKET" in done.stderr, "the reason")


def test_a_broker_takes_the_place_of_one_that_was_killed(t):
    broker, stack = world(t, NOBODY)
    broker.kill()
    holds(os.path.exists(broker.socket), "its socket is left")
    heir = Broker(t, at=broker.socket)

    def work():
        m = mounted(t, heir, stack)
        use(m)
        umount(m)
    as_user(NOBODY, work)


def test_each_refusal_is_a_line_in_the_log_up_to_fifty(t):
    broker = made(t)
    point = t.fresh("mnt")
    give_to(point, NOBODY)

    def work():
        fuse, client = RawFuse(point), Client(broker.socket)
        client.greet(fuse.fd)
        path, directory = os.open("/etc/hostname", os.O_PATH), os.open("/", os.O_RDONLY)
        for _ in range(60):
            client.register(path)
        client.register(directory)
        client.leave()
        fuse.umount()
        return os.getpid()
    pid = as_user(NOBODY, work)
    broker.wait_for_children(0, "at the end")
    begin = f"overpass-broker: pid {pid} uid {NOBODY}"
    broker.process.terminate()
    broker.process.wait()
    *lines, rest = broker.text().splitlines()
    # While they were written there may have been one more, every six seconds.
    holds(50 <= len(lines) < 61, f"the number of lines: {len(lines)}")
    equal(lines, [f"{begin} refused: the file is open O_PATH"] * len(lines), "lines")
    equal(rest, f"overpass-broker: uid {NOBODY}: {61 - len(lines)} more lines are left out", "the rest")
