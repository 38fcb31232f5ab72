// SPDX-License-Identifier: MIT
//
// Work of the daemon on the content of an open file: everything but the reads and writes that are
// passed through.

#ifndef OVERPASS_OVERLAY_OPEN_FILE_IO_H_
#define OVERPASS_OVERLAY_OPEN_FILE_IO_H_

#include <sys/types.h>

#include <span>
#include <string>

#include "base/result.h"
#include "overlay/find/set_ids.h"
#include "overlay/open/copyattr.h"
#include "overlay/state/inode.h"
#include "overlay/state/transfers.h"

namespace overpass::overlay {

struct Overlay;
class OpenFile;
class OpenDirectory;

// Reads and writes of files that are not passed through. They wait for no disk; `done` gets the
// bytes when they have been moved, maybe before these return. Those who ask for the file's
// attributes after `done` has run see what was changed (copyattr.h).

/// `flags`: the handle's O_* flags as they are now.
void read(Overlay& overlay, OpenFile& file, size_t size, off_t offset, int flags, Transferred done);

enum class WriteKind {
  Plain,
  Writeback,  ///< Pages that the kernel writes back: their place is final.
};

/// `data` are lent until this returns. To the end of the file when O_APPEND is set. Costs the
/// file's set-id bits what `caller` costs them (set_ids.h), as do the other changes below.
void write(Overlay& overlay, const Caller& caller, OpenFile& file, std::span<char> data,
           off_t offset, int flags, WriteKind kind, Changed done);

/// fsync(2), or fdatasync(2) if `data_only`; nothing when the mount is volatile. `done` gets no
/// bytes.
void sync(Overlay& overlay, OpenFile& file, bool data_only, Transferred done);

/// Syncs a directory. kMustWait.
Result<void> sync(Overlay& overlay, const Caller& caller, OpenDirectory& directory);

/// fallocate(2) with FALLOC_* `mode`. EPERM where chattr(1) protects the file by now.
void allocate(Overlay& overlay, const Caller& caller, OpenFile& file, int mode, off_t offset,
              off_t length, Changed done);

/// Whether the file system may take long for `length` bytes more of the file, so that
/// allocate_killably() is called for.
bool is_long_allocation(const Overlay& overlay, const OpenFile& file, off_t length);

/// As allocate(); EINTR when the caller is being killed, if the file system can be interrupted.
/// Nothing of it is left then. kMustWait.
Result<void> allocate_killably(Overlay& overlay, const Caller& caller, OpenFile& file, int mode,
                               off_t offset, off_t length);

/// Where an allocation ends that may extend the file; 0 for others.
off_t end_of_allocation(int mode, off_t offset, off_t length);

/// The descriptor for both. EPERM as for allocate().
Result<SharedFd> content_for_allocation(Overlay& overlay, OpenFile& file, int mode);

/// lseek(2) with SEEK_DATA or SEEK_HOLE. While the kernel may hold bytes that it has not written
/// back there are no holes. EINVAL, as from a file system without such calls, when not even the
/// file's end is known (writeback=on), and on a handle that reads superseded content.
Result<off_t> seek(Overlay& overlay, OpenFile& file, off_t offset, int whence);

/// copy_file_range(2): the number of bytes. Fewer than `length` at the end of `from`, and when
/// copying takes longer than half a second or the caller is being killed. EPERM when `to` has
/// become immutable since it was opened. kMustWait.
Result<size_t> copy_range(Overlay& overlay, const Caller& caller, OpenFile& from, off_t from_offset,
                          OpenFile& to, off_t to_offset, size_t length);

/// The target of a symbolic link.
Result<std::string> read_link(Overlay& overlay, const InodeRef& inode);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_OPEN_FILE_IO_H_
