// SPDX-License-Identifier: MIT

#include "fuse/files_by_node.h"

#include <fcntl.h>

#include <utility>

#include "overlay/state/overlay.h"

namespace overpass::fuse {

FilesByNode::File FilesByNode::held(Place& place, const overlay::Inode& inode) {
  Lock lock(place.mutex);
  return place.file != nullptr && place.file->inode().get() == &inode ? place.file : nullptr;
}

void FilesByNode::let_go() {
  for (Place& place : places_) {
    File file;
    Lock lock(place.mutex);
    file.swap(place.file);
  }
}

Result<FilesByNode::File> FilesByNode::open(const overlay::InodeRef& inode,
                                            const overlay::Caller& caller) {
  auto opened = overlay::open_file(overlay_, caller, inode, O_RDONLY);
  if (opened.failed_with(ENFILE)) {
    let_go();
    opened = overlay::open_file(overlay_, caller, inode, O_RDONLY);
  }
  if (!opened) return fail(opened.error());
  return File(opened->file.release(), [this](overlay::OpenFile* file) {
    overlay::release_file(overlay_, *file);
    delete file;
  });
}

Result<FilesByNode::File> FilesByNode::at(const overlay::InodeRef& inode,
                                          const overlay::Caller& caller) {
  Place& place = places_[static_cast<uint64_t>(inode->id) % kMost];
  if (File known = held(place, *inode)) return known;
  File file = TRY(open(inode, caller));
  File before = file;
  {
    Lock lock(place.mutex);
    place.file.swap(before);
  }
  return file;  // What was there before is closed here, unless it is being read.
}

}  // namespace overpass::fuse
