# SPDX-License-Identifier: MIT
"""Each option of a mount holds for the daemon that takes over as for the first one: after a death, and in another program."""
import os

from harness import equal, holds, write
from harness.deaths import kill_daemon, lives, replace

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 300
OPTIONS = (
    "volatile", "userxattr", "redirect_dir=on", "redirect_dir=follow", "index=on", "metacopy=on", "verity=on", "xino=on", "xino=off", "ino32_t",
    "uuid=on", "copy_up=durable", "copy_up=ordered", "verify_copy_up=on", "lower_changes=refuse", "lower_changes=follow", "cached_names=off",
    "passthrough=off", "open=ask", "writeback=on,passthrough=off", "io_uring=off", "threads=1", "busy_poll=off", "busy_poll=50",
    "max_idle_inodes=100", "timeout=1", "rule=readonly:/kept", "rule=hide:/kept", "rule=log:*", "squash_to_root", "xattr_permissions=2", "noacl",
    "noxattrs", "static_nlink", "auto_unmount", "nosuid", "nodev", "noexec", "noatime", "fsname=other", "make_dirs")


def changes(m, number):
    """Something of each kind: names, copies, attributes."""
    with open(m / "log", "a", encoding="ascii") as log:
        log.write(f"{number}\n")
    os.chmod(m / f"mode{number}", 0o640)
    os.mkdir(m / f"made{number}")
    os.rename(m / f"moved{number}", m / f"made{number}/moved")
    os.unlink(m / f"gone{number}")


def shown(m):
    """Names, modes, sizes and numbers."""
    lines = []
    for place, directories, files in os.walk(m.path):
        for name in sorted(directories + files):
            seen = os.lstat(os.path.join(place, name))
            lines.append((os.path.relpath(os.path.join(place, name), m.path), oct(seen.st_mode), seen.st_ino, seen.st_nlink,
                          seen.st_size if name in files else 0))
    return sorted(lines)


def lower_of(t):
    names = {f"{kind}{number}": "x" * number for kind in ("mode", "moved", "gone") for number in range(4)}
    return t.layer({**names, "log": "", "kept": "k", "tree": {"a": {"b": "c"}}})


def replace_daemon(t, m):
    equal(replace(t, m), (0, ""), "the daemon is replaced")


def is_followed(t, option):
    m = t.mount(lower_of(t), options=["survive=on", *option.split(",")])
    with open(m / "held", "w+", encoding="ascii") as held:
        held.write("before ")
        held.flush()
        os.unlink(m / "held")
        changes(m, 0)
        for number, follow in enumerate((kill_daemon, lambda m: replace_daemon(t, m), kill_daemon), 1):
            before = shown(m)
            follow(m)
            equal(shown(m), before, f"{option}: what daemon {number + 1} shows")
            changes(m, number)
        held.write("after")
        held.flush()
        held.seek(0)
        equal(held.read(), "before after", f"{option}: an open file that was removed")
    with open(m / "log", encoding="ascii") as log:
        equal(log.read(), "0\n1\n2\n3\n", f"{option}: what was appended")
    equal((lives(m), m.status()["survives"]["replacements"]), (2, 1), f"{option}: deaths and replacements")
    m.umount()


def test_options_outlive_the_daemon(t):
    tried, options = 0, OPTIONS[::t.settings.in_form(4, 1, 1)]
    for option in options:
        if option == "squash_to_root" and t.settings.world == "user":
            continue        # Nobody but root may make anything in a directory of root's.
        lower, upper = t.fresh("probe_lower"), t.fresh("probe_upper")
        write(lower + "/f", "x")
        stack = t.stack(lower, upper=upper, options=[])
        status, _, said = t.status_text("mount", "-o", f"lowerdir={lower},upperdir={upper},workdir={stack.work},survive=on,{option}",
                                        stack.mountpoint)
        if status != 0:
            # An option that cannot be had here is refused with words of its own, never with those of another fault.
            holds(option.split("=")[0].split(",")[0] in said, f"{option} is refused: {said}")
            continue
        equal(t.status_text("umount", stack.mountpoint)[0], 0, "unmounting")
        is_followed(t, option)
        tried += 1
    holds(tried >= len(options) // 2, f"options that were tried: {tried} of {len(options)}")
