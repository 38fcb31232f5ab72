// SPDX-License-Identifier: MIT

#include "apply/plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/nearest.h"
#include "changes/view.h"
#include "check/tree.h"

namespace overpass::apply {

namespace {

using changes::Change;
using changes::Kind;
using changes::parent_of;
using check::joined;

/// Where the union has the change, or would have it.
std::string shown_path(const Change& change, const Renames& renames) {
  return change.kind == Kind::Deleted ? renames.parent_after(change.old_path) : change.path;
}

bool is_directory(const std::optional<changes::Found>& found) {
  return found && !found->directories.empty();
}

/// Whether a directory comes to be where none was, so that all below it is new.
bool is_new_directory(const Change& change) {
  return (change.kind == Kind::Added || change.kind == Kind::TypeChanged) &&
         is_directory(change.after);
}

/// The changes by their paths in the union.
std::map<std::string, const Change*, std::less<>> by_path(const changes::List& list) {
  std::map<std::string, const Change*, std::less<>> found;
  for (const Change& change : list.changes) {
    if (change.kind != Kind::Deleted) found.emplace(change.path, &change);
  }
  return found;
}

Expected<void> check_path(const changes::List& list, const std::string& path) {
  for (const Change& change : list.changes) {
    if (change.kind == Kind::Renamed && path != change.path && is_at_or_below(path, change.path)) {
      return problem(in_quotes(path) + " lies in " + in_quotes(change.path) + ", which was " +
                         in_quotes(change.old_path),
                     "a renamed directory is taken as a whole: name " + in_quotes(change.path));
    }
  }
  return {};
}

/// Makes steps of a list.
class Planner {
 public:
  Planner(const changes::List& list, const changes::List& all, const std::string& id,
          const IsSameFile& is_same_file)
      : list_(list), all_(all), id_(id), is_same_file_(is_same_file), plan_{} {
    plan_.renames = Renames(list);
    for (const Change& change : list.changes) {
      const bool is_taken = change.kind == Kind::Deleted || change.kind == Kind::Renamed;
      if (change.kind == Kind::Modified && change.differs.content && change.before->file) {
        ++modified_names_[change.before->file->stat.stx_ino];
      }
      if (is_taken || change.kind == Kind::TypeChanged) plan_.departing.insert(change.old_path);
    }
    for (const Change& change : all.changes) {
      if (change.kind != Kind::Modified) continue;
      if (const auto copy = changes::equal_copy(*change.before, *change.after)) note(*copy);
    }
    for (const changes::EqualCopy& copy : all.equal_copies) note(copy);
  }

  Plan run() {
    add_departures();
    add_arrivals();
    add_attribute_changes();
    list_dropped();
    return std::move(plan_);
  }

 private:
  std::string temporary_in(std::string_view directory) {
    return joined(directory, ".overpass-" + id_ + "-" + std::to_string(++count_));
  }

  /// Beside what goes, or further up: in a directory that itself stays where it is.
  std::string temporary_of_departing(const std::string& old_path) {
    std::string_view directory = parent_of(old_path);
    while (plan_.departs(directory)) directory = parent_of(directory);
    return temporary_in(directory);
  }

  PlannedStep& add(Act act, const Change& change) {
    PlannedStep planned;
    planned.step.act = act;
    planned.step.path = change.path;
    planned.step.old_path = change.old_path;
    planned.changes.push_back(&change);
    plan_.steps.push_back(std::move(planned));
    return plan_.steps.back();
  }

  void take(const Change& change) {
    Step& step = add(Act::Take, change).step;
    step.temporary = temporary_of_departing(change.old_path);
    taken_[&change] = step.temporary;
  }

  /// From the deepest on: one may lie in another.
  void add_departures() {
    std::vector<const Change*> departing;
    for (const Change& change : list_.changes) {
      if (change.kind == Kind::Deleted || change.kind == Kind::Renamed)
        departing.push_back(&change);
      if (change.kind == Kind::Renamed) plan_.moved.push_back(change.old_path);
    }
    std::ranges::sort(departing, std::greater(), &Change::old_path);
    for (const Change* change : departing) take(*change);
  }

  /// What is being filled while the list is gone through by path: a directory that a step prepares,
  /// or one that is moved.
  struct Above {
    std::string path;
    std::optional<size_t> step;
  };

  /// The list is sorted by path, parents first.
  void add_arrivals() {
    std::vector<Above> above;
    std::vector<const Change*> overwritten;
    for (const Change& change : list_.changes) {
      if (change.kind == Kind::Deleted) continue;
      while (!above.empty() && !is_at_or_below(change.path, above.back().path)) above.pop_back();
      const Act act = act_of(change);
      const bool is_put = change.kind != Kind::Renamed && act == Act::Put;
      if (act == Act::Overwrite) overwritten.push_back(&change);
      std::optional<size_t> tree = above.empty() ? std::nullopt : above.back().step;
      if (change.kind == Kind::Renamed) {
        add(Act::Put, change).step.temporary = taken_.at(&change);
        above.push_back({change.path, std::nullopt});
      } else if (is_put && tree) {
        plan_.steps[*tree].changes.push_back(&change);
      } else if (is_put) {
        tree = plan_.steps.size();
        add(Act::Put, change).step.temporary = temporary_in(parent_of(change.path));
      }
      if (is_new_directory(change)) above.push_back({change.path, tree});
    }
    // Once all names are right: a file that is overwritten may be at other places, too.
    for (const Change* change : overwritten) {
      add(Act::Overwrite, *change).step.temporary = temporary_of_departing(change->old_path);
    }
  }

  void note(const changes::EqualCopy& copy) { shown_by_[copy.before].insert(copy.after); }

  /// Whether another name of the file that was there shows another file by now. What is done to the
  /// one would be done to the other.
  bool is_parted(const Change& change) const {
    const auto found = shown_by_.find(change.before->file->stat.stx_ino);
    return found != shown_by_.end() && found->second.size() > 1;
  }

  static bool has_other_names(const std::optional<changes::Found>& found) {
    return found && found->file && found->file->stat.stx_nlink > 1;
  }

  /// How many names of the file that was there the list gives new content.
  uint64_t names_in_list(const Change& change) const {
    const auto found = modified_names_.find(change.before->file->stat.stx_ino);
    return found == modified_names_.end() ? 0 : found->second;
  }

  /// What is done to a modified file. Another file in the place of one name would part it from its
  /// other names, unless the list has them all.
  Act act_of(const Change& change) const {
    if (change.kind != Kind::Modified) return Act::Put;
    const bool was_linked = has_other_names(change.before);
    if (was_linked && is_parted(change)) return Act::Put;
    const bool is_same = (!was_linked && !has_other_names(change.after)) || is_same_file_(change);
    if (!change.differs.content) return is_same ? Act::Change : Act::Put;
    const bool is_part =
        was_linked && is_same && names_in_list(change) < change.before->file->stat.stx_nlink;
    return is_part ? Act::Overwrite : Act::Put;
  }

  void add_attribute_changes() {
    std::vector<const Change*> changed;
    for (const Change& change : list_.changes) {
      const bool is_renamed = change.kind == Kind::Renamed && change.differs.any();
      const bool is_modified = change.kind == Kind::Modified && act_of(change) == Act::Change;
      if (is_renamed || is_modified) changed.push_back(&change);
    }
    // From the deepest on: a directory may become one that cannot be entered.
    std::ranges::sort(changed, std::greater(), &Change::path);
    for (const Change* change : changed) {
      add(Act::Change, *change).step.temporary = temporary_of_departing(change->old_path);
    }
  }

  void list_dropped() {
    std::set<std::string, std::greater<>> names;
    std::set<std::string, std::greater<>> parents;
    const Renames all(all_);
    std::set<std::string> kept;
    for (const Change& change : all_.changes) {
      if (change.kind != Kind::Deleted) kept.insert(change.path);
    }
    for (const Change& change : list_.changes) {
      names.insert(shown_path(change, all));
      if (change.kind == Kind::Renamed) {
        plan_.dropped.trees.push_back(change.path);
        names.insert(all.parent_after(change.old_path));
      }
      kept.erase(change.path);
    }
    for (const std::string& path : names) {
      for (std::string_view at = parent_of(path); !at.empty(); at = parent_of(at)) {
        if (!kept.contains(std::string(at)) && !names.contains(std::string(at)))
          parents.emplace(at);
      }
    }
    plan_.dropped.names.assign(names.begin(), names.end());
    plan_.dropped.parents.assign(parents.begin(), parents.end());
  }

  const changes::List& list_;
  const changes::List& all_;
  const std::string id_;
  const IsSameFile& is_same_file_;
  Plan plan_;
  std::map<const Change*, std::string> taken_;   ///< The temporary names of what goes.
  std::map<uint64_t, uint64_t> modified_names_;  ///< By inode number: how many get new content.
  /// By inode number: the files that names of a file with several are by now.
  std::map<uint64_t, std::set<uint64_t>> shown_by_;
  size_t count_ = 0;
};

/// Adds to `chosen` the new directories above, and what renamed directories hold.
changes::List with_belonging(const changes::List& list, const Renames& renames,
                             std::set<const Change*> chosen) {
  const auto found = by_path(list);
  const std::vector<const Change*> first(chosen.begin(), chosen.end());
  for (const Change* change : first) {
    for (std::string_view at = parent_of(change->path); !at.empty(); at = parent_of(at)) {
      const auto above = found.find(at);
      if (above == found.end() || above->second->kind == Kind::Modified) continue;
      chosen.insert(above->second);
    }
  }
  std::vector<std::string> moved;
  for (const Change* change : chosen) {
    if (change->kind == Kind::Renamed) moved.push_back(change->path);
  }
  for (const Change& change : list.changes) {
    const std::string path = shown_path(change, renames);
    const bool is_moved = std::ranges::any_of(
        moved, [&](const std::string& directory) { return is_at_or_below(path, directory); });
    if (is_moved) chosen.insert(&change);
  }
  changes::List selected;
  for (const Change& change : list.changes) {
    if (chosen.contains(&change)) selected.changes.push_back(change);
  }
  return selected;
}

}  // namespace

Expected<changes::List> select(const changes::List& list, const std::vector<std::string>& paths) {
  const Renames renames(list);
  for (const std::string& path : paths) {
    if (auto checked = check_path(list, path); !checked) {
      return std::unexpected(checked.error());
    }
  }
  const auto is_wanted = [&](std::string_view path) {
    return std::ranges::any_of(
        paths, [&](const std::string& wanted) { return is_at_or_below(path, wanted); });
  };
  std::set<const Change*> chosen;
  for (const Change& change : list.changes) {
    const std::string path = shown_path(change, renames);
    const bool moves_from = change.kind == Kind::Renamed && is_wanted(change.old_path);
    if (is_wanted(path) || moves_from) chosen.insert(&change);
  }
  return with_belonging(list, renames, std::move(chosen));
}

changes::List take(const changes::List& list, std::set<const Change*> wanted) {
  const Renames renames(list);
  std::set<std::string> coming;
  for (const Change* change : wanted) coming.insert(change->path);
  for (const Change& change : list.changes) {
    const bool makes_room =
        change.kind == Kind::Deleted && coming.contains(shown_path(change, renames));
    const bool is_rescued =
        change.kind == Kind::Renamed && std::ranges::any_of(wanted, [&](const Change* other) {
          const bool goes = other->kind == Kind::Deleted || other->kind == Kind::TypeChanged;
          return goes && is_at_or_below(change.old_path, other->old_path);
        });
    if (makes_room || is_rescued) wanted.insert(&change);
  }
  return with_belonging(list, renames, std::move(wanted));
}

bool Plan::departs(std::string_view path) const {
  for (; !path.empty(); path = parent_of(path)) {
    if (departing.contains(path)) return true;
  }
  return false;
}

Plan make_plan(const changes::List& list, const changes::List& all, const std::string& id,
               const IsSameFile& is_same_file) {
  return Planner(list, all, id, is_same_file).run();
}

}  // namespace overpass::apply
