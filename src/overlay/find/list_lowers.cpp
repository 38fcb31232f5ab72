// SPDX-License-Identifier: MIT
//
// From the top down; a whiteout hides its name in the layers below.

#include "overlay/find/list_lowers.h"

#include <dirent.h>
#include <fcntl.h>

#include <string>
#include <unordered_set>

#include "base/hash.h"
#include "layer/markers.h"
#include "overlay/find/locate.h"
#include "overlay/find/lower_changes.h"
#include "overlay/state/hidden_names.h"
#include "overlay/state/overlay.h"
#include "sys/directory_stream.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::overlay {

class LowerNamesBuilder {
 public:
  LowerNamesBuilder(const layer::LayerStack& stack, const Directory& directory, uint32_t refreshes,
                    uint32_t version)
      : stack_(stack), directory_(directory), is_merge_(directory.lowers.size() > 1) {
    result_->refreshes_ = refreshes;
    result_->version_ = version;
  }

  Result<void> add_layer(layer::LayerIndex layer, BorrowedFd place) {
    const UniqueFd fd = TRY(sys::open_for_listing(place));
    const bool xwhiteouts = TRY(layer::opacity_of(sys::place_of(fd), stack_.prefix, false)) ==
                            layer::Opacity::HasXwhiteouts;
    std::vector<std::string> hidden_below;
    TRY(sys::for_each_entry(fd, [&](const sys::DirectoryEntry& entry) -> Result<void> {
      if (const auto hidden = layer::hidden_by(entry.name)) {
        hidden_below.emplace_back(*hidden);
        return {};
      }
      const HiddenName* not_shown = find_hidden(directory_, layer, entry.name);
      if (not_shown != nullptr && not_shown->beneath == nullptr) return {};
      // A name with `beneath` must not be looked at: what covers it is the union itself.
      if (not_shown == nullptr && TRY(is_whiteout(fd, entry, xwhiteouts))) {
        hidden_below.emplace_back(entry.name);
        return {};
      }
      if (hidden_.contains(std::string(entry.name))) return {};
      if (is_merge_ && result_->find(entry.name) != nullptr) return {};
      add(layer, entry);
      return {};
    }));
    for (std::string& name : hidden_below) hidden_.insert(std::move(name));
    return {};
  }

  std::shared_ptr<const LowerNames> finish() {
    result_->names_.shrink_to_fit();
    result_->text_.shrink_to_fit();
    return std::move(result_);
  }

 private:
  Result<bool> is_whiteout(BorrowedFd fd, const sys::DirectoryEntry& entry, bool xwhiteouts) const {
    const bool may_be =
        entry.type == DT_CHR || entry.type == DT_UNKNOWN || (xwhiteouts && entry.type == DT_REG);
    if (!may_be) return false;
    const sys::Place place = {fd, entry.name.data()};
    const sys::Stat stat = TRY(sys::stat(place));
    if (layer::is_whiteout(stat)) return true;
    return xwhiteouts ? layer::is_xwhiteout(place, stat, stack_.prefix) : false;
  }

  void add(layer::LayerIndex layer, const sys::DirectoryEntry& entry) {
    LowerNames& result = *result_;
    if ((result.names_.size() + 1) * 4 > result.buckets_.size() * 3) grow();
    const auto offset = static_cast<uint32_t>(result.text_.size());
    result.text_ += entry.name;
    result.names_.push_back(
        {offset, static_cast<uint16_t>(entry.name.size()), layer, entry.type, entry.ino});
    put(static_cast<uint32_t>(result.names_.size()));
  }

  /// Enters names_[number - 1] into the buckets.
  void put(uint32_t number) {
    LowerNames& result = *result_;
    const size_t mask = result.buckets_.size() - 1;
    size_t bucket = hash_bytes(result.text_of(result.names_[number - 1])) & mask;
    while (result.buckets_[bucket] != 0) bucket = (bucket + 1) & mask;
    result.buckets_[bucket] = number;
  }

  void grow() {
    LowerNames& result = *result_;
    const size_t size = result.buckets_.empty() ? 16 : result.buckets_.size() * 2;
    result.buckets_.assign(size, 0);
    for (uint32_t number = 1; number <= result.names_.size(); ++number) put(number);
  }

  const layer::LayerStack& stack_;
  const Directory& directory_;
  const bool is_merge_;
  std::unordered_set<std::string> hidden_;
  std::shared_ptr<LowerNames> result_ = std::make_shared<LowerNames>();
};

Result<std::shared_ptr<const LowerNames>> lower_names_of(Overlay& overlay, Inode& directory) {
  Directory& merged = *directory.directory;
  const uint32_t refreshes = overlay.refreshes;
  const uint32_t version = follows(overlay) ? TRY(listing_version(overlay, directory)) : 0;
  {
    Lock lock(merged.cache_mutex);
    auto names = merged.lower_names.lock();
    if (names && names->refreshes() == refreshes && names->version() == version) {
      names->used.store(true, std::memory_order_relaxed);
      return names;
    }
  }
  // Two threads may both read it; their results are equal.
  LowerNamesBuilder builder(overlay.stack, merged, refreshes, version);
  for (const layer::LayerIndex layer : merged.lowers) {
    const SharedFd fd = TRY(directory_fd(overlay, directory, layer));
    TRY(builder.add_layer(layer, fd->fd));
  }
  auto names = builder.finish();
  {
    Lock lock(merged.cache_mutex);
    merged.lower_names = names;
  }
  overlay.listings.keep(names);
  return names;
}

}  // namespace overpass::overlay
