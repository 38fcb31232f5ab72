// SPDX-License-Identifier: MIT
//
// After the walk: files that came from a deleted name are renamed ones; then the order.

#include "changes/list.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>

#include "changes/compare.h"
#include "changes/upper_walk.h"

namespace overpass::changes {

namespace {

bool is_deletion(const Change& change) { return change.kind == Kind::Deleted; }

const std::string& sort_key(const Change& change) {
  return is_deletion(change) ? change.old_path : change.path;
}

/// Whether the list deletes `path`, by itself or with a directory above it.
bool is_deleted(const std::set<std::string>& deleted, std::string_view path) {
  for (; !path.empty(); path = parent_of(path)) {
    if (deleted.contains(std::string(path))) return true;
  }
  return false;
}

std::set<std::string> deleted_paths(const List& list) {
  std::set<std::string> paths;
  for (const Change& change : list.changes) {
    if (is_deletion(change)) paths.insert(change.old_path);
  }
  return paths;
}

/// Makes a rename of the addition at `index`. The deletion of the old name itself goes.
Result<void> make_rename(View& view, Change& addition, const std::string& old_path, Found before) {
  addition.differs = TRY(compare(view, before, *addition.after));
  addition.kind = Kind::Renamed;
  addition.old_path = old_path;
  addition.before = std::move(before);
  return {};
}

void drop_deletions(List& list, const std::set<std::string>& renamed) {
  std::erase_if(list.changes, [&](const Change& change) {
    return is_deletion(change) && renamed.contains(change.old_path);
  });
}

/// Metacopies that were renamed before their data were copied.
Result<void> join_moved(View& lowers, View& merged, const UpperWalk& walk, List& list,
                        std::set<std::string>& renamed) {
  const std::set<std::string> deleted = deleted_paths(list);
  for (const auto& [index, old_path] : walk.moved_files()) {
    if (!is_deleted(deleted, old_path) || renamed.contains(old_path)) continue;
    Found before = TRY(lowers.find(old_path));
    if (!before.file || !S_ISREG(before.file->stat.stx_mode)) continue;
    TRY(make_rename(merged, list.changes[index], old_path, std::move(before)));
    renamed.insert(old_path);
  }
  return {};
}

/// Files that were deleted under one name and added under another with the same bytes. Empty files
/// are alike by chance.
Result<void> join_alike(View& merged, List& list, std::set<std::string>& renamed) {
  const auto is_candidate = [](const std::optional<Found>& found) {
    return found && found->file && found->data && found->data->stat.stx_size > 0;
  };
  std::multimap<uint64_t, const Change*> deletions;
  for (const Change& change : list.changes) {
    if (!is_deletion(change) || renamed.contains(change.old_path)) continue;
    if (is_candidate(change.before)) {
      deletions.emplace(change.before->data->stat.stx_size, &change);
    }
  }
  for (Change& change : list.changes) {
    if (change.kind != Kind::Added || !is_candidate(change.after)) continue;
    const auto [first, last] = deletions.equal_range(change.after->data->stat.stx_size);
    for (auto at = first; at != last; ++at) {
      const Change& deletion = *at->second;
      if (!TRY(same_content(merged, *deletion.before->data, *change.after->data))) continue;
      renamed.insert(deletion.old_path);
      TRY(make_rename(merged, change, deletion.old_path, *deletion.before));
      deletions.erase(at);
      break;
    }
  }
  return {};
}

}  // namespace

Result<List> read_list(const layer::LayerStack& layers, const ReadOptions& options) {
  View lowers(layers, options.changing_layers);
  View merged(layers, layer::kUpper);
  View changing(layers, layer::kUpper, options.changing_layers);
  List list;
  UpperWalk walk(lowers, merged, changing, options);
  TRY(walk.run(list));
  std::set<std::string> renamed;
  TRY(join_moved(lowers, merged, walk, list, renamed));
  if (options.find_renames) TRY(join_alike(merged, list, renamed));
  drop_deletions(list, renamed);
  std::ranges::sort(list.changes, [](const Change& a, const Change& b) {
    if (is_deletion(a) != is_deletion(b)) return is_deletion(a);
    return sort_key(a) < sort_key(b);
  });
  return list;
}

}  // namespace overpass::changes
