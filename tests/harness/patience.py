# SPDX-License-Identifier: MIT
"""Waiting for what has to come, where nothing tells that it has."""
import time

from . import checks


def wait_for(t, condition, what):
    """Asks again until condition() holds. The test fails when that takes far longer than it may."""
    deadline = time.monotonic() + t.settings.seconds(20)
    while not condition():
        if time.monotonic() > deadline:
            raise checks.Failure(f"in vain: waiting for {what}")
        time.sleep(0.01)
