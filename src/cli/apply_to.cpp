// SPDX-License-Identifier: MIT

#include "cli/apply_to.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "apply/target.h"
#include "base/nearest.h"
#include "changes/compare.h"
#include "changes/view.h"
#include "check/tree.h"
#include "cli/diff_target.h"
#include "layer/markers.h"
#include "sandbox/record.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::cli {

namespace {

namespace fs = std::filesystem;
using apply::Target;

/// Whether two files are alike: type, mode, and content or target. Of directories only themselves.
Result<bool> are_alike(const Target& base, const std::string& path, const Target& copy,
                       const std::string& copy_path) {
  const UniqueFd parent = TRY(base.directory(changes::parent_of(path)));
  const UniqueFd other = TRY(copy.directory(changes::parent_of(copy_path)));
  const std::string name(changes::name_of(path));
  const std::string other_name(changes::name_of(copy_path));
  const sys::Stat stat = TRY(sys::stat({parent, name.c_str()}));
  const sys::Stat found = TRY(sys::stat({other, other_name.c_str()}));
  if (stat.stx_mode != found.stx_mode) return false;
  if (S_ISLNK(stat.stx_mode)) {
    return TRY(sys::read_link({parent, name.c_str()})) ==
           TRY(sys::read_link({other, other_name.c_str()}));
  }
  if (!S_ISREG(stat.stx_mode)) return true;
  if (stat.stx_size != found.stx_size) return false;
  const UniqueFd ours = TRY(sys::open_at(parent, name.c_str(), O_RDONLY | O_NONBLOCK));
  const UniqueFd theirs = TRY(sys::open_at(other, other_name.c_str(), O_RDONLY | O_NONBLOCK));
  return changes::same_bytes(ours, theirs);
}

/// Stamps of what `copy` has as the base had it, by their paths in `copy`.
Result<apply::Stamps> stamps_of_copy(const Target& base, const std::string& below,
                                     const Target& copy, const apply::Stamps& stamps) {
  apply::Stamps found;
  for (const auto& [path, stamp] : stamps) {
    if (!apply::is_at_or_below(path, below) || path == below) continue;
    const auto now = base.stat(path);
    if (!now || !layer::is_same(stamp, layer::stamp_of(*now))) continue;
    const std::string copy_path = path.substr(below.empty() ? 0 : below.size() + 1);
    const auto alike = are_alike(base, path, copy, copy_path);
    if (!alike || !*alike) continue;
    found.emplace(copy_path, layer::stamp_of(TRY(copy.stat(copy_path))));
  }
  return found;
}

/// The file system that has `source`: the one whose place is nearest above.
const sandbox::FileSystem* file_system_of(const snapshots::HeldSandbox& held,
                                          const std::string& source) {
  const sandbox::FileSystem* nearest = nullptr;
  for (const sandbox::FileSystem& one : held.record.file_systems) {
    const std::string place = without_slashes(one.at);
    if (!one.is_there() || !apply::is_at_or_below(source, place)) continue;
    if (nearest == nullptr || place.size() > without_slashes(nearest->at).size()) nearest = &one;
  }
  return nearest;
}

/// Whether the directory of a layer hides what is below it.
bool is_opaque(const std::string& path) {
  const auto directory = sys::open_path(path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!directory) return false;
  for (const layer::Prefix prefix : {layer::Prefix::Trusted, layer::Prefix::User}) {
    const auto opacity = layer::opacity_of(sys::place_of(*directory), prefix, true);
    if (!opacity || *opacity == layer::Opacity::Opaque) return true;
  }
  return false;
}

/// A Problem if what is below `below` cannot be told from the layers' parts there alone: if a
/// directory was moved in or out of it, or it or one above was made anew.
Expected<void> check_marks(const snapshots::HeldSandbox& held, const sandbox::FileSystem& one,
                           const std::string& below) {
  if (below.empty()) return {};
  const auto refused = [](const std::string& path, const char* what) {
    return problem("in the sandbox " + in_quotes("/" + path) + what +
                       ", so that the changes of one directory cannot be told apart",
                   "apply to the root (--to without a PATH), or to the outside");
  };
  const std::string place = without_slashes(one.at);
  const std::string source = check::joined(place, below);
  const auto all = changes_of(held.sandbox);
  if (!all) return std::unexpected(all.error());
  for (const changes::Change& change : all->changes) {
    if (change.kind == changes::Kind::Renamed) {
      const bool touches = apply::is_at_or_below(change.path, source) ||
                           apply::is_at_or_below(change.old_path, source) ||
                           apply::is_at_or_below(source, change.path);
      if (touches) return refused(change.path, " was moved");
    }
  }
  std::vector<std::string> layers = one.layer_paths(held.sandbox);
  layers.push_back(one.upper(held.sandbox));
  for (const std::string& layer : layers) {
    for (std::string_view at = below; !at.empty(); at = changes::parent_of(at)) {
      if (is_opaque(check::joined(layer, at))) {
        return refused(check::joined(place, at), " was made anew");
      }
    }
  }
  return {};
}

/// The directories of all changing layers at `below`, topmost first; the missing ones are left out.
layer::LayerPaths layers_at(const snapshots::HeldSandbox& held, const sandbox::FileSystem& one,
                            const std::string& below, const std::string& to, bool is_frozen) {
  layer::LayerPaths paths;
  std::error_code error;
  const std::string upper = one.upper(held.sandbox) + "/" + below;
  if (!is_frozen && fs::is_directory(upper, error)) paths.upper = upper;
  for (const std::string& frozen : one.layer_paths(held.sandbox)) {
    std::string path = check::joined(frozen, below);
    if (fs::is_directory(path, error)) paths.lower.push_back(std::move(path));
  }
  paths.lower.push_back(to);
  return paths;
}

}  // namespace

Expected<std::string> source_of(const snapshots::HeldSandbox& held,
                                const std::vector<std::string>& paths) {
  if (paths.size() > 1) {
    return problem("--to takes the changes of one directory", "name one PATH, or none");
  }
  return paths.empty() ? without_slashes(held.record.scope.only) : paths.front();
}

Expected<std::vector<apply::Part>> find_parts_to(const snapshots::HeldSandbox& held,
                                                 const std::string& source, const std::string& to,
                                                 bool is_frozen) {
  const sandbox::FileSystem* one = file_system_of(held, source);
  auto target = Target::open(to);
  if (!target) {
    return problem(in_quotes(to) + " cannot be opened: " + std::strerror(to_int(target.error())),
                   "name a directory");
  }
  const auto base = one != nullptr ? Target::open(one->at) : Result<Target>(fail(ENOENT));
  if (!base)
    return problem("nothing is changed at " + in_quotes("/" + source), "name another PATH");
  const std::string place = without_slashes(one->at);
  const std::string below =
      source.substr(std::min(source.size(), place.empty() ? 0 : place.size() + 1));
  if (auto possible = check_marks(held, *one, below); !possible) {
    return std::unexpected(possible.error());
  }
  layer::LayerPaths paths = layers_at(held, *one, below, to, is_frozen);
  const auto changing = static_cast<layer::LayerIndex>(paths.lower.size());
  if (!paths.upper && changing == 1) return std::vector<apply::Part>();
  const DiffTarget target_of_diff = {
      .unions = {{.place = "", .layers = std::move(paths), .changing_layers = changing}},
      .paths = {},
      .sandbox = "",
      .compares_owners = !held.record.has_one_owner,
      .gone = {}};
  auto unions = compare(target_of_diff, /*find_renames=*/false);
  if (!unions) return std::unexpected(unions.error());
  if (auto read = check_read(unions->front().list, without_slashes(to)); !read) {
    return std::unexpected(read.error());
  }
  auto stamps =
      stamps_of_copy(*base, below, *target, layer::decode_stamps(one->read_base(held.sandbox)));
  if (!stamps) {
    return problem(in_quotes(to) + " cannot be read: " + std::strerror(to_int(stamps.error())),
                   "see that nothing else writes there");
  }
  std::vector<apply::Part> parts;
  parts.push_back({.place = without_slashes(to),
                   .directory = one->directory,
                   .layers = std::move(unions->front().layers),
                   .changing_layers = changing,
                   .target = std::move(*target),
                   .all = std::move(unions->front().list),
                   .selected = {},
                   .is_whole = true,
                   .stamps = std::move(*stamps),
                   .gives_owner = !held.record.has_one_owner});
  // Directories that the sandbox has only because something below them was changed.
  std::erase_if(parts.front().all.changes, [&](const changes::Change& change) {
    return change.kind == changes::Kind::Modified && !change.before->directories.empty() &&
           !parts.front().stamps.contains(change.old_path);
  });
  parts.front().selected = parts.front().all;
  if (parts.front().all.changes.empty()) parts.clear();
  return parts;
}

}  // namespace overpass::cli
