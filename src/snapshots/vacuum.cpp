// SPDX-License-Identifier: MIT
//
// The directories of the upper are noted, parents first, and then looked at from the last one on,
// so that those below come before their parents. Each removal by itself changes nothing that is
// seen.

#include "snapshots/vacuum.h"

#include <dirent.h>
#include <fcntl.h>

#include <cstring>
#include <map>
#include <set>
#include <vector>

#include "base/nearest.h"
#include "changes/compare.h"
#include "changes/layers.h"
#include "changes/view.h"
#include "check/tree.h"
#include "layer/base_stamp.h"
#include "layer/markers.h"
#include "snapshots/forget_bases.h"
#include "snapshots/writable_directory.h"
#include "sys/directory_stream.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::snapshots {

namespace {

using changes::Found;
using changes::Rest;
using changes::Stack;
using changes::View;

constexpr size_t kOften = 1000;

bool same_time(const sys::Stat& left, const sys::Stat& right) {
  return left.stx_mtime.tv_sec == right.stx_mtime.tv_sec &&
         left.stx_mtime.tv_nsec == right.stx_mtime.tv_nsec;
}

/// The cleaning of one upper, whose root is open at `root`.
class Cleaning {
 public:
  Cleaning(const layer::LayerStack& stack, BorrowedFd root, const VacuumOptions& options,
           bool compares_owners, const Watch& watch, Vacuumed& total)
      : upper_(stack, layer::kUpper, 1),
        lowers_(stack, 1),
        root_(root),
        options_(options),
        compares_owners_(compares_owners),
        watch_(watch),
        total_(total) {}

  Result<void> run() {
    TRY(note_directories());
    for (size_t i = directories_.size(); i-- > 0;) {
      if (watch_.is_stopped()) return fail(ECANCELED);
      TRY(clean(directories_[i]));
      directories_.pop_back();
    }
    return {};
  }

 private:
  struct Directory {
    std::string path;
    Found upper;
    Found lower;            ///< What shows through at its place.
    bool is_apart = false;  ///< Nothing does, or what is shown was moved here. All in it stays.
    bool is_like_lower = false;
  };

  Result<void> note_directories() {
    directories_.push_back({"", {upper_.roots(), {}, {}}, {lowers_.roots(), {}, {}}, false, false});
    for (size_t i = 0; i < directories_.size(); ++i) {
      if (watch_.is_stopped()) return fail(ECANCELED);
      if (i % kOften == 0) watch_.progress(i);
      // The vector grows meanwhile.
      const Directory directory = directories_[i];
      const UniqueFd fd = TRY(open(directory.path));
      std::vector<std::string> names;
      TRY(sys::for_each_entry(fd, [&](const sys::DirectoryEntry& entry) -> Result<void> {
        if (entry.type == DT_DIR || entry.type == DT_UNKNOWN) names.emplace_back(entry.name);
        return {};
      }));
      for (const std::string& name : names) TRY(note(directory, name));
    }
    return {};
  }

  Result<void> note(const Directory& above, const std::string& name) {
    Rest rest;
    Found found = TRY(upper_.look_up(above.upper.directories, name, &rest));
    if (found.directories.empty()) return {};
    Directory below{check::joined(above.path, name), std::move(found), {}, true, false};
    // One that was moved here, or that hides what was here, stays with all that is in it.
    if (!above.is_apart && !rest.is_hidden && rest.name == name) {
      below.lower = TRY(lowers_.look_up(above.lower.directories, name));
      below.is_apart = below.lower.directories.empty();
      if (!below.is_apart) below.is_like_lower = TRY(is_alike(below.lower, below.upper));
    }
    directories_.push_back(std::move(below));
    return {};
  }

  Result<bool> is_alike(const Found& lower, const Found& upper) {
    if (!options_.ignores_times && !same_time(lower.top().stat, upper.top().stat)) return false;
    changes::Differences differs = TRY(changes::compare(upper_, lower, upper));
    if (!compares_owners_) differs.owner = false;
    return !differs.any();
  }

  Result<UniqueFd> open(const std::string& path) {
    return sys::open_for_listing(TRY(upper_.directory(layer::kUpper, path)));
  }

  Result<void> clean(const Directory& directory) {
    if (directory.is_apart) return {};
    std::vector<std::string> names = TRY(check::names_in(TRY(open(directory.path))));
    size_t left = names.size();
    for (const std::string& name : names) {
      if (watch_.is_stopped()) return fail(ECANCELED);
      if (!TRY(is_needless(directory, name))) continue;
      TRY(remove(directory.path, name, 0));
      --left;
    }
    const bool is_empty = left == removed_below(directory.path);
    if (!directory.is_like_lower || !is_empty) return {};
    // Counted for the one above when nothing is really removed.
    if (options_.is_dry) ++dry_[std::string(changes::parent_of(directory.path))];
    return remove(std::string(changes::parent_of(directory.path)),
                  std::string(changes::name_of(directory.path)), AT_REMOVEDIR);
  }

  size_t removed_below(const std::string& path) const {
    const auto found = dry_.find(path);
    return found == dry_.end() ? 0 : found->second;
  }

  /// Whether the union shows the same without this name of the upper, which is no directory.
  Result<bool> is_needless(const Directory& directory, const std::string& name) {
    if (layer::is_whiteout_name(name)) return false;
    Rest rest;
    const Found upper = TRY(upper_.look_up(directory.upper.directories, name, &rest));
    if (!upper.directories.empty()) return false;
    const Found lower = TRY(lowers_.look_up(directory.lower.directories, name));
    if (!upper.file) return rest.is_hidden && lower.is_nothing();
    const sys::Stat& stat = upper.file->stat;
    if (!lower.file || stat.stx_nlink != 1 || lower.file->stat.stx_nlink != 1) return false;
    if ((stat.stx_mode & S_IFMT) != (lower.file->stat.stx_mode & S_IFMT)) return false;
    // A metacopy takes no space, and what it copies is not compared with itself.
    if (S_ISREG(stat.stx_mode) && (!upper.data || !lower.data)) return false;
    return is_alike(lower, upper);
  }

  Result<void> remove(const std::string& path, const std::string& name, int flags) {
    const UniqueFd parent = TRY(check::open_directory_below(root_, path, O_PATH));
    const sys::Stat stat = TRY(sys::stat({parent, name.c_str()}));
    total_.names += 1;
    total_.bytes += stat.stx_blocks * 512;
    if (options_.is_dry) return {};
    const WritableDirectory writable = TRY(WritableDirectory::make(parent));
    return flags == AT_REMOVEDIR ? sys::remove_directory(parent, name.c_str())
                                 : sys::remove_file(parent, name.c_str());
  }

  View upper_, lowers_;
  BorrowedFd root_;
  const VacuumOptions& options_;
  const bool compares_owners_;
  const Watch& watch_;
  Vacuumed& total_;
  std::vector<Directory> directories_;
  std::map<std::string, size_t> dry_;  ///< How many directories below would have been removed.
};

Expected<void> clean_upper(const HeldSandbox& held, const sandbox::FileSystem& one,
                           const VacuumOptions& options, const Watch& watch, Vacuumed& total) {
  const sandbox::Sandbox& sandbox = held.sandbox;
  // An ordinary user owns each copy, and is shown as the owner of all.
  const bool compares_owners = !held.record.has_one_owner;
  layer::LayerPaths paths;
  paths.upper = one.upper(sandbox);
  paths.work = one.work(sandbox);
  paths.lower = one.layer_paths(sandbox);
  paths.lower.push_back(one.base());
  const auto root = sys::open_path(paths.upper->c_str(), O_PATH | O_DIRECTORY);
  if (root.failed_with(ENOENT)) return {};
  const auto stack = changes::open_layers(paths);
  if (!stack) return std::unexpected(stack.error());
  const auto cleaned = root ? Cleaning(*stack, *root, options, compares_owners, watch, total).run()
                            : Result<void>(fail(root.error()));
  if (cleaned) return {};
  if (cleaned.failed_with(ECANCELED)) {
    return problem("interrupted", "what was done so far is done; another call goes on");
  }
  return problem("the changes of " + in_quotes(one.at) +
                     " cannot be cleaned up: " + std::strerror(to_int(cleaned.error())),
                 "what was done so far is done; correct the permissions and try again");
}

/// What was kept of files that the layers have no more.
void forget_unused_bases(const HeldSandbox& held, const sandbox::FileSystem& one) {
  const auto known = layer::decode_stamps(one.read_base(held.sandbox));
  std::set<std::string> names;
  for (const auto& [path, stamp] : known) names.insert(path.substr(0, path.find('/')));
  forget_bases(held, one, known, {names.begin(), names.end()});
}

}  // namespace

Expected<Vacuumed> vacuum(const HeldSandbox& held, const VacuumOptions& options,
                          const Watch& watch) {
  Vacuumed total;
  for (const sandbox::FileSystem& one : held.record.file_systems) {
    if (!one.is_there()) continue;
    auto cleaned = clean_upper(held, one, options, watch, total);
    if (!cleaned) return std::unexpected(cleaned.error());
    if (!options.is_dry) forget_unused_bases(held, one);
  }
  return total;
}

}  // namespace overpass::snapshots
