# SPDX-License-Identifier: MIT
"""The shortest sequence that still fails: pieces are left out, large ones first, as long as it fails."""
import time


def shortest(items, fails, seconds):
    """Returns the items left after `seconds` at most, and what fails(items) says is wrong with them.

    fails(items) returns a text, or None when nothing is wrong; None comes back if nothing could be left out.
    """
    deadline = time.monotonic() + seconds
    wrong, piece = None, max(1, len(items) // 2)
    while True:
        at, shorter = 0, False
        while at < len(items):
            if time.monotonic() > deadline:
                return items, wrong
            candidate = items[:at] + items[at + piece:]
            now = fails(candidate)
            if now:
                items, wrong, shorter = candidate, now, True
            else:
                at += piece
        if piece == 1 and not shorter:
            return items, wrong
        piece = max(1, piece // 2)
