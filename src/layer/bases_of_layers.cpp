// SPDX-License-Identifier: MIT

#include "layer/bases_of_layers.h"

#include <fcntl.h>

#include "layer/kept_base.h"
#include "sys/open.h"

namespace overpass::layer {

std::vector<UniqueFd> open_all_bases(const std::vector<std::string>& homes) {
  std::vector<UniqueFd> directories;
  for (const std::string& home : homes) {
    const std::string path = home + "/" + kBases;
    auto directory = sys::open_path(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (directory) directories.push_back(std::move(*directory));
  }
  return directories;
}

Result<std::string> find_base(const std::vector<std::string>& homes, const BaseStamp& stamp) {
  for (const UniqueFd& bases : open_all_bases(homes)) {
    auto found = read_base(bases, stamp);
    if (found) return found;
    const bool is_none = found.failed_with(ENOENT) || found.failed_with(EBADMSG);
    if (!is_none) return found;
  }
  return fail(ENOENT);
}

Result<void> join_bases(const std::vector<std::string>& homes, const std::string& home) {
  const std::vector<UniqueFd> directories = open_all_bases(homes);
  if (directories.empty()) return {};
  const UniqueFd bases = TRY(open_bases(home));
  for (const UniqueFd& directory : directories) TRY(link_bases(directory, bases));
  return {};
}

void keep_bases(const std::string& home, const std::string& lower,
                const std::map<std::string, BaseStamp>& stamps) {
  const auto bases = open_bases(home);
  const auto root = sys::open_path(lower.c_str(), O_PATH | O_DIRECTORY);
  if (!bases || !root) return;
  for (const auto& [path, stamp] : stamps) {
    if (!has_base(stamp)) continue;
    const auto file =
        sys::open_beneath(*root, path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (file) (void)keep_base(*bases, stamp, *file);
  }
}

void follow_stamps(const std::vector<std::string>& homes,
                   const std::map<std::string, BaseStamp>& known,
                   const std::map<std::string, BaseStamp>& now) {
  const std::vector<UniqueFd> directories = open_all_bases(homes);
  for (const auto& [path, stamp] : now) {
    const auto former = known.find(path);
    const bool is_same =
        former != known.end() && has_base(stamp) && is_same_but_ctime(former->second, stamp);
    if (!is_same || former->second == stamp) continue;
    for (const UniqueFd& bases : directories) {
      if (link_base(bases, former->second, bases, stamp)) break;
    }
  }
}

}  // namespace overpass::layer
