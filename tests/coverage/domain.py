# SPDX-License-Identifier: MIT
"""What could be tried: for each system call on files the flags that Linux knows, the sizes and the errnos.

Flags and errnos are those of the manual pages, of fs/fuse and of kernel overlayfs. ENOMEM, EINTR, EFAULT and what only a
descriptor of another kind gets (ESPIPE, ENOTSOCK) are left out, since the kernel answers them before a file system is asked.
"""
import dataclasses

WALK = "EACCES ELOOP ENAMETOOLONG ENOENT ENOTDIR"
CHANGE = WALK + " EROFS ENOSPC EDQUOT EIO EPERM"
NO_FLAG = "0"
AT = "AT_EMPTY_PATH AT_SYMLINK_NOFOLLOW 0"
SPECIAL = "S_ISUID S_ISGID S_ISVTX"
XATTRS = "EPERM ENODATA ERANGE EOPNOTSUPP " + WALK


@dataclasses.dataclass(frozen=True)
class Domain:
    flags: tuple        # words as strace writes them; "0" is a call without any
    errnos: tuple
    size: int           # which argument is the size, None if none is
    largest: int        # power of two up to which sizes make a difference


def _domain(flags="", errnos="", size=None, largest=21):
    return Domain(tuple(flags.split()), tuple(errnos.split()), size, largest)


OPEN = ("O_RDONLY O_WRONLY O_RDWR O_CREAT O_EXCL O_TRUNC O_APPEND O_DIRECTORY O_NOFOLLOW O_PATH O_DIRECT O_SYNC O_DSYNC O_NOATIME "
        "O_TMPFILE O_NONBLOCK O_NOCTTY O_CLOEXEC O_ASYNC " + SPECIAL)
OPEN_ERRNOS = "EEXIST EISDIR ENXIO ETXTBSY EINVAL EMFILE ENFILE EOPNOTSUPP EFBIG EBUSY ESTALE " + CHANGE
READ_ERRNOS = "EBADF EISDIR EINVAL EIO EAGAIN"
WRITE_ERRNOS = "EBADF EINVAL EIO ENOSPC EDQUOT EFBIG EPERM EAGAIN"
RWF = "RWF_HIPRI RWF_DSYNC RWF_SYNC RWF_NOWAIT RWF_APPEND 0"

DOMAINS = {
    "openat": _domain(OPEN, OPEN_ERRNOS),
    "openat2": _domain(OPEN + " RESOLVE_NO_XDEV RESOLVE_NO_MAGICLINKS RESOLVE_NO_SYMLINKS RESOLVE_BENEATH RESOLVE_IN_ROOT"
                       " RESOLVE_CACHED", OPEN_ERRNOS + " EXDEV EAGAIN"),
    "name_to_handle_at": _domain("AT_EMPTY_PATH AT_SYMLINK_FOLLOW 0", "EOVERFLOW EOPNOTSUPP " + WALK),
    "open_by_handle_at": _domain("O_RDONLY O_WRONLY O_RDWR O_PATH O_DIRECTORY", "EPERM ESTALE EINVAL ELOOP"),
    "mkdirat": _domain(SPECIAL + " 0", "EEXIST EMLINK " + CHANGE),
    "mknodat": _domain("S_IFREG S_IFIFO S_IFSOCK S_IFCHR S_IFBLK " + SPECIAL, "EEXIST EINVAL " + CHANGE),
    "symlinkat": _domain("", "EEXIST " + CHANGE),
    "readlinkat": _domain("", "EINVAL " + WALK, 3, 12),
    "linkat": _domain("AT_EMPTY_PATH AT_SYMLINK_FOLLOW 0", "EEXIST EMLINK EXDEV " + CHANGE),
    "unlinkat": _domain("AT_REMOVEDIR 0", "EISDIR ENOTEMPTY EBUSY EINVAL " + CHANGE),
    "renameat2": _domain("RENAME_NOREPLACE RENAME_EXCHANGE RENAME_WHITEOUT 0",
                         "EEXIST EISDIR ENOTEMPTY EBUSY EINVAL EXDEV EMLINK " + CHANGE),
    "fchmodat": _domain(SPECIAL + " 0", CHANGE),
    "fchmodat2": _domain(SPECIAL + " " + AT, "EOPNOTSUPP " + CHANGE),
    "fchmod": _domain(SPECIAL + " 0", "EBADF EPERM EROFS EIO"),
    "fchownat": _domain(AT, "EINVAL EOVERFLOW " + CHANGE),
    "fchown": _domain("", "EBADF EPERM EROFS EIO EINVAL"),
    "utimensat": _domain("UTIME_NOW UTIME_OMIT NULL " + AT, "EINVAL " + CHANGE),
    "truncate": _domain("", "EISDIR EINVAL EFBIG ETXTBSY " + CHANGE, 1, 40),
    "ftruncate": _domain("", "EBADF EINVAL EFBIG EPERM ETXTBSY", 1, 40),
    "newfstatat": _domain(AT + " AT_NO_AUTOMOUNT", "EBADF EINVAL EIO ESTALE EOVERFLOW " + WALK),
    "statx": _domain("AT_EMPTY_PATH AT_SYMLINK_NOFOLLOW AT_NO_AUTOMOUNT AT_STATX_SYNC_AS_STAT AT_STATX_FORCE_SYNC"
                     " AT_STATX_DONT_SYNC STATX_BASIC_STATS STATX_ALL STATX_TYPE STATX_MODE STATX_NLINK STATX_UID STATX_GID"
                     " STATX_ATIME STATX_MTIME STATX_CTIME STATX_INO STATX_SIZE STATX_BLOCKS STATX_BTIME STATX_MNT_ID"
                     " STATX_DIOALIGN", "EINVAL EIO ESTALE " + WALK),
    "statfs": _domain("", WALK),
    "fstatfs": _domain("", "EBADF"),
    "faccessat2": _domain("F_OK R_OK W_OK X_OK AT_EACCESS " + AT, "EINVAL EROFS " + WALK),
    "getdents64": _domain("", "EBADF ENOTDIR EINVAL ENOENT EIO", 2, 16),
    "read": _domain("", READ_ERRNOS, 2), "pread64": _domain("", READ_ERRNOS, 2),
    "write": _domain("", WRITE_ERRNOS, 2), "pwrite64": _domain("", WRITE_ERRNOS, 2),
    "preadv2": _domain(RWF, READ_ERRNOS + " EOPNOTSUPP"), "pwritev2": _domain(RWF, WRITE_ERRNOS + " EOPNOTSUPP"),
    "lseek": _domain("SEEK_SET SEEK_CUR SEEK_END SEEK_DATA SEEK_HOLE", "EBADF EINVAL ENXIO EOVERFLOW", 1, 32),
    "fallocate": _domain("FALLOC_FL_KEEP_SIZE FALLOC_FL_PUNCH_HOLE FALLOC_FL_ZERO_RANGE FALLOC_FL_COLLAPSE_RANGE"
                         " FALLOC_FL_INSERT_RANGE FALLOC_FL_UNSHARE_RANGE 0",
                         "EBADF EINVAL EFBIG ENOSPC EDQUOT EIO EOPNOTSUPP EPERM ETXTBSY ENODEV", 3, 32),
    "copy_file_range": _domain("", "EBADF EINVAL EISDIR EFBIG ENOSPC EIO EPERM ETXTBSY EOVERFLOW EXDEV", 4),
    "sendfile": _domain("", "EBADF EINVAL EIO EOVERFLOW", 3), "splice": _domain("", "EBADF EINVAL", 4),
    "fadvise64": _domain("POSIX_FADV_NORMAL POSIX_FADV_SEQUENTIAL POSIX_FADV_RANDOM POSIX_FADV_WILLNEED"
                         " POSIX_FADV_DONTNEED POSIX_FADV_NOREUSE", "EBADF EINVAL"),
    "readahead": _domain("", "EBADF EINVAL"),
    "sync_file_range": _domain("SYNC_FILE_RANGE_WAIT_BEFORE SYNC_FILE_RANGE_WRITE SYNC_FILE_RANGE_WAIT_AFTER", "EBADF EINVAL EIO"),
    "fsync": _domain("", "EBADF EIO ENOSPC EDQUOT EINVAL"), "fdatasync": _domain("", "EBADF EIO ENOSPC EDQUOT EINVAL"),
    "syncfs": _domain("", "EBADF EIO ENOSPC"),
    "mmap": _domain("PROT_READ PROT_WRITE PROT_EXEC PROT_NONE MAP_SHARED MAP_PRIVATE MAP_SHARED_VALIDATE MAP_POPULATE MAP_FIXED"
                    " MAP_LOCKED MAP_NORESERVE MAP_SYNC", "EACCES EBADF EINVAL ENODEV EOPNOTSUPP EPERM EOVERFLOW", 1),
    "fcntl": _domain("F_DUPFD F_DUPFD_CLOEXEC F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK F_SETLK F_SETLKW F_OFD_GETLK F_OFD_SETLK"
                     " F_OFD_SETLKW F_GETLEASE F_SETLEASE F_NOTIFY F_GETPIPE_SZ F_SET_RW_HINT F_GET_RW_HINT F_ADD_SEALS"
                     " F_GET_SEALS F_SETOWN F_GETOWN", "EBADF EACCES EAGAIN EDEADLK EINVAL EPERM EBUSY"),
    "flock": _domain("LOCK_SH LOCK_EX LOCK_UN LOCK_NB", "EBADF EAGAIN EINVAL"),
    "ioctl": _domain("FS_IOC_GETFLAGS FS_IOC_SETFLAGS FS_IOC_FSGETXATTR FS_IOC_FSSETXATTR FS_IOC_FIEMAP FICLONE FICLONERANGE"
                     " FIDEDUPERANGE FS_IOC_GETVERSION FS_IOC_SETVERSION FIGETBSZ FIONREAD FITRIM FIFREEZE",
                     "EBADF EACCES EINVAL ENOTTY EOPNOTSUPP EPERM EROFS EXDEV"),
    "getxattr": _domain("", XATTRS, 3, 16), "listxattr": _domain("", "ERANGE EOPNOTSUPP " + WALK, 2, 16),
    "setxattr": _domain("XATTR_CREATE XATTR_REPLACE 0", XATTRS + " EEXIST E2BIG EINVAL ENOSPC EDQUOT EROFS", 3, 16),
    "removexattr": _domain("", XATTRS + " EROFS ENOSPC"),
    "inotify_add_watch": _domain("IN_ALL_EVENTS IN_MODIFY IN_CREATE IN_DELETE IN_ONLYDIR IN_DONT_FOLLOW", WALK),
    "chdir": _domain("", WALK), "chroot": _domain("", WALK + " EPERM"),
}

# The same call by another name: the name, and flags that it stands for.
ALIASES = {
    "open": ("openat", ""), "creat": ("openat", "O_CREAT O_WRONLY O_TRUNC"), "mkdir": ("mkdirat", ""), "mknod": ("mknodat", ""),
    "symlink": ("symlinkat", ""), "readlink": ("readlinkat", ""), "link": ("linkat", ""), "unlink": ("unlinkat", ""),
    "rmdir": ("unlinkat", "AT_REMOVEDIR"), "rename": ("renameat2", ""), "renameat": ("renameat2", ""), "chmod": ("fchmodat", ""),
    "chown": ("fchownat", ""), "lchown": ("fchownat", "AT_SYMLINK_NOFOLLOW"), "stat": ("newfstatat", ""),
    "lstat": ("newfstatat", "AT_SYMLINK_NOFOLLOW"), "access": ("faccessat2", ""), "faccessat": ("faccessat2", ""),
    "lgetxattr": ("getxattr", ""), "fgetxattr": ("getxattr", ""), "lsetxattr": ("setxattr", ""), "fsetxattr": ("setxattr", ""),
    "llistxattr": ("listxattr", ""), "flistxattr": ("listxattr", ""), "lremovexattr": ("removexattr", ""),
    "fremovexattr": ("removexattr", ""), "preadv": ("preadv2", ""), "pwritev": ("pwritev2", ""),
    "readv": ("preadv2", ""), "writev": ("pwritev2", ""), "fstat": ("newfstatat", "AT_EMPTY_PATH"),
}
# Where the name that is an alias has no argument for the directory, sizes are one argument earlier.
EARLIER = {"readlink": 1}
