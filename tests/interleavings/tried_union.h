// SPDX-License-Identifier: MIT
//
// A union without a mount that performs operations as callers do: the VFS's own checks, the walk,
// and a second walk upon ESTALE.

#ifndef OVERPASS_TESTS_INTERLEAVINGS_TRIED_UNION_H_
#define OVERPASS_TESTS_INTERLEAVINGS_TRIED_UNION_H_

#include <string>
#include <vector>

#include "../unit/overlay/union.h"
#include "naive_union.h"
#include "operation.h"
#include "vfs.h"

namespace overpass::interleavings {

/// What the layers hold before a run. Paths are of the union; each parent comes before its names.
struct Tree {
  struct File {
    std::string path;
    std::string content;
    std::string link_of = {};  ///< Another name of this one instead.
    off_t size = 0;            ///< With zeros up to there, if that is more.
  };
  std::vector<std::string> lower_directories;
  std::vector<File> lower_files;
  std::vector<std::string> upper_directories = {};
  std::vector<File> upper_files = {};
};

/// The model of what the layers show.
NaiveUnion model_of(const Tree& tree);

/// A mount costs some milliseconds. So one mount serves many runs, each of which has a directory of
/// its own in the root, "run0", "run1", ..., with the tree in it. All paths are of that directory.
///
/// Threads: perform() may be called by the threads of a scheduler, all else while none runs.
class TriedUnion {
 public:
  TriedUnion(const Tree& tree, const unit::UnionOptions& options, bool has_vfs_locks);

  /// Makes the directory of the next run; its number.
  int begin_run();
  /// The union lets go of what the run has looked up.
  void end_run();

  /// What the operation answers, as NaiveUnion says it. Whatever it has looked up stays in memory
  /// until the end, as in the kernel.
  std::string perform(const Operation& operation);

  /// What the union shows to a run.
  std::string tree() { return tree_of(run_); }
  std::string tree_of(int run);
  /// What the upper holds of the run, marks included.
  std::string upper() const;
  /// The names that are left in the workdir.
  std::vector<std::string> leftovers() const;
  /// The next mount of the same layers.
  void remount();

 private:
  /// What an operation has looked up: kept in memory until the run ends.
  using Held = std::vector<overlay::InodeRef>;
  /// A name in a directory.
  struct Slot {
    const overlay::InodeRef& directory;
    std::string name;
    overlay::InodeRef inode = {};  ///< Empty when the union shows nothing there.
  };

  Result<std::string> try_once(const Operation& operation, Held& held);
  /// The walk of a path. It is one step: the kernel has names in its cache, where the operations
  /// that change them keep them right.
  Result<overlay::InodeRef> walk(const std::string& path, Held& held);
  /// Locks the directory of a name that is to be changed.
  Result<void> lock_for_names(const overlay::InodeRef& directory, VfsLocks& locks);
  Result<Slot> find(const overlay::InodeRef& directory, const std::string& path, Held& held);

  Result<std::string> look_up(const std::string& path, const overlay::InodeRef& directory,
                              Held& held);
  Result<std::string> make_name(const Operation& operation, const overlay::InodeRef& directory,
                                Held& held);
  Result<std::string> remove_name(const Operation& operation, const overlay::InodeRef& directory,
                                  Held& held);
  Result<std::string> rename(const Operation& operation, const overlay::InodeRef& from,
                             const overlay::InodeRef& to, Held& held);
  Result<std::string> link(const Operation& operation, const overlay::InodeRef& node,
                           const overlay::InodeRef& to, Held& held);
  Result<std::string> change_node(const Operation& operation, const overlay::InodeRef& node);
  Result<std::string> stat(const overlay::InodeRef& node);
  Result<std::string> content(const overlay::InodeRef& node);
  /// open(2), one write(2), close(2).
  Result<void> write(const Operation& operation, const overlay::InodeRef& node);
  Result<std::vector<std::string>> names(const overlay::InodeRef& node, Held& held);
  void add_tree(const std::string& path, const overlay::Entry& entry, std::string& text);
  /// The path in the union.
  std::string full(const std::string& path) const;

  const Tree& tree_;
  int run_ = -1;
  unit::Union union_;
  std::mutex held_mutex_;
  std::vector<Held> held_;
  Vfs vfs_;
};

}  // namespace overpass::interleavings

#endif  // OVERPASS_TESTS_INTERLEAVINGS_TRIED_UNION_H_
