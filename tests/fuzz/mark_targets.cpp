// SPDX-License-Identifier: MIT
//
// The values of marks and the names of index entries, which anybody may have written into a layer.
// What is taken is bounded, leads out of no layer, and is written again as it was read.

#include <sys/stat.h>

#include <cstdlib>
#include <string>

#include "layer/mark_values.h"
#include "layer/origin.h"
#include "layer/stat_override.h"
#include "targets.h"

namespace overpass::fuzz {

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void require_component(std::string_view name) {
  require(!name.empty() && name.size() <= 255 && name != "." && name != "..");
  require(name.find('\0') == std::string_view::npos);
}

}  // namespace

void redirect(std::string_view text) {
  const auto redirect = layer::decode_redirect(text);
  if (!redirect) return;
  require(redirect->path == text && text.size() <= layer::kLongestRedirect);
  require(redirect->is_absolute() == text.starts_with('/'));
  if (redirect->is_absolute()) text.remove_prefix(1);
  size_t components = 0;
  while (true) {
    const size_t end = text.find('/');
    require_component(text.substr(0, end));
    ++components;
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  require(redirect->is_absolute() || components == 1);
}

void metacopy(std::string_view text) {
  const auto mark = layer::decode_metacopy(text);
  if (!mark) return;
  require(mark->digest.size() <= 64);
  require(mark->has_digest() || mark->digest.empty());
  require(layer::decode_metacopy(layer::encode_metacopy(*mark)) == mark);
}

void stat_override(std::string_view text) {
  for (const mode_t type : {S_IFREG, S_IFDIR, S_IFLNK}) {
    sys::Stat stat = {};
    stat.stx_mode = static_cast<uint16_t>(type | 0600);
    if (!layer::apply_override(text, stat)) continue;
    require(type == S_IFREG || (stat.stx_mode & S_IFMT) == type);
    sys::Stat again = {};
    again.stx_mode = static_cast<uint16_t>(type | 0600);
    require(layer::apply_override(layer::encode_override(stat), again));
    require(again.stx_uid == stat.stx_uid && again.stx_gid == stat.stx_gid);
    require(again.stx_mode == stat.stx_mode && sys::rdev_of(again) == sys::rdev_of(stat));
  }
}

void nlink(std::string_view text) {
  const auto mark = layer::decode_nlink(text);
  if (!mark) return;
  require(layer::decode_nlink(layer::encode_nlink(*mark)) == mark);
  const auto count = layer::union_nlink(*mark, 2, 3);
  require(!count || *count <= 0x7fffffffU);
}

void protattr(std::string_view text) {
  const auto mark = layer::decode_protattr(text);
  if (!mark) return;
  require(mark->append_only || mark->immutable);
  require(layer::decode_protattr(layer::encode_protattr(*mark)) == mark);
}

void origin(std::string_view text) {
  const auto origin = layer::decode_origin(text);
  if (!origin) return;
  require(!origin->handle.bytes.empty() && origin->handle.bytes.size() < text.size());
  const auto name = layer::index_name_of(text);
  require(name.has_value() == (text.size() * 2 <= 255));
  if (name) require(layer::origin_of_index_name(*name) == text);
}

void index_name(std::string_view text) {
  const auto mark = layer::origin_of_index_name(text);
  if (!mark) return;
  require(layer::decode_origin(*mark).has_value());
  require(layer::index_name_of(*mark) == text);
}

}  // namespace overpass::fuzz
