// SPDX-License-Identifier: MIT
//
// What `overpass diff` compares: one union, or all unions of a sandbox as one tree.

#ifndef OVERPASS_CLI_DIFF_TARGET_H_
#define OVERPASS_CLI_DIFF_TARGET_H_

#include <optional>
#include <string>
#include <vector>

#include "changes/file_pairs.h"
#include "changes/list.h"
#include "cli/looked_at.h"
#include "layer/layer_stack.h"
#include "sandbox/record.h"

namespace overpass::cli {

/// A path without slashes around, as the paths of this tree are.
std::string without_slashes(std::string path);

/// A union in the tree that is told about.
struct PlacedUnion {
  std::string place;  ///< Where it is, without slashes around; "" is the root.
  layer::LayerPaths layers;
  /// How many of them, from the upper on (it counts if there is none), made the changes.
  layer::LayerIndex changing_layers = 1;
};

struct DiffTarget {
  std::vector<PlacedUnion> unions;
  std::vector<std::string> paths;  ///< Which part is wanted, without slashes around; all if empty.
  std::string sandbox;             ///< The name, of a sandbox.
  bool compares_owners = true;
  /// Those of a sandbox that are not mounted any more: there is nothing to compare with.
  std::vector<sandbox::FileSystem> gone;
};

/// The union or the sandbox of a call. A mount that is called as a sandbox comes first.
std::expected<DiffTarget, Refusal> find_diff_target(const Context& context,
                                                    const ParsedArguments& parsed,
                                                    const LayerNeeds& needs);

/// The unions of a sandbox that have changed something, or have done so since the snapshot `since`
/// of the record, if that is given.
DiffTarget target_of(const sandbox::Sandbox& sandbox, const sandbox::Record& record,
                     std::optional<size_t> since = {});

/// The file system of the record whose union target_of() placed there; null if there is none.
const sandbox::FileSystem* find_file_system(const sandbox::Record& record,
                                            const std::string& place);

/// A union that is open, and its changes.
struct ComparedUnion {
  std::string place;
  layer::LayerStack layers;
  layer::LayerIndex changing_layers;
  changes::List list;  ///< With paths from the union's root.
};

/// Opens the unions and reads their changes. Nothing is locked or written.
Expected<std::vector<ComparedUnion>> compare(const DiffTarget& target, bool find_renames);

/// A Problem if something of a list could not be read, so that carrying it out would not be all.
Expected<void> check_read(const changes::List& list, const std::string& place);

/// One list of all, with paths from the root of the tree.
changes::List merged(const std::vector<ComparedUnion>& unions);

/// Leaves out what is not at or below `directory`, and makes paths begin there. What was moved
/// across that border is added or deleted. "" leaves all as it is.
void make_relative(changes::List& list, const std::string& directory);
void make_relative(std::vector<changes::FilePair>& pairs, const std::string& directory);

/// What is changed in a sandbox, by paths from "/".
Expected<changes::List> changes_of(const sandbox::Sandbox& sandbox);

/// `path` of the union at `place` as a path from the root of the tree; "" stays.
std::string placed(const std::string& place, const std::string& path);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_DIFF_TARGET_H_
