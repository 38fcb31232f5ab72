// SPDX-License-Identifier: MIT
//
// The walk over the upper, and over frozen layers beneath it that belong to the changes: every name
// once, each directory beside the lower directories that it is merged with, or that it replaces.

#ifndef OVERPASS_CHANGES_UPPER_WALK_H_
#define OVERPASS_CHANGES_UPPER_WALK_H_

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "changes/change.h"
#include "changes/view.h"

namespace overpass::changes {

/// A directory that a changing layer has.
struct UpperDirectory {
  std::string path;      ///< In the union.
  std::string old_path;  ///< In the lowers, of what it is compared with.
  Stack uppers;          ///< In the changing layers; never empty.
  Stack lowers;          ///< What it is compared with; empty for a new one.
  /// It or a directory above it is opaque, or it is new: no lower shows through, and names that
  /// only `lowers` have are deleted.
  bool hides = false;
};

/// Fills a List. A directory with a redirect is a rename at once. A file that came from another
/// name by its redirect is an addition that remembers where from: what follows the walk decides.
class UpperWalk {
 public:
  /// `changing` shows the layers whose changes are read, `lowers` those below, `merged` both.
  UpperWalk(View& lowers, View& merged, View& changing, const ReadOptions& options);

  Result<void> run(List& list);

  /// The old paths of files whose data a redirect found, by their index in the list.
  const std::vector<std::pair<size_t, std::string>>& moved_files() const { return moved_files_; }

 private:
  struct Entry {
    const UpperDirectory& directory;
    std::string name;
    std::string path;
    std::string old_path;
    Found after;
    Found before;
    std::optional<std::string> redirect;  ///< The old path that it leads to.
  };

  template <class Visit>
  Result<void> for_all(List& list, Visit visit);
  Result<std::vector<std::string>> names_in(const UpperDirectory& directory);
  std::optional<std::string> redirect_of(const Rest& rest, const std::string& name,
                                         const UpperDirectory& directory) const;
  Result<void> note_sources(const UpperDirectory& directory, std::vector<UpperDirectory>& below);
  Result<void> examine(List& list, const UpperDirectory& directory,
                       std::vector<UpperDirectory>& below);
  Result<void> examine_name(List& list, const UpperDirectory& directory, const std::string& name,
                            std::vector<UpperDirectory>& below);
  Result<void> note_source(const UpperDirectory& directory, const std::string& name,
                           std::vector<UpperDirectory>& below);
  Result<UpperDirectory> examine_directory(List& list, Entry& entry, bool is_opaque);
  Result<void> examine_file(List& list, Entry& entry);
  Result<void> add_deletion(List& list, const UpperDirectory& directory, const std::string& name);
  Result<void> add_hidden(List& list, const UpperDirectory& directory,
                          const std::vector<std::string>& kept);
  Result<void> add_compared(List& list, Entry& entry, Kind kind, const Found& before);
  void add(List& list, Kind kind, Entry& entry);

  View& lowers_;
  View& merged_;
  View& changing_;
  const ReadOptions& options_;
  /// Old paths of directories that a redirect shows elsewhere.
  std::set<std::string> sources_;
  std::vector<std::pair<size_t, std::string>> moved_files_;
};

}  // namespace overpass::changes

#endif  // OVERPASS_CHANGES_UPPER_WALK_H_
