// SPDX-License-Identifier: MIT
//
// Data-only layers are looked through from the top when the data are wanted, not when the name is
// looked up, as overlayfs does.

#include "overlay/content.h"

#include <fcntl.h>

#include "base/log.h"
#include "layer/markers.h"
#include "layer/metacopy_mark.h"
#include "overlay/locate.h"
#include "overlay/overlay.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/verity.h"
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

}  // namespace

layer::LayerIndex content_layer(const Inode& inode) {
  const DataPlace* data = inode.data_place();
  return data != nullptr ? data->layer : inode.layer;
}

Result<UniqueFd> open_data(Overlay& overlay, sys::Place metacopy, const DataPlace& data,
                           int flags) {
  const char* path = data.path.c_str() + 1;
  const layer::LayerIndex first = data.layer;
  const bool is_data_only = first >= overlay.stack.lowers_end();
  const layer::LayerIndex end = is_data_only ? overlay.stack.size() : first + 1;
  for (layer::LayerIndex layer = first; layer < end; ++layer) {
    // Nothing but a regular file may be opened with the caller's flags.
    auto file = sys::open_beneath(overlay.roots[layer]->fd, path, O_PATH | O_NOFOLLOW);
    if (!file && leads_nowhere(file.error())) continue;
    const UniqueFd fd = TRY(std::move(file));
    if (!S_ISREG(TRY(sys::stat(sys::itself(fd))).stx_mode)) break;
    TRY(check_digest(overlay, metacopy, fd, data.path));
    return sys::reopen(fd, flags);
  }
  return refusal(data.path, "the data of a metacopy are missing");
}

Result<Content> open_content(Overlay& overlay, Inode& inode, int flags) {
  if (const auto data = data_place_of(inode)) {
    UniqueFd metacopy;
    if (overlay.stack.format.verity != layer::Verity::Off) {
      const Located located = TRY(locate(overlay, inode));
      metacopy = TRY(sys::open_place(located.place(), O_PATH));
    }
    return Content{TRY(open_data(overlay, sys::itself(metacopy), *data, flags)), data->layer};
  }
  const Located located = TRY(locate(overlay, inode));
  return Content{TRY(sys::open_place(located.place(), flags)), located.layer()};
}

}  // namespace overpass::overlay
