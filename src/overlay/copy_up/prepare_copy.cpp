// SPDX-License-Identifier: MIT
//
// Bytes, then marks, then what else there is to an inode, then the disk.

#include "overlay/copy_up/prepare_copy.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "layer/mark_values.h"
#include "overlay/copy_up/copy_up_verify.h"
#include "overlay/copy_up/note_base.h"
#include "overlay/copy_up/staging_directory.h"
#include "overlay/find/content.h"
#include "overlay/find/index.h"
#include "overlay/find/layer_stat.h"
#include "overlay/find/locate.h"
#include "overlay/find/lower_changes.h"
#include "overlay/find/lower_location.h"
#include "overlay/find/origin_number.h"
#include "overlay/find/protection.h"
#include "overlay/find/quick_copy.h"
#include "overlay/state/copy_up_progress.h"
#include "overlay/state/overlay.h"
#include "sys/attributes.h"
#include "sys/content_digest.h"
#include "sys/copy_data.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

Result<UniqueFd> open_source(Overlay& overlay, const Source& source) {
  auto open = [&](int flags) -> Result<UniqueFd> {
    if (!source.data) return open_regular(source.place(), flags);
    return TRY(open_data(overlay, source.place(), *source.data, flags)).fd;
  };
  // Without a noatime clone of the layer, reading leaves no access time if the daemon owns the
  // file.
  auto fd = open(O_RDONLY | O_NOATIME);
  return fd.failed_with(EPERM) ? open(O_RDONLY) : std::move(fd);
}

off_t bytes_wanted(const Source& source, const CopyExtent& extent) {
  return std::min(extent.wanted, static_cast<off_t>(source.stat.stx_size));
}

/// The mark for a metacopy of the source; nothing when a metacopy is not allowed (verity=require).
Result<std::optional<layer::MetacopyMark>> metacopy_mark(Overlay& overlay, const Source& source) {
  const layer::Verity verity = overlay.stack.format.verity;
  layer::MetacopyMark mark;
  if (verity == layer::Verity::Off) return std::optional(mark);
  auto digest = sys::measure_verity(TRY(open_source(overlay, source)));
  if (digest) {
    mark.digest_algorithm = digest->algorithm;
    mark.digest = std::move(digest->bytes);
  } else if (verity == layer::Verity::Require) {
    return std::optional<layer::MetacopyMark>();
  }
  return std::optional(mark);
}

/// Makes the copy a metacopy: as long as the source, all of it a hole.
Result<void> leave_bytes(Overlay& overlay, const Source& source, const layer::MetacopyMark& says,
                         Prepared& prepared) {
  TRY(sys::change_size_of_open(prepared.file, static_cast<off_t>(source.stat.stx_size)));
  const char* mark = layer::name_of(layer::Mark::Metacopy, overlay.stack.prefix);
  TRY(sys::set_xattr(prepared.place(), mark, layer::encode_metacopy(says)));
  DataPlace data;
  if (source.data) {
    data = *source.data;
  } else {
    data.layer = source.layer;
    data.path = layer_path_of(*source.parent, source.layer) + "/" + source.name;
    data.blocks = source.stat.stx_blocks;
    data.identity = identity_of(source.stat);
    data.version = version_of(source.seen);
  }
  prepared.data = std::make_unique<DataPlace>(std::move(data));
  return {};
}

/// Marks the copy: with what protects it; with its origin, and where it stands for all links of
/// that, with their number.
Result<void> record(Overlay& overlay, const Source& source, sys::Place copy) {
  const layer::ProtectionMark protection =
      TRY(protection_in(overlay, source.layer, source.place(), source.stat));
  if (protection != layer::ProtectionMark()) TRY(write_protection(overlay, copy, protection));
  if (!source.has_origin()) return {};
  TRY(record_origin(overlay, source.layer, source.place(), copy));
  return source.index_name.empty() ? Result<void>() : record_lower_nlink(overlay, copy);
}

/// The directory that will hold the copy's name; null if the upper does not have it, or no longer.
/// A name in the index is made before that one; the index takes files of any project unless it has
/// a project itself.
SharedFd directory_of_copy(Overlay& overlay, const Source& source) {
  if (!source.parent->directory->has_upper) return nullptr;
  return directory_fd(overlay, *source.parent, layer::kUpper).value_or(nullptr);
}

/// A temporary name for the copy.
Result<std::unique_ptr<layer::PendingUpper>> pending(Overlay& overlay, const Source& source) {
  layer::Workdir& workdir = overlay.stack.workdir;
  const SharedFd directory = directory_of_copy(overlay, source);
  std::shared_ptr<const layer::Scratch> scratch;
  if (directory) scratch = TRY(scratch_like(workdir, directory->fd, Making::Copy));
  return std::make_unique<layer::PendingUpper>(workdir, std::move(scratch));
}

/// An unnamed file of the directory that the copy will be in, so that it belongs to that one's
/// project, and its blocks are as those of other files there; but an ACL comes from the source
/// only.
Result<UniqueFd> open_copy(Overlay& overlay, const Source& source) {
  constexpr char kDefaultAcl[] = "system.posix_acl_default";
  constexpr char kAccessAcl[] = "system.posix_acl_access";
  const BorrowedFd workdir = overlay.stack.workdir.fd();
  const SharedFd directory = directory_of_copy(overlay, source);
  if (!directory) return sys::open_unnamed(workdir, 0600);
  auto file = sys::open_unnamed(directory->fd, 0600);
  // Removed meanwhile, which ext4 calls EPERM; or an ordinary user's own directory that he may not
  // write to.
  if (file.failed_with(ENOENT) || file.failed_with(EPERM) || file.failed_with(EACCES)) {
    return sys::open_unnamed(workdir, 0600);
  }
  if (file && sys::get_xattr(sys::place_of(directory->fd), kDefaultAcl, {})) {
    auto removed = sys::remove_xattr(sys::place_of(*file), kAccessAcl);
    if (!removed && !removed.failed_with(ENODATA)) return fail(removed.error());
  }
  return file;
}

/// Whether a file has changed since it was `seen`.
Result<bool> has_changed(sys::Place file, const sys::Stat& seen) {
  return !is_unchanged(seen, TRY(sys::stat_anew(file)));
}

/// An empty regular file out of sight.
Result<Prepared> begin_copy(Overlay& overlay, const Source& source) {
  Prepared prepared;
  if (overlay.stack.workdir.features().unnamed_files) {
    prepared.file = TRY(open_copy(overlay, source));
  } else {
    prepared.temporary = TRY(pending(overlay, source));
    prepared.file = TRY(sys::open_at(prepared.temporary->directory(), prepared.temporary->name(),
                                     O_RDWR | O_CREAT | O_EXCL, 0600));
  }
  return prepared;
}

Result<Prepared> prepare_regular(Overlay& overlay, const Source& source, const CopyExtent& extent,
                                 CopyUnderWay& progress) {
  const off_t size = bytes_wanted(source, extent);
  std::optional<layer::MetacopyMark> mark;
  if (!extent.bytes && overlay.stack.format.writes_metacopy && size > 0) {
    mark = TRY(metacopy_mark(overlay, source));
  }
  const bool is_metacopy = mark.has_value();
  Prepared prepared = TRY(begin_copy(overlay, source));
  UniqueFd from;
  sys::Stat seen = source.seen;
  if (is_metacopy) {
    TRY(leave_bytes(overlay, source, *mark, prepared));
  } else if (size > 0 || source.data) {
    // Data of a metacopy are looked at even when none are wanted: their digest may be wrong.
    from = TRY(open_source(overlay, source));
    const sys::Place data = sys::place_of(from);
    // The data of a metacopy are another file's.
    if (source.data) seen = TRY(sys::stat_anew(data));
    progress.begin(size);
    TRY(sys::copy_data(from, prepared.file, size, &progress,
                       afterwards_of(overlay.settings.is_volatile)));
    // If they are the source's own, prepare_copy() looks once for all.
    if (source.data) prepared.is_torn = TRY(has_changed(data, seen));
    if (prepared.is_torn) return prepared;
  }
  // Before the mode is set: marks in the user namespace need write permission.
  TRY(record(overlay, source, sys::place_of(prepared.file)));
  TRY(copy_flags(source.place(), prepared.file));
  prepared.likeness = TRY(copy_metadata(overlay, source.layer, source.place(), source.stat,
                                        sys::place_of(prepared.file), source.union_name()));
  // Published, a shorter copy is a truncated file, and has the time of one.
  if (!is_metacopy && size < static_cast<off_t>(source.stat.stx_size))
    TRY(sys::touch(sys::place_of(prepared.file)));
  // Without bytes there is nothing that could reach the disk later than the name does.
  progress.enter(CopyPhase::Syncing);
  if (!is_metacopy) TRY(order_data(overlay, prepared.file));
  if (overlay.settings.verifies_copies && !is_metacopy && size > 0) {
    const auto verified = verify_copy(from, prepared.file, size, source.union_name(), progress);
    // A source that has changed looks like a disk that lies.
    if (!verified) prepared.is_torn = TRY(has_changed(sys::place_of(from), seen));
    if (!verified && !prepared.is_torn) return fail(verified.error());
  }
  return prepared;
}

/// Symbolic links, FIFOs, sockets, device nodes.
Result<Prepared> prepare_special(Overlay& overlay, const Source& source) {
  Prepared prepared;
  prepared.temporary = TRY(pending(overlay, source));
  const BorrowedFd directory = prepared.temporary->directory();
  const char* name = prepared.temporary->name();
  if (S_ISLNK(source.stat.stx_mode)) {
    const std::string target = TRY(sys::read_link(source.place()));
    TRY(sys::make_symlink(directory, name, target.c_str()));
  } else {
    const bool as_file = upper_overrides(overlay);
    const mode_t mode = as_file ? S_IFREG | 0600 : source.stat.stx_mode & S_IFMT;
    TRY(sys::make_node(directory, name, mode, as_file ? 0 : sys::rdev_of(source.stat)));
  }
  TRY(record(overlay, source, prepared.temporary->place()));
  prepared.likeness = TRY(copy_metadata(overlay, source.layer, source.place(), source.stat,
                                        prepared.temporary->place(), source.union_name()));
  return prepared;
}

}  // namespace

Result<void> Prepared::publish(BorrowedFd directory, const char* name) {
  if (temporary == nullptr) return sys::make_link(sys::place_of(file), directory, name);
  return temporary->publish(directory, name);
}

Result<Source> source_of(Overlay& overlay, Inode& inode) {
  Source source;
  {
    Lock lock(inode.mutex);
    source.parent = inode.link.parent;
    source.name = inode.link.name;
    source.layer = inode.layer;
    if (const DataPlace* data = inode.data_place()) source.data = *data;
  }
  const SharedFd directory = TRY(directory_fd(overlay, *source.parent, source.layer));
  auto file = sys::open_at(directory->fd, source.name.c_str(), O_PATH);
  if (!file) return fail(file.failed_with(ENOENT) ? ESTALE : to_int(file.error()));
  source.file = std::move(*file);
  const sys::Stat stat = TRY(sys::stat_anew(source.place()));
  {
    Lock lock(inode.mutex);
    TRY(check_recognized(overlay, inode, source.layer, stat));
    source.has_changed = TRY(compare_version(overlay, source.layer, stat, inode.lower_version));
  }
  if (source.has_changed) tell_of_change(overlay, inode, kWasWritten);
  source.seen = stat;
  source.stat = TRY(with_override(overlay, source.layer, source.place(), stat));
  if (may_be_indexed(overlay, source.stat)) {
    source.index_name = TRY(index_name(overlay, source.layer, source.place()));
  }
  return source;
}

bool waits_for_no_disk(const Overlay& overlay) {
  return overlay.settings.is_volatile || overlay.stack.workdir.features().write_order.in_memory;
}

Result<void> order_data(const Overlay& overlay, BorrowedFd copy) {
  if (waits_for_no_disk(overlay)) return {};
  const bool is_ordered = overlay.stack.workdir.features().write_order.names_after_data;
  return is_ordered && !overlay.settings.durable_copies ? sys::write_out_file(copy)
                                                        : sys::sync_file(copy);
}

Result<void> check_quick(Overlay& overlay, const Source& source, const CopyExtent& extent) {
  if (!S_ISREG(source.stat.stx_mode)) return {};
  const auto size = static_cast<size_t>(bytes_wanted(source, extent));
  // Judged before the file is opened for it.
  const bool may_be_quick =
      size <= kQuickCopy && !source.data && !overlay.stack.layers[source.layer].is_remote;
  if (!may_be_quick) return fail(kMustWait);
  if (size == 0) return {};
  const UniqueFd from = TRY(open_source(overlay, source));
  return check_quick_to_read(from, 0, size);
}

Result<Prepared> prepare_copy(Overlay& overlay, const Source& source, const CopyExtent& extent,
                              CopyUnderWay& progress) {
  const bool is_regular = S_ISREG(source.stat.stx_mode);
  Prepared prepared = TRY(is_regular ? prepare_regular(overlay, source, extent, progress)
                                     : prepare_special(overlay, source));
  // Attributes are copied last.
  if (!prepared.is_torn) prepared.is_torn = TRY(has_changed(source.place(), source.seen));
  return prepared;
}

Result<void> prepare_directory(Overlay& overlay, Inode& inode, PreparedDirectory& prepared) {
  const layer::LayerIndex layer = inode.directory->lowers.front();
  const SharedFd lower = TRY(directory_fd(overlay, inode, layer));
  const sys::Place from = sys::place_of(lower->fd);
  const sys::Stat stat = TRY(layer_stat(overlay, layer, from));
  note_copied(overlay, inode, layer, stat);
  const BorrowedFd directory = prepared.temporary.directory();
  const char* name = prepared.temporary.name();
  TRY(layer::Workdir::told(sys::make_directory(directory, name, 0700)));
  const UniqueFd made = TRY(sys::open_at(directory, name, O_RDONLY | O_DIRECTORY));
  TRY(record_origin(overlay, layer, from, prepared.temporary.place()));
  const layer::ProtectionMark protection = TRY(protection_in(overlay, layer, from, stat));
  if (protection != layer::ProtectionMark()) {
    TRY(write_protection(overlay, prepared.temporary.place(), protection));
  }
  TRY(copy_flags(from, made));
  TRY(copy_metadata(overlay, layer, from, stat, prepared.temporary.place(), union_name_of(inode)));
  const bool needs_sync = !overlay.stack.workdir.features().write_order.metadata;
  if (needs_sync && !overlay.settings.is_volatile) TRY(sys::sync_file(made));
  prepared.identity = identity_of(TRY(sys::stat(sys::place_of(made))));
  return {};
}

}  // namespace overpass::overlay
