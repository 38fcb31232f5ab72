# SPDX-License-Identifier: MIT
"""Packages come and go in a Debian root while the daemon of its union is killed again and again."""
from harness.checks import equal, holds
from harness.deaths import Deaths, lives

from chroot import Chroot
from debian_root import unpack
from layers import shown_alike_by_all

PATIENCE = 600
INSTALLED, PURGED, REPLACED = "tzdata", "e2fsprogs", "grep"


def test_apt_does_not_notice_that_daemons_die(t):
    m = t.mount(unpack(t), options=["survive=on"])
    with Chroot(t, m) as inside:
        with Deaths(m):
            inside.apt("update")
            for _ in range(t.settings.in_form(1, 1, 10)):
                inside.apt("purge", "--allow-remove-essential", PURGED, INSTALLED)
                inside.apt("install", INSTALLED, PURGED)
                inside.apt("install", "--reinstall", REPLACED)
            inside.packages_are_intact()
        equal(inside.shell("TZ=Europe/Berlin date -d @0 +%Z"), "CET\n", "a time zone of the package put back")
        holds(lives(m) >= 2, f"daemons died: {lives(m)}")
    shown_alike_by_all(t, m)
