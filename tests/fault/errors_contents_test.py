# SPDX-License-Identifier: MIT
"""Operations that change a file: copy-up, sizes, protection; each of their calls fails in turn (see layer_errors.py)."""
from layer_errors import Table
from scenarios import CONTENTS

SYSTEMS = ("overpass",)
PATIENCE = 900
TABLE = Table(CONTENTS)
