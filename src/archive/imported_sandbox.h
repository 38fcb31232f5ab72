// SPDX-License-Identifier: MIT
//
// The new sandbox that an import fills: its unions are those of a sandbox that is run here.

#ifndef OVERPASS_ARCHIVE_IMPORTED_SANDBOX_H_
#define OVERPASS_ARCHIVE_IMPORTED_SANDBOX_H_

#include <memory>
#include <string>
#include <vector>

#include "base/problem.h"
#include "changes/view.h"
#include "layer/layer_stack.h"
#include "sandbox/mount_plan.h"
#include "sandbox/new_sandbox.h"
#include "sandbox/record.h"
#include "snapshots/index_links.h"
#include "snapshots/upper_builder.h"

namespace overpass::archive {

/// A union of it that gets changes.
struct ImportedUnion {
  std::string at;          ///< Where it is.
  uint32_t directory = 0;  ///< In the sandbox.
  UniqueFd home;           ///< That directory.
  layer::LayerStack layers;
  std::unique_ptr<changes::View> base;  ///< The outside.
  std::unique_ptr<snapshots::UpperBuilder> upper;
};

/// Threads: one at a time.
class ImportedSandbox {
 public:
  /// Begins one in the user's store. `watch` outlives it.
  static Expected<ImportedSandbox> begin(const sandbox::Scope& scope,
                                         const snapshots::Watch& watch);

  struct Spot {
    ImportedUnion* where = nullptr;
    std::string path;  ///< From the root of that union.
  };
  /// Which union shows `path`, "a/b" from the root of the outside. A problem if nothing can be
  /// changed there.
  Expected<Spot> find(const std::string& path);

  /// The union that is mounted at `at`, an absolute path. A problem if there is none.
  Expected<ImportedUnion*> union_at(const std::string& at);

  /// Gives the sandbox its name. Where no stamps have been written the changes are from now on over
  /// the outside as it is.
  Expected<void> finish(const std::string& name);

 private:
  ImportedSandbox(sandbox::NewSandbox made, sandbox::Record record,
                  std::vector<sandbox::PlannedMount> plan, const snapshots::Watch& watch)
      : new_(std::move(made)), record_(std::move(record)), plan_(std::move(plan)), watch_(watch) {}

  Expected<ImportedUnion*> begin_union(const std::string& at);
  Expected<void> finish_union(ImportedUnion& one);
  Result<void> stamp(ImportedUnion& one);

  sandbox::NewSandbox new_;
  sandbox::Record record_;
  std::vector<sandbox::PlannedMount> plan_;
  const snapshots::Watch& watch_;
  std::vector<std::unique_ptr<ImportedUnion>> unions_;
};

/// What the user is told when `path` cannot be made.
std::unexpected<Problem> cannot_import(const std::string& path, Errno error);

}  // namespace overpass::archive

#endif  // OVERPASS_ARCHIVE_IMPORTED_SANDBOX_H_
