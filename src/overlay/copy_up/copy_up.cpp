// SPDX-License-Identifier: MIT
//
// The protocol: prepare the copy out of sight (an unnamed file, or a temporary name in the
// workdir); data, then metadata; make it durable; publish it by one link or rename; only then does
// the inode know that it is in the upper. A crash before the publication leaves the lower visible
// and at most a temporary for the next mount to remove; after it, the whole copy.
//
// Nothing is locked while data are copied. The inode knows of the copy, which other callers wait
// for.

#include "overlay/copy_up/copy_up.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <algorithm>

#include "layer/workdir.h"
#include "overlay/copy_up/copy_up_data.h"
#include "overlay/copy_up/link_up.h"
#include "overlay/copy_up/note_base.h"
#include "overlay/copy_up/prepare_copy.h"
#include "overlay/copy_up/staging_directory.h"
#include "overlay/copy_up/torn_copy.h"
#include "overlay/find/index.h"
#include "overlay/find/locate.h"
#include "overlay/find/origin_number.h"
#include "overlay/find/protection.h"
#include "overlay/find/ruling.h"
#include "overlay/find/scoped_writable.h"
#include "overlay/state/caller.h"
#include "overlay/state/copy_up_progress.h"
#include "overlay/state/links.h"
#include "overlay/state/open_mode.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/attributes.h"
#include "sys/open.h"

namespace overpass::overlay {

namespace {

/// The inode's file is the copy from now on.
void enter_upper(Inode& inode, std::unique_ptr<DataPlace> data) REQUIRES(inode.mutex) {
  inode.layer = layer::kUpper;
  outdate_whole_copy(inode);
  if (data != nullptr || inode.extras != nullptr) inode.make_extras().data = std::move(data);
}

/// Makes the copy the inode's file, which was removed meanwhile but is still open, by `user`: the
/// copy lives without a name.
Result<void> publish_nameless(Overlay& overlay, const InodeRef& inode, uid_t user,
                              Prepared prepared) {
  DescriptorLease lease = TRY(overlay.descriptors.lease(user));
  auto orphan = std::make_shared<CachedFd>(
      prepared.temporary ? TRY(sys::open_place(prepared.temporary->place(), O_PATH))
                         : std::move(prepared.file),
      std::move(lease));
  overlay.mount.keep_file(inode->id, orphan->fd);
  Lock lock(inode->mutex);
  inode->make_extras().orphan = orphan;
  inode->make_extras().pinned_orphan = std::move(orphan);
  enter_upper(*inode, std::move(prepared.data));
  overlay.table.record(*inode);
  return {};
}

/// Makes the copy the inode's file.
Result<void> publish(Overlay& overlay, const InodeRef& inode, const Source& source,
                     Prepared prepared) {
  Lock names(source.parent->directory->names);
  bool has_name;
  uid_t user = kNoId;
  {
    Lock lock(inode->mutex);
    has_name = inode->linked;
    if (inode->opens != nullptr) user = inode->opens->user();
  }
  if (!has_name) return publish_nameless(overlay, inode, user, std::move(prepared));
  const SharedFd upper = TRY(directory_fd(overlay, *source.parent, layer::kUpper));
  const sys::Stat before = TRY(sys::stat(sys::place_of(upper->fd)));
  const ScopedWritable access(*source.parent, upper->fd, before);
  TRY(mark_impure(overlay, *source.parent, upper->fd));
  const sys::Stat copy = TRY(sys::stat(prepared.place()));
  const FileKey key = {sys::device_of(copy), copy.stx_ino};
  // Known by the copy's identity before another name can lead to it.
  if (!source.index_name.empty()) (void)remember_key(overlay, inode, key);
  {
    Lock lock(inode->mutex);
    overlay.table.record_copying(*inode);
    if (source.index_name.empty()) {
      TRY(prepared.publish(upper->fd, source.name.c_str()));
    } else {
      TRY(prepared.publish(overlay.index->fd, source.index_name.c_str()));
    }
    // Beyond this point the copy is visible.
    enter_upper(*inode, std::move(prepared.data));
    inode->known = known_object(copy);
    if (!source.has_origin()) inode->ino = overlay.numbers.number(key.device, key.ino);
    if (!source.index_name.empty()) {
      inode->make_extras().index_name = source.index_name;
      inode->make_extras().lower_nlink = source.stat.stx_nlink;
      inode->nlink_difference = static_cast<int32_t>(source.stat.stx_nlink) - 1;
    }
    overlay.table.record(*inode);
    ++source.parent->directory->version;
  }
  TRY(link_up(overlay, *inode, *source.parent, upper->fd, source.name.c_str()));
  // Parted from its other names.
  if (!source.has_origin()) overlay.mount.attributes_changed(inode->id);
  // Copying up is no change of the directory; best effort, as in overlayfs.
  (void)sys::copy_times(sys::place_of(upper->fd), before);
  return {};
}

bool is_linked(const Inode& inode) {
  Lock lock(inode.mutex);
  return inode.linked;
}

/// Whether a copy reads data, rather than to leave them in the lower.
bool copies_bytes(const Overlay& overlay, const Inode& inode, const CopyExtent& extent) {
  const layer::FormatSettings& format = overlay.stack.format;
  const bool may_leave_bytes = format.writes_metacopy && format.verity != layer::Verity::Require &&
                               !overlay.base.keeps_bases();
  return inode.is_regular() && (extent.bytes || !may_leave_bytes);
}

/// Copies from the lower, with or without the bytes; false if the source was changed meanwhile, and
/// nothing was published.
Result<bool> try_to_copy(Overlay& overlay, const InodeRef& inode, const CopyExtent& extent,
                         CopyUnderWay& progress) {
  const Source source = TRY(source_of(overlay, *inode));
  if (!extent.may_wait && copies_bytes(overlay, *inode, extent)) {
    TRY(check_quick(overlay, source, extent));
  }
  if (is_linked(*inode)) TRY(copy_up_directory(overlay, source.parent));
  Prepared prepared = TRY(prepare_copy(overlay, source, extent, progress));
  if (prepared.is_torn) return false;
  note_copied(overlay, *source.parent, source.name, source.layer, source.stat, source.place());
  const bool is_same = prepared.likeness == Likeness::Same && !source.has_changed;
  TRY(publish(overlay, inode, source, std::move(prepared)));
  if (!is_same) overlay.mount.attributes_changed(inode->id);
  return true;
}

Result<void> copy_from_lower(Overlay& overlay, const InodeRef& inode, const CopyExtent& extent,
                             CopyUnderWay& progress) {
  return until_whole(*inode, extent.may_wait,
                     [&] { return try_to_copy(overlay, inode, extent, progress); });
}

Result<void> copy_up_now(Overlay& overlay, const InodeRef& inode, const CopyExtent& extent,
                         CopyUnderWay& progress) {
  std::optional<DataPlace> data;
  {
    Lock lock(inode->mutex);
    if (inode->layer == layer::kUpper) data = *inode->data_place();
  }
  if (!data) return copy_from_lower(overlay, inode, extent, progress);
  if (!extent.may_wait) return fail(kMustWait);
  TRY(complete_metacopy(overlay, *inode, *data, progress));
  Lock lock(inode->mutex);
  inode->extras->data.reset();
  outdate_whole_copy(*inode);
  overlay.table.record(*inode);
  return {};
}

/// REQUIRES: inode.mutex.
bool is_met(const Inode& inode, const CopyExtent& extent) REQUIRES(inode.mutex) {
  return inode.layer == layer::kUpper && (!extent.bytes || inode.data_place() == nullptr);
}

/// Tells the waiters how the copy ended, in every case.
class CopyInProgress {
 public:
  CopyInProgress(Overlay& overlay, const Caller& caller, const InodeRef& inode)
      : progress(std::make_shared<CopyUnderWay>(inode, caller)),
        overlay_(overlay),
        inode_(*inode) {}
  CopyInProgress(const CopyInProgress&) = delete;
  CopyInProgress& operator=(const CopyInProgress&) = delete;
  ~CopyInProgress() {
    overlay_.copies.remove(*progress);
    {
      Lock lock(inode_.mutex);
      inode_.extras->copy_up = nullptr;
    }
    progress->finish(result);
  }

  const std::shared_ptr<CopyUnderWay> progress;
  Result<void> result = fail(EIO);

 private:
  Overlay& overlay_;
  Inode& inode_;
};

/// One directory, whose parent is in the upper.
Result<void> copy_up_one_directory(Overlay& overlay, const InodeRef& inode) {
  Directory& directory = *inode->directory;
  InodeRef parent;
  {
    Lock lock(inode->mutex);
    parent = inode->link.parent;
  }
  layer::Workdir& workdir = overlay.stack.workdir;
  const SharedFd destination = TRY(directory_fd(overlay, *parent, layer::kUpper));
  PreparedDirectory prepared(workdir, TRY(scratch_like(workdir, destination->fd, Making::Copy)));
  TRY(prepare_directory(overlay, *inode, prepared));
  Lock parent_names(parent->directory->names);
  NestedLock names(directory.names);
  if (directory.has_upper) return {};  // Another thread was faster; the copy is discarded.
  std::string name;
  {
    Lock lock(inode->mutex);
    if (!inode->linked) return fail(ENOENT);
    name = inode->link.name;
  }
  const SharedFd upper = TRY(directory_fd(overlay, *parent, layer::kUpper));
  const sys::Stat before = TRY(sys::stat(sys::place_of(upper->fd)));
  const ScopedWritable access(*parent, upper->fd, before);
  UniqueFd own;
  std::optional<ScopedWritable> own_access;
  if (keeps_modes()) {
    // Moving a directory changes its "..", which takes write permission too.
    own = TRY(sys::open_place(prepared.temporary.place(), O_PATH | O_DIRECTORY));
    own_access.emplace(*inode, own, TRY(sys::stat(sys::place_of(own))));
  }
  TRY(mark_impure(overlay, *parent, upper->fd));
  TRY(prepared.temporary.publish(upper->fd, name.c_str()));
  // Beyond this point the directory is merged.
  directory.set_upper_identity(prepared.identity);
  directory.has_upper = true;
  ++directory.version;
  ++parent->directory->version;
  (void)sys::copy_times(sys::place_of(upper->fd), before);
  overlay.mount.attributes_changed(inode->id);
  overlay.mount.attributes_changed(parent->id);
  return {};
}

/// The extent for a change of attributes or names.
constexpr CopyExtent kMetadata = {.bytes = false, .wanted = kWholeFile};

/// Whether the copy may take long: data have to be copied, or another caller's copy of the file is
/// under way. All else is a few short system calls.
bool may_take_long(const Overlay& overlay, const Inode& inode, const CopyExtent& extent)
    REQUIRES(inode.mutex) {
  if (inode.extras != nullptr && inode.extras->copy_up != nullptr) return true;
  return copies_bytes(overlay, inode, extent);
}

/// Whether a copy of a few bytes takes no longer than other changes.
bool may_be_quick(const Overlay& overlay) {
  return waits_for_no_disk(overlay) && !overlay.settings.verifies_copies &&
         !overlay.base.keeps_bases();
}

Result<void> copy_up_file(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                          CopyExtent extent) {
  extent.may_wait = caller.may_wait;
  if (!overlay.is_writable()) return fail(EROFS);
  if (inode->is_directory()) return copy_up_directory(overlay, inode);
  if (inode->is_displaced) return fail(ESTALE);
  while (true) {
    std::optional<CopyInProgress> mine;
    std::shared_ptr<CopyUnderWay> others;
    {
      Lock lock(inode->mutex);
      if (is_met(*inode, extent)) return {};
      others = inode->make_extras().copy_up;
      if (others != nullptr || (copies_bytes(overlay, *inode, extent) && !may_be_quick(overlay))) {
        TRY(caller.check_may_wait());
      }
      if (others == nullptr) {
        mine.emplace(overlay, caller, inode);
        inode->make_extras().copy_up = mine->progress;
      }
    }
    if (mine) {
      overlay.copies.add(mine->progress);
      mine->result = copy_up_now(overlay, inode, extent, *mine->progress);
      return mine->result;
    }
    // They may have copied less than is needed here, or have given it up.
    TRY(others->wait(caller.thread));
  }
}

}  // namespace

Result<void> copy_up(Overlay& overlay, const Caller& caller, const InodeRef& inode, off_t wanted,
                     bool appending) {
  TRY(check_protection(overlay, *inode, appending));
  return copy_up_file(overlay, caller, inode, {true, wanted});
}

Result<void> copy_up_metadata(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                              bool despite_protection) {
  TRY(despite_protection ? check_read_only_rule(overlay, *inode)
                         : check_protection(overlay, *inode));
  return copy_up_file(overlay, caller, inode, kMetadata);
}

Result<void> check_metadata_copy(const Overlay& overlay, const Caller& caller, const Inode& inode) {
  if (caller.may_wait || inode.is_directory()) return {};
  Lock lock(inode.mutex);
  const bool must_wait = !is_met(inode, kMetadata) && may_take_long(overlay, inode, kMetadata);
  return must_wait ? fail(kMustWait) : Result<void>();
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
