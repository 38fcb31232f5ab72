# SPDX-License-Identifier: MIT
"""Files with several names: counts, numbers, and what a copy-up does to names made in the lower layer."""
from harness.parity import Table, row
from harness.trees import File, Link

WORLDS = ("root", "userns", "user")
TREE = {"file": File("content", 0o644)}
PAIR = {"a": "content", "b": Link("a"), "dir": {"c": Link("a")}}
LOWER_PAIR, UPPER_PAIR = (PAIR, {}), ({}, PAIR)      # without index=on a copy-up separates lower names: overlayfs is the truth

ROWS = [
    row("a new link joins", "link file twin; nlink file; ino file; ino twin; open h twin r,w; pwrite h 0 XX; cat file"),
    row("links are counted down", "link file a; link file b; nlink file; unlink a; nlink file; unlink file; nlink b; cat b; unlink b; list"),
    row("a link to a link", "link file a; link a b; ino a; ino b; nlink b; rename b c; ino c; nlink c"),
    row("attributes are shared", "link file a; chmod a 600; stat file; chown file 5:6; stat a; setxattr a user.x y; getxattr file user.x; truncate file 2; stat a"),
    row("handles share", "open h file r,w; link file a; pwrite h 0 Z; cat a; fstat h; unlink file; pwrite h 1 Y; cat a; fstat h"),
    row("a link is replaced by a rename", "link file a; put other o; rename other a; nlink file; cat a; cat file"),
    row("a name is made again beside its link", "link file a; unlink file; put file new; cat a; cat file; nlink a"),
    row("lower names are one inode", "nlink a; nlink b; ino a; ino b; ino dir/c; inos", layers=LOWER_PAIR),
    row("a write separates a lower name", "open h a r,w; pwrite h 0 X; cat a; cat b; cat dir/c; ino a; ino b; ino dir/c", layers=LOWER_PAIR),
    row("a chmod separates a lower name", "chmod b 600; stat a; stat b; stat dir/c", layers=LOWER_PAIR),
    row("removing one lower name leaves the others", "unlink a; cat b; cat dir/c; list; stat b; unlink b; cat dir/c; stat dir/c", layers=LOWER_PAIR),
    row("renaming one lower name leaves the others", "rename a x; cat x; cat b; stat x; stat b; list", layers=LOWER_PAIR),
    row("a new link to a lower name", "link a x; ino a; ino x; nlink x; nlink b; cat x; list", layers=LOWER_PAIR),
    row("upper names stay one inode", "open h a r,w; pwrite h 0 X; cat b; chmod b 600; stat a; unlink a; stat b; ino b; ino dir/c; inos", layers=UPPER_PAIR),
]
TABLE = Table(TREE, ROWS)
