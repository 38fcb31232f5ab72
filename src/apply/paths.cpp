// SPDX-License-Identifier: MIT

#include "apply/paths.h"

#include "changes/view.h"
#include "check/tree.h"

namespace overpass::apply {

namespace {

/// `path` with the longest of the `from` that it is at or below replaced by its `to`.
template <class From, class To>
std::string moved(std::string_view path,
                  const std::vector<std::pair<std::string, std::string>>& pairs, From from, To to) {
  size_t longest = 0;
  std::string result(path);
  for (const auto& pair : pairs) {
    const std::string& start = from(pair);
    if (start.size() < longest || !is_at_or_below(path, start)) continue;
    longest = start.size();
    result = to(pair) + std::string(path.substr(start.size()));
  }
  return result;
}

const std::string& first_of(const std::pair<std::string, std::string>& pair) { return pair.first; }
const std::string& second_of(const std::pair<std::string, std::string>& pair) {
  return pair.second;
}

}  // namespace

bool is_at_or_below(std::string_view path, std::string_view directory) {
  if (directory.empty()) return true;
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

Renames::Renames(const changes::List& list) {
  for (const changes::Change& change : list.changes) {
    if (change.kind == changes::Kind::Renamed) pairs_.emplace_back(change.old_path, change.path);
  }
}

std::string Renames::before(std::string_view path) const {
  return moved(path, pairs_, second_of, first_of);
}

std::string Renames::after(std::string_view old_path) const {
  return moved(old_path, pairs_, first_of, second_of);
}

std::string Renames::parent_before(std::string_view path) const {
  return check::joined(before(changes::parent_of(path)), changes::name_of(path));
}

std::string Renames::parent_after(std::string_view old_path) const {
  return check::joined(after(changes::parent_of(old_path)), changes::name_of(old_path));
}

}  // namespace overpass::apply
