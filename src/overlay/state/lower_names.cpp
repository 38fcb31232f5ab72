// SPDX-License-Identifier: MIT

#include "overlay/state/lower_names.h"

#include "base/hash.h"

namespace overpass::overlay {

const LowerName* LowerNames::find(std::string_view name) const {
  if (buckets_.empty()) return nullptr;
  const size_t mask = buckets_.size() - 1;
  for (size_t bucket = hash_bytes(name) & mask; buckets_[bucket] != 0;
       bucket = (bucket + 1) & mask) {
    const LowerName& candidate = names_[buckets_[bucket] - 1];
    if (text_of(candidate) == name) return &candidate;
  }
  return nullptr;
}

size_t LowerNames::weight() const {
  return sizeof *this + text_.capacity() + names_.capacity() * sizeof(LowerName) +
         buckets_.capacity() * sizeof(uint32_t);
}

}  // namespace overpass::overlay
