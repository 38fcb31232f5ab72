// SPDX-License-Identifier: MIT
//
// A line of mountinfo: ID PARENT DEVICE ROOT MOUNTPOINT OPTIONS [FIELDS...] - TYPE SOURCE SUPER.
// Blanks and commas in its words are three octal digits (proc(5)); in upperdir= overlayfs also
// keeps the backslashes that the user wrote.

#include "check/in_use.h"

#include <fcntl.h>

#include <algorithm>
#include <set>

#include "check/tree.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::check {

namespace {

constexpr size_t kMountpointField = 4;
constexpr size_t kFirstOptionalField = 6;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

std::string without_octal(std::string_view word) {
  std::string text;
  for (size_t i = 0; i < word.size(); ++i) {
    const bool is_escape = word[i] == '\\' && i + 3 < word.size() && is_octal(word[i + 1]) &&
                           is_octal(word[i + 2]) && is_octal(word[i + 3]);
    if (!is_escape) {
      text += word[i];
      continue;
    }
    text +=
        static_cast<char>((word[i + 1] - '0') * 64 + (word[i + 2] - '0') * 8 + word[i + 3] - '0');
    i += 3;
  }
  return text;
}

std::string without_backslashes(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

void take_directory(OverlayMount& mount, std::string_view option) {
  for (const std::string_view name : {"upperdir=", "workdir="}) {
    if (!option.starts_with(name)) continue;
    const std::string given = without_octal(option.substr(name.size()));
    mount.directories.push_back(given);
    if (const std::string plain = without_backslashes(given); plain != given) {
      mount.directories.push_back(plain);
    }
  }
}

/// The directory, and how its path ends.
struct Sought {
  sys::Stat stat;
  std::string real_path;
};

/// `base` is what "/" means to the mount's namespace.
bool is_meant(const std::string& given, const std::string& base, const Sought& sought) {
  if (given.starts_with('/')) {
    const auto stat = sys::open_path((base + given).c_str(), O_PATH);
    if (!stat) return false;
    const auto found = sys::stat(sys::itself(*stat));
    return found && found->stx_ino == sought.stat.stx_ino &&
           sys::device_of(*found) == sys::device_of(sought.stat);
  }
  // Relative to wherever the one who mounted it stood.
  std::string_view tail = given;
  for (const std::string_view up : {"../", "./"}) {
    if (const size_t last = tail.rfind(up); last != std::string_view::npos) {
      tail.remove_prefix(last + up.size());
    }
  }
  return !tail.empty() && sought.real_path.ends_with("/" + std::string(tail));
}

std::optional<std::string> find_in_table(const std::string& process, const std::string& base,
                                         const Sought& sought) {
  const auto table = read_text((process + "/mountinfo").c_str());
  if (!table) return {};
  for (const OverlayMount& mount : overlay_mounts(*table)) {
    for (const std::string& given : mount.directories) {
      if (is_meant(given, base, sought)) return mount.mountpoint;
    }
  }
  return {};
}

/// A path's link target; empty when it cannot be read.
std::string link_at(const std::string& path) {
  return sys::read_link({BorrowedFd{AT_FDCWD}, path.c_str()}).value_or("");
}

}  // namespace

std::vector<OverlayMount> overlay_mounts(std::string_view mountinfo) {
  std::vector<OverlayMount> mounts;
  for (const std::string_view line : split(mountinfo, '\n')) {
    const auto fields = split(line, ' ');
    size_t dash = kFirstOptionalField;
    while (dash < fields.size() && fields[dash] != "-") ++dash;
    if (dash + 3 >= fields.size() || fields[dash + 1] != "overlay") continue;
    OverlayMount mount{without_octal(fields[kMountpointField]), {}};
    for (const std::string_view option : split(fields[dash + 3], ',')) {
      take_directory(mount, option);
    }
    if (!mount.directories.empty()) mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::optional<std::string> find_overlay_mount_of(BorrowedFd directory) {
  const auto stat = sys::stat(sys::itself(directory));
  if (!stat) return {};
  const Sought sought{*stat, link_at(sys::ProcPath(sys::itself(directory)).c_str())};
  if (auto own = find_in_table("/proc/self", "", sought)) return own;
  std::set<std::string> seen = {link_at("/proc/self/ns/mnt")};
  const auto processes = sys::open_path("/proc", O_RDONLY | O_DIRECTORY);
  if (!processes) return {};
  const auto names = names_in(*processes);
  if (!names) return {};
  for (const std::string& name : *names) {
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string process = "/proc/" + name;
    const std::string space = link_at(process + "/ns/mnt");
    if (space.empty() || !seen.insert(space).second) continue;
    if (auto other = find_in_table(process, process + "/root", sought)) return other;
  }
  return {};
}

}  // namespace overpass::check
