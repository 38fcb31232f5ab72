# SPDX-License-Identifier: MIT
"""Permission decisions by owner, group, supplementary groups and others; set-id bits and sticky directories."""
from harness.parity import Table, row
from harness.trees import Dir, File

WORLDS = ("root", "userns", "user")
TREE = {"mine": File("content", 0o640, (1000, 1001)), "open": File("content", 0o666, (1000, 1001)),
        "suid": File("content", 0o6777, (1000, 1001)), "sgid": File("content", 0o2666, (1000, 1001)),
        "dir": Dir({"inner": File("x", 0o644, (1000, 1001))}, 0o750, (1000, 1001)),
        "shared": Dir({"theirs": File("x", 0o666, (1000, 1001))}, 0o2775, (0, 2000)),
        "sticky": Dir({"theirs": File("x", 0o666, (1000, 1001)), "d": Dir({}, 0o777, (1000, 1001))}, 0o1777)}

ROWS = [
    row("the owner reads and writes", "as 1000:1000 cat mine; as 1000:1000 try_open mine r,w; as 1000:1000 access mine rw; as 1000:1000 access mine x"),
    row("the group reads", "as 1002:1001 cat mine; as 1002:1001 try_open mine w; as 1002:1001 access mine r"),
    row("a supplementary group reads", "as 1002:1002,1005,1001 cat mine; as 1002:1002,1005,1001 try_open mine w"),
    row("others do not", "as 1002:1002 cat mine; as 1002:1002 try_open mine w; as 1002:1002 access mine r; as 1002:1002 stat mine"),
    row("root does everything", "chmod mine 0; cat mine; try_open mine r,w; access mine rw; access mine x"),
    row("others do not enter a private directory", "as 1002:1002 list dir; as 1002:1002 stat dir/inner; as 1002:1002 put dir/new x"),
    row("the group enters and does not write", "as 1002:1001 list dir; as 1002:1001 cat dir/inner; as 1002:1001 put dir/new x; as 1002:1001 unlink dir/inner"),
    row("a supplementary group writes in a shared directory", "as 1002:1002,2000 put shared/new x; stat shared/new; as 1002:1002 put shared/newer x"),
    row("a setgid directory gives its group to files", "put shared/new x; stat shared/new; symlink x shared/l; lstat shared/l; mknod shared/p fifo; stat shared/p"),
    row("a setgid directory gives its group and bit to directories", "mkdir shared/sub; stat shared/sub; put shared/sub/new x; stat shared/sub/new"),
    row("a setgid file for a foreign group is made without the bit", "chmod shared 2777; umask 0 as 1002:1002 open h shared/new w,creat 2775; stat shared/new"),
    row("a setgid file for an own group is made with the bit", "umask 0 as 1002:1002,2000 open h shared/new w,creat 2775; stat shared/new; umask 0 open g shared/root w,creat 2775; stat shared/root"),
    row("an unnamed file in a setgid directory gets the group", "open h shared r,w,tmpfile; linkat h shared/new; stat shared/new"),
    row("a sticky directory protects files", "as 1002:1002 unlink sticky/theirs; as 1002:1002 rmdir sticky/d; as 1000:1000 unlink sticky/theirs; as 1000:1000 rmdir sticky/d; list sticky"),
    row("a sticky directory does not protect from its owner", "chown sticky 1002:1002; as 1002:1002 unlink sticky/theirs; list sticky"),
    row("a sticky directory does not protect from root", "unlink sticky/theirs; rmdir sticky/d; list sticky"),
    row("a write by another drops set-id bits", "as 1002:1002 open h suid w; as 1002:1002 write h x; stat suid; fstat h"),
    row("a write by the owner drops set-id bits", "as 1000:1000 open h suid w; as 1000:1000 write h x; stat suid"),
    row("a write by root keeps set-id bits", "open h suid w; write h x; stat suid"),
    row("setgid without group execute is kept by a write", "as 1002:1002 open h sgid w; as 1002:1002 write h x; stat sgid"),
    row("an mmap write by another is taken", "as 1002:1002 open h open r,w; as 1002:1002 mmap_write h 0 X; cat open; stat open"),
    row("truncation by another drops set-id bits", "as 1002:1002 truncate suid 3; stat suid"),
    row("truncation at open by another drops set-id bits", "as 1002:1002 open h suid w,trunc; stat suid"),
    row("truncation by root keeps set-id bits", "truncate suid 3; stat suid"),
    row("ftruncate by another drops set-id bits", "as 1002:1002 open h suid w; as 1002:1002 ftruncate h 3; stat suid"),
    row("fallocate by another drops set-id bits", "as 1002:1002 open h suid w; as 1002:1002 fallocate h allocate 0 100; stat suid"),
    row("copy_file_range by another drops set-id bits", "as 1002:1002 open a open; as 1002:1002 open b suid w; as 1002:1002 copy_file_range a b 3; stat suid"),
    row("opening for writing alone keeps set-id bits", "as 1002:1002 open h suid w; stat suid"),
    row("set-id bits of a new file are kept by its maker's first write or not", "umask 0 as 1002:1002 open h sticky/new w,creat 6777; as 1002:1002 write h x; stat sticky/new"),
    row("a handle keeps its right after the mode is gone", "as 1002:1002 open h open r,w; chmod open 0; as 1002:1002 write h XY; as 1002:1002 pread h 0 9; cat open"),
    row("a changed mode counts at once", "as 1002:1002 cat mine; chmod mine 644; as 1002:1002 cat mine; chmod mine 600; as 1002:1002 cat mine"),
    row("a changed owner counts at once", "as 1002:1002 try_open mine w; chown mine 1002:1002; as 1002:1002 try_open mine w; as 1000:1000 try_open mine w"),
    row("noatime is for the owner", "as 1002:1002 try_open open r,noatime; as 1000:1000 try_open open r,noatime"),
    row("a hard link of another's file", "as 1002:1002 link open sticky/new; as 1000:1000 link open sticky/own; list sticky"),
    row("a rename into a directory without permission", "as 1002:1002 rename sticky/theirs dir/x; as 1000:1000 rename sticky/theirs dir/x; list dir"),
    row("mkdir and mknod as others", "as 1002:1003 mkdir sticky/new; stat sticky/new; as 1002:1003 mknod sticky/p fifo; stat sticky/p; as 1002:1003 mknod dir/p fifo"),
]
TABLE = Table(TREE, ROWS)
