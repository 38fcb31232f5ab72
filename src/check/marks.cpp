// SPDX-License-Identifier: MIT
//
// The table of names, and one judge for each value.

#include "check/marks.h"

#include <sys/stat.h>

#include <algorithm>

#include "layer/mark_values.h"
#include "layer/origin.h"
#include "overpass/layer_format.h"
#include "sys/xattr.h"

namespace overpass::check {

namespace {

using namespace format;

constexpr const char* kEndings[] = {kOpaque, kRedirect, kMetacopy, kOrigin,   kImpure,
                                    kNlink,  kUpper,    kUuid,     kProtattr, kWhiteout};
static_assert(std::size(kEndings) == kMarkNames);

constexpr char kOverrideStat[] = "user.containers.override_stat";
constexpr size_t kUuidSize = 16;

std::string_view prefix_text(layer::Prefix prefix) {
  return prefix == layer::Prefix::Trusted ? kTrustedPrefix : kUserPrefix;
}

layer::Prefix other(layer::Prefix prefix) {
  return prefix == layer::Prefix::Trusted ? layer::Prefix::User : layer::Prefix::Trusted;
}

std::optional<MarkName> name_by_ending(std::string_view ending) {
  const auto found = std::find(std::begin(kEndings), std::end(kEndings), ending);
  if (found == std::end(kEndings)) return {};
  return static_cast<MarkName>(found - std::begin(kEndings));
}

/// The attribute's name after the prefix; nothing when it has another one, or is the escaped mark
/// of a union that is kept inside this one.
std::optional<std::string_view> ending_of(std::string_view attribute, layer::Prefix prefix) {
  const std::string_view head = prefix_text(prefix);
  if (!attribute.starts_with(head)) return {};
  attribute.remove_prefix(head.size());
  if (attribute.starts_with(kEscape)) return {};
  return attribute;
}

/// Whether `value` is an origin mark that some machine may have written: its header is right.
bool is_handle(std::string_view value) {
  constexpr size_t kHeaderSize = 21;
  return value.size() > kHeaderSize && static_cast<unsigned char>(value[1]) == kOriginMagic &&
         static_cast<unsigned char>(value[2]) == value.size();
}

std::optional<Kind> bad_opaque(std::string_view value) {
  if (value.size() == 1 && (value[0] == kOpaqueYes || value[0] == kOpaqueHasXwhiteouts)) return {};
  return Kind::OpaqueInvalid;
}

/// The kind of finding that the value by itself makes, whatever the file.
std::optional<Kind> bad_value(MarkName name, const std::string& value) {
  switch (name) {
    case MarkName::Opaque:
      return bad_opaque(value);
    case MarkName::Redirect:
      if (layer::decode_redirect(value)) return {};
      return Kind::RedirectInvalid;
    case MarkName::Metacopy:
      if (layer::decode_metacopy(value)) return {};
      return Kind::MetacopyInvalid;
    case MarkName::Origin:
      if (value.empty() || layer::decode_origin(value)) return {};
      return is_handle(value) ? Kind::OriginUnknown : Kind::OriginInvalid;
    case MarkName::Impure:
      if (value == std::string_view(&kOpaqueYes, 1)) return {};
      return Kind::ImpureInvalid;
    case MarkName::Nlink:
      if (layer::decode_nlink(value)) return {};
      return Kind::NlinkInvalid;
    case MarkName::Upper:
      if (layer::decode_origin(value)) return {};
      return Kind::UpperInvalid;
    case MarkName::Uuid:
      if (value.size() == kUuidSize) return {};
      return Kind::UuidInvalid;
    case MarkName::Protattr:
      if (layer::decode_protattr(value)) return {};
      return Kind::ProtattrInvalid;
    case MarkName::Whiteout:
      break;  // Its presence is what counts.
  }
  return {};
}

/// Whether the mark can mean something on such a file there.
bool has_meaning(MarkName name, const sys::Stat& stat, Where where) {
  const bool is_dir = S_ISDIR(stat.stx_mode);
  switch (name) {
    case MarkName::Opaque:
    case MarkName::Impure:
      return is_dir && where != Where::IndexRoot && where != Where::Index;
    case MarkName::Redirect:
      return (is_dir || S_ISREG(stat.stx_mode)) && where != Where::IndexRoot;
    case MarkName::Metacopy:
      return S_ISREG(stat.stx_mode);
    case MarkName::Nlink:
      return !is_dir;
    case MarkName::Upper:
      return is_dir && (where == Where::IndexRoot || where == Where::Index);
    case MarkName::Uuid:
      return where == Where::UpperRoot;
    case MarkName::Origin:
    case MarkName::Protattr:
    case MarkName::Whiteout:  // Judged with its directory.
      break;
  }
  return true;
}

}  // namespace

std::string full_name(MarkName name, layer::Prefix prefix) {
  return std::string(prefix_text(prefix)) + kEndings[static_cast<size_t>(name)];
}

Result<Marks> read_marks(sys::Place place, layer::Prefix prefix) {
  Marks marks;
  auto names = sys::list_xattrs(place);
  if (names.failed_with(EOPNOTSUPP)) return marks;
  for (const std::string& attribute : TRY(std::move(names))) {
    if (const auto ending = ending_of(attribute, prefix)) {
      const auto name = name_by_ending(*ending);
      if (!name) {
        marks.unknown.push_back(attribute);
        continue;
      }
      auto value = sys::get_xattr(place, attribute.c_str());
      if (value.failed_with(ENODATA)) continue;
      marks.values[static_cast<size_t>(*name)] = TRY(std::move(value));
    } else if (ending_of(attribute, other(prefix))) {
      marks.other_prefix.push_back(attribute);
    } else if (attribute.starts_with(kFuseOverlayfsPrefix) || attribute == kOverrideStat) {
      marks.foreign.push_back(attribute);
    }
  }
  return marks;
}

std::vector<BadMark> bad_marks(const Marks& marks, const sys::Stat& stat, Where where) {
  std::vector<BadMark> bad;
  for (size_t i = 0; i < kMarkNames; ++i) {
    const auto name = static_cast<MarkName>(i);
    const auto& value = marks.values[i];
    if (!value) continue;
    const std::string ending = kEndings[i];
    if (!has_meaning(name, stat, where)) {
      bad.push_back({Kind::MarkMisplaced, "overlay." + ending});
    } else if (const auto kind = bad_value(name, *value)) {
      bad.push_back({*kind, "overlay." + ending + " is " + shown_value(*value)});
    }
  }
  return bad;
}

std::string shown_value(std::string_view value) {
  if (value.empty()) return "empty";
  constexpr size_t kMostBytes = 120;
  const std::string_view begin = value.substr(0, kMostBytes);
  const bool is_text =
      std::all_of(begin.begin(), begin.end(), [](char c) { return c >= ' ' && c <= '~'; });
  std::string shown = is_text ? "'" : "0x";
  for (const char c : begin) {
    constexpr char kDigits[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (is_text) {
      shown += c;
    } else {
      shown += kDigits[byte >> 4];
      shown += kDigits[byte & 0xf];
    }
  }
  if (begin.size() < value.size()) shown += "...";
  if (is_text) shown += "'";
  return shown;
}

}  // namespace overpass::check
