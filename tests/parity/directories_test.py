# SPDX-License-Identifier: MIT
"""Reading directories: entries, types, numbers, streams that see or survive changes."""
from harness.parity import Table, row
from harness.trees import WHITEOUT, Dir, Node, Symlink

WORLDS = ("root", "userns", "user")
TREE = {"file": "f", "dir": {"a": "1", "b": "2", "c": {}}, "link": Symlink("x"), "pipe": Node(), "empty": {}}
BY_LOWER = {"d": {"low": "lower", "both": "lower", "gone": "lower", "sub": {"x": "lower"}}, "hidden": {"a": "1"}}
LAYERS = (BY_LOWER, {"d": {"up": "upper", "both": "upper", "gone": WHITEOUT, "sub": Dir({"y": "upper"}, opaque="trusted")},
                     "hidden": WHITEOUT})

ROWS = [
    row("entries and their types", "list; kinds; list dir; kinds dir; list empty"),
    row("entries agree with stat", "inos dir; list dir", placements=("lower", "upper")),
    row("an absent directory and a file", "list absent; list file; opendir h file"),
    row("a stream is read", "opendir h dir; readdir h; readdir h; rewinddir h; readdir h"),
    row("a new entry shows after a rewind", "opendir h dir; readdir h; put dir/new x; rewinddir h; readdir h"),
    row("a removed entry is gone after a rewind", "opendir h dir; readdir h; unlink dir/a; rewinddir h; readdir h"),
    row("a removed directory is empty to an old stream", "opendir h empty; rmdir empty; readdir h; fstat h"),
    row("changes show in the next listing", "list dir; put dir/n x; list dir; unlink dir/a; list dir; rename dir/b dir/z; list dir; mkdir dir/m; list dir"),
    row("a removed and made again directory is fresh", "unlink dir/a; unlink dir/b; rmdir dir/c; rmdir dir; mkdir dir; list dir; put dir/a 9; list dir; cat dir/a"),
    row("link counts of directories", "nlink dir; mkdir dir/sub; nlink dir; rmdir dir/sub; nlink dir", union="overlayfs gives merged directories one link"),
    row("link counts of new directories", "mkdir new; nlink new; mkdir new/sub; nlink new; rmdir new/sub; nlink new"),
    row("layers merge", "list d; cat d/low; cat d/both; cat d/up; stat d/gone; stat hidden; list d/sub; kinds d; inos d", layers=LAYERS),
    row("a whited-out name is made again", "put d/gone new; cat d/gone; list d; mkdir hidden; list hidden", layers=LAYERS),
    row("a merged name is removed once", "unlink d/both; stat d/both; list d; unlink d/both; put d/both 3; cat d/both", layers=LAYERS),
    row("a merged directory full of whiteouts is removed", "unlink d/low; unlink d/both; unlink d/up; unlink d/sub/y; rmdir d/sub; list d; rmdir d; list; mkdir d; list d", layers=LAYERS),
    row("a name is renamed onto a whiteout", "rename d/up d/gone; cat d/gone; list d; rename d/low hidden; cat hidden", layers=LAYERS),
    row("an opaque directory is not renamed or is as its layers allow", "rename d/sub d/new; list d; list d/new", layers=LAYERS),
    row("a link onto a whiteout", "link d/low d/gone; cat d/gone; stat d/gone; list d", layers=LAYERS,
        root_only="without index=on kernel overlayfs parts the names of what it copied up and linked"),
    row("an unnamed file is linked onto a whiteout", "open h d r,w,tmpfile; write h new; linkat h d/gone; cat d/gone; list d", layers=LAYERS),
    row("a lower file is exchanged with an upper one", "rename d/low d/up exchange; cat d/low; cat d/up; list d", layers=LAYERS),
]
TABLE = Table(TREE, ROWS)
