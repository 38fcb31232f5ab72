// SPDX-License-Identifier: MIT
//
// The topmost object gives the attributes; directories below it are merged with it, and below a
// metacopy is the file with its data.

#include "overlay/find/found_builder.h"

#include <linux/stat.h>
#include <unistd.h>

#include <algorithm>

#include "layer/markers.h"
#include "layer/origin.h"
#include "overlay/find/index.h"
#include "overlay/find/layer_stat.h"
#include "overlay/find/lower_location.h"
#include "overlay/find/origin_number.h"
#include "overlay/find/protection.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/state/overlay.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

using layer::LayerIndex;

/// stx_blocks counts units of 512 bytes.
constexpr uint64_t kBlock = 512;

FileKey key_of(const sys::Stat& stat) { return {sys::device_of(stat), stat.stx_ino}; }

}  // namespace

/// The path of the target that a redirect gave; "" without a redirect.
std::string FoundBuilder::redirected_path(LayerIndex layer, const Wanted& asked) const {
  if (asked.is_path()) return asked.target;
  if (!asked.is_redirected) return "";
  return layer_path_of(searched_.directory, layer) + "/" + asked.target;
}

std::string FoundBuilder::ordinary_path(LayerIndex layer) const {
  return layer_path_of(searched_.directory, layer) + "/" + searched_.name;
}

Result<bool> FoundBuilder::add(LayerIndex layer, LayerReader& reader, const Wanted& asked,
                               const Verdict& verdict) {
  bool is_complete = false;
  if (!has_object_) {
    is_complete = TRY(add_first(layer, reader, verdict));
  } else if (asked.kind == Wanted::Kind::Data && !verdict.is_metacopy) {
    TRY(add_data(layer, reader, asked));
  }
  if (verdict.is_metacopy) metacopy_ = reader.take_metacopy();
  if (layer == layer::kUpper) {
    if (verdict.next.is_redirected) upper_redirect_ = verdict.next.target;
  } else if (sys::is_directory(verdict.stat)) {
    // A merged directory has the number of its topmost lower, as on overlayfs.
    if (found_.lowers.empty()) found_.origin = key_of(verdict.stat);
    found_.lowers.push_back(layer);
    found_.lower_identities.push_back(identity_of(verdict.stat));
    lower_paths_.push_back(redirected_path(layer, asked));
  }
  return is_complete;
}

Result<bool> FoundBuilder::add_first(LayerIndex layer, LayerReader& reader,
                                     const Verdict& verdict) {
  Overlay& overlay = searched_.overlay;
  const sys::Stat& stat = verdict.stat;
  found_.layer = layer;
  found_.known = known_object(stat);
  found_.stat = TRY(with_override(overlay, layer, reader.place(), stat));
  has_object_ = true;
  found_.protection = TRY(protection_in(overlay, layer, reader.place(), stat));
  const bool may_be_listed = may_be_indexed(overlay, stat);
  const bool is_complete = may_be_listed && TRY(consult_index(layer, reader, verdict));
  const bool may_have_origin = layer == layer::kUpper && !sys::is_directory(stat);
  found_.origin = may_have_origin ? number_source(overlay, searched_.directory, reader.place(),
                                                  stat, found_.index.has_value())
                                  : key_of(stat);
  return is_complete;
}

/// A file of several links may have been copied up under another of its names. Whether that is so,
/// and with its data.
Result<bool> FoundBuilder::consult_index(LayerIndex layer, LayerReader& reader,
                                         const Verdict& verdict) {
  Overlay& overlay = searched_.overlay;
  const sys::Stat& stat = verdict.stat;
  const bool in_upper = layer == layer::kUpper;
  if (!in_upper) found_.shared_lower = key_of(stat);
  auto entry = in_upper ? TRY(find_index_of_upper(overlay, reader.place(), stat))
                        : TRY(find_index_of_lower(overlay, layer, reader.place(), stat));
  if (!entry) return false;
  bool is_complete = false;
  if (!in_upper) {
    found_.layer = layer::kUpper;
    const sys::Place place = index_place(overlay, entry->name);
    found_.known = known_object(entry->stat);
    found_.stat = TRY(with_override(overlay, layer::kUpper, place, entry->stat));
    const ScopedReadable readable(place, entry->stat);
    found_.protection = TRY(read_protection(overlay, place));
    is_complete = !entry->is_metacopy;
    if (entry->is_metacopy && !verdict.is_metacopy) {
      found_.data = std::make_unique<DataPlace>(DataPlace{
          layer, ordinary_path(layer), stat.stx_blocks, identity_of(stat), version_of(stat)});
    }
  }
  found_.index = std::move(entry);
  return is_complete;
}

Result<void> FoundBuilder::add_data(LayerIndex layer, LayerReader& reader, const Wanted& asked) {
  TRY(check_data(layer, reader));
  std::string path = redirected_path(layer, asked);
  if (path.empty()) path = ordinary_path(layer);
  const sys::Stat& stat = reader.stat();
  found_.data = std::make_unique<DataPlace>(
      DataPlace{layer, std::move(path), stat.stx_blocks, identity_of(stat), version_of(stat)});
  return {};
}

/// The data of a metacopy are found by name, and shown by the metacopy's permissions. The owner of
/// their directory can move another user's file there. So the file must be the one that the
/// metacopy was copied from.
Result<void> FoundBuilder::check_data(LayerIndex layer, LayerReader& reader) {
  const layer::LayerStack& stack = searched_.overlay.stack;
  const sys::Stat parent = TRY(sys::stat(sys::place_of(reader.place().fd)));
  if (parent.stx_uid == ::geteuid() || parent.stx_uid == reader.stat().stx_uid) return {};
  const char* mark = layer::name_of(layer::Mark::Origin, stack.prefix);
  const auto value = sys::get_xattr(sys::place_of(metacopy_), mark);
  const auto origin = value ? layer::decode_origin(*value) : std::nullopt;
  // Of the file whose identity is remembered, and no other.
  const UniqueFd data = TRY(object_at(reader.place(), reader.stat()));
  const auto handle = sys::file_handle(sys::place_of(data));
  const bool is_comparable = origin && layer::may_be_of(stack.layers[layer], *origin) && handle;
  if (!is_comparable || *handle == origin->handle) return {};
  return refuse(searched_, "a metacopy whose data are not the file it was copied from", EIO);
}

void FoundBuilder::set_data_only(const std::string& path) {
  const uint64_t blocks = (found_.stat.stx_size + kBlock - 1) / kBlock;
  found_.data = std::make_unique<DataPlace>(
      DataPlace{searched_.overlay.stack.lowers_end(), path, blocks, {}});
}

void FoundBuilder::finish_relocation() {
  const bool is_elsewhere = std::any_of(lower_paths_.begin(), lower_paths_.end(),
                                        [](const std::string& path) { return !path.empty(); });
  if (!is_elsewhere) return;
  auto relocation = std::make_unique<Relocation>();
  const bool by_upper = !upper_redirect_.empty();
  if (by_upper && upper_redirect_.front() == '/') {
    relocation->mark = RedirectMark::Absolute;
    relocation->lowers_path = upper_redirect_;
  } else {
    relocation->mark = by_upper ? RedirectMark::Relative : RedirectMark::None;
    relocation->lowers_path =
        lowers_path_of(searched_.directory) + "/" + (by_upper ? upper_redirect_ : searched_.name);
  }
  for (size_t i = 0; i < lower_paths_.size(); ++i) {
    std::string& path = lower_paths_[i];
    if (path.empty()) path = ordinary_path(found_.lowers[i]);
    relocation->layer_paths.push_back(std::move(path));
  }
  found_.relocation = std::move(relocation);
}

Found FoundBuilder::finish() {
  finish_relocation();
  return std::move(found_);
}

}  // namespace overpass::overlay
