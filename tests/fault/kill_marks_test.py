# SPDX-License-Identifier: MIT
"""The daemon is killed at every step of operations that write redirects, metacopies and the index (see kills.py)."""
from kills import Table
from scenarios import MARKS

SYSTEMS = ("overpass",)
PATIENCE = 900
TABLE = Table(MARKS)
