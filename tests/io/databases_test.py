# SPDX-License-Identifier: MIT
"""SQLite with several writing processes that are killed in the middle: what was committed is there afterwards.

A writer says through a pipe what COMMIT has acknowledged. After the kill the database is sound, has every row that
was acknowledged and, of each writer, at most one more. This also holds after a remount and for the upper's file alone.
tests/e2e has the sums of money that moves; here it is about single rows, in each mode.
"""
import os
import random
import signal
import sqlite3
import time

from harness import equal, holds
from modes import EachMode

WRITERS, ROUNDS, SECONDS = 3, 3, 0.5


def new_database(directory):
    with sqlite3.connect(os.path.join(directory, "rows.db")) as rows:
        rows.execute("CREATE TABLE line (writer INTEGER, number INTEGER, text BLOB, PRIMARY KEY (writer, number))")
        rows.executemany("INSERT INTO line VALUES (-1, ?, zeroblob(900))", ((number,) for number in range(100)))
    rows.close()


def connect(path):
    return sqlite3.connect(path, timeout=60, isolation_level=None)


def write_rows(path, writer, seed, acknowledged):
    """Rows of growing numbers until it is killed; now and then several in one transaction, or one taken back."""
    chance, rows = random.Random(seed), connect(path)
    rows.execute("PRAGMA cache_size=8")                     # so that pages are written before the commit
    number = rows.execute("SELECT coalesce(max(number), -1) FROM line WHERE writer = ?", (writer,)).fetchone()[0]
    while True:
        first, count = number + 1, chance.choice((1, 1, 5))
        rows.execute("BEGIN IMMEDIATE")
        for row in range(first, first + count):
            rows.execute("INSERT INTO line VALUES (?, ?, randomblob(?))", (writer, row, chance.randrange(6000)))
        if chance.random() < 0.1:
            rows.execute("ROLLBACK")
            continue
        rows.execute("COMMIT")
        number = first + count - 1
        os.write(acknowledged, b"%d\n" % number)


def start(path, writer, seed):
    mine, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            write_rows(path, writer, seed, theirs)
        finally:
            os._exit(1)
    os.close(theirs)
    return child, mine


def killed_in_the_middle(path, seed):
    """Runs the writers for a while, kills them one after the other, returns the last number that each was promised."""
    writers = [start(path, writer, seed + writer) for writer in range(WRITERS)]
    time.sleep(SECONDS)
    promised = {}
    for writer, (child, _) in enumerate(writers):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        time.sleep(SECONDS / 10)                            # the others find its lock or its journal
    for writer, (_, pipe) in enumerate(writers):
        with os.fdopen(pipe, "rb") as acknowledged:
            numbers = acknowledged.read().split()
        promised[writer] = int(numbers[-1]) if numbers else None
    return promised


def has_what_was_promised(path, promised):
    """And from now on what is there is promised."""
    rows = connect(path)
    equal(rows.execute("PRAGMA integrity_check").fetchall(), [("ok",)], "what the integrity check says")
    equal(rows.execute("SELECT count(*) FROM line WHERE writer = -1").fetchone(), (100,), "rows of the lower")
    for writer, last in promised.items():
        numbers = [number for number, in rows.execute("SELECT number FROM line WHERE writer = ? ORDER BY number", (writer,))]
        equal(numbers, list(range(len(numbers))), f"the rows of writer {writer} are without a gap")
        holds(len(numbers) > last, f"writer {writer} was promised row {last}, there are {len(numbers)}")
        holds(len(numbers) <= last + 6, f"writer {writer} has at most one transaction more than it knows of")
        promised[writer] = len(numbers) - 1
    rows.close()


def torture(t, mode, journal):
    lower = t.layer()
    new_database(lower)
    m = mode.mount(t, lower)
    path, promised = m / "rows.db", {}
    rows = connect(path)
    equal(rows.execute(f"PRAGMA journal_mode={journal}").fetchone(), (journal.lower(),), "the journal mode")
    rows.close()
    for number in range(ROUNDS):
        for writer, last in killed_in_the_middle(path, t.settings.seed * 100 + number * 10).items():
            promised[writer] = promised.get(writer, -1) if last is None else last
        holds(sum(promised.values()) > 0, f"rows were committed: {promised}")
        if number == 1:
            m = mode.remount(t, m)
        has_what_was_promised(path, promised)
    m.umount()
    has_what_was_promised(m.upper + "/rows.db", promised)


def with_journal(journal, words):
    def committed_rows_survive(t, mode):
        torture(t, mode, journal)
    committed_rows_survive.__name__ += f" the killing of writers with {words}"
    return committed_rows_survive


TABLE = EachMode([with_journal("DELETE", "a rollback journal"), with_journal("WAL", "a write-ahead log")])
