# SPDX-License-Identifier: MIT
"""Extended attributes of every namespace, their sizes and flags; what a write does to capabilities."""
from harness.parity import Table, row
from harness.trees import Dir, File, Node, Symlink

WORLDS = ("root", "userns", "user")
TREE = {"file": File("content", 0o644, (1000, 1001), {"user.old": b"value", "trusted.old": b"secret"}),
        "dir": Dir({}, 0o755, (1000, 1001), {"user.old": b"value"}), "link": Symlink("file"), "pipe": Node(),
        "bare": ""}

ROWS = [
    row("a value is read", "getxattr file user.old; getxattr dir user.old; listxattr file; listxattr dir"),
    row("an absent name is ENODATA", "getxattr file user.absent; removexattr file user.absent; getxattr bare user.x; listxattr bare"),
    row("an absent file is ENOENT", "getxattr absent user.x; setxattr absent user.x y; listxattr absent; removexattr absent user.x"),
    row("a size query answers the length", "getxattr_sized file user.old 0; listxattr_sized file 0; listxattr_sized bare 0"),
    row("a short buffer is ERANGE", "getxattr_sized file user.old 2; getxattr_sized file user.old 5; getxattr_sized file user.old 99; listxattr_sized file 3; listxattr_sized file 99"),
    row("a value is set", "setxattr file user.new value; getxattr file user.new; listxattr file; cat file; stat file"),
    row("a value is replaced", "setxattr file user.old other; getxattr file user.old"),
    row("an empty value is kept", "setxattr file user.new ''; getxattr file user.new; getxattr_sized file user.new 0; listxattr file"),
    row("create refuses what is there", "setxattr file user.old x create; setxattr file user.new x create; getxattr file user.old; getxattr file user.new"),
    row("replace refuses what is absent", "setxattr file user.new x replace; setxattr file user.old x replace; getxattr file user.old"),
    row("a value is removed", "removexattr file user.old; getxattr file user.old; listxattr file; removexattr file user.old"),
    row("a directory has attributes", "setxattr dir user.new x; getxattr dir user.new; removexattr dir user.old; listxattr dir"),
    row("a new file has attributes", "put new x; setxattr new user.a b; getxattr new user.a; listxattr new"),
    row("attributes through a handle", "open h file r; fsetxattr h user.new value; fgetxattr h user.new; getxattr file user.new"),
    row("trusted attributes are root's", "getxattr file trusted.old; setxattr file trusted.new x; listxattr file; as 1000:1001 getxattr file trusted.old; as 1000:1001 setxattr file trusted.new y; as 1000:1001 listxattr file"),
    row("symlinks take trusted attributes and no user ones", "setxattr link trusted.a b; getxattr link trusted.a; setxattr link user.a b; listxattr link"),
    row("fifos take no user attributes", "setxattr pipe user.a b; setxattr pipe trusted.a b; listxattr pipe"),
    row("security attributes are kept", "setxattr file security.mine x; getxattr file security.mine; listxattr file"),
    row("unknown namespaces are refused", "setxattr file nonsense.a b; getxattr file nonsense.a; setxattr file user. b; getxattr file user."),
    row("names that are too long are refused", "setxattr file user." + "n" * 251 + " x; setxattr file user." + "n" * 250 + " x; listxattr file"),
    row("values that are too large are refused", "setxattr file user.large v*70000"),
    row("a value of a few thousand bytes is kept", "setxattr file user.large v*3000; getxattr file user.large; getxattr_sized file user.large 0"),
    row("others may read and not write", "as 1002:1002 getxattr file user.old; as 1002:1002 setxattr file user.new x; as 1002:1002 removexattr file user.old"),
    row("the owner may write", "as 1000:1001 setxattr file user.new x; as 1000:1001 removexattr file user.old; listxattr file"),
    row("a file without read permission hides values", "chmod file 600; as 1002:1002 getxattr file user.old; as 1002:1002 listxattr file"),
    row("user attributes of a sticky directory are its owner's", "chmod dir 1777; as 1002:1002 setxattr dir user.a b; as 1000:1001 setxattr dir user.a b"),
    row("ctime changes by setxattr and removexattr", "chmod file 644; mark file; setxattr file user.new x; changed file; mark file; removexattr file user.new; changed file"),
    row("attributes survive a copy-up by writing", "open h file r,w; write h x; close h; listxattr file; getxattr file trusted.old"),
    row("attributes of a directory survive its copy-up", "put dir/new x; listxattr dir; getxattr dir user.old"),
    row("a capability is kept by a copy-up", "setcap bare; getxattr_sized bare security.capability 99; utime bare 1 2; getxattr_sized bare security.capability 0"),
    row("a capability is dropped by a write", "setcap file; open h file w; write h x; listxattr file"),
    row("a capability is dropped by another's write", "setcap file; as 1000:1001 open h file w; as 1000:1001 write h x; listxattr file"),
    row("a capability is dropped by truncation", "setcap file; truncate file 2; listxattr file; setcap file; open h file w,trunc; listxattr file"),
    row("a capability is dropped by chown", "setcap file; chown file 5:6; listxattr file"),
    row("a capability is refused to the owner", "as 1000:1001 setcap file"),
    row("names of the format are escaped and read back", "setxattr file trusted.overlay.opaque y; getxattr file trusted.overlay.opaque; listxattr file; getxattr dir trusted.overlay.origin"),
]
TABLE = Table(TREE, ROWS)
