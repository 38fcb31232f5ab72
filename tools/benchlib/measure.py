# SPDX-License-Identifier: MIT
#
# One cell of the table: layers, mount, work, unmount, and the rate that came out. Also the plan of
# the whole run: rows one after the other, and for each repetition of a row all systems in turn, so
# that whatever disturbs the machine for a while disturbs every system alike.

import contextlib
import json
import os
import select
import subprocess
import sys

from benchlib.columns import COLUMNS
from benchlib.isolation import put_first
from benchlib.scratch import drop_names
from benchlib.systems import MountFailed, as_user
from benchlib.whole_programs import prepare_program, run_program

CELL_SECONDS = 120   # after this a cell counts as hung
CLIENT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "copy_up_client.py")


class CellFailed(Exception):
    """The operation failed or hung on this system; the text says how."""


class Driver:
    """bench_ops at work below a mountpoint. Entered when it is ready; go() returns the rate."""

    def __init__(self, settings, row, system):
        self.identity = as_user(system.user)
        scratch = settings.scratch
        directories, files = (1, scratch.large_files) if row.large else \
                             (scratch.directories, scratch.files)
        self.command = [settings.programs.bench_ops, row.work or row.operation, system.mountpoint,
                        "--threads", str(row.threads), "--min-ms", str(settings.min_ms),
                        "--directories", str(directories), "--files", str(files),
                        *(["--pin"] if settings.pin else [])]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **self.identity)
        readable, _, _ = select.select([self.process.stdout], [], [], CELL_SECONDS)
        if readable and self.process.stdout.readline().strip() == "ready":
            return self
        self.process.kill()
        raise CellFailed(self.process.stderr.read().strip() if readable else "hung while preparing")

    def go(self):
        """Returns (operations, seconds)."""
        try:
            output, errors = self.process.communicate("\n", timeout=CELL_SECONDS)
        except subprocess.TimeoutExpired:
            raise CellFailed("hung") from None
        if self.process.returncode != 0:
            raise CellFailed(errors.strip())
        answer = json.loads(output)
        return answer["operations"], answer["nanoseconds"] / 1e9

    def __exit__(self, kind, error, trace):
        if self.process.poll() is None:
            self.process.kill()   # waits for nothing: it may be stuck in a dead mount


def run_driver(settings, row, system, results):
    with Driver(settings, row, system) as driver:
        if not row.cold:
            settings.scratch.settle()
        before = cpu_seconds(system.pid)
        operations, seconds = driver.go()
        results.add_cpu(row, system.name, (cpu_seconds(system.pid) - before) / operations)
    return operations / seconds


def cpu_seconds(pid):
    """Of the daemon's threads that are alive; 0 without a daemon."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task") if pid else ():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def run_whole_program(settings, row, system, results):
    where = (settings, row, system.mountpoint, CELL_SECONDS, as_user(system.user))
    try:
        prepare_program(*where)
        before = cpu_seconds(system.pid)
        seconds = run_program(*where)
    except subprocess.TimeoutExpired:
        raise CellFailed("hung") from None
    results.add_cpu(row, system.name, cpu_seconds(system.pid) - before)
    return 1 / seconds


def read_once(path, system):
    """Brings a file into the page cache through the mount, as a user would."""
    subprocess.run(["dd", f"if={path}", "of=/dev/null", "bs=1M", "status=none"], stdin=subprocess.DEVNULL,
                   check=True, timeout=CELL_SECONDS, **as_user(system.user))


def run_fio(settings, row, system):
    """MiB/s. fio must not drop caches itself: through a mount it could not (--invalidate=0)."""
    data = os.path.join(system.mountpoint, "data")
    prefix = "out" if row.writes_data else "in"
    for index in range(0 if row.cold or row.direct else row.threads):
        read_once(os.path.join(data, f"{prefix}{index}"), system)
    settings.scratch.settle()
    timed = [] if row.cold or row.synced else ["--time_based", f"--runtime={settings.fio_ms}ms"]
    command = ["fio", "--name=bench", f"--directory={data}", f"--filename_format={prefix}$jobnum",
               f"--size={settings.scratch.data_mib}m", f"--numjobs={row.threads}", "--thread",
               "--invalidate=0", "--fadvise_hint=0", *timed, "--norandommap", "--randrepeat=1",
               "--gtod_reduce=1", "--fallocate=none",
               "--allow_file_create=0", "--group_reporting", "--output-format=json", *row.fio]
    if settings.pin:
        command += [f"--cpus_allowed=0-{os.cpu_count() - 1}", "--cpus_allowed_policy=split"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              cwd=settings.scratch.path, timeout=CELL_SECONDS, check=False,
                              **as_user(system.user))
    except subprocess.TimeoutExpired:
        raise CellFailed("fio hung") from None
    if done.returncode != 0:
        raise CellFailed((done.stderr or done.stdout).strip()[-300:])
    job = json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]
    direction = "write" if row.writes_data else "read"
    return job[direction]["bw_bytes"] / (1 << 20)


@contextlib.contextmanager
def mounted(system, row, settings):
    """A mount for one cell; ended hard if what happens inside fails."""
    system.prepare(row)
    if row.cold:
        settings.scratch.settle()
        (settings.scratch.forget_data if row.fio else drop_names)()
    try:
        system.mount()
        for pid in filter(None, (system.pid, system.helper) if settings.priority else ()):
            put_first(pid)
        yield system
    except (CellFailed, MountFailed):
        system.abort()
        raise
    finally:
        system.unmount()


def run_copy_up(settings, system):
    """What copy_up_client.py says."""
    settings.scratch.settle()
    user = [] if system.user is None else [str(system.user)]
    try:
        done = subprocess.run([sys.executable, CLIENT, system.mountpoint, *user], stdin=subprocess.DEVNULL,
                              text=True, capture_output=True, timeout=CELL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise CellFailed("the copy-up hung") from None
    if done.returncode != 0:
        raise CellFailed(done.stderr.strip()[-300:])
    return json.loads(done.stdout)


def measure_cell(settings, row, column, results):
    """Adds one value of one cell, in the row's unit."""
    system = COLUMNS[column][0](column, settings.scratch, settings.programs)
    with mounted(system, row, settings):
        if row.disk:
            answer = run_copy_up(settings, system)
            results.add_latencies(row, column, answer["idle"], answer["meanwhile"])
            rate = 1 / answer["seconds"]
        elif row.fio:
            rate = run_fio(settings, row, system)
        else:
            rate = (run_whole_program if row.program else run_driver)(settings, row, system, results)
    results.add(row, column, rate)


def is_measured(row, column):
    return (COLUMNS[column][0].layered or not row.layered_only) and column not in row.without


def measure_all(settings, rows, results, progress):
    """Fills the results. A cell that fails once is noted and not tried again."""
    for row in rows:
        for repeat in range(settings.repeat):
            first = repeat % len(results.columns)   # nobody always follows the same neighbour
            for column in results.columns[first:] + results.columns[:first]:
                if not is_measured(row, column) or (row.key, column) in results.failures:
                    continue
                progress.show(f"{row.label}: {COLUMNS[column][1]}, {repeat + 1}/{settings.repeat}")
                try:
                    measure_cell(settings, row, column, results)
                except (CellFailed, MountFailed, OSError, subprocess.SubprocessError) as failure:
                    results.failures[row.key, column] = str(failure) or type(failure).__name__
                progress.step()
        settings.scratch.leave()
