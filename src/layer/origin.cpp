// SPDX-License-Identifier: MIT
//
// Header bytes: version 0, magic 0xfb, length of the whole, flags, type of the handle.
//
// Two digits for each byte.

#include "layer/origin.h"

#include <fcntl.h>
#include <limits.h>

#include <bit>
#include <cstdint>
#include <tuple>

#include "overpass/layer_format.h"
#include "sys/open.h"

namespace overpass::layer {

namespace {

using namespace format;

constexpr size_t kHeaderSize = 5 + std::tuple_size_v<sys::FileSystemUuid>;
constexpr uint8_t kEndianFlag = std::endian::native == std::endian::big ? kOriginBigEndian : 0;

/// Rather than that this one file cannot be examined. EPERM, ENOSYS: a sandbox forbids to ask.
bool says_no_handles(Errno error) {
  const int number = to_int(error);
  return number == EOPNOTSUPP || number == EOVERFLOW || number == EPERM || number == ENOSYS;
}

Result<std::string> encode(const Layer& layer, sys::Place place, uint8_t flags) {
  if (!layer.lasting_handles) return std::string();
  const auto handle = sys::file_handle(place);
  if (!handle && !says_no_handles(handle.error())) return fail(handle.error());
  if (!handle || handle->bytes.size() > kOriginMaxHandle || handle->type > 0xff) {
    return std::string();
  }
  std::string value;
  for (const size_t byte :
       {size_t{kOriginVersion}, size_t{kOriginMagic}, kHeaderSize + handle->bytes.size(),
        size_t{flags}, static_cast<size_t>(handle->type)}) {
    value.push_back(static_cast<char>(byte));
  }
  for (const uint8_t byte : layer.uuid) value.push_back(static_cast<char>(byte));
  return value + handle->bytes;
}

}  // namespace

Result<std::string> encode_origin(const Layer& layer, sys::Place place) {
  return encode(layer, place, kEndianFlag);
}

Result<std::string> encode_upper(const Layer& upper, sys::Place place) {
  return encode(upper, place, kEndianFlag | kOriginUpper);
}

std::optional<Origin> decode_origin(std::string_view value) {
  if (value.size() <= kHeaderSize) return {};
  auto byte = [&](size_t index) { return static_cast<uint8_t>(value[index]); };
  if (byte(0) != kOriginVersion || byte(1) != kOriginMagic || byte(2) != value.size()) return {};
  const bool any_endian = (byte(3) & kOriginAnyEndian) != 0;
  if (!any_endian && (byte(3) & kOriginBigEndian) != kEndianFlag) return {};
  Origin origin;
  origin.handle.type = byte(4);
  for (size_t i = 0; i < origin.uuid.size(); ++i) origin.uuid[i] = byte(5 + i);
  origin.handle.bytes = value.substr(kHeaderSize);
  return origin;
}

bool may_be_of(const Layer& layer, const Origin& origin) {
  return layer.any_uuid || (layer.uuid == origin.uuid && !layer.ambiguous_uuid);
}

std::optional<sys::Stat> find_origin(const Layer& layer, BorrowedFd root, const Origin& origin) {
  if (!layer.lasting_handles || !may_be_of(layer, origin)) return {};
  // Handles are opened relative to a descriptor that is not O_PATH.
  const auto mount = sys::open_at(root, ".", O_RDONLY | O_DIRECTORY);
  if (!mount) return {};
  const auto file = sys::open_by_handle(*mount, origin.handle);
  if (!file) return {};
  const auto stat = sys::stat(sys::place_of(*file));
  return stat ? std::optional(*stat) : std::nullopt;
}

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

}  // namespace

std::optional<std::string> index_name_of(std::string_view origin) {
  if (origin.empty() || origin.size() * 2 > NAME_MAX) return {};
  std::string name;
  name.reserve(origin.size() * 2);
  for (const char c : origin) {
    const auto byte = static_cast<uint8_t>(c);
    name += kDigits[byte >> 4];
    name += kDigits[byte & 0xf];
  }
  return name;
}

std::optional<std::string> origin_of_index_name(std::string_view name) {
  if (name.size() % 2 != 0 || name.size() > NAME_MAX) return {};
  std::string origin;
  origin.reserve(name.size() / 2);
  for (size_t i = 0; i < name.size(); i += 2) {
    const size_t high = kDigits.find(name[i]);
    const size_t low = kDigits.find(name[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return {};
    origin += static_cast<char>(high << 4 | low);
  }
  if (!decode_origin(origin)) return {};
  return origin;
}

}  // namespace overpass::layer
