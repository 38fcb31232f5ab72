# SPDX-License-Identifier: MIT
"""A Debian root as the lower layer: packages of the base are removed, put back, replaced; accounts are made."""
import os

from harness.checks import equal, holds

from chroot import Chroot
from debian_root import unpack
from layers import is_opaque, removed_by_whiteout, shown_alike_by_all, whiteouts_hide_something

PATIENCE = 600
PURGED, PUT_BACK, REPLACED = "e2fsprogs", "tzdata", "grep"
ZONES = "usr/share/zoneinfo"


def test_packages_of_the_base_are_purged_put_back_and_replaced(t):
    root = unpack(t)
    m = t.mount(root)
    with Chroot(t, m) as inside:
        files = files_of(inside, root, PURGED)
        inside.apt("update")
        inside.apt("purge", "--allow-remove-essential", PURGED, PUT_BACK)
        holds(not os.path.lexists(m / ZONES), "the purged package's directory is gone")
        inside.packages_are_intact()
        inside.apt("install", PUT_BACK)
        inside.apt("install", "--reinstall", REPLACED)
        equal(inside.shell("TZ=Europe/Berlin date -d @0 +%Z"), "CET\n", "a time zone of the package put back")
        inside.packages_are_intact()
        for path in files:
            removed_by_whiteout(m, path)
        holds(is_opaque(os.path.join(m.upper, ZONES)), "a directory removed and made again is opaque")
    shown_alike_by_all(t, m)
    whiteouts_hide_something(m.upper, root)


def test_a_system_is_administered_on_the_union(t):
    """What administrators do to a root: accounts, diversions, whole trees removed, owners and modes changed."""
    root = unpack(t)
    m = t.mount(root)
    with Chroot(t, m) as inside:
        inside.shell("useradd -m -s /bin/sh tester")
        inside.shell("su tester -c 'umask 077; echo mine > ~/file; ! echo x > /etc/passwd'")
        equal(inside.shell("stat -c '%U %a' /home/tester/file"), "tester 600\n", "owner and mode of a user's file")
        inside.shell("dpkg-divert --local --rename --add /usr/bin/tac && ! test -e /usr/bin/tac")
        inside.shell("dpkg-divert --local --rename --remove /usr/bin/tac")
        equal(inside.shell("printf 'a\\nb\\n' | tac"), "b\na\n", "what a program says that went away and came back")
        inside.shell("cd /usr/share/doc && find . -name copyright -exec sed -i s/GPL/gpl/g {} + && chown -R tester .")
        inside.shell("rm -rf /usr/share/doc /usr/share/locale && mkdir /usr/share/doc && echo new > /usr/share/doc/new")
        inside.shell("find /var/log /var/cache -type f -delete; chmod -R g+w /var/log; ldconfig")
        inside.shell("cp -a /usr/lib /usr/copy && diff -r --no-dereference /usr/lib /usr/copy && rm -rf /usr/copy")
        equal(os.listdir(m / "usr/share/doc"), ["new"], "a directory removed and made again")
    shown_alike_by_all(t, m)
    gone = whiteouts_hide_something(m.upper, root)
    holds("usr/share/locale" in gone, "a removed tree is one whiteout")


def files_of(inside, root, package):
    """Paths of a package's files (not directories) that the lower layer holds."""
    paths = [line.lstrip("/") for line in inside.run("dpkg", "-L", package).splitlines()]
    paths = [os.path.join(os.path.realpath(os.path.join(root, os.path.dirname(path))), os.path.basename(path))
             for path in paths]
    paths = [os.path.relpath(path, root) for path in paths if path.startswith(root + "/")]
    files = [path for path in paths if os.path.isfile(os.path.join(root, path))]
    holds(files, f"the lower layer holds files of {package}")
    return files
