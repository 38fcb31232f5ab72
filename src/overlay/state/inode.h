// SPDX-License-Identifier: MIT
//
// One object of the union, as the kernel knows it by a node id: which layer holds it, its name and
// place in the tree, and, for a directory, the layers it is merged from. How inodes are found and
// counted is inode_table.h; how system calls reach their files is locate.h.

#ifndef OVERPASS_OVERLAY_STATE_INODE_H_
#define OVERPASS_OVERLAY_STATE_INODE_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/compact_name.h"
#include "base/mutex.h"
#include "base/result.h"
#include "layer/layer_stack.h"
#include "overlay/state/identity.h"
#include "overlay/state/inode_ref.h"
#include "overlay/state/shared_fd.h"
#include "rules/table.h"

namespace overpass::overlay {

class CopyUnderWay;
class LowerNames;
class OpenMode;

/// The kernel's name for an inode: an index into the table and a generation, never a pointer.
enum class NodeId : uint64_t {};
inline constexpr NodeId kRootNode{1};  // FUSE_ROOT_ID.

// The two halves of it.
constexpr uint32_t index_of(NodeId node) { return static_cast<uint32_t>(node); }
constexpr uint32_t generation_of(NodeId node) {
  return static_cast<uint32_t>(static_cast<uint64_t>(node) >> 32);
}

/// A file of the upper by its own identity, for hard links.
struct FileKey {
  dev_t device = 0;
  uint64_t ino = 0;
  bool operator==(const FileKey&) const = default;
};

/// A name of an inode. The name index of the table points at these.
/// Guarded by the inode's mutex; changed only while it is out of the index.
struct Link {
  Inode* inode = nullptr;  ///< The inode that has this name; constant.
  InodeRef parent;         ///< Stays set when the name is removed, for a lower's location.
  CompactName name;
  /// The kernel knows this name by the node that `inode` superseded: no LOOKUP of it since.
  bool is_stale = false;
};

/// Whether a directory of the upper carries the impure mark.
enum class Impurity : uint8_t { Unknown, Pure, Impure };

/// A name that a lower has and the union does not show (hidden_names.h).
struct HiddenName {
  layer::LayerIndex layer;
  std::string rest;  ///< The path from the directory that knows it; a name, if it is in there.
  SharedFd beneath;  ///< What is shown instead; null: nothing.
};

using HiddenNames = std::vector<HiddenName>;

/// The part of an inode that only directories have. What is constant changes at a freeze
/// (freeze/freeze.h), while no other thread uses the union; `has_upper` becomes false then.
struct Directory {
  /// Serialises changes of the names in here against lookups and each other.
  mutable SharedMutex<LockRank::Directory> names;

  /// Set once, under `names` held exclusively, when the directory comes to be in the upper.
  std::atomic<bool> has_upper = false;
  /// The identity of the upper's directory, valid from then on; tells whether a path still leads
  /// there.
  std::atomic<uint64_t> upper_ino = 0;
  std::atomic<uint32_t> upper_stamp = 0;
  std::atomic<Impurity> impurity = Impurity::Unknown;
  /// The mode to show instead of the disk's; 0 for the disk's (scoped_writable.h).
  std::atomic<mode_t> kept_mode = 0;
  /// Counts changes of names in here, so that an earlier reader can tell that its result is old.
  /// Raised under `names` held exclusively.
  std::atomic<uint64_t> version = 0;
  /// The lowers merged in here, topmost first. Constant.
  std::vector<layer::LayerIndex> lowers;
  /// The identities of their directories, in the order of `lowers`. Constant; empty for the root.
  std::vector<Identity> lower_identities;
  /// Names that lowers have in here or below and the union hides. Constant; null for nearly all.
  std::unique_ptr<HiddenNames> hidden;
  /// listing_version() when the directory was looked at last (lower_changes.h); 0: it never was.
  std::atomic<uint32_t> lower_version = 0;
  /// Which rules may apply to names below (find/ruling.h). Constant.
  rules::SharedProgress rules_below;

  /// Guards what is cached; a leaf.
  mutable Mutex<LockRank::DirectoryFds> cache_mutex;
  /// O_PATH descriptors: [0] the upper's, [i + 1] that of lowers[i].
  mutable std::vector<std::weak_ptr<const CachedFd>> fds GUARDED_BY(cache_mutex);
  mutable std::weak_ptr<const LowerNames> lower_names GUARDED_BY(cache_mutex);

  Identity upper_identity() const { return {upper_ino, upper_stamp}; }
  void set_upper_identity(const Identity& identity) {
    upper_ino = identity.ino;
    upper_stamp = identity.stamp;
  }

  size_t layer_count() const { return lowers.size() + (has_upper ? 1 : 0); }
};

/// The kind of an upper directory's redirect mark (overlay.redirect).
enum class RedirectMark : uint8_t {
  None,
  Relative,  ///< A name in the directory's own parent.
  Absolute,  ///< A path from the roots of the lowers.
};

/// The place of a directory's lowers, if it is not under its own name in its parent's
/// (lower_location.h). Paths begin with '/'; they never change once they are known.
struct Relocation {
  std::string lowers_path;               ///< In the union of the lowers alone.
  std::vector<std::string> layer_paths;  ///< In each of the directory's lowers, in their order.
  RedirectMark mark = RedirectMark::None;
};

/// Where the bytes of a metacopy are: a file of the upper that holds none (overlay.metacopy).
struct DataPlace {
  /// The layer. If it is data-only, it is the first of these, and all of them must be searched.
  layer::LayerIndex layer = 0;
  std::string path;     ///< From the layer's root, beginning with '/'.
  uint64_t blocks = 0;  ///< stx_blocks, as the union shows them.
  /// The file; unset (0) for one in data-only layers until it was opened once.
  Identity identity = {};
  uint32_t version = 0;  ///< As Inode::lower_version, of the file.
};

/// State that few inodes have. Guarded by the inode's mutex.
struct InodeExtras {
  std::unique_ptr<Relocation> relocation;  ///< Directories; set once, before the first rename.
  std::unique_ptr<DataPlace> data;         ///< Until the data are copied up as well.
  /// The entry of the index by which the upper file is reached, names or none (index.h).
  std::string index_name;
  /// Links of an indexed file's lower file when they were last counted; 0: not known.
  uint32_t lower_nlink = 0;
  /// Set when it is in the table's hard link index by the identity of its upper or its lower file.
  FileKey upper_key, lower_key;
  std::vector<std::unique_ptr<Link>> more_links;  ///< Names beyond the first (hard links).
  std::weak_ptr<const CachedFd> orphan;           ///< The upper file after its last name went.
  SharedFd pinned_orphan;                         ///< That file, kept open while handles are.
  InodeRef successor;                             ///< The inode that superseded this one.
  uint64_t flock_domain = 0;                      ///< What flock(2) locks; 0: nothing so far.
  std::shared_ptr<CopyUnderWay> copy_up;          ///< Null unless a copy-up is under way.
};

/// One object of the union: a file, directory or other node that the kernel knows by `id`. It says
/// where the object is (a layer, a parent, names) and what the kernel was told of it. It lives as
/// long as an InodeRef to it does, or the kernel remembers it; InodeTable counts both.
///
/// Invariants:
/// 1. `directory` is set exactly for directories; `type` never changes.
/// 2. The `layer` of a non-directory changes once at most, from a lower to the upper. At a freeze
///    (freeze/freeze.h) every layer gets another index.
/// 3. While `linked` is true, the table's name index has a Link of this inode.
/// 4. For an inode of a lower, link.parent and link.name are its location in that layer, even after
///    the name was removed from the union.
///
/// Threads: any that holds a reference. `link` and members marked GUARDED_BY need `mutex`; the
/// others are constant, atomic, or the table's own.
/// Lock order: `directory->names` (a parent's before a child's), then `mutex`, then the leaves of
/// lock_rank.h. No lock is held across a copy of data or a reply.
class Inode {
 public:
  Inode(NodeId node, uint64_t number, mode_t file_type);
  ~Inode();
  Inode(const Inode&) = delete;
  Inode& operator=(const Inode&) = delete;

  bool is_directory() const { return directory != nullptr; }
  bool is_regular() const { return S_ISREG(type); }

  InodeExtras& make_extras() REQUIRES(mutex) {
    if (!extras) extras = std::make_unique<InodeExtras>();
    return *extras;
  }

  const Relocation* relocation() const REQUIRES(mutex) {
    return extras ? extras->relocation.get() : nullptr;
  }
  bool is_indexed() const REQUIRES(mutex) { return extras && !extras->index_name.empty(); }
  /// Set when it is in the table's hard link index by the identity of its upper file.
  FileKey upper_key() const REQUIRES(mutex) { return extras ? extras->upper_key : FileKey(); }
  /// Null when the bytes are in the file itself.
  const DataPlace* data_place() const REQUIRES(mutex) {
    return extras ? extras->data.get() : nullptr;
  }

  // Large members first: the order is for size, since there may be millions of inodes.

  // Constant after construction, but for `ino`.
  const NodeId id;
  /// st_ino. Changes only when one of a lower's several links is copied up: it is a file of its own
  /// from then on, as on overlayfs without index.
  std::atomic<uint64_t> ino;
  std::unique_ptr<Directory> directory;

  std::unique_ptr<OpenMode> opens GUARDED_BY(mutex);
  std::unique_ptr<InodeExtras> extras GUARDED_BY(mutex);
  /// The file, and what the kernel was told of it last. Not for directories: theirs are in
  /// `directory`.
  KnownObject known GUARDED_BY(mutex) = {};
  /// The next member lies in the padding at its end.
  [[no_unique_address]] Link link;

  bool linked GUARDED_BY(mutex) = true;
  /// The file on disk was found to be another than the kernel was told of. The next LOOKUP of its
  /// name makes a new inode.
  std::atomic<bool> is_stale = false;
  /// Is kept for that (Overlay::refused).
  std::atomic<bool> is_refused = false;
  /// Its file is a lower's, and lost its name when layers were changed (find/restore.h,
  /// freeze/layer_removal.h). Who has it open goes on reading. It cannot be changed: a copy would
  /// be seen by nobody, though the caller may mean what has the name now. ESTALE leads him there.
  std::atomic<bool> is_displaced = false;
  /// chattr(1) protects the file: it must not change, or only be appended to. The lower's flag or
  /// the copy's protattr mark says so. The kernel itself enforces flags of the upper's file.
  std::atomic<bool> is_immutable = false;
  std::atomic<bool> is_append_only = false;
  /// Set once, when `extras->successor` is.
  std::atomic<bool> superseded = false;
  /// Superseded another inode that is still in memory. The file may be written through that one,
  /// too.
  std::atomic<bool> has_predecessor = false;
  /// May hold other bytes than the lower that readers of its predecessor have open.
  std::atomic<bool> diverged = false;
  /// Stores that FUSE does not see may change its times (mappings.h).
  std::atomic<bool> may_be_mapped = false;
  /// Asked for since the hand of the table's clock went by (InodeTable::find_idle).
  std::atomic<bool> was_asked_for = true;
  /// What rules say of it: a rules::Verdict, of all names seen so far.
  std::atomic<uint8_t> ruled = 0;

  layer::LayerIndex layer GUARDED_BY(mutex) = layer::kUpper;  ///< Non-directories.
  /// Of a lower's regular file, when it was first seen or a change was noticed (lower_changes.h);
  /// 0: what it is next.
  uint32_t lower_version GUARDED_BY(mutex) = 0;
  mutable CompactMutex<LockRank::Inode> mutex;
  const mode_t type;  ///< The S_IFMT bits.
  /// The link count of an indexed file minus the upper's (index.h). Changes under the mutex.
  std::atomic<int32_t> nlink_difference = 0;
  /// How many links are stale.
  std::atomic<uint32_t> stale_links = 0;

  // The table's own.
  std::atomic<uint32_t> references = 1;
  uint64_t lookups = 0;  ///< The kernel's count; guarded by the table's shard.
  InodeTable* table = nullptr;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_INODE_H_
