#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# The client of the rows copy-up-*, `copy_up_client.py ROOT [UID]`, ROOT being a mountpoint: as user
# UID, one process opens ROOT/big for appending and writes a byte, which makes a union copy the file
# up; another one meanwhile asks for the attributes of files of ROOT/tree that nobody has asked for,
# as it has done for a while before. Prints {"seconds": of open, write and close, "idle": L, "meanwhile": L}, with L = {"median", "p99":
# microseconds, "count"}.

import json
import os
import sys
import time

IDLE_SECONDS = 0.4
PAUSE = 0.0002   # between two stats, so that a processor is left to the copying


def unknown_names(root):
    """Files in the order of a disk that nobody reads ahead: no two neighbours of one directory."""
    tree = os.path.join(root, "tree")
    directories = sorted(os.listdir(tree))
    files = len(os.listdir(os.path.join(tree, directories[0])))
    for file in range(files):
        for directory in directories:
            yield f"{tree}/{directory}/f{file:03}"


def time_stats(names, goes_on):
    """Pairs of (begin, nanoseconds) while goes_on() and there are names left."""
    times = []
    while goes_on():
        name = next(names, None)
        if name is None:
            break
        begin = time.monotonic_ns()
        os.stat(name)
        times.append((begin, time.monotonic_ns() - begin))
        time.sleep(PAUSE)
    return times


def append(path, answer):
    """In a process of its own: writes when it began and ended, or nothing after a failure."""
    begin = time.monotonic_ns()
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.write(fd, b"+")
    os.close(fd)
    os.write(answer, f"{begin} {time.monotonic_ns()}".encode())


def start_append(path):
    """Returns (pid, where its answer can be read)."""
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            append(path, writable)
        finally:
            os._exit(0)
    os.close(writable)
    return pid, readable


def summary(nanoseconds):
    ordered = sorted(nanoseconds)
    if not ordered:
        return {"median": None, "p99": None, "count": 0}
    return {"median": ordered[len(ordered) // 2] / 1000, "p99": ordered[len(ordered) * 99 // 100] / 1000,
            "count": len(ordered)}


def main():
    root = sys.argv[1]
    for user in map(int, sys.argv[2:]):
        os.setgroups([])   # given up here and not before: the interpreter may be root's alone
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    names, deadline = unknown_names(root), time.monotonic() + IDLE_SECONDS
    idle = time_stats(names, lambda: time.monotonic() < deadline)
    size = os.stat(os.path.join(root, "big")).st_size
    pid, readable = start_append(os.path.join(root, "big"))
    beside = time_stats(names, lambda: os.waitpid(pid, os.WNOHANG)[0] == 0)
    answer = os.read(readable, 100).split()   # ends with the other process
    if len(answer) != 2 or os.stat(os.path.join(root, "big")).st_size != size + 1:
        sys.exit("the byte was not appended")
    begin, end = map(int, answer)
    meanwhile = [took for started, took in beside if started + took > begin and started < end]
    print(json.dumps({"seconds": (end - begin) / 1e9, "idle": summary([took for _, took in idle]),
                      "meanwhile": summary(meanwhile)}))


if __name__ == "__main__":
    main()
