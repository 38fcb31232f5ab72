# SPDX-License-Identifier: MIT
"""rename and renameat2: files, directories, flags."""
from harness.parity import Table, row
from harness.trees import Dir, Symlink

WORLDS = ("root", "userns", "user")
TREE = {"file": "content", "other": "other content", "link": Symlink("file"),
        "empty": {}, "empty2": {}, "full": {"inner": "inner", "sub": {"deep": "deep"}},
        "sticky": Dir({"theirs": "x"}, mode=0o1777)}

ROWS = [
    row("a file gets a new name", "rename file new; cat new; stat file; list"),
    row("a file replaces a file", "ino file; rename file other; cat other; ino other; list"),
    row("a file moves into a directory", "rename file full/moved; cat full/moved; list full; list"),
    row("a file moves out of a directory", "rename full/sub/deep top; cat top; list full/sub"),
    row("a file over itself stays", "rename file file; cat file"),
    row("one hard link over the other does nothing", "link file twin; rename file twin; list; nlink file"),
    row("a file over a directory is refused", "rename file empty; rename file full; list"),
    row("a new directory over a file is refused", "mkdir new; rename new file; list"),
    row("a new directory moves with what is in it", "mkdir new; put new/a x; rename new full/new; cat full/new/a; list"),
    row("a new directory replaces an empty directory", "mkdir new; put new/a x; rename new empty; list empty; list"),
    row("a new directory does not replace a full one", "mkdir new; rename new full; list"),
    row("a new directory does not move into itself", "mkdir new; mkdir new/sub; rename new new/sub/new"),
    row("an old directory does not move into itself", "rename full full/sub/full"),
    row("an old directory gets a new name", "rename full renamed; list renamed; list renamed/sub; list"),
    row("an old empty directory gets a new name", "rename empty renamed; list renamed; list"),
    row("an old directory is exchanged with a file", "rename full file exchange; list file; list"),
    row("an absent source is ENOENT", "rename absent new; rename absent file; rename absent/x file"),
    row("an absent target directory is ENOENT", "rename file absent/new"),
    row("a target below a file is ENOTDIR", "rename other file/x"),
    row("a symlink itself is renamed", "rename link moved; readlink moved; list"),
    row("noreplace refuses an existing target", "rename file other noreplace; cat other"),
    row("noreplace takes a free name", "rename file new noreplace; list"),
    row("noreplace takes a name that was just removed", "unlink other; rename file other noreplace; cat other"),
    row("exchange swaps two files", "rename file other exchange; cat file; cat other"),
    row("exchange swaps a file and a new directory", "mkdir new; rename file new exchange; cat new; list file"),
    row("exchange swaps a symlink and a file", "rename link other exchange; readlink other; cat link"),
    row("exchange needs both names", "rename file absent exchange; list"),
    row("whiteout is refused", "rename file new whiteout; list", union="overlayfs does not nest whiteouts"),
    row("unknown combinations of flags are refused", "rename file other noreplace,exchange"),
    row("a renamed name can be made again", "rename file new; put file fresh; cat file; cat new"),
    row("the removed target of a rename can be made again", "rename file other; put file again; rename file other; cat other; list"),
    row("a chain of renames ends where it should", "rename file a; rename a b; rename b c; cat c; list"),
    row("a rename there and back keeps the file", "rename file a; rename a file; cat file; stat file"),
    row("an open file follows its rename", "open h file r,w; rename file new; pwrite h 0 X; fstat h; cat new"),
    row("an open file that was replaced stays readable", "open h other r; rename file other; read h 99; fstat h; cat other",
        either="overlayfs does not count down the links of an open lower file"),
    row("the times that a rename changes", "mark file; mark .; mark full; rename file full/file; changed .; changed full"),
    row("a sticky directory protects names from others",
        "as 1000:1000 rename sticky/theirs sticky/mine; as 1000:1000 rename sticky/theirs taken; list sticky"),
    row("a sticky directory lets owners rename their own",
        "as 1000:1000 put sticky/own x; as 1000:1000 rename sticky/own sticky/mine; list sticky"),
    row("a directory without write permission refuses",
        "chmod full 755; as 1000:1000 rename full/inner full/x; as 1000:1000 rename file full/x; list full"),
    row("a name of 256 bytes is too long", "rename file " + "n" * 256),
    row("a name of 255 bytes is taken", "rename file " + "n" * 255 + "; list"),
]
TABLE = Table(TREE, ROWS)
