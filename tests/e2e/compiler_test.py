# SPDX-License-Identifier: MIT
"""A Debian root as the lower layer: a compiler is installed on the union and builds a program of Debian's."""
from harness.checks import contains, equal

from chroot import Chroot
from debian_root import unpack
from layers import shown_alike_by_all, whiteouts_hide_something

PATIENCE = 600
PROGRAM = "hello"


def test_a_debian_root_takes_a_compiler_and_builds_a_program(t):
    m = t.mount(unpack(t))
    with Chroot(t, m) as inside:
        inside.apt("update")
        inside.apt("install", "gcc", "libc6-dev", "make", "dpkg-dev")
        inside.shell(f"cd /root && apt-get -q source {PROGRAM}")
        inside.shell(f"cd /root/{PROGRAM}-*/ && ./configure -q && make -s -j2")
        contains(inside.shell(f"cd /root/{PROGRAM}-*/ && make check"), "# FAIL:  0", "what the program's own tests say")
        inside.shell(f"cd /root/{PROGRAM}-*/ && make -s install")
        equal(inside.run(f"/usr/local/bin/{PROGRAM}"), "Hello, world!\n", "what the program prints")
        inside.shell(f"cd /root/{PROGRAM}-*/ && ! make | grep -w gcc")     # all is made: times are as make left them
        inside.packages_are_intact()
        inside.shell(f"cd /root/{PROGRAM}-*/ && make -s distclean && rm -rf /root/{PROGRAM}*")
    shown_alike_by_all(t, m)
    whiteouts_hide_something(m.upper, m.stack.lowers[0])
