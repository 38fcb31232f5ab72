# SPDX-License-Identifier: MIT
"""SQLite on the union: several processes move money between accounts while others add it up.

Both journals are tried: rollback lives on POSIX locks and fsync, write-ahead on locks and on memory
that processes share through a mapped file. The database begins in the lower layer.
"""
import os
import random
import shutil
import signal
import sqlite3
import time

from harness.checks import equal, holds
from harness.parallel import together

ACCOUNTS, BALANCE, SECONDS = 200, 1000, 6
BY_INDEX = "SELECT sum(balance) FROM account INDEXED BY by_balance WHERE balance > -1e9"


def new_database(directory):
    with sqlite3.connect(os.path.join(directory, "bank.db")) as bank:
        bank.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, note BLOB)")
        bank.execute("CREATE TABLE transfer (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)")
        bank.execute("CREATE INDEX by_balance ON account (balance)")
        bank.executemany("INSERT INTO account VALUES (?, ?, zeroblob(700))", ((i, BALANCE) for i in range(ACCOUNTS)))
    bank.close()


def connect(path):
    return sqlite3.connect(path, timeout=60, isolation_level=None)


def choose_journal(path, journal):
    """Kept in the database. Before the others come: a change waits for no other process."""
    bank = connect(path)
    equal(bank.execute(f"PRAGMA journal_mode={journal}").fetchone(), (journal.lower(),), "the journal mode")
    bank.close()


def transfers(path, seed, until):
    """Moves money until the time is over; the sum of all balances stays what it was."""
    chance, bank, done = random.Random(seed), connect(path), 0
    while done == 0 or time.monotonic() < until:
        source, target = chance.sample(range(ACCOUNTS), 2)
        amount = chance.randrange(50)
        bank.execute("BEGIN IMMEDIATE")
        bank.execute("UPDATE account SET balance = balance - ? WHERE id = ?", (amount, source))
        bank.execute("UPDATE account SET balance = balance + ?, note = randomblob(?) WHERE id = ?",
                     (amount, chance.randrange(3000), target))
        bank.execute("INSERT INTO transfer (amount) VALUES (?)", (amount,))
        bank.execute("ROLLBACK" if chance.randrange(10) == 0 else "COMMIT")
        done += 1
    bank.close()


def sums(path, until):
    """A reader sees the same sum at all times, whichever way it is added up."""
    bank, done = connect(path), 0
    while done == 0 or time.monotonic() < until:
        total, = bank.execute("SELECT sum(balance) FROM account").fetchone()
        by_index, = bank.execute(BY_INDEX).fetchone()
        if not total == by_index == ACCOUNTS * BALANCE:
            raise AssertionError(f"the balances add up to {total} and {by_index}")
        done += 1
        time.sleep(0.01)
    bank.close()


def killed_in_a_transfer(path):
    """A process that ends by SIGKILL with a large transaction half written."""
    ready, mine = os.pipe()
    child = os.fork()
    if child == 0:
        bank = connect(path)
        bank.execute("PRAGMA cache_size=5")         # few pages, so that many are written before the commit
        bank.execute("BEGIN IMMEDIATE")
        bank.execute("UPDATE account SET balance = balance + 1, note = randomblob(5000)")
        os.write(mine, b"x")
        time.sleep(600)
    os.read(ready, 1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    os.close(mine)


def is_sound(path):
    bank = connect(path)
    equal(bank.execute("PRAGMA integrity_check").fetchall(), [("ok",)], "what the integrity check says")
    equal(bank.execute("SELECT sum(balance) FROM account").fetchone(), (ACCOUNTS * BALANCE,), "the sum of balances")
    holds(bank.execute("SELECT count(*) FROM transfer").fetchone()[0] > 0, "transfers were made")
    bank.close()


def torture(t, journal):
    lower = t.layer()
    new_database(lower)
    m = t.mount(lower)
    path = m / "bank.db"
    choose_journal(path, journal)
    for round_number in range(2):
        t.progress(f"round {round_number + 1} with {journal} journal")
        until = time.monotonic() + SECONDS / 2
        together(t, [*(lambda seed=seed: transfers(path, seed, until) for seed in range(3)),
                     *(lambda: sums(path, until) for _ in range(2))])
        killed_in_a_transfer(path)
        is_sound(path)
        shutil.copyfile(path, m / f"copy{round_number}.db")
        is_sound(m / f"copy{round_number}.db")
        m = t.remount(m)
        is_sound(path)


def test_money_is_neither_made_nor_lost_with_the_rollback_journal(t):
    torture(t, "DELETE")


def test_money_is_neither_made_nor_lost_with_the_write_ahead_journal(t):
    torture(t, "WAL")
