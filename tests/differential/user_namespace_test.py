# SPDX-License-Identifier: MIT
"""The same as root of a user namespace, with what kernel overlayfs allows there."""
from compare import Table

PATIENCE = 1200
FULL_PATIENCE = 200000
TABLE = Table("user")
