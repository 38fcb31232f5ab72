# SPDX-License-Identifier: MIT
"""Counts the FUSE requests that some calls cost, as the daemon itself counts them.

`overpass status` costs requests too; what one costs is measured first and taken off. Some requests
(RELEASE, FORGET) come after the call that causes them, so the count is taken when it has come to rest.
"""
import time

from . import checks

UNCOUNTED = ("FORGET", "BATCH_FORGET", "INTERRUPT", "INIT")


class Counted:
    """Afterwards compares equal to a dict from request name to number."""

    def __init__(self, mount):
        self.mount, self.asked, self.counts = mount, 0, None

    def _ask(self):
        self.asked += 1
        return self.mount.status()["requests"]

    def __enter__(self):
        self._ask()                 # its own first costs (looking up the mountpoint) are over now
        first = self._settled()
        second = self._ask()
        self.cost = _minus(second, first)
        self.start, self.asked = second, 0
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.counts = self._difference(self._settled())

    def _difference(self, now):
        found = _minus(now, self.start)
        for name, number in self.cost.items():
            found[name] = found.get(name, 0) - number * self.asked
        return {name: number for name, number in found.items() if number and name not in UNCOUNTED}

    def _settled(self):
        """Asks until an answer shows nothing but what the asking cost, twice running."""
        deadline = time.monotonic() + self.mount.settings.seconds(10)
        last, since_last, calm = self._ask(), None, 0
        while calm < 2:
            if time.monotonic() > deadline:
                raise checks.Failure(f"requests keep coming: {since_last}")
            time.sleep(0.01)
            now = self._ask()
            change = _minus(now, last)
            calm = calm + 1 if change == since_last else 0
            last, since_last = now, change
        return last

    def __eq__(self, expected):
        return self.counts == expected

    def __repr__(self):
        return repr(self.counts)


def _minus(new, old):
    names = set(new) | set(old)
    return {name: new.get(name, 0) - old.get(name, 0) for name in names if new.get(name, 0) != old.get(name, 0)}
