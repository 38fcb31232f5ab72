// SPDX-License-Identifier: MIT
//
// From an inode to its file in a layer, as a Place for system calls. Inodes have no descriptor of
// their own: a directory is reached through a bounded cache of descriptors, everything else by its
// parent's descriptor and its name.

#ifndef OVERPASS_OVERLAY_FIND_LOCATE_H_
#define OVERPASS_OVERLAY_FIND_LOCATE_H_

#include <optional>

#include "base/mutex.h"
#include "base/result.h"
#include "layer/layer_stack.h"
#include "overlay/state/inode.h"
#include "sys/place.h"

namespace overpass::overlay {

struct Overlay;

/// An O_PATH descriptor of `directory` in `layer`, which is one of its layers. ESTALE when it was
/// removed and nothing holds it any more, and when another object is in its place.
/// L: no lock of rank Inode or beyond is held.
Result<SharedFd> directory_fd(Overlay& overlay, Inode& directory, layer::LayerIndex layer);

/// The layer that a directory's attributes come from: the upper if it has it, else the topmost
/// lower.
layer::LayerIndex top_layer(const Inode& directory);

/// The inode that holds the state of `inode`'s file: itself, or the one that superseded it.
InodeRef current(const InodeRef& inode);

/// The place of an inode. It stays right while this lives: the inode's mutex is held, so the union
/// neither renames the file nor copies it up meanwhile. Directories need no lock, and none is held.
class Located {
 public:
  Located(SharedFd fd, Inode& inode, layer::LayerIndex layer, const char* name)
      : fd_(std::move(fd)), inode_(inode), layer_(layer), name_(name) {}
  Located(Located&& other) noexcept
      : fd_(std::move(other.fd_)),
        inode_(other.inode_),
        layer_(other.layer_),
        name_(other.name_),
        file_(std::move(other.file_)),
        fd_of_file_(other.fd_of_file_),
        locked_(std::exchange(other.locked_, false)) {}
  Located(const Located&) = delete;
  Located& operator=(const Located&) = delete;
  ~Located() NO_THREAD_SAFETY_ANALYSIS {
    if (locked_) inode_.mutex.unlock();
  }

  sys::Place place() const { return {fd_of_file_.value_or(fd_->fd.get()), name_}; }
  layer::LayerIndex layer() const { return layer_; }
  bool in_upper() const { return layer_ == layer::kUpper; }

  /// Makes place() the file itself, so that later changes of its name do not matter.
  void hold(UniqueFd file) {
    file_ = std::move(file);
    fd_of_file_ = file_.get();
    name_ = "";
  }

  /// Does so with a descriptor that others have as well.
  void share(SharedFd file) {
    fd_ = std::move(file);
    fd_of_file_ = fd_->fd;
    name_ = "";
  }

  /// Does so with a descriptor that outlives this.
  void borrow(BorrowedFd file) {
    fd_of_file_ = file;
    name_ = "";
  }

 private:
  friend Result<Located> locate(Overlay&, Inode&);

  SharedFd fd_;
  Inode& inode_;
  layer::LayerIndex layer_;
  const char* name_;                      ///< Kept by the inode as long as the mutex is held.
  UniqueFd file_;                         ///< O_PATH, of the file itself; empty unless held.
  std::optional<BorrowedFd> fd_of_file_;  ///< Held or borrowed.
  bool locked_ = false;
};

/// The place of the inode's file, by name. The name may lead to another object by now, so use it
/// only to read attributes (recognize_located()), and held() for everything else.
/// L: none of rank Inode or beyond on entry; the inode's mutex is held by the result.
Result<Located> locate(Overlay& overlay, Inode& inode);

/// The inode's file itself, by a descriptor (O_PATH, or that of an open handle), compared with what
/// the kernel was told of it. ESTALE when it is another object, has another owner, or permits less.
/// L: as locate().
Result<Located> held(Overlay& overlay, Inode& inode);

/// Calls `find` (locate() or held()) for the inode that now has the state of `inode`'s file, and
/// keeps it so while the result lives. Sets `inode` to that one.
Result<Located> current_located(Overlay& overlay, InodeRef& inode,
                                Result<Located> (*find)(Overlay&, Inode&));

/// ESTALE unless `stat`, the disk's own, is of the object that the kernel knows the inode by.
/// `allows_restriction`: owner and mode may have changed, since the kernel is about to be told.
Result<void> check_recognized(const Overlay& overlay, Inode& inode, layer::LayerIndex layer,
                              const sys::Stat& stat, bool allows_restriction = false)
    REQUIRES(inode.mutex);

/// The hidden name of `layer` at `path`, from its root without a slash in front; null if nothing is
/// hidden there.
const HiddenName* find_hidden_path(const Overlay& overlay, layer::LayerIndex layer,
                                   std::string_view path);

/// The directory of `layer` at `path` (the same form), or one above it, that is reached by a
/// descriptor while it may be moved (Overlay::pinned); null if there is none.
const HiddenName* find_pinned(const Overlay& overlay, layer::LayerIndex layer,
                              std::string_view path);

/// The start of a walk along a path that must not lead into the union's own mount.
struct WalkStart {
  SharedFd directory;     ///< Null: the path leads to what is not shown.
  std::string_view rest;  ///< What is left of the path; empty: the directory itself.
};

/// For `path`, from the root of `layer` without a slash in front.
WalkStart walk_start(const Overlay& overlay, layer::LayerIndex layer, std::string_view path);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_LOCATE_H_
