// SPDX-License-Identifier: MIT
//
// A sufficient mark is left alone: an absolute one is right wherever the directory goes, a relative
// one as long as the directory stays in its parent.

#include "overlay/find/redirect.h"

#include <fcntl.h>
#include <limits.h>

#include "base/log.h"
#include "layer/mark_values.h"
#include "layer/markers.h"
#include "overlay/find/locate.h"
#include "overlay/find/lower_location.h"
#include "overlay/state/overlay.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

Result<void> write_mark(Overlay& overlay, sys::Place place, const std::string& value) {
  // Longer ones could not be read back.
  if (value.size() >= PATH_MAX) return fail(EXDEV);
  const char* mark = layer::name_of(layer::Mark::Redirect, overlay.stack.prefix);
  auto written = sys::set_xattr(place, mark, value);
  if (written) return {};
  log::warn("'%s': its redirect cannot be written (errno %d)", place.name, to_int(written.error()));
  return fail(EXDEV);
}

/// The caller's Located holds the mutex.
bool is_located_metacopy(const Inode& inode) NO_THREAD_SAFETY_ANALYSIS {
  return inode.data_place() != nullptr;
}

}  // namespace

Result<std::unique_ptr<Relocation>> mark_directory(Overlay& overlay, Inode& directory,
                                                   sys::Place place, bool same_parent) {
  auto relocation = std::make_unique<Relocation>(relocation_of(directory));
  if (relocation->mark == RedirectMark::Absolute) return relocation;
  if (!same_parent) {
    TRY(write_mark(overlay, place, relocation->lowers_path));
    relocation->mark = RedirectMark::Absolute;
  } else if (relocation->mark == RedirectMark::None) {
    TRY(write_mark(overlay, place, place.name));
    relocation->mark = RedirectMark::Relative;
  }
  return relocation;
}

Result<void> mark_metacopy(Overlay& overlay, Inode& parent, const std::string& name,
                           sys::Place place, bool same_parent) {
  const char* mark = layer::name_of(layer::Mark::Redirect, overlay.stack.prefix);
  std::string lower_name = name;
  auto value = sys::get_xattr(place, mark);
  if (value) {
    const auto redirect = layer::decode_redirect(*value);
    if (!redirect) return fail(EIO);
    if (redirect->is_absolute() || same_parent) return {};
    lower_name = redirect->path;
  } else if (!value.failed_with(ENODATA)) {
    return fail(value.error());
  }
  if (!same_parent) lower_name = lowers_path_of(parent) + "/" + lower_name;
  return write_mark(overlay, place, lower_name);
}

Result<void> mark_before_link(Overlay& overlay, Inode& inode) {
  InodeRef parent;
  std::string name;
  UniqueFd file;
  {
    Lock lock(inode.mutex);
    if (inode.data_place() == nullptr) return {};  // What has its data keeps them.
  }
  {
    const Located located = TRY(held(overlay, inode));
    if (!is_located_metacopy(inode)) return {};
    parent = inode.link.parent;
    name = inode.link.name;
    file = TRY(sys::reopen(located.place().fd, O_PATH));
  }
  // A rename meanwhile leaves a mark with this meaning.
  return mark_metacopy(overlay, *parent, name, sys::place_of(file), /*same_parent=*/false);
}

}  // namespace overpass::overlay
