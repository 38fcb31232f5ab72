// SPDX-License-Identifier: MIT
//
// Walking by openat2(2).

#include "check/tree.h"

#include <fcntl.h>

#include <algorithm>

#include "sys/directory_stream.h"
#include "sys/open.h"

namespace overpass::check {

namespace {

// Below PATH_MAX by a name, so that a cut at a slash is found.
constexpr size_t kLongestPiece = 3800;

}  // namespace

Result<UniqueFd> open_directory_below(BorrowedFd root, std::string_view path, int flags) {
  UniqueFd owner;
  BorrowedFd at = root;
  while (path.size() > kLongestPiece) {
    const size_t cut = path.rfind('/', kLongestPiece);
    if (cut == std::string_view::npos) return fail(ENAMETOOLONG);
    const std::string piece(path.substr(0, cut));
    owner = TRY(sys::open_beneath(at, piece.c_str(), O_PATH | O_DIRECTORY));
    at = owner;
    path.remove_prefix(cut + 1);
  }
  const std::string rest = path.empty() ? "." : std::string(path);
  return sys::open_beneath(at, rest.c_str(), flags | O_DIRECTORY);
}

std::string joined(std::string_view parent, std::string_view name) {
  std::string path(parent);
  if (!path.empty()) path += '/';
  return path.append(name);
}

Result<std::vector<std::string>> names_in(BorrowedFd directory) {
  std::vector<std::string> names;
  TRY(sys::for_each_entry(directory, [&](const sys::DirectoryEntry& entry) -> Result<void> {
    names.emplace_back(entry.name);
    return {};
  }));
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace overpass::check
