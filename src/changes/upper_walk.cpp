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
using layer::kUpper;

/// The old path that the redirect of a file in `directory` leads to; nothing without one, or if it
/// names a neighbour where no lower shows through.
Result<std::optional<std::string>> redirect_of(const View& view, sys::Place place,
                                               const UpperDirectory& directory) {
  const layer::LayerStack& stack = view.layers();
  if (!stack.format.follows_redirects) return std::nullopt;
  const auto value = sys::get_xattr(place, layer::name_of(layer::Mark::Redirect, stack.prefix));
  for (const int absent : {ENODATA, EOPNOTSUPP, EPERM, EACCES}) {
    if (value.failed_with(absent)) return std::nullopt;
  }
  const auto redirect = layer::decode_redirect(TRY(value));
  if (!redirect) return fail(EIO);
  if (redirect->is_absolute()) return redirect->path.substr(1);
  if (directory.hides) return std::nullopt;
  return joined(directory.old_path, redirect->path);
}

Result<UniqueFd> open_upper(View& view, const std::string& path) {
  return sys::open_for_listing(TRY(view.directory(kUpper, path)));
}

/// What a name in the upper is.
enum class What { Nothing, Whiteout, Directory, OpaqueDirectory, File };

struct Seen {
  What what = What::Nothing;
  sys::Stat stat = {};
};

Result<Seen> see(const View& view, sys::Place place) {
  const layer::Layer& upper = view.layers().upper();
  const layer::Prefix prefix = view.layers().prefix;
  const auto stat = shown_stat(upper, place);
  if (stat.failed_with(ENOENT)) return Seen{};  // It went meanwhile.
  Seen seen;
  seen.what = What::File;
  seen.stat = TRY(stat);
  if (TRY(layer::hides(place, seen.stat, prefix, upper.foreign_marks))) {
    seen.what = What::Whiteout;
  } else if (S_ISDIR(seen.stat.stx_mode)) {
    const auto opacity = TRY(layer::opacity_of(place, prefix, upper.foreign_marks));
    seen.what = opacity == layer::Opacity::Opaque ? What::OpaqueDirectory : What::Directory;
  }
  return seen;
}

}  // namespace

UpperWalk::UpperWalk(View& lowers, View& merged, const ReadOptions& options)
    : lowers_(lowers), merged_(merged), options_(options) {}

/// Calls `visit` for every directory of the upper, parents before children.
template <class Visit>
Result<void> UpperWalk::for_all(List& list, Visit visit) {
  std::vector<UpperDirectory> pending;
  pending.push_back({"", "", lowers_.roots(), false});
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
  const UniqueFd fd = TRY(open_upper(merged_, directory.path));
  return sys::for_each_entry(fd, [&](const sys::DirectoryEntry& entry) -> Result<void> {
    if (entry.type != DT_DIR && entry.type != DT_UNKNOWN) return {};
    const std::string name(entry.name);
    const sys::Place place = {fd, name.c_str()};
    const auto seen = see(merged_, place);
    if (!seen || (seen->what != What::Directory && seen->what != What::OpaqueDirectory)) return {};
    const bool hides = directory.hides || seen->what == What::OpaqueDirectory;
    UpperDirectory found{joined(directory.path, name), joined(directory.old_path, name), {}, hides};
    if (seen->what == What::Directory) {
      const auto source = redirect_of(merged_, place, directory);
      if (source && *source && **source != found.old_path &&
          !TRY(lowers_.find(**source)).directories.empty()) {
        found.old_path = **source;
        found.hides = false;
        sources_.insert(found.old_path);
      }
    }
    below.push_back(std::move(found));
    return {};
  });
}

Result<void> UpperWalk::examine(List& list, const UpperDirectory& directory,
                                std::vector<UpperDirectory>& below) {
  const UniqueFd fd = TRY(open_upper(merged_, directory.path));
  const std::vector<std::string> names = TRY(check::names_in(fd));
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
  const BorrowedFd fd = TRY(merged_.directory(kUpper, directory.path));
  if (const auto hidden = layer::hidden_by(name)) {
    const std::string other(*hidden);
    if (layer::is_whiteout_name(other) || sys::stat({fd, other.c_str()})) return {};
    return add_deletion(list, directory, other);
  }
  const sys::Place place = {fd, name.c_str()};
  const Seen seen = TRY(see(merged_, place));
  if (seen.what == What::Nothing) return {};
  if (seen.what == What::Whiteout) return add_deletion(list, directory, name);
  Entry entry{directory, name, joined(directory.path, name), joined(directory.old_path, name), {},
              {},        {}};
  entry.before = TRY(lowers_.look_up(directory.lowers, name));
  if (seen.what == What::File) {
    entry.redirect = TRY(redirect_of(merged_, place, directory));
    entry.after = TRY(merged_.look_up({Place{kUpper, directory.path, {}}}, name));
    if (entry.after.file && S_ISREG(seen.stat.stx_mode) && !entry.after.data) {
      // A metacopy, whose data are found below all that the directory is merged with.
      Stack stack = {Place{kUpper, directory.path, {}}};
      if (!directory.hides) {
        stack.insert(stack.end(), directory.lowers.begin(), directory.lowers.end());
      }
      entry.after = TRY(merged_.look_up(stack, name));
    }
    return examine_file(list, entry);
  }
  const bool is_opaque = seen.what == What::OpaqueDirectory;
  if (!is_opaque) entry.redirect = TRY(redirect_of(merged_, place, directory));
  entry.after.directories = {Place{kUpper, entry.path, seen.stat}};
  below.push_back(TRY(examine_directory(list, entry, is_opaque)));
  return {};
}

/// What it is merged with decides what it is compared with.
Result<UpperDirectory> UpperWalk::examine_directory(List& list, Entry& entry, bool is_opaque) {
  UpperDirectory found{entry.path, entry.old_path, {}, is_opaque || entry.directory.hides};
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
  if (kind == Kind::Modified && !differs.any()) return {};
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

/// The names of the lowers that an opaque directory does not have itself. `kept` is sorted.
Result<void> UpperWalk::add_hidden(List& list, const UpperDirectory& directory,
                                   const std::vector<std::string>& kept) {
  for (const std::string& name : TRY(lowers_.names_of(directory.lowers))) {
    if (std::ranges::binary_search(kept, name)) continue;
    if (std::ranges::binary_search(kept, layer::whiteout_name_of(name))) continue;
    TRY(add_deletion(list, directory, name));
  }
  return {};
}

}  // namespace overpass::changes
