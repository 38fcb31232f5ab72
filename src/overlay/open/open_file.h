// SPDX-License-Identifier: MIT
//
// Opening a regular file of the union, and the handle that stands for it until RELEASE.

#ifndef OVERPASS_OVERLAY_OPEN_OPEN_FILE_H_
#define OVERPASS_OVERLAY_OPEN_OPEN_FILE_H_

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "base/ring.h"
#include "overlay/find/set_ids.h"
#include "overlay/state/backing.h"
#include "overlay/state/entry.h"
#include "overlay/state/inode.h"
#include "overlay/state/open_mode.h"

namespace overpass::overlay {

struct Overlay;
struct Caller;

/// A descriptor for direct I/O.
struct DirectContent {
  SharedFd fd;
  bool is_direct = false;  ///< `fd` has O_DIRECT.
};

/// One open file description of the kernel.
///
/// A handle that can write owns a descriptor from the start: only that one sees the write errors
/// that fsync(2) and close(2) have to report. One that only reads and is passed through has none;
/// what an operation opens for it is kept in a bounded cache.
/// Threads: any.
class OpenFile : public RingLink {
 public:
  /// `lease` is for the descriptor that it owns, or will open.
  OpenFile(InodeRef inode, int flags, Serving serving, SharedFd fd, layer::LayerIndex layer,
           DescriptorLease lease = {});

  const InodeRef& inode() const { return inode_; }
  int flags() const { return flags_; }
  Serving serving() const { return serving_; }
  bool is_writable() const;
  bool has_writable_fd() const { return is_writable() && fd_ != nullptr; }

  /// The writable handle's descriptor.
  BorrowedFd fd() const { return fd_->fd; }

  /// A descriptor of the file's current content, opened now if need be; after a copy-up a reader
  /// served by the daemon gets the upper's.
  Result<SharedFd> content(Overlay& overlay);

  /// Takes the descriptor that content() has cached. L: the inode's mutex is held.
  SharedFd take_cached();

  /// A descriptor for a transfer past the page cache, opened with O_DIRECT; without it if
  /// permission or descriptors are lacking. EINVAL from a file system without direct I/O.
  Result<DirectContent> direct_content(Overlay& overlay);

  /// The upper has become the topmost lower (freeze/freeze.h). REQUIRES: nothing else uses the
  /// union. A file of the upper that is open has stayed there.
  void follow_freeze() NO_THREAD_SAFETY_ANALYSIS {
    if (layer_ != layer::kUpper) ++layer_;
  }

  /// Layers have been taken out (freeze/layer_removal.h); `indices` are those of the former ones by
  /// now. REQUIRES: as follow_freeze().
  void follow_removal(const std::vector<layer::LayerIndex>& indices) NO_THREAD_SAFETY_ANALYSIS {
    layer_ = indices[layer_];
  }

  /// The layer in which that was found last.
  layer::LayerIndex layer() const;

 private:
  const InodeRef inode_;
  const int flags_;
  const Serving serving_;
  const DescriptorLease lease_;
  SharedFd fd_;              ///< Guarded by the inode's mutex, unless writable (then constant).
  layer::LayerIndex layer_;  ///< The layer of fd_ or cached_; guarded by the inode's mutex.
  /// Instead of fd_ without a lease; guarded by the inode's mutex.
  std::weak_ptr<const CachedFd> cached_;
  /// The last answer of direct_content(), and its content; guarded by the inode's mutex.
  DirectContent direct_;
  DescriptorLease direct_lease_;
  SharedFd direct_of_;
};

/// The fate of the pages that the kernel holds of a file served by the daemon.
enum class Pages : uint8_t {
  Dropped,   ///< They may be of another content.
  Kept,      ///< They are what the file holds.
  Bypassed,  ///< Reads and writes through this handle do without them (FOPEN_DIRECT_IO).
};

/// An open that succeeded, for the reply.
struct Opened {
  std::unique_ptr<OpenFile> file;
  SharedBacking backing;  ///< Null when served by the daemon.
  Pages pages = Pages::Dropped;
};

/// open(2) of an inode with O_* `flags` as FUSE hands them on. ESTALE when the caller has to walk
/// the path again. A truncation costs set-id bits what `caller` costs them. ENFILE, before
/// anything is changed, when it needs a descriptor and the budget has none for the user
/// (descriptor_budget.h). kMustWait as for copy_up(), and for a lease on the file.
Result<Opened> open_file(Overlay& overlay, const Caller& caller, const InodeRef& inode, int flags);

/// The file just `made` with `mode`, open at `fd`, which `lease` counts.
Result<Opened> open_created(Overlay& overlay, const Entry& made, int flags, mode_t mode,
                            UniqueFd fd, DescriptorLease lease);

/// The flags for the daemon's own descriptor, `own_flags`, with the access that it needs for a
/// handle opened with `flags`: where the kernel gathers writes, it reads what surrounds them too; a
/// broker registers for writing only what may be read as well.
int own_access(const Overlay& overlay, int flags, int own_flags);

/// How the inode is open. The first call makes that up.
OpenMode& open_mode_of(const Overlay& overlay, Inode& inode) REQUIRES(inode.mutex);

/// Whether the handle reads a lower that has been superseded. The daemon sees the file as it is
/// now, so it cannot answer for that content.
bool reads_what_was(const OpenFile& file);

/// RELEASE.
void release_file(Overlay& overlay, OpenFile& file);

/// Whether the open can change the file, so that it needs it in the upper.
bool is_writing(int flags);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_OPEN_OPEN_FILE_H_
