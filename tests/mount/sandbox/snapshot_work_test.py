# SPDX-License-Identifier: MIT
"""Programs at work in a sandbox do not notice that it is snapshotted again and again."""
import threading

from harness import equal, holds
from harness.node_packages import INSTALL, node_packages
from harness.sandboxes import Running, Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 300

SOURCES = {
    "all.h": "#include <stdio.h>\n" + "".join(f"int part{i}(int);\n" for i in range(12)),
    "main.c": '#include "all.h"\nint main(void) { printf("%d\\n", ' + " + ".join(f"part{i}({i})" for i in range(12)) + "); return 0; }\n",
    **{f"part{i}.c": f'#include "all.h"\nint part{i}(int x) {{ return x * {i}; }}\n' for i in range(12)},
    "Makefile": "OBJECTS = main.o " + " ".join(f"part{i}.o" for i in range(12))
                + "\nall: $(OBJECTS)\n\t$(CC) -o $@ $^\n%.o: %.c all.h\n\t$(CC) -g0 -c -o $@ $<\nclean:\n\trm -f *.o all\n",
}


def snapshots_during(t, run, s, line):
    """What `line` says, and how many snapshots were made meanwhile, each of which succeeds."""
    said = []
    run.do("true")      # From here on it runs.
    work = threading.Thread(target=lambda: said.append(run.do(line)))
    work.start()
    made = 0
    while work.is_alive():
        ended = s.call("snapshot", "name", f"label{made}")
        equal(ended.returncode, 0, f"snapshot {made}: {ended.stderr}")
        made += 1
        work.join(0.3)
    holds(said, "the line was carried out")
    holds(made >= 3, f"snapshots were made: {made}")
    return said[0], made


def test_fio_reads_what_it_wrote(t):
    s = Sandboxes(t, {"old": "x" * (4 << 20)})
    run = Running(s, "name")
    seconds = t.settings.in_form(3, 5, 60)
    fio = (f"fio --name=both --filename=old:new --rw=randwrite --size=8m --bsrange=4k-32k --ioengine=psync --time_based --runtime={seconds} "
           "--thinktime=2ms --verify=crc32c --verify_fatal=1 --do_verify=1 --verify_backlog=32 --fallocate=none --invalidate=0 "
           "> log 2>&1; echo $?")
    said, _ = snapshots_during(t, run, s, fio)
    equal(said, "0\n", "fio's exit status; its log: " + run.do("tail -n 20 log; ls -la"))
    run.end()
    with open(s.outside + "/old", encoding="ascii") as file:
        equal(file.read(), "x" * (4 << 20), "the outside's file")


def test_a_build_goes_on(t):
    s = Sandboxes(t, SOURCES)
    run = Running(s, "name")
    rounds = t.settings.in_form(3, 5, 40)
    said, made = snapshots_during(
        t, run, s, f"for i in $(seq {rounds}); do make -s clean && make -s -j2 && ./all || break; done 2>&1")
    equal(said, f"{sum(i * i for i in range(12))}\n" * rounds, "what the program prints, built each time")
    run.end()
    equal(s.sh("./all", "name"), f"{sum(i * i for i in range(12))}\n", "what the next run sees")
    log = s.call("log", "name").stdout
    holds(all(f"label{number}" in log for number in range(made)), f"all {made} snapshots are told of: {log}")


DATABASE = """
import sqlite3, sys
for mode in ('wal', 'delete'):
    base = sqlite3.connect(mode)
    base.execute('pragma journal_mode=' + mode), base.execute('create table numbers (n integer primary key)'), base.commit()
    for number in range(int(sys.argv[1])):
        base.execute('insert into numbers values (?)', (number,)), base.commit()
    print(*base.execute('select count(*) from numbers').fetchone(), *base.execute('pragma integrity_check').fetchone())
"""


def test_a_database_goes_on(t):
    s = Sandboxes(t, {"work.py": DATABASE})
    run = Running(s, "name")
    rows = t.settings.in_form(300, 600, 5000)
    said, _ = snapshots_during(t, run, s, f"python3 work.py {rows}; sleep 1")
    equal(said, f"{rows} ok\n{rows} ok\n", "rows, and what the check of integrity says, with either journal")
    run.end()
    equal(s.sh("for b in wal delete; do python3 -c \"import sqlite3; print(*sqlite3.connect('$b').execute('select count(*) from numbers').fetchone())\"; done",
               "name"), f"{rows}\n{rows}\n", "what the next run sees")


def test_an_installation_by_npm_goes_on(t):
    s = Sandboxes(t, node_packages(60))
    run = Running(s, "name")
    rounds = t.settings.in_form(1, 2, 10)
    said, _ = snapshots_during(t, run, s, f"for i in $(seq {rounds}); do rm -rf node_modules package-lock.json; {INSTALL} > log 2>&1 || cat log; "
                                          "node main.js; sleep 0.5; done")
    equal(said, "1770\n" * rounds, "what the program prints, from all packages")
    run.end()
    equal(s.sh("node main.js; ls node_modules | wc -l", "name"), "1770\n60\n", "what the next run sees")
