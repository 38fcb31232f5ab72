// SPDX-License-Identifier: MIT

#include "fuse/helper_profile.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sys/file_io.h"

namespace overpass::fuse {

namespace {

constexpr char kEnabled[] = "/sys/module/apparmor/parameters/enabled";
constexpr char kProfile[] = "/etc/apparmor.d/fusermount3";
constexpr char kLocal[] = "/etc/apparmor.d/local/fusermount3";

constexpr std::string_view kBlanks = " \t";
constexpr char kOwnType[] = "fuse.overpass";
constexpr char kReadOnly[] = " (read-only unions)";

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kVariables{
    {{"@{HOME}", "$HOME"}, {"@{run}", "/run"}, {"@{uid}", "UID"}}};

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

/// "@{HOME}/**/" is "$HOME": what comes before the first wildcard, with variables in words of a
/// shell.
std::string directory_of(std::string_view pattern) {
  std::string place(pattern);
  for (const auto& [variable, word] : kVariables) {
    if (const size_t at = place.find(variable); at != std::string::npos) {
      place.replace(at, variable.size(), word);
    }
  }
  place.resize(std::min(place.find_first_of("*?[{"), place.size()));
  const size_t slash = place.rfind('/');
  if (slash != std::string::npos) place.resize(slash);
  return place;
}

struct Rule {
  std::string_view pattern;   ///< Of the mountpoint; empty: no rule for unions.
  bool is_read_only = false;  ///< Allows nothing but read-only mounts.
};

bool contains(std::string_view text, std::string_view words) {
  return text.find(words) != std::string_view::npos;
}

/// Of a line "mount fstype=TYPES options=(...) -> PATTERN,".
Rule read_rule(std::string_view line) {
  constexpr std::string_view kArrow = "->";
  const size_t arrow = line.find(kArrow);
  if (!line.starts_with("mount ") || arrow == std::string_view::npos) return {};
  const std::string_view conditions = line.substr(0, arrow);
  const bool is_for_unions = !contains(conditions, "fstype=") ||
                             contains(conditions, "@{fuse_types}") ||
                             contains(conditions, "fuse.*") || contains(conditions, kOwnType);
  if (!is_for_unions) return {};
  std::string_view pattern = trimmed(line.substr(arrow + kArrow.size()));
  pattern = pattern.substr(0, pattern.find_first_of(kBlanks));
  while (pattern.ends_with(',') || pattern.ends_with('"')) pattern.remove_suffix(1);
  if (pattern.starts_with('"')) pattern.remove_prefix(1);
  return {pattern, contains(conditions, "ro)") && !contains(conditions, "rw")};
}

/// A profile in complain mode writes to the log, and refuses nothing.
bool is_enforced(std::string_view profile) {
  const size_t name = profile.find("\nprofile fusermount3");
  if (name == std::string_view::npos) return true;
  const std::string_view rest = profile.substr(name + 1);
  return !contains(rest.substr(0, rest.find('{')), "complain");
}

}  // namespace

std::vector<std::string> allowed_places(std::string_view profile) {
  std::vector<std::string> places;
  const auto has = [&](const std::string& place) {
    return std::ranges::find(places, place) != places.end();
  };
  std::vector<std::string> read_only;
  while (!profile.empty()) {
    const size_t end = profile.find('\n');
    const Rule rule = read_rule(trimmed(profile.substr(0, end)));
    profile.remove_prefix(end == std::string_view::npos ? profile.size() : end + 1);
    std::string place = directory_of(rule.pattern);
    if (place.empty()) continue;
    if (rule.is_read_only) {
      read_only.push_back(std::move(place));
    } else if (!has(place)) {
      places.push_back(std::move(place));
    }
  }
  for (const std::string& place : read_only) {
    const std::string shown = place + kReadOnly;
    if (!has(place) && !has(shown)) places.push_back(shown);
  }
  return places;
}

HelperProfile find_helper_profile() {
  HelperProfile found;
  const auto enabled = sys::read_file(kEnabled);
  found.is_enabled = enabled && enabled->starts_with('Y');
  const auto shipped = sys::read_file(kProfile);
  if (!found.is_enabled || !shipped || !is_enforced(*shipped)) return found;
  found.path = kProfile;
  const auto local = sys::read_file(kLocal);
  found.places = allowed_places(*shipped + "\n" + local.value_or(""));
  return found;
}

}  // namespace overpass::fuse
