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
#include "overlay/content.h"
#include "overlay/copy_up_data.h"
#include "overlay/copy_up_metadata.h"
#include "overlay/index.h"
#include "overlay/links.h"
#include "overlay/locate.h"
#include "overlay/lower_location.h"
#include "overlay/open_mode.h"
#include "overlay/origin_number.h"
#include "overlay/overlay.h"
#include "sys/attributes.h"
#include "sys/copy_data.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

/// What is copied. A lower inode keeps its place, so this stays true without a lock.
struct Source {
  InodeRef parent;
  std::string name;
  layer::LayerIndex layer;
  std::optional<DataPlace> data;  ///< When it is itself a metacopy.
  SharedFd directory;
  sys::Stat stat;
  std::string index_name;  ///< One of several links that stay one file.

  /// Of several links that part, each is a file of its own.
  bool has_origin() const { return stat.stx_nlink == 1 || !index_name.empty(); }
  sys::Place place() const { return {directory->fd, name.c_str()}; }
};

Result<Source> source_of(Overlay& overlay, Inode& inode) {
  Source source;
  {
    Lock lock(inode.mutex);
    source.parent = inode.link.parent;
    source.name = inode.link.name;
    source.layer = inode.layer;
    if (const DataPlace* data = inode.data_place()) source.data = *data;
  }
  source.directory = TRY(directory_fd(overlay, *source.parent, source.layer));
  source.stat = TRY(sys::stat(source.place()));
  if (source.stat.stx_nlink > 1 && has_index(overlay)) {
    source.index_name = index_name(overlay, source.layer, source.place());
  }
  return source;
}

/// A complete copy that has no place in the upper yet: an unnamed file, or a temporary name.
struct Prepared {
  UniqueFd file;  ///< Regular files.
  std::unique_ptr<layer::PendingUpper> temporary;
  std::unique_ptr<DataPlace> data;  ///< Where the bytes stayed.

  sys::Place place() const { return temporary ? temporary->place() : sys::itself(file); }

  Result<void> publish(BorrowedFd directory, const char* name) {
    if (temporary == nullptr) return sys::make_link(sys::itself(file), directory, name);
    return temporary->publish(directory, name);
  }
};

/// What a caller needs to be in the upper.
struct Demand {
  bool bytes = true;
  off_t wanted = kWholeFile;
};

Result<UniqueFd> open_source(Overlay& overlay, const Source& source) {
  auto open = [&](int flags) {
    return source.data ? open_data(overlay, *source.data, flags)
                       : sys::open_place(source.place(), flags);
  };
  // Where the layer is no noatime clone, reading leaves no trace if the daemon owns the file.
  auto fd = open(O_RDONLY | O_NOATIME);
  return fd.failed_with(EPERM) ? open(O_RDONLY) : std::move(fd);
}

/// The copy is to be a metacopy: as long as the source, all of it a hole.
Result<void> leave_bytes(Overlay& overlay, const Source& source, Prepared& prepared) {
  TRY(sys::change_size_of_open(prepared.file, static_cast<off_t>(source.stat.stx_size)));
  const char* mark = layer::name_of(layer::Mark::Metacopy, overlay.stack.prefix);
  TRY(sys::set_xattr(prepared.place(), mark, ""));
  DataPlace data;
  if (source.data) {
    data = *source.data;
  } else {
    data.layer = source.layer;
    data.path = layer_path_of(*source.parent, source.layer) + "/" + source.name;
    data.blocks = source.stat.stx_blocks;
  }
  prepared.data = std::make_unique<DataPlace>(std::move(data));
  return {};
}

/// Marks the copy with its origin, and where it stands for all links of it, with their number.
Result<void> record_links(Overlay& overlay, const Source& source, sys::Place copy) {
  if (!source.has_origin()) return {};
  record_origin(overlay, source.layer, source.place(), copy);
  return source.index_name.empty() ? Result<void>() : record_lower_nlink(overlay, copy);
}

Result<Prepared> prepare_regular(Overlay& overlay, const Source& source, const Demand& demand) {
  layer::Workdir& workdir = overlay.stack.workdir;
  Prepared prepared;
  if (workdir.features().unnamed_files) {
    prepared.file = TRY(sys::open_unnamed(workdir.fd(), 0600));
  } else {
    prepared.temporary = std::make_unique<layer::PendingUpper>(workdir);
    prepared.file = TRY(
        sys::open_at(workdir.fd(), prepared.temporary->name(), O_RDWR | O_CREAT | O_EXCL, 0600));
  }
  const off_t size = std::min(demand.wanted, static_cast<off_t>(source.stat.stx_size));
  const bool is_metacopy = !demand.bytes && overlay.stack.format.writes_metacopy && size > 0;
  if (is_metacopy) {
    TRY(leave_bytes(overlay, source, prepared));
  } else if (size > 0) {
    const UniqueFd from = TRY(open_source(overlay, source));
    TRY(sys::copy_data(from, prepared.file, size));
  }
  // Before the mode is set: marks in the user namespace need write permission.
  TRY(record_links(overlay, source, sys::itself(prepared.file)));
  TRY(copy_metadata(source.place(), source.stat, sys::itself(prepared.file), overlay.stack.prefix));
  // Published, a shorter copy is a truncated file, and has the time of one.
  if (!is_metacopy && size < static_cast<off_t>(source.stat.stx_size))
    TRY(sys::touch(sys::itself(prepared.file)));
  // Without bytes there is nothing that could reach the disk later than the name does.
  if (!overlay.settings.is_volatile && !is_metacopy) TRY(sys::sync_file(prepared.file));
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
  TRY(record_links(overlay, source, prepared.temporary->place()));
  TRY(copy_metadata(source.place(), source.stat, prepared.temporary->place(),
                    overlay.stack.prefix));
  return prepared;
}

void set_data_place(Inode& inode, std::unique_ptr<DataPlace> data) REQUIRES(inode.mutex) {
  if (data != nullptr || inode.extras != nullptr) inode.rare().data = std::move(data);
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
    set_data_place(*inode, std::move(prepared.data));
    return {};
  }
  const SharedFd upper = TRY(directory_fd(overlay, *source.parent, layer::kUpper));
  const sys::Stat before = TRY(sys::stat(sys::itself(upper->fd)));
  mark_impure(overlay, *source.parent, upper->fd);
  const sys::Stat copy = TRY(sys::stat(prepared.place()));
  const FileKey key = {sys::device_of(copy), copy.stx_ino};
  // Known by the copy's identity before another name can lead to it.
  if (!source.index_name.empty()) (void)remember_key(overlay, inode, key);
  {
    Lock lock(inode->mutex);
    if (source.index_name.empty()) {
      TRY(prepared.publish(upper->fd, source.name.c_str()));
    } else {
      TRY(prepared.publish(overlay.index->fd, source.index_name.c_str()));
    }
    // Beyond this point everybody sees the copy.
    inode->layer = layer::kUpper;
    set_data_place(*inode, std::move(prepared.data));
    if (!source.has_origin()) inode->ino = overlay.numbers.number(key.device, key.ino);
    if (!source.index_name.empty()) {
      inode->rare().index_name = source.index_name;
      inode->nlink_difference = static_cast<int32_t>(source.stat.stx_nlink) - 1;
    }
    ++source.parent->directory->version;
  }
  TRY(link_up(overlay, *inode, *source.parent, upper->fd, source.name.c_str()));
  // Copying up is no change of the directory; best effort, as in overlayfs.
  (void)sys::copy_times(sys::itself(upper->fd), before);
  return {};
}

/// From the lower, with or without its bytes.
Result<void> copy_from_lower(Overlay& overlay, const InodeRef& inode, const Demand& demand) {
  InodeRef parent;
  bool is_linked;
  {
    Lock lock(inode->mutex);
    parent = inode->link.parent;
    is_linked = inode->linked;
  }
  if (is_linked) TRY(copy_up_directory(overlay, parent));
  const Source source = TRY(source_of(overlay, *inode));
  Prepared prepared = S_ISREG(source.stat.stx_mode) ? TRY(prepare_regular(overlay, source, demand))
                                                    : TRY(prepare_special(overlay, source));
  return publish(overlay, inode, source, std::move(prepared));
}

Result<void> copy_up_now(Overlay& overlay, const InodeRef& inode, const Demand& demand) {
  std::optional<DataPlace> data;
  {
    Lock lock(inode->mutex);
    if (inode->layer == layer::kUpper) data = *inode->data_place();
  }
  if (!data) return copy_from_lower(overlay, inode, demand);
  TRY(complete_metacopy(overlay, *inode, *data));
  Lock lock(inode->mutex);
  inode->extras->data.reset();
  return {};
}

/// REQUIRES: inode.mutex.
bool is_met(const Inode& inode, const Demand& demand) REQUIRES(inode.mutex) {
  return inode.layer == layer::kUpper && (!demand.bytes || inode.data_place() == nullptr);
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

Result<void> copy_up_file(Overlay& overlay, const InodeRef& inode, const Demand& demand,
                          bool appending) {
  if (inode->is_directory()) return copy_up_directory(overlay, inode);
  if (!overlay.is_writable()) return fail(EROFS);
  while (true) {
    std::optional<CopyInProgress> mine;
    std::shared_future<Result<void>> others;
    {
      Lock lock(inode->mutex);
      if (is_met(*inode, demand)) return {};
      if (inode->lower_immutable || (inode->lower_append_only && !appending)) return fail(EPERM);
      others = inode->rare().copy_up;
      if (!others.valid()) {
        mine.emplace(*inode);
        inode->rare().copy_up = mine->future();
      }
    }
    if (mine) {
      mine->result = copy_up_now(overlay, inode, demand);
      return mine->result;
    }
    TRY(Result<void>(others.get()));  // They may have copied less than is needed here.
  }
}

}  // namespace

bool needs_data_copy(const Inode& inode) {
  if (!inode.is_regular()) return false;
  Lock lock(inode.mutex);
  return !is_met(inode, Demand());
}

bool needs_long_copy_for_metadata(const Overlay& overlay, const Inode& inode) {
  if (!inode.is_regular() || overlay.stack.format.writes_metacopy) return false;
  Lock lock(inode.mutex);
  return inode.layer != layer::kUpper;
}

Result<void> copy_up(Overlay& overlay, const InodeRef& inode, off_t wanted, bool appending) {
  return copy_up_file(overlay, inode, {true, wanted}, appending);
}

Result<void> copy_up_metadata(Overlay& overlay, const InodeRef& inode) {
  return copy_up_file(overlay, inode, {false, kWholeFile}, false);
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
