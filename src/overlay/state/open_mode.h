// SPDX-License-Identifier: MIT
//
// How the kernel may open an inode: the state machine behind every OPEN. It only decides;
// open_file.cpp acts on the decision (registers a file, splits an inode).
//
// The kernel allows an inode one backing file at a time and no mixture of passed-through and cached
// opens, until all are released (EIO to the user otherwise). A copy-up makes a second file. While
// both hold the same bytes, readers go on with the first. At the first writer they part: a new
// inode with a node id of its own supersedes the old one. An OPEN of the old node that should have
// been for the new one is answered ESTALE; the VFS then walks the path again.

#ifndef OVERPASS_OVERLAY_STATE_OPEN_MODE_H_
#define OVERPASS_OVERLAY_STATE_OPEN_MODE_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "base/id_map.h"
#include "overlay/state/attribute_copy.h"
#include "overlay/state/backing.h"
#include "overlay/state/shared_fd.h"

namespace overpass::overlay {

/// One of the two files that an inode may have.
enum class Side : uint8_t { Lower, Upper };

/// How an open file is served.
enum class Serving : uint8_t { Passthrough, Cached };

/// The question of an OPEN, and the inode's state at that moment.
struct OpenQuestion {
  bool writing;           ///< The open may change the content (O_WRONLY, O_RDWR, O_TRUNC).
  Side content;           ///< Where the file's current content is. A writer's is Upper.
  bool may_pass_through;  ///< Passthrough is on and this file is not to be served cached.
  bool superseded;        ///< The inode has a successor.
  bool shares_lower;      ///< With a successor: a reader may still be given the lower.
};

enum class OpenAnswer : uint8_t {
  HeldBacking,  ///< Passed through, with the backing file in force.
  NewBacking,   ///< Passed through, with `content` registered anew (nothing is open).
  Cached,       ///< Served by the daemon from `content`.
  Split,        ///< Supersede the inode, then answer ESTALE.
  Stale,        ///< Answer ESTALE.
};

/// Tells one content of a file from a later one, for all that is known.
struct ContentVersion {
  uint64_t size = 0;
  int64_t seconds = 0;  ///< Of st_mtime.
  uint32_t nanoseconds = 0;
  Side side = Side::Lower;  ///< Lowers do not change: nothing else is set for them.
  bool operator==(const ContentVersion&) const = default;
};

/// How one inode is open: how many handles, served in which way, from which file. decide() answers
/// an OPEN without changing anything. The caller acts on the answer (it may have to register a
/// file, without the mutex, and ask again), then counts the open with one of opened_*(). Each
/// counted open ends with one released().
///
/// Invariants:
/// 1. All open handles are served in one way. If they are passed through, they share one backing.
/// 2. A Lower backing is never given to a writer.
/// 3. The backing id lives at least until the last handle is released.
///
/// Threads: guarded by the inode's mutex. Makes no system call and takes no lock itself, but giving
/// back the last reference to a backing id may.
class OpenMode {
 public:
  OpenAnswer decide(const OpenQuestion& question) const;

  /// One more open is answered: with the backing in force, with a new one, or cached.
  void opened_held() { count_open(); }
  void opened_new(Side side, SharedBacking backing);
  void opened_cached(bool writes);

  /// Call before an open by `user` is counted. `of_upper`: the handle's descriptor of the upper's
  /// file, or null.
  void note_open(uid_t user, const SharedFd& of_upper) {
    user_ = handles_ == 0 || user_ == user ? user : kNoId;
    if (of_upper != nullptr) last_fd_ = of_upper;
  }

  /// The user that has it open; kNoId for several.
  uid_t user() const { return user_; }

  /// The upper's file, by the last handle that was opened with a descriptor of it; null when that
  /// handle is closed.
  SharedFd last_fd() const { return last_fd_.lock(); }

  /// A handle was released. The backing id stays usable while the cache of idle ones keeps it.
  void released(bool wrote);

  /// Whether a truncation now must split the inode: readers hold the lower's content.
  bool readers_hold_lower() const {
    return handles_ > 0 && serving_ == Serving::Passthrough && side_ == Side::Lower;
  }

  /// The id to reply with after HeldBacking.
  SharedBacking backing() const { return held_ ? held_ : idle_.lock(); }

  /// A kept id of `side` that is not in use now, or null.
  SharedBacking idle_backing(Side side) const {
    return handles_ == 0 && side_ == side ? idle_.lock() : nullptr;
  }

  uint32_t handles() const { return handles_; }

  /// Whether the kernel reads, and may write, the file below by itself.
  bool is_passed_through() const { return handles_ > 0 && serving_ == Serving::Passthrough; }

  /// How many opens there have been.
  uint64_t opens() const { return opens_; }

  /// Whether the kernel may hold bytes that it has not written back yet.
  bool has_cached_writers() const { return cached_writers_ > 0; }

  /// Whether a caller may have the upper's file open for writing.
  bool may_have_writers() const {
    if (serving_ == Serving::Cached) return has_cached_writers();
    return handles_ > 0 && side_ == Side::Upper;
  }

  /// The lower's content is never passed through. Constant from the first open on.
  bool caches_lower = false;

  /// The file's version when the kernel's pages were last known to be its bytes.
  std::optional<ContentVersion> cached_version;

  /// What the disk last said of the upper's file, once the daemon has changed its bytes.
  std::unique_ptr<AttributeCopy> copy;
  ReadCount reads;  ///< By the daemon, of the upper's file.

 private:
  void count_open() {
    ++handles_;
    ++opens_;
  }

  uint64_t opens_ = 0;
  uint32_t handles_ = 0;         ///< Between OPEN reply and RELEASE.
  uint32_t cached_writers_ = 0;  ///< Those of them that are served by the daemon and may write.
  uid_t user_ = kNoId;
  std::weak_ptr<const CachedFd> last_fd_;
  Serving serving_ = Serving::Passthrough;
  Side side_ = Side::Lower;              ///< Of the backing, in force or idle.
  SharedBacking held_;                   ///< Set while passed-through handles are open.
  std::weak_ptr<const BackingId> idle_;  ///< That id, also after the last release.
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_OPEN_MODE_H_
