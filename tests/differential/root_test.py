# SPDX-License-Identifier: MIT
"""Random calls on overpass and on kernel overlayfs as root: pairwise combinations of all mount options.

With --full every combination of the options that decide what is on disk, and ten times the calls.
"""
from compare import Table

PATIENCE = 1200
TABLE = Table("root")
