// SPDX-License-Identifier: MIT
//
// An entry's name is made of the bytes of the origin mark, so that neither way of finding it needs
// to open a file by its handle, which is a privilege.

#include "overlay/find/index.h"

#include <algorithm>

#include "base/log.h"
#include "layer/mark_values.h"
#include "layer/markers.h"
#include "layer/origin.h"
#include "overlay/find/origin_number.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/state/overlay.h"
#include "sys/names.h"
#include "sys/xattr.h"

namespace overpass::overlay {

using layer::NlinkMark;

Result<void> write_nlink(Overlay& overlay, sys::Place place, NlinkMark::Base base,
                         int32_t difference) {
  const char* mark = layer::name_of(layer::Mark::Nlink, overlay.stack.prefix);
  return sys::set_xattr(place, mark, layer::encode_nlink({base, difference}));
}

std::optional<uint32_t> lower_nlink_of(Overlay& overlay, sys::Place place) {
  const auto value =
      sys::get_xattr(place, layer::name_of(layer::Mark::Origin, overlay.stack.prefix));
  const auto origin = value ? layer::decode_origin(*value) : std::nullopt;
  for (layer::LayerIndex i = 1; origin && i < overlay.stack.lowers_end(); ++i) {
    const auto found = layer::find_origin(overlay.stack.layers[i], overlay.roots[i]->fd, *origin);
    if (found) return found->stx_nlink;
  }
  return {};
}

namespace {

std::unexpected<Errno> refusal(const std::string& entry, const char* what) {
  log::warn("index entry '%s': %s", entry.c_str(), what);
  return fail(EIO);
}

/// The union's count less the upper's, by the mark. A mark that is missing or makes no sense is
/// passed over as overlayfs does, with the count of the file itself. `lower_nlink` is set if it was
/// read for this.
int32_t nlink_difference(Overlay& overlay, sys::Place place, uint32_t upper_nlink,
                         std::optional<uint32_t>& lower_nlink) {
  constexpr int32_t kOnlyTheUpper = -1;  // The entry itself is no name of the union.
  const auto value =
      sys::get_xattr(place, layer::name_of(layer::Mark::Nlink, overlay.stack.prefix));
  const auto mark = value ? layer::decode_nlink(*value) : std::nullopt;
  if (mark && mark->base == NlinkMark::Base::Lower && !lower_nlink) {
    lower_nlink = lower_nlink_of(overlay, place);
    if (!lower_nlink) return kOnlyTheUpper;
  }
  const auto nlink =
      mark ? layer::union_nlink(*mark, upper_nlink, lower_nlink.value_or(0)) : std::nullopt;
  if (nlink && *nlink > 0) return static_cast<int32_t>(*nlink - upper_nlink);
  (void)refusal(place.name, "its nlink mark makes no sense and is passed over");
  return 0;
}

/// Whether the entry is the copy of the file that its name is made of: a foreign entry there would
/// be shown, and written to, in the place of that file.
bool names_its_origin(Overlay& overlay, sys::Place place, const std::string& name) {
  const auto value =
      sys::get_xattr(place, layer::name_of(layer::Mark::Origin, overlay.stack.prefix));
  return value && layer::index_name_of(*value) == name;
}

/// The entry `name` that stands for files of the type `file_type` (S_IFMT). One of another type,
/// also overlayfs's "whiteout index" of a file that has no name any more, is EIO: to follow it
/// would show something else, to leave it out would copy the file up a second time.
Result<std::optional<IndexEntry>> find_entry(Overlay& overlay, std::string name, mode_t file_type,
                                             std::optional<uint32_t> lower_nlink) {
  if (name.empty()) return std::optional<IndexEntry>();
  const sys::Place place = index_place(overlay, name);
  auto found = stat_with_kept_mode(place);
  if (found.failed_with(ENOENT) || found.failed_with(ENAMETOOLONG)) {
    return std::optional<IndexEntry>();
  }
  IndexEntry entry;
  entry.stat = TRY(std::move(found));
  const ScopedReadable sight(place, entry.stat);
  if ((entry.stat.stx_mode & S_IFMT) != file_type || layer::is_whiteout(entry.stat)) {
    return refusal(name, "of another type than the file that it stands for");
  }
  if (!names_its_origin(overlay, place, name)) {
    return refusal(name, "its origin mark is not that of the file it stands for");
  }
  entry.nlink_difference = nlink_difference(overlay, place, entry.stat.stx_nlink, lower_nlink);
  entry.lower_nlink = lower_nlink.value_or(0);
  entry.is_metacopy = TRY(layer::has_mark(place, layer::Mark::Metacopy, overlay.stack.prefix));
  entry.name = std::move(name);
  return std::optional(std::move(entry));
}

}  // namespace

/// Names that were linked into the lower after its links were counted are names of the union. Names
/// that are gone from there may have been covered by whiteouts, and are counted no less: an entry
/// that stays too long harms less than one that goes too early, with what was written.
void count_new_names_locked(Inode& inode, uint32_t lower_nlink) {
  uint32_t& counted = inode.extras->lower_nlink;
  if (counted != 0 && lower_nlink > counted) {
    inode.nlink_difference += static_cast<int32_t>(lower_nlink - counted);
  }
  counted = lower_nlink;
}

bool has_index(const Overlay& overlay) { return overlay.index != nullptr; }

bool may_be_indexed(const Overlay& overlay, const sys::Stat& stat) {
  if (!has_index(overlay) || sys::is_directory(stat) || stat.stx_nlink < 2) return false;
  return overlay.stack.prefix != layer::Prefix::User || S_ISREG(stat.stx_mode);
}

sys::Place index_place(const Overlay& overlay, const std::string& name) {
  return {overlay.index->fd, name.c_str()};
}

Result<std::string> index_name(const Overlay& overlay, layer::LayerIndex layer, sys::Place place) {
  const std::string origin = TRY(layer::encode_origin(overlay.stack.layers[layer], place));
  return layer::index_name_of(origin).value_or("");
}

Result<std::optional<IndexEntry>> find_index_of_lower(Overlay& overlay, layer::LayerIndex layer,
                                                      sys::Place place, const sys::Stat& stat) {
  return find_entry(overlay, TRY(index_name(overlay, layer, place)), stat.stx_mode & S_IFMT,
                    stat.stx_nlink);
}

Result<std::optional<IndexEntry>> find_index_of_upper(Overlay& overlay, sys::Place place,
                                                      const sys::Stat& stat) {
  const auto value =
      sys::get_xattr(place, layer::name_of(layer::Mark::Origin, overlay.stack.prefix));
  if (!value) return std::optional<IndexEntry>();
  auto entry = TRY(find_entry(overlay, layer::index_name_of(*value).value_or(""),
                              stat.stx_mode & S_IFMT, std::nullopt));
  const bool is_same = entry && entry->stat.stx_ino == stat.stx_ino;
  return is_same ? std::move(entry) : std::nullopt;
}

Result<void> record_lower_nlink(Overlay& overlay, sys::Place copy) {
  return write_nlink(overlay, copy, NlinkMark::Base::Lower, 0);
}

void count_new_names(Inode& inode, uint32_t lower_nlink) {
  Lock lock(inode.mutex);
  if (inode.is_indexed() && lower_nlink != 0) count_new_names_locked(inode, lower_nlink);
}

}  // namespace overpass::overlay
