# SPDX-License-Identifier: MIT
"""The daemon is killed at every step of operations that change a file: copy-up, sizes, protection (see kills.py)."""
from kills import Table
from scenarios import CONTENTS

SYSTEMS = ("overpass",)
PATIENCE = 900
TABLE = Table(CONTENTS)
