# SPDX-License-Identifier: MIT
"""Random calls on overpass and on kernel overlayfs as root, over two lowers: pairwise combinations of all options.

With --full every combination of the options, and ten times the calls.
"""
from compare import Table

PATIENCE = 1200
FULL_PATIENCE = 200000
TABLE = Table("root", 2)
