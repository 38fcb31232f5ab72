// SPDX-License-Identifier: MIT
//
// A counted reference to an inode: while one exists, the inode stays in memory and in the table.

#ifndef OVERPASS_OVERLAY_STATE_INODE_REF_H_
#define OVERPASS_OVERLAY_STATE_INODE_REF_H_

#include <utility>

namespace overpass::overlay {

class Inode;
class InodeTable;

/// Threads: as a std::shared_ptr.
class InodeRef {
 public:
  InodeRef() = default;
  /// Takes over a reference that is already counted.
  static InodeRef adopt(Inode* inode) {
    InodeRef reference;
    reference.inode_ = inode;
    return reference;
  }
  /// Adds a reference to an inode that is referenced already.
  static InodeRef share(Inode& inode);

  InodeRef(const InodeRef& other);
  InodeRef(InodeRef&& other) noexcept : inode_(std::exchange(other.inode_, nullptr)) {}
  InodeRef& operator=(InodeRef other) noexcept {
    std::swap(inode_, other.inode_);
    return *this;
  }
  ~InodeRef() { reset(); }

  void reset();
  /// Gives the reference up; the inode if it was the last one, to be destroyed by the caller.
  Inode* release_last();
  Inode* get() const { return inode_; }
  Inode& operator*() const { return *inode_; }
  Inode* operator->() const { return inode_; }
  explicit operator bool() const { return inode_ != nullptr; }

 private:
  Inode* inode_ = nullptr;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_INODE_REF_H_
