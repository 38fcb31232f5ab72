# SPDX-License-Identifier: MIT
"""flock, POSIX record locks and open file description locks."""
from harness.parity import Table, row

WORLDS = ("root", "userns", "user")
TREE = {"file": "content", "held.lock": "content", "dir": {}}
ROWS = [
    row("flock excludes another handle", "open a file; open b file; flock a ex; flock b ex; flock b sh; flock a un; flock b ex"),
    row("flock shares", "open a file; open b file; flock a sh; flock b sh; flock b ex; flock a un; flock b ex"),
    row("flock ends with its handle", "open a file; open b file; flock a ex; close a; flock b ex"),
    row("flock works on a directory", "opendir a dir; opendir b dir; flock a ex; flock b ex"),
    row("flock excludes another process", "open a file; flock a ex; other open b file; other flock a sh"),
    row("record locks exclude another process", "open a file r,w; lock a ex 0 5; other lock a ex 0 1; other lock a ex 5 5; other lock a sh 4 1"),
    row("record locks are shared", "open a file r,w; lock a sh 0 5; other lock a sh 0 5; other lock a ex 0 5"),
    row("record locks are given back", "open a file r,w; lock a ex 0 5; lock a un 0 5; other lock a ex 0 5"),
    row("record locks need the right handle", "open a file r; lock a ex; lock a sh; open b file w; lock b sh; lock b ex"),
    row("record locks end with any close of the file", "open a file r,w; open b file r,w; lock a ex; close b; other lock a ex"),
    row("description locks exclude each other", "open a file r,w; open b file r,w; ofd_lock a ex 0 5; ofd_lock b ex 0 5; ofd_lock b ex 5 5; ofd_lock a un 0 5; ofd_lock b ex 0 5"),
    row("flock of a reader excludes the first writer", "open a file r; flock a ex; open b file r,w; flock b ex; flock b sh; pwrite b 0 x; open c file r; flock c sh; close a; flock c sh; flock b ex"),
    row("flock of a reader is shared with the first writer", "open a file r; flock a sh; open b file r,w; flock b sh; flock b ex; flock a un; flock b ex; flock a sh"),
    row("flock of the first writer excludes an old reader", "open a file r; open b file r,w; flock b ex; flock a sh; flock a ex; close b; flock a ex"),
    row("flock of a reader stays over a truncation by path", "open a file r; flock a ex; truncate file 0; open b file r; flock b sh; other open c file r; other flock c ex"),
    row("record locks of a reader exclude the first writer of a file that is named as locked", "open a held.lock r; lock a sh; other open b held.lock r,w; other lock b ex; other pwrite b 0 x; other lock b sh"),
    row("description locks of a reader exclude the first writer of a file that is named as locked", "open a held.lock r; ofd_lock a sh; open b held.lock r,w; ofd_lock b ex; pwrite b 0 x; close a; ofd_lock b ex"),
    row("locks stay over a write", "open a file r,w; open b file r,w; flock a ex; pwrite a 0 x; flock b ex; unlink file; flock b ex"),
]
TABLE = Table(TREE, ROWS)
