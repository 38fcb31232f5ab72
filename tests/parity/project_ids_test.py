# SPDX-License-Identifier: MIT
"""Project ids through FS_IOC_FSGETXATTR and FS_IOC_FSSETXATTR, on xfs, which has them without quotas."""
from harness import loop_images
from harness.parity import Table, row

WORLDS = ("root", "userns", "user")
TREE = {"file": "content", "dir": {}}
ROWS = [
    row("a project id is set and read", "getproject file; setproject file 42; getproject file; cat file; stat file"),
    row("a project id of a directory is set and read", "setproject dir 7; getproject dir"),
    row("others may not set a project id", "as 1002:1002 setproject file 9; getproject file"),
]
TABLE = Table(TREE, ROWS, image=lambda case: loop_images.mount_image(case, "xfs"))
