// SPDX-License-Identifier: MIT
//
// There are a handful of ranges, so they are searched one by one.

#include "base/id_map.h"

#include "base/number.h"

namespace overpass {

namespace {

bool meet(uint64_t a, uint64_t a_count, uint64_t b, uint64_t b_count) {
  return a < b + b_count && b < a + a_count;
}

}  // namespace

std::optional<IdMap> IdMap::parse(std::string_view text) {
  IdMap map;
  if (text.starts_with(':')) text.remove_prefix(1);
  if (text.ends_with(':')) return {};
  while (!text.empty()) {
    const auto disk = take_number(text, ':');
    const auto shown = take_number(text, ':');
    const auto count = take_number(text, ':');
    if (!disk || !shown || !count || *count == 0) return {};
    if (uint64_t{*disk} + *count > kNoId || uint64_t{*shown} + *count > kNoId) return {};
    for (const Range& range : map.ranges_) {
      if (meet(range.disk, range.count, *disk, *count)) return {};
      if (meet(range.shown, range.count, *shown, *count)) return {};
    }
    map.ranges_.push_back({*disk, *shown, *count});
  }
  if (map.is_identity()) return {};
  return map;
}

std::string IdMap::text() const {
  std::string text;
  for (const Range& range : ranges_) {
    if (!text.empty()) text += ':';
    text += std::to_string(range.disk) + ':' + std::to_string(range.shown) + ':' +
            std::to_string(range.count);
  }
  return text;
}

uint32_t IdMap::shown(uint32_t disk) const {
  if (is_identity()) return disk;
  for (const Range& range : ranges_) {
    if (disk >= range.disk && disk - range.disk < range.count) {
      return range.shown + (disk - range.disk);
    }
  }
  return kOverflow;
}

std::optional<uint32_t> IdMap::on_disk(uint32_t shown) const {
  if (is_identity()) return shown;
  for (const Range& range : ranges_) {
    if (shown >= range.shown && shown - range.shown < range.count) {
      return range.disk + (shown - range.shown);
    }
  }
  return {};
}

}  // namespace overpass
