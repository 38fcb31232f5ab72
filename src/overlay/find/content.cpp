// SPDX-License-Identifier: MIT
//
// Data-only layers are looked through from the top when the data are wanted, not when the name is
// looked up, as overlayfs does.

#include "overlay/find/content.h"

#include <fcntl.h>

#include "base/log.h"
#include "layer/mark_values.h"
#include "layer/markers.h"
#include "overlay/find/copied_attributes.h"
#include "overlay/find/locate.h"
#include "overlay/find/lower_changes.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/find/set_ids.h"
#include "overlay/state/caller.h"
#include "overlay/state/hidden_names.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/attributes.h"
#include "sys/content_digest.h"
#include "sys/credentials.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

std::optional<DataPlace> data_place_of(const Inode& inode) {
  Lock lock(inode.mutex);
  const DataPlace* data = inode.data_place();
  return data != nullptr ? std::optional(*data) : std::nullopt;
}

/// Inside the layer: a symbolic link on the way is none of it.
bool leads_nowhere(Errno error) {
  const int number = to_int(error);
  return number == ENOENT || number == ENOTDIR || number == ELOOP || number == EXDEV;
}

std::unexpected<Errno> refusal(const std::string& path, const char* what) {
  log::warn("'%s': %s", path.c_str(), what);
  return fail(EIO);
}

/// Compares what the metacopy says of its data with what the file system keeps of them.
Result<void> check_digest(Overlay& overlay, sys::Place metacopy, BorrowedFd data,
                          const std::string& path) {
  const layer::Verity verity = overlay.stack.format.verity;
  if (verity == layer::Verity::Off) return {};
  const char* name = layer::name_of(layer::Mark::Metacopy, overlay.stack.prefix);
  const auto mark = layer::decode_metacopy(TRY(sys::get_xattr(metacopy, name)));
  if (!mark) return refusal(path, "the metacopy mark with its digest is garbled");
  if (!mark->has_digest()) {
    if (verity != layer::Verity::Require) return {};
    return refusal(path, "the metacopy names no digest of it, and verity=require");
  }
  const auto actual = sys::measure_verity(TRY(sys::reopen(data, O_RDONLY)));
  if (!actual) return refusal(path, "it has no fs-verity digest, and the metacopy names one");
  const bool is_same = actual->algorithm == mark->digest_algorithm && actual->bytes == mark->digest;
  if (!is_same) return refusal(path, "it has another fs-verity digest than the metacopy names");
  return {};
}

/// Whether `stat` is of the data that were found when the name was looked up.
bool is_expected(const Overlay& overlay, layer::LayerIndex layer, const DataPlace& data,
                 const sys::Stat& stat) {
  const bool is_known = data.identity.ino != 0 && overlay.stack.layers[layer].stable_numbers;
  return !is_known || data.identity == identity_of(stat);
}

/// The bytes of a metacopy.
Result<Content> open_data_of(Overlay& overlay, Inode& inode, const DataPlace& data, int flags) {
  Result<Content> content = fail(ESTALE);
  {
    // The metacopy gives the right to the data: it has to be the one that the kernel knows.
    const Located located = TRY(held(overlay, inode));
    content = open_data(overlay, located.place(), data, flags);
  }
  if (content.failed_with(ESTALE)) inode.is_stale = true;
  if (!content) return content;
  Lock lock(inode.mutex);
  DataPlace* const known = inode.extras->data.get();
  if (known == nullptr) return content;
  if (known->identity.ino == 0) known->identity = identity_of(content->stat);
  content->has_changed =
      TRY(compare_version(overlay, content->layer, content->stat, known->version));
  return content;
}

/// Why the file could not be opened, which may be because it is another.
std::unexpected<Errno> explain(const Overlay& overlay, Inode& inode, const Located& located,
                               Errno error) NO_THREAD_SAFETY_ANALYSIS {
  const auto found = sys::stat(located.place());
  if (found.failed_with(ENOENT)) inode.is_stale = true;
  const bool is_it = found && check_recognized(overlay, inode, located.layer(), *found);
  return fail(found && is_it ? to_int(error) : ESTALE);
}

/// Cuts the upper's file `content`, which was opened with `flags`, to nothing.
Result<void> truncate(const Overlay& overlay, Content& content, int flags,
                      const Caller* truncator) {
  UniqueFd writable;
  const bool is_writable = (flags & O_ACCMODE) != O_RDONLY;
  if (!is_writable) writable = TRY(open_regular(sys::place_of(content.fd), O_WRONLY));
  const sys::Place place = sys::place_of(content.fd);
  const bool decides = truncator != nullptr && content.layer == layer::kUpper;
  const sys::KeepingSetgid keeping(decides &&
                                   take_set_ids(overlay, place, content.stat, *truncator));
  return sys::change_size_of_open(is_writable ? content.fd.get() : writable.get(), 0);
}

/// The bytes of a file of its own. Nothing happens to another object in its place but being opened
/// and closed, and that only without waiting.
Result<Content> open_own(Overlay& overlay, Inode& inode, int flags,
                         const Caller* truncator) NO_THREAD_SAFETY_ANALYSIS {
  const Located located = TRY(locate(overlay, inode));
  const bool is_path = (flags & O_PATH) != 0;
  auto file = is_path ? sys::open_place(located.place(), flags)
                      : open_regular(located.place(), flags & ~O_TRUNC);
  if (file.failed_with(kMustWait) || file.failed_with(EWOULDBLOCK)) return fail(file.error());
  if (!file) return explain(overlay, inode, located, file.error());
  const Look look(inode);
  const sys::Stat stat = TRY(stat_with_kept_mode(sys::place_of(*file)));
  const bool is_by_name = !located.place().is_fd();
  if (is_by_name) TRY(check_recognized(overlay, inode, located.layer(), stat));
  if (!S_ISREG(stat.stx_mode)) return fail(ESTALE);
  const bool has_changed =
      TRY(compare_version(overlay, located.layer(), stat, inode.lower_version));
  Content content{std::move(*file), located.layer(), has_changed, stat};
  look.keep(stat);
  if ((flags & O_TRUNC) != 0) {
    outdate_copied_content(inode);
    TRY(truncate(overlay, content, flags, truncator));
  }
  return content;
}

}  // namespace

layer::LayerIndex content_layer(const Inode& inode) {
  const DataPlace* data = inode.data_place();
  return data != nullptr ? data->layer : inode.layer;
}

Result<UniqueFd> open_regular(sys::Place place, int flags) {
  auto file = sys::open_place(place, flags | O_NONBLOCK | O_NOCTTY);
  const bool is_leased = file.failed_with(EWOULDBLOCK);
  return is_leased && (flags & O_NONBLOCK) == 0 ? fail(kMustWait) : std::move(file);
}

Result<Content> open_data(Overlay& overlay, sys::Place metacopy, const DataPlace& data, int flags) {
  const layer::LayerIndex first = data.layer;
  const bool is_data_only = first >= overlay.stack.lowers_end();
  const layer::LayerIndex end = is_data_only ? overlay.stack.size() : first + 1;
  for (layer::LayerIndex layer = first; layer < end; ++layer) {
    // Nothing but a regular file may be opened with the caller's flags.
    const WalkStart start = walk_start(overlay, layer, std::string_view(data.path).substr(1));
    if (start.directory == nullptr || start.rest.empty()) continue;
    auto file = sys::open_beneath(start.directory->fd, start.rest.data(), O_PATH | O_NOFOLLOW);
    if (!file && leads_nowhere(file.error())) continue;
    const UniqueFd fd = TRY(std::move(file));
    const sys::Stat stat = TRY(sys::stat(sys::place_of(fd)));
    if (!S_ISREG(stat.stx_mode)) break;
    if (!is_expected(overlay, layer, data, stat)) return fail(ESTALE);
    TRY(check_digest(overlay, metacopy, fd, data.path));
    return Content{TRY(open_regular(sys::place_of(fd), flags)), layer, false, stat};
  }
  return refusal(data.path, "the data of a metacopy are missing");
}

Result<Content> open_content(Overlay& overlay, Inode& inode, int flags, const Caller* truncator) {
  const auto data = data_place_of(inode);
  auto content = data ? open_data_of(overlay, inode, *data, flags)
                      : open_own(overlay, inode, flags, truncator);
  if (content && content->has_changed) tell_of_change(overlay, inode, kWasWritten);
  return content;
}

namespace {

/// Whether what the daemon reads of the file is to leave no time, if that is permitted.
bool leaves_no_time(const Overlay& overlay, const Inode& inode) {
  Lock lock(inode.mutex);
  return !overlay.settings.access_times || content_layer(inode) != layer::kUpper;
}

}  // namespace

Result<Content> open_quietly(Overlay& overlay, Inode& inode, int flags, const Caller* truncator) {
  if ((flags & O_PATH) == 0 && leaves_no_time(overlay, inode)) flags |= O_NOATIME;
  auto content = open_content(overlay, inode, flags, truncator);
  const bool is_refused = content.failed_with(EPERM) && (flags & O_NOATIME) != 0;
  if (!is_refused) return content;
  return open_content(overlay, inode, flags & ~O_NOATIME, truncator);
}

}  // namespace overpass::overlay
