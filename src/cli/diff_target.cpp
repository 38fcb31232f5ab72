// SPDX-License-Identifier: MIT

#include "cli/diff_target.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <span>

#include "base/nearest.h"
#include "changes/layers.h"
#include "cli/named_mount.h"

namespace overpass::cli {

namespace {

namespace fs = std::filesystem;
using changes::Change;

/// The sandbox that the call names; nothing if it names something else.
std::expected<std::optional<DiffTarget>, Refusal> find_sandbox(const Context& context,
                                                               const ParsedArguments& parsed) {
  if (parsed.operands.empty()) return std::nullopt;
  const std::string& name = parsed.operands.front();
  const auto found = find_named_sandbox(context, name);
  if (!found) return std::nullopt;
  const auto record = sandbox::read_record(*found);
  if (!record) return not_possible(record.error());
  std::optional<size_t> since;
  for (const command_line::GivenFlag& flag : parsed.flags) {
    if (flag.name != "--since") continue;
    since = record->find_snapshot(flag.value);
    if (!since) {
      return not_possible({name + " has no snapshot " + in_quotes(flag.value),
                           "'overpass log " + name + "' shows all"});
    }
  }
  DiffTarget target = target_of(*found, *record, since);
  for (size_t i = 1; i < parsed.operands.size(); ++i) {
    const std::string& path = parsed.operands[i];
    std::error_code error;
    // A path is one of this directory, as for other programs; a glob is for all.
    const bool is_glob = path.find_first_of("*?[") != std::string::npos;
    target.paths.push_back(
        without_slashes(is_glob ? path : fs::absolute(path, error).lexically_normal().string()));
  }
  return target;
}

/// What only says that an ordinary user owns the copies he made is no change.
void leave_out_owners(changes::List& list) {
  for (Change& change : list.changes) change.differs.owner = false;
  std::erase_if(list.changes, [&list](const Change& change) {
    if (change.kind != changes::Kind::Modified || change.differs.any()) return false;
    if (const auto copy = changes::equal_copy(*change.before, *change.after)) {
      list.equal_copies.push_back(*copy);
    }
    return true;
  });
}

bool is_deletion(const Change& change) { return change.kind == changes::Kind::Deleted; }

const std::string& main_path(const Change& change) {
  return is_deletion(change) ? change.old_path : change.path;
}

}  // namespace

std::string without_slashes(std::string path) {
  while (path.ends_with('/')) path.pop_back();
  path.erase(0, std::min(path.find_first_not_of('/'), path.size()));
  return path;
}

std::expected<DiffTarget, Refusal> find_diff_target(const Context& context,
                                                    const ParsedArguments& parsed,
                                                    const LayerNeeds& needs) {
  auto sandbox = find_sandbox(context, parsed);
  if (!sandbox) return std::unexpected(sandbox.error());
  if (*sandbox) return std::move(**sandbox);
  auto looked = find_looked_at(context, parsed, needs);
  if (!looked) return std::unexpected(looked.error());
  DiffTarget target;
  target.unions.push_back({"", std::move(looked->layers)});
  target.paths = std::move(looked->paths);
  return target;
}

namespace {

/// How many frozen layers of the file system came after the snapshot.
size_t layers_since(const sandbox::Record& record, const sandbox::FileSystem& one,
                    std::optional<size_t> since) {
  if (!since) return one.layers.size();
  const auto is_older = [&](const std::string& id) {
    return std::ranges::any_of(
        std::span(record.snapshots).first(*since + 1), [&](const sandbox::Snapshot& snapshot) {
          return std::ranges::find(snapshot.layers, id) != snapshot.layers.end();
        });
  };
  return static_cast<size_t>(std::ranges::find_if(one.layers, is_older) - one.layers.begin());
}

}  // namespace

DiffTarget target_of(const sandbox::Sandbox& sandbox, const sandbox::Record& record,
                     std::optional<size_t> since) {
  DiffTarget target;
  target.sandbox = sandbox.name();
  target.compares_owners = !record.has_one_owner;
  for (const sandbox::FileSystem& one : record.file_systems) {
    std::error_code error;
    const bool has_upper = fs::exists(one.upper(sandbox), error);
    const size_t changing = layers_since(record, one, since);
    if (!has_upper && changing == 0) continue;
    if (!one.is_there()) {
      target.gone.push_back(one);
      continue;
    }
    layer::LayerPaths layers;
    layers.lower = one.layer_paths(sandbox);
    layers.lower.push_back(one.base());
    if (has_upper) {
      layers.upper = one.upper(sandbox);
      layers.work = one.work(sandbox);
    }
    target.unions.push_back(
        {without_slashes(one.at), std::move(layers), static_cast<layer::LayerIndex>(1 + changing)});
  }
  return target;
}

const sandbox::FileSystem* find_file_system(const sandbox::Record& record,
                                            const std::string& place) {
  const auto found = std::ranges::find_if(record.file_systems, [&](const sandbox::FileSystem& one) {
    return one.is_there() && without_slashes(one.at) == place;
  });
  return found == record.file_systems.end() ? nullptr : &*found;
}

Expected<std::vector<ComparedUnion>> compare(const DiffTarget& target, bool find_renames) {
  std::vector<ComparedUnion> unions;
  for (const PlacedUnion& placed : target.unions) {
    auto layers = changes::open_layers(placed.layers);
    if (!layers) return std::unexpected(layers.error());
    auto list = changes::read_list(
        *layers, {.find_renames = find_renames, .changing_layers = placed.changing_layers});
    if (!list) {
      return problem(
          std::string("the upper directory cannot be read: ") + std::strerror(to_int(list.error())),
          "look as the user who mounts");
    }
    if (!target.compares_owners) leave_out_owners(*list);
    unions.push_back({placed.place, std::move(*layers), placed.changing_layers, std::move(*list)});
  }
  return unions;
}

Expected<void> check_read(const changes::List& list, const std::string& place) {
  if (list.unread.empty()) return {};
  const changes::Unread& unread = list.unread.front();
  return problem(in_quotes("/" + placed(place, unread.path)) +
                     " cannot be read: " + std::strerror(to_int(unread.error)),
                 "correct the permissions; nothing has been changed");
}

std::string placed(const std::string& place, const std::string& path) {
  return place.empty() || path.empty() ? path : place + "/" + path;
}

namespace {

/// What of `path` is below `directory`; nothing if it does not lie there.
std::string relative(const std::string& path, const std::string& directory) {
  const std::string above = directory + "/";
  return path.starts_with(above) ? path.substr(above.size()) : "";
}

}  // namespace

void make_relative(changes::List& list, const std::string& directory) {
  if (directory.empty()) return;
  for (Change& change : list.changes) {
    const bool was_renamed = change.kind == changes::Kind::Renamed;
    change.path = relative(change.path, directory);
    change.old_path = relative(change.old_path, directory);
    if (was_renamed && change.old_path.empty()) {
      change.kind = changes::Kind::Added;
      change.before.reset();
    } else if (was_renamed && change.path.empty()) {
      change.kind = changes::Kind::Deleted;
      change.after.reset();
    }
  }
  std::erase_if(list.changes, [](const Change& change) { return main_path(change).empty(); });
  for (changes::Unread& unread : list.unread) {
    // What could not be read elsewhere is told all the same.
    if (std::string below = relative(unread.path, directory); !below.empty()) unread.path = below;
  }
}

void make_relative(std::vector<changes::FilePair>& pairs, const std::string& directory) {
  if (directory.empty()) return;
  for (changes::FilePair& pair : pairs) {
    pair.path = relative(pair.path, directory);
    pair.old_path = relative(pair.old_path, directory);
    if (pair.path.empty()) pair.after.reset();
    if (pair.old_path.empty()) pair.before.reset();
  }
  std::erase_if(pairs, [](const changes::FilePair& pair) {
    return pair.path.empty() && pair.old_path.empty();
  });
}

changes::List merged(const std::vector<ComparedUnion>& unions) {
  changes::List all;
  for (const ComparedUnion& one : unions) {
    for (Change change : one.list.changes) {
      change.path = placed(one.place, change.path);
      change.old_path = placed(one.place, change.old_path);
      all.changes.push_back(std::move(change));
    }
    for (const changes::Unread& unread : one.list.unread) {
      all.unread.push_back({placed(one.place, unread.path), unread.error});
    }
  }
  if (unions.size() < 2) return all;
  std::ranges::stable_sort(all.changes, [](const Change& left, const Change& right) {
    if (is_deletion(left) != is_deletion(right)) return is_deletion(left);
    return main_path(left) < main_path(right);
  });
  return all;
}

Expected<changes::List> changes_of(const sandbox::Sandbox& sandbox) {
  const auto record = sandbox::read_record(sandbox);
  if (!record) return std::unexpected(record.error());
  const auto unions = compare(target_of(sandbox, *record), false);
  if (!unions) return std::unexpected(unions.error());
  return merged(*unions);
}

}  // namespace overpass::cli
