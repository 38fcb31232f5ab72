# SPDX-License-Identifier: MIT
"""POSIX ACLs: set, read, decide, inherit, and their dealings with mode and umask."""
from harness import acl
from harness.parity import Table, row
from harness.trees import Dir, File

WORLDS = ("root", "userns", "user")
NAMED = acl.encode("u::rw-,u:1000:r--,g::---,m::r--,o::---")
INHERIT = acl.encode("u::rwx,u:1000:rwx,g::r-x,m::rwx,o::---")
TREE = {"file": File("content", 0o640), "private": File("s", 0o600),
        "named": File("content", 0o640, (0, 0), {acl.ACCESS: NAMED}),
        "dir": Dir({}, 0o755), "heir": Dir({}, 0o777, (0, 0), {acl.DEFAULT: INHERIT})}
ENTRIES = "u::rw-,u:1000:rw-,g::r--,m::rw-,o::---"

ROWS = [
    row("a file without ACL has none", "getacl file; getacl dir default; listxattr file"),
    row("an ACL is read and decides", "getacl named; stat named; as 1000:1000 cat named; as 1001:1001 cat named; as 1000:1000 open h named w"),
    row("an ACL is set and changes the mode", f"setacl file {ENTRIES}; getacl file; stat file; as 1000:1000 try_open file w; as 1001:1001 cat file"),
    row("a minimal ACL becomes the mode only", "setacl file u::rwx,g::r-x,o::r--; getacl file; stat file; listxattr file"),
    row("chmod changes the mask", f"setacl file {ENTRIES}; chmod file 640; getacl file; stat file; as 1000:1000 try_open file w; as 1000:1000 cat file"),
    row("a group entry decides", "setacl file u::rw-,g::---,g:2000:rw-,m::rw-,o::---; as 1000:1000,2000 cat file; as 1000:2000 cat file; as 1000:1000 cat file"),
    row("the mask limits entries", "setacl file u::rw-,u:1000:rw-,g::rw-,m::r--,o::---; as 1000:1000 try_open file w; as 1000:1000 try_open file r"),
    row("an ACL is removed", "removexattr named system.posix_acl_access; getacl named; stat named; as 1000:1000 cat named"),
    row("an ACL is kept by a copy-up", "open h named r,w; write h x; getacl named; stat named"),
    row("an ACL is kept by a chown", "chown named 1005:1005; getacl named; stat named"),
    row("others may not set an ACL", f"as 1000:1000 setacl file {ENTRIES}; as 1000:1000 setacl named u::rwx,g::rwx,o::rwx; getacl named"),
    row("an invalid ACL is refused", "setxattr file system.posix_acl_access nonsense; setacl file u::rw-,g::r--; setacl file u:1000:rw-,u::rw-,g::r--,o::---"),
    row("a default ACL is for directories", f"setacl file {ENTRIES} default; setacl dir {ENTRIES} default; getacl dir default; stat dir"),
    row("a default ACL is inherited by files", "umask 022 put heir/new x; getacl heir/new; stat heir/new; as 1000:1000 try_open heir/new w"),
    row("a default ACL is inherited by directories", "umask 022 mkdir heir/sub 777; getacl heir/sub; getacl heir/sub default; stat heir/sub"),
    row("a default ACL reaches down", "umask 077 mkdir heir/sub 777; umask 077 put heir/sub/deep x; getacl heir/sub/deep; stat heir/sub/deep"),
    row("a default ACL replaces the umask", "umask 077 open h heir/new w,creat 666; stat heir/new; getacl heir/new"),
    row("a default ACL is limited by the mode given", "umask 0 open h heir/new w,creat 600; stat heir/new; getacl heir/new; umask 0 mkdir heir/sub 700; getacl heir/sub"),
    row("a default ACL is inherited by fifos and unnamed files", "umask 022 mknod heir/p fifo 666; getacl heir/p; stat heir/p; umask 022 open h heir r,w,tmpfile 666; linkat h heir/t; getacl heir/t; stat heir/t"),
    row("a default ACL does not touch symlinks", "symlink x heir/l; lstat heir/l; listxattr heir/l"),
    row("a default ACL does not touch hard links and renames", "link file heir/l; stat heir/l; rename private heir/r; stat heir/r; listxattr heir/r"),
    row("a default ACL is removed", "removexattr heir system.posix_acl_default; umask 022 put heir/new x; stat heir/new; listxattr heir/new"),
    row("a default ACL of a lower directory counts after a whiteout", "umask 022 put heir/a x; unlink heir/a; umask 022 put heir/a y; getacl heir/a; stat heir/a"),
    row("an absent ACL is removed like any other", "put new x; removexattr new system.posix_acl_access; removexattr new system.posix_acl_default; mkdir sub; removexattr sub system.posix_acl_default; as 1000:1000 removexattr new system.posix_acl_access; removexattr absent system.posix_acl_access"),
    row("an absent ACL of a lower file is removed like any other", "removexattr file system.posix_acl_access; removexattr dir system.posix_acl_default; getacl file",
        kernel_differs="overlayfs looks whether a lower file has the ACL before it copies it up"),
    row("access agrees with an ACL", f"setacl file {ENTRIES}; as 1000:1000 access file rw; as 1000:1000 access file x; as 1001:1001 access file r"),
    row("setting an ACL as owner outside the group drops setgid", "chown file 1000:2000; chmod file 2755; as 1000:1000 setacl file u::rwx,g::r-x,o::---; stat file"),
    row("setting an ACL as owner outside root's group drops setgid", "chown file 1000:0; chmod file 2755; as 1000:1000 setacl file u::rwx,g::r-x,o::---; stat file; chown dir 1000:0; chmod dir 2755; as 1000:1000 setacl dir u::rwx,g::r-x,o::---; stat dir"),
]
TABLE = Table(TREE, ROWS)
