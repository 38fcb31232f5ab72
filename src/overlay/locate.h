// SPDX-License-Identifier: MIT
//
// From an inode to its file in a layer, as a Place for system calls. Inodes have no descriptor of
// their own: a directory is reached through a bounded cache of descriptors, everything else by its
// parent's descriptor and its name.

#ifndef OVERPASS_OVERLAY_LOCATE_H_
#define OVERPASS_OVERLAY_LOCATE_H_

#include "base/mutex.h"
#include "base/result.h"
#include "layer/layer_stack.h"
#include "overlay/inode.h"
#include "sys/place.h"

namespace overpass::overlay {

struct Overlay;

/// An O_PATH descriptor of `directory` in `layer`, which is one of its layers. ESTALE when it was
/// removed and nothing holds it any more.
/// L: no lock of rank Inode or beyond is held.
Result<SharedFd> directory_fd(Overlay& overlay, Inode& directory, layer::LayerIndex layer);

/// The layer whose directory gives the attributes: the upper if it is there, else the topmost.
layer::LayerIndex top_layer(const Inode& directory);

/// The inode that holds the state of `inode`'s file: itself, or the one that superseded it.
InodeRef current(const InodeRef& inode);

/// An inode's place, which stays right while this lives: the inode's mutex is held, so that the
/// file is neither renamed nor copied up meanwhile. For directories no lock is needed or held.
class Located {
 public:
  Located(SharedFd fd, Inode& inode, layer::LayerIndex layer, const char* name)
      : fd_(std::move(fd)), inode_(inode), layer_(layer), name_(name) {}
  Located(Located&& other) noexcept
      : fd_(std::move(other.fd_)),
        inode_(other.inode_),
        layer_(other.layer_),
        name_(other.name_),
        locked_(std::exchange(other.locked_, false)) {}
  Located(const Located&) = delete;
  Located& operator=(const Located&) = delete;
  ~Located() NO_THREAD_SAFETY_ANALYSIS {
    if (locked_) inode_.mutex.unlock();
  }

  sys::Place place() const { return {fd_->fd, name_}; }
  layer::LayerIndex layer() const { return layer_; }
  bool in_upper() const { return layer_ == layer::kUpper; }

 private:
  friend Result<Located> locate(Overlay&, Inode&);

  SharedFd fd_;
  Inode& inode_;
  layer::LayerIndex layer_;
  const char* name_;  ///< Kept by the inode as long as the mutex is held.
  bool locked_ = false;
};

/// L: none of rank Inode or beyond on entry; the inode's mutex is held by the result.
Result<Located> locate(Overlay& overlay, Inode& inode);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_LOCATE_H_
