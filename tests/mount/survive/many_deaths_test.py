# SPDX-License-Identifier: MIT
"""With survive=on, deaths leave nothing behind: no node, no descriptor, no memory. The long form makes 10,000 of them."""
import os
import time

from harness import at_most, caches, equal
from harness.daemon import is_sanitized
from harness.deaths import PAUSE, kill_daemon, lives, wait_for_balance
from harness.parallel import in_parallel

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 500


def resident(pid):
    """What the process alone has in memory, in KiB; nothing of the memory that daemons share."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))


def holding(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def go_through(m, deaths):
    """The daemon of one mount dies so often; meanwhile names come and go, and files are open, written and removed."""
    lines = [b"%08d\n" % number for number in range(deaths)]
    with open(m / "log", "ab", buffering=0) as log, open(m / "removed", "wb+", buffering=0) as removed:
        os.unlink(m / "removed")
        first = None
        for number, line in enumerate(lines):
            for place, _, names in os.walk(m.path):
                for name in names:
                    os.stat(os.path.join(place, name))
            log.write(line)
            removed.write(line)
            caches.drop_of(m.path)
            kill_daemon(m)
            if number == 1:
                first = holding(m.daemon.pid), resident(m.daemon.pid), resident(m.status()["pid"])
            time.sleep(PAUSE)
        equal(os.pread(removed.fileno(), 9 * deaths, 0), b"".join(lines), "a removed file's content")
    with open(m / "log", "rb") as log:
        equal(log.read(), b"".join(lines), "a file's content")
    return first


def test_deaths_leave_nothing_behind(t):
    lower = t.layer({f"dir{i}": {f"file{j}": "" for j in range(20)} for i in range(10)} | {"log": ""})
    mounts = [t.mount(lower, options=["survive=on"]) for _ in range(t.settings.in_form(2, 4, 16))]
    deaths = t.settings.in_form(4, 6, 625)

    def work(who):
        m = mounts[who]
        descriptors, keepers, daemons = go_through(m, deaths)
        wait_for_balance(m)
        equal(lives(m), deaths, "daemons that died")
        at_most(holding(m.daemon.pid), descriptors, "descriptors of the keeper")
        if is_sanitized(m.daemon.pid):
            return
        at_most(resident(m.daemon.pid), keepers + 256, "KiB of the keeper")
        at_most(resident(m.status()["pid"]), daemons + 1024, "KiB of the daemon")

    in_parallel(work, len(mounts))
