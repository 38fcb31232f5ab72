// SPDX-License-Identifier: MIT
//
// An open directory of the union, for READDIR.
//
// A directory of the upper alone is streamed, with the offsets of its file system. A directory that
// has lowers and can change is read into a snapshot when reading begins, and the offset of an entry
// is a hash of its name: the kernel serves part of a listing from its own cache and asks another
// handle for the rest, so offsets must have one meaning in every snapshot. A name that exists all
// the time is listed exactly once, whatever is made or removed meanwhile.

#ifndef OVERPASS_OVERLAY_OPEN_OPEN_DIRECTORY_H_
#define OVERPASS_OVERLAY_OPEN_OPEN_DIRECTORY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "overlay/find/lookup.h"
#include "overlay/state/inode.h"
#include "overlay/state/lower_names.h"
#include "overlay/state/shared_fd.h"
#include "sys/directory_stream.h"

namespace overpass::overlay {

struct Overlay;

/// An entry to be listed.
struct Listed {
  const char* name;
  uint64_t ino;         ///< d_ino, of the union.
  unsigned char type;   ///< DT_*.
  int64_t next_offset;  ///< Where to continue after it.
  InodeRef inode;       ///< With attributes asked for: the inode; empty for "." and "..", and for a
                        ///< name whose node the kernel must look up by itself.
  sys::Stat stat;       ///< Its attributes, with `inode`.
};

/// Takes entries one by one.
class ListingSink {
 public:
  virtual ~ListingSink() = default;
  /// Whether there is room for an entry of this name. Asked before the entry is worked out.
  virtual bool has_room(const char* name) = 0;
  virtual void add(const Listed& entry) = 0;
};

/// Threads: any; reads are serialised.
class OpenDirectory {
 public:
  explicit OpenDirectory(InodeRef directory) : directory_(std::move(directory)) {}

  const InodeRef& inode() const { return directory_; }

  /// Hands entries from `offset` on to `sink` until it has no room or the directory ends; with
  /// their inodes and attributes if `with_attributes`. ENOENT when the directory was removed.
  /// L: none on entry; the directory's names are held shared inside.
  Result<void> read(Overlay& overlay, int64_t offset, bool with_attributes, ListingSink& sink);

  /// The offset at which the next read() goes on. 0 before the first.
  int64_t position() const;
  /// Bytes of memory, roughly.
  size_t weight() const;

  /// A descriptor of the directory in its top layer, open for reading, for fsync and ioctl.
  Result<UniqueFd> open_top(Overlay& overlay) const;

 private:
  struct SnapshotEntry {
    int64_t offset;  ///< Where to continue after it; ascending, and equal in every snapshot.
    uint32_t name_offset;
    layer::LayerIndex layer;
    unsigned char type;
    uint64_t ino;
  };
  struct RawEntry {
    const char* name;
    unsigned char type;
    layer::LayerIndex layer;
    uint64_t ino;
    int64_t next_offset;
  };

  /// read() itself; whether it has ended a listing that may_lose_impure_.
  Result<bool> read_entries(Overlay& overlay, int64_t offset, bool with_attributes,
                            ListingSink& sink) REQUIRES(mutex_);
  Result<void> rewind(Overlay& overlay) REQUIRES(mutex_);
  Result<void> take_snapshot(Overlay& overlay) REQUIRES(mutex_);
  Result<std::optional<RawEntry>> next() REQUIRES(mutex_);
  Result<std::optional<RawEntry>> next_streamed() REQUIRES(mutex_);
  std::optional<RawEntry> next_of_snapshot() const REQUIRES(mutex_);
  void sort_snapshot() REQUIRES(mutex_);
  Result<std::optional<Listed>> listed(Overlay& overlay, const RawEntry& raw, bool with_attributes)
      REQUIRES(mutex_);
  Result<Found> find(Overlay& overlay, const RawEntry& raw) REQUIRES(mutex_);

  const InodeRef directory_;

  mutable Mutex<LockRank::DirectoryHandle> mutex_;
  /// The caller's position: after the last entry that it got; -1 before reading. Removed entries
  /// are passed over without changing it, so that going on needs no seek: tmpfs would start from
  /// the beginning when nothing is left.
  int64_t position_ GUARDED_BY(mutex_) = -1;
  int64_t cursor_ GUARDED_BY(mutex_) = 0;           ///< The last entry looked at.
  layer::LayerIndex layer_ GUARDED_BY(mutex_) = 0;  ///< Of the stream.
  UniqueFd fd_ GUARDED_BY(mutex_);
  std::optional<sys::DirectoryStream> stream_ GUARDED_BY(mutex_);
  std::optional<RawEntry> pushed_back_ GUARDED_BY(mutex_);  ///< Read, but there was no room.
  uint64_t version_ GUARDED_BY(mutex_) = 0;                 ///< The directory's when reading began.
  bool is_snapshot_ GUARDED_BY(mutex_) = false;
  /// The directory is marked impure, and all that was listed so far, from its beginning on, has a
  /// number of its own.
  bool may_lose_impure_ GUARDED_BY(mutex_) = false;
  std::vector<SnapshotEntry> snapshot_ GUARDED_BY(mutex_);
  std::string names_ GUARDED_BY(mutex_);  ///< Of the snapshot, each with its zero byte.
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_OPEN_OPEN_DIRECTORY_H_
