# SPDX-License-Identifier: MIT
"""Operations that write redirects, metacopies and the index; each of their calls fails in turn (see layer_errors.py)."""
from layer_errors import Table
from scenarios import MARKS

SYSTEMS = ("overpass",)
PATIENCE = 900
TABLE = Table(MARKS)
