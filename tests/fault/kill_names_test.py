# SPDX-License-Identifier: MIT
"""The daemon is killed at every step of operations that make, remove and move names (see kills.py)."""
from kills import Table
from scenarios import NAMES

SYSTEMS = ("overpass",)
PATIENCE = 900
TABLE = Table(NAMES)
