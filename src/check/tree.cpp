// SPDX-License-Identifier: MIT
//
// By path with openat2(2), or step by step. ".." is compared with what was there on the way down.

#include "check/tree.h"

#include <fcntl.h>

#include <algorithm>

#include "sys/directory_stream.h"
#include "sys/open.h"
#include "sys/stat.h"

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

void Walk::start_over() {
  at_ = UniqueFd();
  path_.clear();
  levels_.clear();
}

Result<void> Walk::down(std::string_view name) {
  if (name == "." || name == "..") return fail(EXDEV);
  UniqueFd fd = TRY(sys::open_at(at(), std::string(name).c_str(), O_PATH | O_DIRECTORY));
  const sys::Stat stat = TRY(sys::stat(sys::place_of(fd)));
  if (!path_.empty()) path_ += '/';
  path_.append(name);
  levels_.push_back({path_.size(), sys::device_of(stat), stat.stx_ino});
  at_ = std::move(fd);
  return {};
}

Result<void> Walk::up_to(size_t count) {
  while (levels_.size() > std::max(count, size_t{1})) {
    const Level& above = levels_[levels_.size() - 2];
    UniqueFd fd = TRY(sys::open_at(at_, "..", O_PATH | O_DIRECTORY));
    const sys::Stat stat = TRY(sys::stat(sys::place_of(fd)));
    if (stat.stx_ino != above.ino || sys::device_of(stat) != above.device) return fail(ESTALE);
    at_ = std::move(fd);
    levels_.pop_back();
    path_.resize(levels_.back().end);
  }
  if (count == 0) start_over();
  return {};
}

Result<BorrowedFd> Walk::go_to(std::string_view path) {
  const size_t longest = std::min(path.size(), path_.size());
  const auto parted = std::mismatch(path.begin(), path.begin() + longest, path_.begin()).first;
  const auto same = static_cast<size_t>(parted - path.begin());
  size_t kept = levels_.size();
  const auto is_shared = [&](const Level& level) {
    return level.end <= same && (level.end == path.size() || path[level.end] == '/');
  };
  while (kept > 0 && !is_shared(levels_[kept - 1])) --kept;
  // From the root if that is shorter, or if somebody has moved what is above.
  if (levels_.size() - kept > kept || !up_to(kept)) start_over();
  for (size_t begin = path_.empty() ? 0 : path_.size() + 1; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (auto gone = down(path.substr(begin, end - begin)); !gone) {
      start_over();
      return fail(gone.error());
    }
    begin = end + 1;
  }
  return at();
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
