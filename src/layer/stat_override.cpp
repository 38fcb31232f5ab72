// SPDX-License-Identifier: MIT
//
// Read leniently (a file of an image may have been written by other tools), written in full.

#include "layer/stat_override.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cstdio>
#include <optional>

#include "base/id_map.h"
#include "base/number.h"
#include "sys/attributes.h"
#include "sys/xattr.h"

namespace overpass::layer {

namespace {

constexpr char kPrivileged[] = "security.fuseoverlayfs.override_stat";
constexpr char kUser[] = "user.containers.override_stat";
constexpr char kFormerUser[] = "user.fuseoverlayfs.override_stat";

/// No value that is understood is longer.
constexpr size_t kLongest = 128;

struct KindWord {
  std::string_view word;
  mode_t type;
};

constexpr KindWord kKinds[] = {{"file", S_IFREG}, {"dir", S_IFDIR},     {"symlink", S_IFLNK},
                               {"pipe", S_IFIFO}, {"socket", S_IFSOCK}, {"block-", S_IFBLK},
                               {"char-", S_IFCHR}};

bool is_device(mode_t type) { return type == S_IFBLK || type == S_IFCHR; }

/// Type and device number of a kind; nothing for a word that is not known.
struct Kind {
  mode_t type = 0;
  uint32_t major = 0;
  uint32_t minor = 0;
};

std::optional<Kind> kind_of(std::string_view text) {
  for (const auto& [word, type] : kKinds) {
    if (!is_device(type)) {
      if (text == word) return Kind{type};
      continue;
    }
    if (!text.starts_with(word)) continue;
    text.remove_prefix(word.size());
    const auto major = take_number(text, '-');
    const auto minor = take_number(text, '-');
    if (!major || !minor) return {};
    return Kind{type, *major, *minor};
  }
  return {};
}

std::string kind_word(const sys::Stat& stat) {
  const mode_t type = stat.stx_mode & S_IFMT;
  for (const auto& [word, of] : kKinds) {
    if (of != type) continue;
    std::string text(word);
    if (!is_device(type)) return text;
    return text + std::to_string(stat.stx_rdev_major) + "-" + std::to_string(stat.stx_rdev_minor);
  }
  return "file";
}

}  // namespace

const char* name_of(StatOverride kind) {
  if (kind == StatOverride::Privileged) return kPrivileged;
  return kind == StatOverride::User ? kUser : kFormerUser;
}

bool apply_override(std::string_view value, sys::Stat& stat) {
  // Some tools count the end of a C string among the value's bytes.
  while (value.ends_with('\0')) value.remove_suffix(1);
  const auto uid = take_number(value, ':');
  const auto gid = take_number(value, ':');
  const auto mode = take_number(value, ':', 8);
  if (!uid || !gid || !mode || *uid == kNoId || *gid == kNoId) return false;
  mode_t type = stat.stx_mode & S_IFMT;
  if (!value.empty()) {
    const auto kind = kind_of(value);
    if (!kind) return false;
    // Only what stands in for something else can be something else.
    if (S_ISREG(type) && kind->type != S_IFDIR && kind->type != S_IFLNK) {
      type = kind->type;
      stat.stx_rdev_major = kind->major;
      stat.stx_rdev_minor = kind->minor;
    }
  }
  stat.stx_uid = *uid;
  stat.stx_gid = *gid;
  stat.stx_mode = static_cast<uint16_t>(type | (*mode & 07777));
  return true;
}

std::string encode_override(const sys::Stat& stat) {
  std::array<char, 48> numbers = {};
  (void)std::snprintf(numbers.data(), numbers.size(), "%u:%u:%04o:", stat.stx_uid, stat.stx_gid,
                      stat.stx_mode & 07777U);
  return numbers.data() + kind_word(stat);
}

Result<void> read_override(sys::Place place, StatOverride kind, sys::Stat& stat) {
  if (!may_carry(kind, stat.stx_mode)) return {};
  std::array<char, kLongest> value = {};
  const auto length = sys::get_xattr(place, name_of(kind), std::span(value));
  // If it may not be read, the layer belongs to another user, and the inode is all that is known.
  for (const int absent : {ENODATA, EOPNOTSUPP, EACCES}) {
    if (length.failed_with(absent)) return {};
  }
  if (length.failed_with(ERANGE)) return fail(EIO);
  const size_t size = TRY(length);
  const bool is_understood = apply_override({value.data(), size}, stat);
  return is_understood ? Result<void>() : fail(EIO);
}

Result<void> write_override(sys::Place place, StatOverride kind, const sys::Stat& shown) {
  const sys::Stat own = TRY(sys::stat(place));
  if (!may_carry(kind, own.stx_mode)) return {};
  TRY(sys::set_xattr(place, name_of(kind), encode_override(shown)));
  if (S_ISLNK(own.stx_mode)) return {};
  const mode_t wanted = mode_on_disk(shown.stx_mode);
  return (own.stx_mode & 07777U) == wanted ? Result<void>() : sys::change_mode(place, wanted);
}

mode_t mode_on_disk(mode_t mode) {
  const mode_t others = mode & S_IRWXO;
  const mode_t needed = S_ISDIR(mode) ? S_IRWXU : S_IRUSR | S_IWUSR;
  return needed | (others << 3) | others;
}

bool is_override_xattr(std::string_view stored, StatOverride kind) {
  return kind != StatOverride::None && stored == name_of(kind);
}

}  // namespace overpass::layer
