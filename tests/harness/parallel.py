# SPDX-License-Identifier: MIT
"""Several processes, or threads, that do something to a mount at the same time."""
import os
import pickle
import threading
import time

from . import checks


def together(t, functions, seconds=60):
    """Runs all functions at once, each in a process of its own; any failure fails the test. `seconds` bounds the whole.

    They start together: each waits for a pipe that the parent closes when all are ready.
    """
    gate_read, gate_write = os.pipe()
    children = [_start(function, gate_read, gate_write) for function in functions]
    os.close(gate_read)
    os.close(gate_write)
    deadline = time.monotonic() + t.settings.seconds(max(60, seconds))
    problems = []
    for child, answers in children:
        text = _answer(answers, deadline)
        if text is None:
            os.kill(child, 9)
            text = "did not come to an end"
        os.waitpid(child, 0)
        if text:
            problems.append(text)
    checks.holds(not problems, "every process does its part: " + "; ".join(problems))


def in_parallel(function, count):
    """Calls function(0), function(1), ... in threads, and passes the first failure on."""
    failures = []

    def guarded(number):
        try:
            function(number)
        except BaseException as error:              # all of them matter, also a failed claim
            failures.append(error)
    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _start(function, gate_read, gate_write):
    answers, mine = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(gate_write)
        os.close(answers)
        text = ""
        try:
            os.read(gate_read, 1)
            function()
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(mine, pickle.dumps(text))
        os._exit(0)
    os.close(mine)
    return child, answers


def _answer(fd, deadline):
    import select
    ready, _, _ = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
    try:
        data = os.read(fd, 65536) if ready else None
    finally:
        os.close(fd)
    if data is None:
        return None
    return pickle.loads(data) if data else "died"
