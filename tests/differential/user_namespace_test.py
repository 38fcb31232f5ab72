# SPDX-License-Identifier: MIT
"""The same as root of a user namespace, with what kernel overlayfs allows there."""
from compare import Table

PATIENCE = 900
TABLE = Table("user")
