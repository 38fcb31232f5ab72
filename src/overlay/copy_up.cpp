// SPDX-License-Identifier: MIT
//
// The protocol: prepare the copy where nobody sees it (an unnamed file, or a temporary name in the
// workdir); data, then metadata; make it durable; publish it by one link or rename; only then does
// the inode know that it is in the upper. A crash before the publication leaves the lower visible
// and at most a temporary for the next mount to remove; after it, the whole copy.
//
// Nothing is locked while data are copied. The inode carries a future that other callers wait for.

#include "overlay/copy_up.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <algorithm>

#include "layer/workdir.h"
#include "overlay/copy_up_metadata.h"
#include "overlay/locate.h"
#include "overlay/open_mode.h"
#include "overlay/origin_number.h"
#include "overlay/overlay.h"
#include "sys/attributes.h"
#include "sys/copy_data.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::overlay {

namespace {

/// What is copied. A lower inode keeps its place, so this stays true without a lock.
struct Source {
  InodeRef parent;
  std::string name;
  layer::LayerIndex layer;
  SharedFd directory;
  sys::Stat stat;

  sys::Place place() const { return {directory->fd, name.c_str()}; }
};

Result<Source> source_of(Overlay& overlay, Inode& inode) {
  Source source;
  {
    Lock lock(inode.mutex);
    source.parent = inode.link.parent;
    source.name = inode.link.name;
    source.layer = inode.layer;
  }
  source.directory = TRY(directory_fd(overlay, *source.parent, source.layer));
  source.stat = TRY(sys::stat(source.place()));
  return source;
}

/// A complete copy that has no place in the upper yet: an unnamed file, or a temporary name.
struct Prepared {
  UniqueFd file;  ///< Regular files.
  std::unique_ptr<layer::PendingUpper> temporary;

  sys::Place place() const { return temporary ? temporary->place() : sys::itself(file); }

  Result<void> publish(BorrowedFd directory, const char* name) {
    if (temporary == nullptr) return sys::make_link(sys::itself(file), directory, name);
    return temporary->publish(directory, name);
  }
};

/// A lower must not be read as a whole when its data are elsewhere.
Result<void> refuse_metacopy(Overlay& overlay, const Source& source) {
  if (!overlay.stack.layers[source.layer].foreign_marks) return {};
  if (TRY(layer::has_unsupported_mark(source.place(), source.stat, overlay.stack.prefix))) {
    return fail(EIO);
  }
  return {};
}

Result<UniqueFd> open_source(const Source& source) {
  // Where the layer is no noatime clone, reading leaves no trace if the daemon owns the file.
  auto fd = sys::open_at(source.directory->fd, source.name.c_str(), O_RDONLY | O_NOATIME);
  if (!fd.failed_with(EPERM)) return fd;
  return sys::open_at(source.directory->fd, source.name.c_str(), O_RDONLY);
}

Result<Prepared> prepare_regular(Overlay& overlay, const Source& source, off_t wanted) {
  TRY(refuse_metacopy(overlay, source));
  layer::Workdir& workdir = overlay.stack.workdir;
  Prepared prepared;
  if (workdir.features().unnamed_files) {
    prepared.file = TRY(sys::open_unnamed(workdir.fd(), 0600));
  } else {
    prepared.temporary = std::make_unique<layer::PendingUpper>(workdir);
    prepared.file = TRY(
        sys::open_at(workdir.fd(), prepared.temporary->name(), O_RDWR | O_CREAT | O_EXCL, 0600));
  }
  const off_t size = std::min(wanted, static_cast<off_t>(source.stat.stx_size));
  if (size > 0) {
    const UniqueFd from = TRY(open_source(source));
    TRY(sys::copy_data(from, prepared.file, size));
  }
  // Before the mode is set: marks in the user namespace need write permission.
  if (source.stat.stx_nlink == 1) {
    record_origin(overlay, source.layer, source.place(), sys::itself(prepared.file));
  }
  TRY(copy_metadata(source.place(), source.stat, sys::itself(prepared.file), overlay.stack.prefix));
  // Published, a shorter copy is a truncated file, and has the time of one.
  if (size < static_cast<off_t>(source.stat.stx_size)) TRY(sys::touch(sys::itself(prepared.file)));
  if (!overlay.settings.is_volatile) TRY(sys::sync_file(prepared.file));
  return prepared;
}

/// Symbolic links, FIFOs, sockets, device nodes.
Result<Prepared> prepare_special(Overlay& overlay, const Source& source) {
  layer::Workdir& workdir = overlay.stack.workdir;
  Prepared prepared;
  prepared.temporary = std::make_unique<layer::PendingUpper>(workdir);
  const char* name = prepared.temporary->name();
  if (S_ISLNK(source.stat.stx_mode)) {
    const std::string target = TRY(sys::read_link(source.place()));
    TRY(sys::make_symlink(workdir.fd(), name, target.c_str()));
  } else {
    TRY(sys::make_node(workdir.fd(), name, source.stat.stx_mode & S_IFMT,
                       sys::rdev_of(source.stat)));
  }
  if (source.stat.stx_nlink == 1) {
    record_origin(overlay, source.layer, source.place(), prepared.temporary->place());
  }
  TRY(copy_metadata(source.place(), source.stat, prepared.temporary->place(),
                    overlay.stack.prefix));
  return prepared;
}

/// Makes the copy the inode's file.
Result<void> publish(Overlay& overlay, const InodeRef& inode, const Source& source,
                     Prepared prepared) {
  Lock names(source.parent->directory->names);
  bool is_linked;
  {
    Lock lock(inode->mutex);
    is_linked = inode->linked;
  }
  if (!is_linked) {
    // Removed meanwhile, but still open: the copy lives without a name.
    auto orphan = std::make_shared<CachedFd>(
        prepared.temporary ? TRY(sys::open_place(prepared.temporary->place(), O_PATH))
                           : std::move(prepared.file));
    Lock lock(inode->mutex);
    inode->rare().orphan = orphan;
    inode->rare().pinned_orphan = std::move(orphan);
    inode->layer = layer::kUpper;
    return {};
  }
  const SharedFd upper = TRY(directory_fd(overlay, *source.parent, layer::kUpper));
  const sys::Stat before = TRY(sys::stat(sys::itself(upper->fd)));
  mark_impure(overlay, *source.parent, upper->fd);
  std::optional<uint64_t> new_number;
  if (source.stat.stx_nlink > 1) {
    const sys::Stat copy = TRY(sys::stat(prepared.place()));
    new_number = overlay.numbers.number(sys::device_of(copy), copy.stx_ino);
  }
  {
    Lock lock(inode->mutex);
    TRY(prepared.publish(upper->fd, source.name.c_str()));
    // Beyond this point everybody sees the copy.
    inode->layer = layer::kUpper;
    if (new_number) inode->ino = *new_number;
    ++source.parent->directory->version;
  }
  // Copying up is no change of the directory; best effort, as in overlayfs.
  (void)sys::copy_times(sys::itself(upper->fd), before);
  return {};
}

Result<void> copy_up_now(Overlay& overlay, const InodeRef& inode, off_t wanted) {
  InodeRef parent;
  bool is_linked;
  {
    Lock lock(inode->mutex);
    parent = inode->link.parent;
    is_linked = inode->linked;
  }
  if (is_linked) TRY(copy_up_directory(overlay, parent));
  const Source source = TRY(source_of(overlay, *inode));
  Prepared prepared = S_ISREG(source.stat.stx_mode) ? TRY(prepare_regular(overlay, source, wanted))
                                                    : TRY(prepare_special(overlay, source));
  return publish(overlay, inode, source, std::move(prepared));
}

/// Tells the waiters how the copy ended, whichever way that is.
class CopyInProgress {
 public:
  explicit CopyInProgress(Inode& inode) : inode_(inode) {}
  CopyInProgress(const CopyInProgress&) = delete;
  CopyInProgress& operator=(const CopyInProgress&) = delete;
  ~CopyInProgress() {
    {
      Lock lock(inode_.mutex);
      inode_.extras->copy_up = {};
    }
    promise_.set_value(result);
  }

  std::shared_future<Result<void>> future() { return promise_.get_future().share(); }

  Result<void> result = fail(EIO);

 private:
  Inode& inode_;
  std::promise<Result<void>> promise_;
};

/// A directory's copy under a temporary name, without entries.
struct PreparedDirectory {
  layer::PendingUpper temporary;
  uint64_t ino = 0;

  explicit PreparedDirectory(layer::Workdir& workdir) : temporary(workdir) {}
};

Result<void> prepare_directory(Overlay& overlay, Inode& inode, PreparedDirectory& prepared) {
  const layer::LayerIndex layer = inode.directory->lowers.front();
  const SharedFd lower = TRY(directory_fd(overlay, inode, layer));
  const sys::Place from = sys::itself(lower->fd);
  const sys::Stat stat = TRY(sys::stat(from));
  const BorrowedFd workdir = overlay.stack.workdir.fd();
  const char* name = prepared.temporary.name();
  TRY(sys::make_directory(workdir, name, 0700));
  const UniqueFd made = TRY(sys::open_at(workdir, name, O_RDONLY | O_DIRECTORY));
  record_origin(overlay, layer, from, prepared.temporary.place());
  TRY(copy_metadata(from, stat, prepared.temporary.place(), overlay.stack.prefix));
  if (!overlay.settings.is_volatile) TRY(sys::sync_file(made));
  prepared.ino = TRY(sys::stat(sys::itself(made))).stx_ino;
  return {};
}

/// One directory, whose parent is in the upper.
Result<void> copy_up_one_directory(Overlay& overlay, const InodeRef& inode) {
  Directory& directory = *inode->directory;
  InodeRef parent;
  {
    Lock lock(inode->mutex);
    parent = inode->link.parent;
  }
  PreparedDirectory prepared(overlay.stack.workdir);
  TRY(prepare_directory(overlay, *inode, prepared));
  Lock parent_names(parent->directory->names);
  NestedLock names(directory.names);
  if (directory.has_upper) return {};  // Somebody was faster; the copy is discarded.
  std::string name;
  {
    Lock lock(inode->mutex);
    if (!inode->linked) return fail(ENOENT);
    name = inode->link.name;
  }
  const SharedFd upper = TRY(directory_fd(overlay, *parent, layer::kUpper));
  const sys::Stat before = TRY(sys::stat(sys::itself(upper->fd)));
  mark_impure(overlay, *parent, upper->fd);
  TRY(prepared.temporary.publish(upper->fd, name.c_str()));
  // Beyond this point the directory is merged.
  directory.upper_ino = prepared.ino;
  directory.has_upper = true;
  ++directory.version;
  ++parent->directory->version;
  (void)sys::copy_times(sys::itself(upper->fd), before);
  if (overlay.invalidator != nullptr) {
    overlay.invalidator->attributes_changed(inode->id);
    overlay.invalidator->attributes_changed(parent->id);
  }
  return {};
}

}  // namespace

bool needs_data_copy(const Inode& inode) {
  if (!inode.is_regular()) return false;
  Lock lock(inode.mutex);
  return inode.layer != layer::kUpper;
}

Result<void> copy_up(Overlay& overlay, const InodeRef& inode, off_t wanted, bool appending) {
  if (inode->is_directory()) return copy_up_directory(overlay, inode);
  if (!overlay.is_writable()) return fail(EROFS);
  std::optional<CopyInProgress> mine;
  std::shared_future<Result<void>> others;
  {
    Lock lock(inode->mutex);
    if (inode->layer == layer::kUpper) return {};
    if (inode->lower_immutable || (inode->lower_append_only && !appending)) return fail(EPERM);
    others = inode->rare().copy_up;
    if (!others.valid()) {
      mine.emplace(*inode);
      inode->rare().copy_up = mine->future();
    }
  }
  if (!mine) return others.get();
  mine->result = copy_up_now(overlay, inode, wanted);
  return mine->result;
}

Result<void> copy_up_directory(Overlay& overlay, const InodeRef& directory) {
  if (directory->directory->has_upper) {
    return overlay.settings.read_only ? Result<void>(fail(EROFS)) : Result<void>();
  }
  if (!overlay.is_writable()) return fail(EROFS);
  std::vector<InodeRef> missing;
  for (InodeRef at = directory; !at->directory->has_upper;) {
    missing.push_back(at);
    InodeRef parent;
    {
      Lock lock(at->mutex);
      parent = at->link.parent;
    }
    at = std::move(parent);
  }
  for (auto at = missing.rbegin(); at != missing.rend(); ++at) {
    TRY(copy_up_one_directory(overlay, *at));
  }
  return {};
}

}  // namespace overpass::overlay
