// SPDX-License-Identifier: MIT
//
// Old paths that have a change of their own are left out where a directory above them is expanded.

#include "changes/file_pairs.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "check/tree.h"

namespace overpass::changes {

namespace {

bool is_directory(const std::optional<Found>& found) { return found && !found->file; }

mode_t type_of(const std::optional<Found>& found) { return found->file->stat.stx_mode & S_IFMT; }

/// Makes the pairs. Invariant: `told_` are the old paths that some change is about.
class Pairing {
 public:
  Pairing(View& lowers, const List& list) : lowers_(lowers), list_(list) {
    for (const Change& change : list.changes) {
      if (change.kind == Kind::Added) continue;
      told_.insert(change.old_path);
      if (change.kind == Kind::Modified) modified_.insert(change.old_path);
    }
  }

  Result<std::vector<FilePair>> run() {
    for (const Change& change : list_.changes) TRY(take(change));
    std::ranges::sort(pairs_, {}, [](const FilePair& pair) {
      return std::pair(!pair.path.empty(), pair.path.empty() ? pair.old_path : pair.path);
    });
    return std::move(pairs_);
  }

 private:
  Result<void> take(const Change& change) {
    const bool was_directory = is_directory(change.before);
    const bool has_moved = change.kind == Kind::Renamed;
    if (was_directory && change.kind != Kind::Modified) {
      TRY(expand(*change.before, change.old_path, has_moved ? change.path : "", has_moved));
    }
    const bool had_file = change.before && !was_directory;
    const bool has_file = change.after && !is_directory(change.after);
    FilePair pair;
    if (had_file) {
      pair.old_path = change.old_path;
      pair.before = change.before;
    }
    const bool parts = had_file && has_file && type_of(change.before) != type_of(change.after);
    if (parts) pairs_.push_back(std::exchange(pair, {}));
    if (has_file) {
      pair.path = change.path;
      pair.after = change.after;
    }
    if (had_file || has_file) pairs_.push_back(std::move(pair));
    return {};
  }

  /// The files below a directory of the lowers, which are deleted or have moved to `to`.
  Result<void> expand(const Found& directory, const std::string& from, const std::string& to,
                      bool has_moved) {
    struct Pending {
      Found found;
      std::string from;
      std::string to;
    };
    std::vector<Pending> pending = {{directory, from, to}};
    while (!pending.empty()) {
      const Pending at = std::move(pending.back());
      pending.pop_back();
      for (const std::string& name : TRY(lowers_.names_of(at.found.directories))) {
        const std::string old_path = check::joined(at.from, name);
        Found found = TRY(lowers_.look_up(at.found.directories, name));
        const std::string path = has_moved ? check::joined(at.to, name) : "";
        if (!found.file) {
          // What only differs in itself still takes its files along.
          if (!told_.contains(old_path) || modified_.contains(old_path)) {
            pending.push_back({std::move(found), old_path, path});
          }
          continue;
        }
        if (told_.contains(old_path)) continue;
        FilePair pair{old_path, path, found, {}};
        if (has_moved) pair.after = std::move(found);
        pairs_.push_back(std::move(pair));
      }
    }
    return {};
  }

  View& lowers_;
  const List& list_;
  std::set<std::string> told_;
  std::set<std::string> modified_;  ///< Those of modifications.
  std::vector<FilePair> pairs_;
};

}  // namespace

Result<std::vector<FilePair>> file_pairs(View& lowers, const List& list) {
  return Pairing(lowers, list).run();
}

}  // namespace overpass::changes
