// SPDX-License-Identifier: MIT
//
// Directories wait on a stack of their own, not on the thread's: a layer may be as deep as its
// owner likes. Redirects are gathered by a walk before: the place that a directory has left is met
// before or after the place that it has gone to.

#include "changes/upper_walk.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>

#include "changes/compare.h"
#include "check/tree.h"
#include "layer/mark_values.h"
#include "layer/markers.h"
#include "sys/directory_stream.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::changes {

namespace {

using check::joined;

Result<UniqueFd> open_directory(View& view, const Place& place) {
  return sys::open_for_listing(TRY(view.directory(place.layer, place.path)));
}

/// Whether the entry may be a directory.
bool may_be_directory(const sys::DirectoryEntry& entry) {
  return entry.type == DT_DIR || entry.type == DT_UNKNOWN;
}

}  // namespace

UpperWalk::UpperWalk(View& lowers, View& merged, View& changing, const ReadOptions& options)
    : lowers_(lowers), merged_(merged), changing_(changing), options_(options) {}

/// The names that the changing layers have there, with those that they only hide; sorted.
Result<std::vector<std::string>> UpperWalk::names_in(const UpperDirectory& directory) {
  std::vector<std::string> names;
  for (const Place& place : directory.uppers) {
    const UniqueFd fd = TRY(open_directory(changing_, place));
    TRY(sys::for_each_entry(fd, [&](const sys::DirectoryEntry& entry) -> Result<void> {
      const std::string_view name = layer::hidden_by(entry.name).value_or(entry.name);
      if (!layer::is_whiteout_name(name)) names.emplace_back(name);
      return {};
    }));
  }
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return names;
}

/// The old path that the redirects of `name` lead to; nothing without one, or if it names a
/// neighbour where no lower shows through.
std::optional<std::string> UpperWalk::redirect_of(const Rest& rest, const std::string& name,
                                                  const UpperDirectory& directory) const {
  if (rest.name == name) return std::nullopt;
  if (rest.name.front() == '/') return rest.name.substr(1);
  if (directory.hides) return std::nullopt;
  return joined(directory.old_path, rest.name);
}

/// Calls `visit` for every directory of the upper, parents before children.
template <class Visit>
Result<void> UpperWalk::for_all(List& list, Visit visit) {
  std::vector<UpperDirectory> pending;
  pending.push_back({"", "", changing_.roots(), lowers_.roots(), false});
  while (!pending.empty()) {
    if (options_.is_stopped()) return fail(ECANCELED);
    const UpperDirectory directory = std::move(pending.back());
    pending.pop_back();
    std::vector<UpperDirectory> below;
    if (const auto visited = visit(directory, below); !visited) {
      list.unread.push_back({directory.path, visited.error()});
    }
    for (UpperDirectory& found : below) pending.push_back(std::move(found));
  }
  return {};
}

Result<void> UpperWalk::run(List& list) {
  List ignored;  // The second walk meets what could not be read again.
  TRY(for_all(ignored, [this](const UpperDirectory& directory, auto& below) {
    return note_sources(directory, below);
  }));
  return for_all(list, [this, &list](const UpperDirectory& directory, auto& below) {
    return examine(list, directory, below);
  });
}

/// Only paths are kept of the lowers here.
Result<void> UpperWalk::note_sources(const UpperDirectory& directory,
                                     std::vector<UpperDirectory>& below) {
  std::set<std::string> names;
  for (const Place& place : directory.uppers) {
    const UniqueFd fd = TRY(open_directory(changing_, place));
    TRY(sys::for_each_entry(fd, [&](const sys::DirectoryEntry& entry) -> Result<void> {
      if (may_be_directory(entry)) names.emplace(entry.name);
      return {};
    }));
  }
  for (const std::string& name : names) TRY(note_source(directory, name, below));
  return {};
}

Result<void> UpperWalk::note_source(const UpperDirectory& directory, const std::string& name,
                                    std::vector<UpperDirectory>& below) {
  Rest rest;
  // The second walk tells of what cannot be read.
  auto seen = changing_.look_up(directory.uppers, name, &rest);
  if (!seen || seen->directories.empty()) return {};
  UpperDirectory found{joined(directory.path, name),
                       joined(directory.old_path, name),
                       std::move(seen->directories),
                       {},
                       directory.hides || rest.is_hidden};
  const auto source = rest.is_hidden ? std::nullopt : redirect_of(rest, name, directory);
  if (source && *source != found.old_path && !TRY(lowers_.find(*source)).directories.empty()) {
    found.old_path = *source;
    found.hides = false;
    sources_.insert(found.old_path);
  }
  below.push_back(std::move(found));
  return {};
}

Result<void> UpperWalk::examine(List& list, const UpperDirectory& directory,
                                std::vector<UpperDirectory>& below) {
  const std::vector<std::string> names = TRY(names_in(directory));
  for (const std::string& name : names) {
    if (options_.is_stopped()) return {};
    if (const auto examined = examine_name(list, directory, name, below); !examined) {
      list.unread.push_back({joined(directory.path, name), examined.error()});
    }
  }
  return directory.hides ? add_hidden(list, directory, names) : Result<void>();
}

Result<void> UpperWalk::examine_name(List& list, const UpperDirectory& directory,
                                     const std::string& name, std::vector<UpperDirectory>& below) {
  Rest rest;
  Entry entry{directory, name, joined(directory.path, name), joined(directory.old_path, name), {},
              {},        {}};
  entry.after = TRY(changing_.look_up(directory.uppers, name, &rest));
  if (entry.after.is_nothing()) {
    // A whiteout; or it went meanwhile.
    return rest.is_hidden ? add_deletion(list, directory, name) : Result<void>();
  }
  entry.before = TRY(lowers_.look_up(directory.lowers, name));
  if (!entry.after.directories.empty()) {
    if (!rest.is_hidden) entry.redirect = redirect_of(rest, name, directory);
    below.push_back(TRY(examine_directory(list, entry, rest.is_hidden)));
    return {};
  }
  entry.redirect = redirect_of(rest, name, directory);
  if (S_ISREG(entry.after.file->stat.stx_mode) && !entry.after.data) {
    // A metacopy, whose data are found below all that the directory is merged with.
    Stack stack = directory.uppers;
    if (!directory.hides) {
      stack.insert(stack.end(), directory.lowers.begin(), directory.lowers.end());
    }
    entry.after = TRY(merged_.look_up(stack, name));
  }
  return examine_file(list, entry);
}

/// What it is merged with decides what it is compared with.
Result<UpperDirectory> UpperWalk::examine_directory(List& list, Entry& entry, bool is_opaque) {
  UpperDirectory found{
      entry.path, entry.old_path, entry.after.directories, {}, is_opaque || entry.directory.hides};
  const bool was_moved = sources_.contains(entry.old_path);
  if (entry.redirect && *entry.redirect != entry.old_path) {
    Found source = TRY(lowers_.find(*entry.redirect));
    if (!source.directories.empty()) {
      // What had this name before is hidden by the renamed directory.
      if (!entry.before.is_nothing()) TRY(add_deletion(list, entry.directory, entry.name));
      entry.old_path = *entry.redirect;
      found.old_path = entry.old_path;
      found.hides = false;
      found.lowers = source.directories;
      TRY(add_compared(list, entry, Kind::Renamed, source));
      return found;
    }
  }
  if (entry.before.is_nothing() || (found.hides && was_moved)) {
    found.hides = true;
    add(list, Kind::Added, entry);
  } else if (entry.before.file) {
    found.hides = true;
    add(list, Kind::TypeChanged, entry);
  } else {
    found.lowers = entry.before.directories;
    TRY(add_compared(list, entry, Kind::Modified, entry.before));
  }
  return found;
}

Result<void> UpperWalk::examine_file(List& list, Entry& entry) {
  if (!entry.after.file) return {};  // It went meanwhile.
  const auto type = entry.after.file->stat.stx_mode & S_IFMT;
  if (entry.before.is_nothing() || sources_.contains(entry.old_path)) {
    if (entry.redirect && S_ISREG(type)) {
      moved_files_.emplace_back(list.changes.size(), *entry.redirect);
    }
    add(list, Kind::Added, entry);
  } else if ((entry.before.top().stat.stx_mode & S_IFMT) != type) {
    add(list, Kind::TypeChanged, entry);
  } else {
    TRY(add_compared(list, entry, Kind::Modified, entry.before));
  }
  return {};
}

/// Adds the change if anything differs, or if it is more than a modification.
Result<void> UpperWalk::add_compared(List& list, Entry& entry, Kind kind, const Found& before) {
  const Differences differs = TRY(compare(merged_, before, entry.after));
  if (kind == Kind::Modified && !differs.any()) {
    if (const auto copy = equal_copy(before, entry.after)) list.equal_copies.push_back(*copy);
    return {};
  }
  entry.before = before;
  add(list, kind, entry);
  list.changes.back().differs = differs;
  return {};
}

void UpperWalk::add(List& list, Kind kind, Entry& entry) {
  Change change{kind, entry.path, entry.old_path};
  if (kind == Kind::Added) change.old_path.clear();
  if (kind != Kind::Added) change.before = entry.before;
  change.after = entry.after;
  list.changes.push_back(std::move(change));
}

/// Nothing if the lowers do not show the name, or if a redirect shows it elsewhere.
Result<void> UpperWalk::add_deletion(List& list, const UpperDirectory& directory,
                                     const std::string& name) {
  const std::string old_path = joined(directory.old_path, name);
  if (sources_.contains(old_path)) return {};
  Found before = TRY(lowers_.look_up(directory.lowers, name));
  if (before.is_nothing()) return {};
  list.changes.push_back({Kind::Deleted, "", old_path, {}, std::move(before), {}});
  return {};
}

/// The names of the lowers that an opaque directory neither has nor hides itself. `kept` is sorted.
Result<void> UpperWalk::add_hidden(List& list, const UpperDirectory& directory,
                                   const std::vector<std::string>& kept) {
  for (const std::string& name : TRY(lowers_.names_of(directory.lowers))) {
    if (std::ranges::binary_search(kept, name)) continue;
    TRY(add_deletion(list, directory, name));
  }
  return {};
}

}  // namespace overpass::changes
