// SPDX-License-Identifier: MIT
//
// Files that are read without having been opened (open=none): the kernel was told once that OPEN is
// not served, and its reads name a node alone.

#ifndef OVERPASS_FUSE_FILES_BY_NODE_H_
#define OVERPASS_FUSE_FILES_BY_NODE_H_

#include <array>
#include <cstddef>
#include <memory>

#include "base/mutex.h"
#include "base/result.h"
#include "overlay/open/open_file.h"
#include "overlay/state/caller.h"
#include "overlay/state/inode_ref.h"

namespace overpass::fuse {

/// The files that were read last, each open for reading: a large file is read in many requests.
///
/// Each place holds one file, and a file has one place (by its node id), so that holding and
/// finding need neither a list nor a search. What is pushed out of its place is closed after its
/// last read. Threads: any; no lock is held while a file is opened or closed.
class FilesByNode {
 public:
  using File = std::shared_ptr<overlay::OpenFile>;

  explicit FilesByNode(overlay::Overlay& overlay) : overlay_(overlay) {}
  FilesByNode(const FilesByNode&) = delete;
  FilesByNode& operator=(const FilesByNode&) = delete;

  /// The file of `inode`, opened for reading on behalf of `caller` if it is not held. Errors of
  /// open_file(): ESTALE when the layer has another object there, kMustWait for a lease.
  Result<File> at(const overlay::InodeRef& inode, const overlay::Caller& caller);

  /// Closes what is held, after its last read.
  void let_go();

  /// How many files may be held, and with each a descriptor.
  static constexpr size_t kMost = 256;

 private:
  struct Place {
    Mutex<LockRank::Queue> mutex;
    File file GUARDED_BY(mutex);
  };

  /// What `place` holds, if it is `inode`'s.
  static File held(Place& place, const overlay::Inode& inode);
  Result<File> open(const overlay::InodeRef& inode, const overlay::Caller& caller);

  overlay::Overlay& overlay_;
  std::array<Place, kMost> places_;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_FILES_BY_NODE_H_
