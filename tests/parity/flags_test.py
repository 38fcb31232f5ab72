# SPDX-License-Identifier: MIT
"""Flags, masks and lengths that programs seldom give; `tests/coverage/run inputs` says which of them are tried nowhere."""
from harness.parity import Table, row
from harness.trees import Dir, File, Node, Symlink

WORLDS = ("root", "userns", "user")
TREE = {"file": "content", "big": File("a" * 4096 + "b" * 4096), "sparse": File("start", size=1 << 20), "none": "",
        "link": Symlink("file"), "loop": Symlink("loop"), "away": Symlink("/"), "up": Symlink("../.."), "pipe": Node(),
        "setgid": Dir({"inner": "x"}, mode=0o2775), "dir": {"inner": "inner", "sub": {"deep": "deep"}}}
LONG = "n" * 256

ROWS = [
    # Names
    row("a symlink to itself is ELOOP in every call", "stat loop; open h loop r; chmod loop 600; truncate loop 0; mkdir loop/x;"
        "mknod loop/x fifo; symlink a loop/x; link file loop/x; unlink loop/x; rmdir loop/x; rename loop/x a; rename file loop/x;"
        "statfs loop; utime_now loop; list loop; chown loop 1:1; readlink loop/x; lstat loop/x; setxattr loop/x user.a b; listxattr loop/x; getxattr loop/x user.a; removexattr loop/x user.a; statx_of loop basic; statx_of file/x basic; statx_of " + LONG + " basic"),
    row("a name of 256 bytes is ENAMETOOLONG in every call", f"chmod {LONG} 600; truncate {LONG} 0; mknod {LONG} fifo; symlink a {LONG};"
        f"link file {LONG}; unlink {LONG}; rmdir {LONG}; rename {LONG} a; statfs {LONG}; utime {LONG} 1 1; list {LONG}; readlink {LONG};"
        f"chown {LONG} 1:1; getxattr {LONG} user.a; setxattr {LONG} user.a b; listxattr {LONG}; removexattr {LONG} user.a; faccess {LONG} r"),
    row("a file in the middle of a path is ENOTDIR in every call", "mknod file/x fifo; link file file/x; rename file/x a; statfs file/x;"
        "chown file/x 1:1; utime file/x 1 1; listxattr file/x; faccess file/x f; open h file/x path; readlink_sized file/x 9"),
    row("a symlink is longer than no page", "symlink " + "t" * 4095 + " new; readlink_sized new 1; readlink_sized new 0; symlink " + "t" * 4096 + " newer"),
    row("readlink fills no more than its buffer", "readlink_sized link 1; readlink_sized link 3; readlink_sized link 4; readlink_sized link 4096"),
    row("a directory that may not be searched is EACCES in every call", "chmod dir 700; as 1000:1000 chmod dir/inner 600; as 1000:1000 chown dir/inner 1:1; as 1000:1000 statfs dir/inner; as 1000:1000 readlink_sized dir/inner 9; as 1000:1000 symlink a dir/x; as 1000:1000 list dir/sub; as 1000:1000 utime dir/inner 1 1; as 1000:1000 listxattr dir/inner;"
        "as 1000:1000 getxattr dir/inner user.a; as 1000:1000 setxattr dir/inner user.a b; as 1000:1000 removexattr dir/inner user.a; as 1000:1000 faccess dir/inner r; as 1000:1000 statx_of dir/inner basic; as 1000:1000 truncate dir/inner 0; as 1000:1000 rename file dir/x; as 1000:1000 link file dir/x"),
    # Modes
    row("special bits come with mkdir and mknod", "umask 0 mkdir a 7777; stat a; umask 0 mknod b file 7777; stat b; umask 0 mknod c fifo 6644; stat c;"
        "umask 0 open h d w,creat 7644; stat d"),
    row("special bits are inherited from a directory", "mkdir setgid/d 755; stat setgid/d; put setgid/f x; stat setgid/f; mknod setgid/n file 2755; stat setgid/n"),
    row("special bits through a handle", "open h file r,w; fchmod h 7777; fstat h; opendir d dir; fchmod d 3777; fstat d"),
    row("chmod that does not follow", "chmod_at link 600 nofollow; chmod_at file 600 nofollow; stat file; chmod_at file 640; stat file; chmod_at file 600 unknown"),
    row("chmod by a path handle", "open h file path; fchmod h 600; chmod_at @h 600 empty_path; stat file; chmod_at @h 600"),
    # AT_ flags
    row("chown by a path handle", "open h file path; chown_at @h 3:4 empty_path; stat file; fchown h 5:6; chown_at @h 5:6; chown_at file 1:1 unknown",
        root_only="ids that a namespace may lack"),
    row("chown by a path handle of a symlink", "open h link path,nofollow; chown_at @h 3:4 empty_path; lstat link; stat file", root_only="as above"),
    row("times of now and times left", "utime_at file omit 1000; times file; utime_at file 2000 omit; times file; mark file; utime_at file omit omit; changed file;"
        "utime_at file now omit; changed file atime mtime; utime_at file 5 now; times file"),
    row("times that are none", "utime_at file 1.2000000000 1; utime_at file 1 1 unknown; utime_at loop 1 1 nofollow; times loop; utime_at file -1 -5.999999999; times file"),
    row("statx with one field each", *(f"statx_of file {mask};" for mask in ("type", "mode", "nlink", "uid", "gid", "mtime", "ino", "size"))),
    row("statx with flags", "statx_of link basic; statx_of link basic nofollow; statx_of file basic dont_sync; statx_of file basic force_sync;"
        "statx_of file basic no_automount; statx_of file basic force_sync,dont_sync; statx_of file reserved; statx_of file basic unknown"),
    row("statx of handles", "open h file path; statx_of @h basic empty_path; open l link path,nofollow; statx_of @l basic empty_path; statx_of @h basic"),
    row("faccessat2 with flags", "faccess file f; faccess absent f; faccess link r nofollow; faccess loop r nofollow; faccess loop r; faccess file r eaccess;"
        "open h file path; faccess @h r empty_path; faccess @h x empty_path; faccess file ?; faccess file r unknown"),
    row("unlinkat with an unknown flag", "unlink_at file unknown; list"),
    # Opens
    row("openat2 stays beneath", "opendir d dir; openat2 a d inner r beneath; openat2 b d ../file r beneath; openat2 c d sub/../inner r beneath; opendir e .;"
        "openat2 f e link r beneath; openat2 g e away r beneath; openat2 i e up r beneath; openat2 j e dir/new w,creat,excl beneath; list dir"),
    row("openat2 with other ways to resolve", "opendir e .; openat2 a e link r no_symlinks; openat2 b e file r no_symlinks,no_xdev,no_magiclinks; openat2 c e /file r in_root;"
        "read c 9; openat2 f e ../../../file r in_root; openat2 g e loop r; openat2 i e file r beneath,in_root"),
    row("path opens with other flags", "try_open dir path,dir; try_open file path,dir; try_open link path,nofollow; try_open link path,dir; try_open link path,nofollow,dir;"
        "try_open absent path,creat; try_open file path,trunc; stat file; try_open pipe path; try_open loop path; try_open loop path,nofollow"),
    row("path handles refuse what needs a file", "open h file path; read h 1; write h x; ftruncate h 0; fsync h; getdents_sized h 100; fallocate h allocate 0 1; lseek h 0;"
        "map h r shared 0 1; fsetxattr h user.a b; fgetxattr h user.a; flock h sh; opendir d dir"),
    row("opens of directories with flags of files", "try_open dir r,dir,creat; try_open dir w,dir; try_open dir r,trunc; try_open dir r,append; try_open dir r,excl; list"),
    row("opens with flags without effect", "try_open file r,noctty; try_open file r,nonblock; try_open file r,async; try_open file r,excl; stat file"),
    row("unnamed files with flags that do not fit", "try_open dir r,tmpfile; try_open file w,tmpfile; try_open dir w,tmpfile,creat; try_open absent w,tmpfile; try_open loop w,tmpfile; list dir"),
    row("status flags change on an open handle", "open h file r,w; status_flags h append; pwrite h 0 Z; write h Q; cat file; status_flags h nonblock; read h 9; status_flags h noatime"),
    # Lengths and offsets
    row("reads and writes of nothing", "open h file r,w; mark file; read h 0; pread h 99 0; write h ''; pwrite h 99 ''; changed file mtime; fstat h; readv h 0 0; writev h '' ''; fstat h"),
    row("vectors are one read and one write", "open h file r,w; readv h 2 0 3; readv h 99; lseek h 0; writev h ab '' cde; cat file; writev h x*5000 y; fstat h"),
    row("negative offsets are EINVAL", "open h file r,w; pread h -1 1; pwrite h -1 x; lseek h -1; ftruncate h -1; truncate file -1; lseek h -8 end; copy_file_range h h 1 -1 3"),
    row("sizes beyond the largest file are EFBIG", "open h new r,w,creat; ftruncate h 9223372036854775807; truncate file 9223372036854775807; fstat h;"
        "pwrite h 9223372036854775806 x; fallocate h allocate 9223372036854775000 9000; fstat h"),
    row("a large sparse file", "open h new r,w,creat; ftruncate h 1099511627776; fstat h; pwrite h 1099511627775 e; pread h 1099511627774 9; close h; open h new; lseek h 0 data; lseek h 1099511627770 hole; blocks new"),
    row("seeks of data and holes at the ends", "open h none; lseek h 0 data; lseek h 0 hole; lseek h 1 hole; open f file; lseek f 7 data; lseek f 7 hole; lseek f 6 hole; lseek f -1 data; lseek f -1 hole; lseek f 8 hole"),
    row("listings need room for a name", "opendir d dir; getdents_sized d 0; getdents_sized d 1; getdents_sized d 23; getdents_sized d 300; open h file; getdents_sized h 300"),
    row("fallocate where it cannot be", "opendir d dir; fallocate d allocate 0 1; open h big r,w; fallocate h punch_hole,keep_size 999999 4096; fstat h;"
        "fallocate h punch_hole,keep_size 1 1; pread h 0 4; fallocate h punch_hole,zero_range,keep_size 0 1; fallocate h unshare 0 4096"),
    row("fallocate of a lower sparse file", "open h sparse r,w; fallocate h zero_range 4 65536; pread h 0 9; fallocate h allocate 0 2097152; fstat h; fallocate h punch_hole,keep_size 0 2097152; pread h 0 4; fstat h"),
    row("copy_file_range at its edges", "open a big; open b new r,w,creat; copy_file_range a b 0; copy_file_range a b 4611686018427387904; fstat b; copy_file_range a b 1 99999;"
        "copy_file_range b a 1; opendir d dir; copy_file_range d b 1; copy_range_flags a b 1; open p pipe r,nonblock; copy_file_range p b 1; open z big w,append; copy_file_range a z 1"),
    row("sendfile at its edges", "open a big; open b new r,w,creat; sendfile b a 0 0; sendfile b a 9999 5; sendfile b a 4094 1000000; cat new; open z big w,append; sendfile z a 0 1; sendfile a b 0 1"),
    row("advice and read-ahead", "open h big; advise h normal; advise h sequential; advise h random; advise h willneed 0 4096; advise h noreuse; advise h dontneed; read h 3; read_ahead h 0 8192;"
        "read_ahead h 99999 1; open w big w; read_ahead w 0 1; opendir d dir; read_ahead d 0 1; pread h 4094 4"),
    row("ranges are synced", "open h file r,w; pwrite h 0 XY; sync_range h 0 2; sync_range h 0 0; sync_range h -1 2; sync_range h 0 1 8; opendir d dir; sync_range d 0 0; cat file"),
    # Mappings
    row("private mappings keep their stores", "open h big r; map h rw private 0 4096 XYZ; pread h 0 4; map h rw private 4096 10 Q; cat big"),
    row("shared mappings need a handle for writing", "open h big r; map h rw shared 0 10; map h r shared 0 10; open w big w; map w w shared 0 10; map w r private 0 10; open b big r,w; map b w shared 0 10"),
    row("mappings with flags", "open h big r,w; map h r populate,shared 0 8192; map h r noreserve,private 4096 4; map h rw validate 0 5 HELLO; pread h 0 6; map h r validate,sync 0 5; map h r shared 1 5"),
    row("code is mapped", "open h big; map h rx private 0 8; map h rx shared 0 8; map h - private 0 8"),
    row("what is no file is not mapped", "opendir d dir; map d r shared 0 10; open p pipe r,nonblock; map p r shared 0 10"),
    # Attributes
    row("names and values of attributes at their limits", "setxattr file user." + "n" * 250 + " x; getxattr file user." + "n" * 250 + "; setxattr file user." + "n" * 251 + " x;"
        "getxattr file user." + "n" * 251 + "; removexattr file user." + "n" * 251 + "; setxattr file user.a v*65537; setxattr file user. x; getxattr file user.; setxattr file nothing.a x; removexattr file user.none"),
    row("buffers of attributes that are too small", "setxattr file user.a v*100; getxattr_sized file user.a 1; getxattr_sized file user.a 99; getxattr_sized file user.a 100; getxattr_sized file user.a 65536; listxattr_sized file 1"),
    # Renames
    row("exchanges of files of several kinds", "rename pipe none exchange; kinds; rename link pipe exchange; kinds; readlink pipe; mkdir new; put new/x y; rename new loop exchange; kinds; list loop;"
        "rename loop dir/sub exchange; list loop; list dir/sub"),
    row("exchanges that cannot be", "rename dir dir/sub exchange; rename dir/sub dir exchange; rename file absent exchange; rename file file exchange; rename file . exchange; rename file dir/.. exchange; list"),
    row("flags of a rename that do not fit", "rename file none whiteout,exchange; rename file new noreplace,whiteout; rename file new noreplace,exchange; rename dir file noreplace; list",
        union="overlayfs does not nest whiteouts"),
    # fcntl and ioctl
    row("locks are asked for", "open a file r,w; open b file r,w; ofd_lock a ex 10 5; ofd_getlk b 0 100; ofd_getlk b 0 5; ofd_getlk a 0 100; ofd_lock b sh 12 1; ofd_lock a un; ofd_getlk b"),
    row("leases end where others open", "open a file r; lease a sh; other put file new; lease a un; close a; open b file r,w; lease b sh; lease b ex; lease b un; opendir d dir; lease d sh"),
    row("leases need a file that nothing else has open", "open a file r; open b file r,w; lease a sh; lease b ex; close a; lease b ex; lease b un", placements=("upper",)),
    row("hints for the life of data", "open h file r,w; write_hint h 2; write_hint h 0; write_hint h 9"),
    row("requests that every file knows", "open h file; file_ioctl h unread; read h 3; file_ioctl h unread"),
    row("the size of blocks is asked for", "open h file; file_ioctl h blocksize; opendir d dir; file_ioctl d blocksize",
        kernel_differs="overlayfs has no block size of its own"),
    row("clones where there are none", "open a big; open b new r,w,creat; file_ioctl b clone a; fstat b"),
]
TABLE = Table(TREE, ROWS)
