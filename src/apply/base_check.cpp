// SPDX-License-Identifier: MIT

#include "apply/base_check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "changes/view.h"
#include "check/tree.h"
#include "sys/open.h"
#include "sys/privileges.h"

namespace overpass::apply {

namespace {

using changes::Kind;
using changes::parent_of;
using check::joined;

std::string reason_of(Errno error) { return std::strerror(to_int(error)); }

/// `below` from `path`, either of which may be "".
std::string at(const std::string& path, const std::string& below) {
  return below.empty() ? path : joined(path, below);
}

/// What is compared with, and how.
class Comparison {
 public:
  Comparison(const Stamps& stamps, bool ignores_ctime)
      : stamps_(stamps), ignores_ctime_(ignores_ctime) {
    for (const auto& [path, stamp] : stamps) by_ino_.emplace(stamp.ino, &stamp);
  }

  /// "" if it is what its stamp says.
  std::string difference(const std::string& old_path, const sys::Stat& now) const {
    const layer::BaseStamp stamp = layer::stamp_of(now);
    const auto found = stamps_.find(old_path);
    if (found == stamps_.end()) {
      return is_known_by_another_name(now) ? "" : "was made outside, or nothing is known of it";
    }
    if (is_same(found->second, stamp)) return "";
    if ((found->second.mode & S_IFMT) != (stamp.mode & S_IFMT))
      return "is another kind of file now";
    if (found->second.ino != stamp.ino) return "is another file now";
    return "was changed outside";
  }

 private:
  bool is_same(const layer::BaseStamp& before, const layer::BaseStamp& now) const {
    return ignores_ctime_ ? layer::is_same_but_ctime(before, now) : layer::is_same(before, now);
  }

  /// It may have been copied up by that.
  bool is_known_by_another_name(const sys::Stat& now) const {
    if (S_ISDIR(now.stx_mode) || now.stx_nlink < 2) return false;
    const auto [first, last] = by_ino_.equal_range(now.stx_ino);
    return std::any_of(first, last, [&](const auto& entry) {
      return is_same(*entry.second, layer::stamp_of(now));
    });
  }

  const Stamps& stamps_;
  const bool ignores_ctime_;
  std::multimap<uint64_t, const layer::BaseStamp*> by_ino_;
};

/// Compares the tree at `path`, with a conflict for each difference. What is at one of `moved` does
/// not count.
std::vector<Conflict> check_tree(const Target& target, const std::string& path,
                                 const Comparison& comparison, const std::set<std::string>& moved,
                                 bool is_read_only);

/// Whether this process may take names out of `directory`, or put some there.
Result<void> check_names(BorrowedFd directory, const sys::Stat* of_name) {
  TRY(sys::check_writable(directory));
  const sys::Stat stat = TRY(sys::stat(sys::place_of(directory)));
  const uid_t user = ::geteuid();
  const bool is_sticky = (stat.stx_mode & S_ISVTX) != 0 && of_name != nullptr;
  if (is_sticky && !sys::is_superuser() && stat.stx_uid != user && of_name->stx_uid != user) {
    return fail(EPERM);
  }
  return {};
}

class Checker {
 public:
  Checker(const Target& target, Plan& plan, const Stamps& stamps, const CheckOptions& options)
      : target_(target),
        plan_(plan),
        stamps_(stamps),
        options_(options),
        comparison_(stamps, options.ignores_ctime),
        moved_(plan.moved.begin(), plan.moved.end()) {}

  std::vector<Conflict> run() {
    for (PlannedStep& planned : plan_.steps) {
      switch (planned.step.act) {
        case Act::Take:
          check_take(planned);
          break;
        case Act::Put:
        case Act::Overwrite:
          check_put(planned);
          break;
        case Act::Change:
          check_change(planned);
          break;
      }
    }
    return std::move(conflicts_);
  }

 private:
  void add(const std::string& path, const std::string& reason) {
    conflicts_.push_back({path, reason});
  }

  /// What is at `old_path` becomes the step's `replaced`, if it may.
  void compare(Step& step, const std::string& old_path) {
    const auto now = target_.stat(old_path);
    if (!now) return add(old_path, reason_of(now.error()));
    step.replaced = layer::stamp_of(*now);
    if (options_.is_forced) return;
    if (const std::string reason = comparison_.difference(old_path, *now); !reason.empty()) {
      add(old_path, reason);
    }
  }

  void check_parent(const std::string& old_path) {
    const auto parent = target_.directory(parent_of(old_path));
    if (!parent) return add(std::string(parent_of(old_path)), reason_of(parent.error()));
    if (options_.is_read_only) return;
    const auto now = target_.stat(old_path);
    const auto may = check_names(*parent, now ? &*now : nullptr);
    if (!may) add(old_path, reason_of(may.error()));
  }

  void check_take(PlannedStep& planned) {
    Step& step = planned.step;
    compare(step, step.old_path);
    check_parent(step.old_path);
    check_parent(step.temporary);
    const bool is_removed = planned.changes.front()->kind == Kind::Deleted;
    if (is_removed && step.replaced && S_ISDIR(step.replaced->mode)) check_below(step.old_path);
  }

  void check_below(const std::string& old_path) {
    if (options_.is_forced) return;
    auto found = check_tree(target_, old_path, comparison_, moved_, options_.is_read_only);
    for (Conflict& conflict : found) conflicts_.push_back(std::move(conflict));
  }

  void check_put(PlannedStep& planned) {
    Step& step = planned.step;
    const changes::Change& change = *planned.changes.front();
    if (change.kind == Kind::Renamed) return check_free(plan_.renames.parent_before(step.path));
    if (change.kind == Kind::Added) {
      const std::string old_path = plan_.renames.parent_before(step.path);
      check_free(old_path);
      return check_parent_of_new(old_path);
    }
    compare(step, step.old_path);
    check_parent(step.old_path);
    const bool replaces_tree = step.replaced && S_ISDIR(step.replaced->mode);
    if (replaces_tree && change.kind == Kind::TypeChanged) check_below(step.old_path);
  }

  /// Nothing may be at `old_path` that does not go; and nothing may have gone there.
  void check_free(const std::string& old_path) {
    if (plan_.departs(old_path)) return;
    const auto now = target_.stat(old_path);
    if (now) return add(old_path, "was made outside");
    const bool is_nothing = now.failed_with(ENOENT) || now.failed_with(ENOTDIR);
    if (!is_nothing) return add(old_path, reason_of(now.error()));
    if (!options_.is_forced && stamps_.contains(old_path)) add(old_path, "was deleted outside");
  }

  /// The parent of what is new may be new itself.
  void check_parent_of_new(const std::string& old_path) {
    const auto parent = target_.directory(parent_of(old_path));
    if (parent.failed_with(ENOENT) || (parent && options_.is_read_only)) return;
    if (!parent) return add(std::string(parent_of(old_path)), reason_of(parent.error()));
    if (const auto may = check_names(*parent, nullptr); !may) {
      add(std::string(parent_of(old_path)), reason_of(may.error()));
    }
  }

  void check_change(PlannedStep& planned) {
    const changes::Change& change = *planned.changes.front();
    compare(planned.step, change.old_path);
    if (options_.is_read_only) return;
    const auto now = target_.stat(change.old_path);
    if (now && !sys::is_superuser() && now->stx_uid != ::geteuid()) {
      add(change.old_path, "its attributes are another user's to change");
    }
  }

  const Target& target_;
  Plan& plan_;
  const Stamps& stamps_;
  const CheckOptions& options_;
  const Comparison comparison_;
  const std::set<std::string> moved_;
  std::vector<Conflict> conflicts_;
};

std::vector<Conflict> check_tree(const Target& target, const std::string& path,
                                 const Comparison& comparison, const std::set<std::string>& moved,
                                 bool is_read_only) {
  std::vector<Conflict> conflicts;
  std::vector<std::string> pending = {""};
  while (!pending.empty()) {
    const std::string below = std::move(pending.back());
    pending.pop_back();
    const std::string old_directory = at(path, below);
    const auto directory = target.directory(old_directory);
    auto names = directory ? check::names_in(*directory)
                           : Result<std::vector<std::string>>(fail(directory.error()));
    const auto may = directory && !is_read_only ? check_names(*directory, nullptr) : Result<void>();
    if (!names || (!may && !names->empty())) {
      conflicts.push_back({old_directory, reason_of(names ? may.error() : names.error())});
      continue;
    }
    for (const std::string& name : *names) {
      const std::string old_name = joined(old_directory, name);
      if (moved.contains(old_name)) continue;
      const auto stat = sys::stat({*directory, name.c_str()});
      if (!stat) continue;  // It went meanwhile.
      const std::string reason = comparison.difference(old_name, *stat);
      if (!reason.empty()) {
        conflicts.push_back({old_name, reason});
      } else if (S_ISDIR(stat->stx_mode)) {
        pending.push_back(joined(below, name));
      }
    }
  }
  return conflicts;
}

}  // namespace

std::vector<Conflict> check_base(const Target& target, Plan& plan, const Stamps& stamps,
                                 const CheckOptions& options) {
  return Checker(target, plan, stamps, options).run();
}

}  // namespace overpass::apply
