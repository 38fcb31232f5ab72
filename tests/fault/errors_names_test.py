# SPDX-License-Identifier: MIT
"""Operations that make, remove and move names; each of their calls fails in turn (see layer_errors.py)."""
from layer_errors import Table
from scenarios import NAMES

SYSTEMS = ("overpass",)
PATIENCE = 900
TABLE = Table(NAMES)
