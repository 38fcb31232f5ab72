# SPDX-License-Identifier: MIT
#
# The parts of tools/bench: rows (what is done), systems (on what), isolation (mount namespace,
# module parameter), scratch (layers), measure (one cell), syscalls, goals, report, picture.
