// SPDX-License-Identifier: MIT

#include "archive/imported_sandbox.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "apply/base_stamps.h"
#include "base/nearest.h"
#include "changes/layers.h"
#include "changes/list.h"
#include "cli/diff_target.h"
#include "cli/looked_at.h"
#include "cli/outside.h"
#include "sandbox/unions.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::archive {

namespace {

constexpr char kUpper[] = "upper";
constexpr char kBase[] = "base";

std::string remedy_of(Errno error) {
  switch (to_int(error)) {
    case ENOSPC:
    case EDQUOT:
      return "make room; nothing has been imported";
    case EPERM:
      return "devices can be made by root alone; nothing has been imported";
    case ENOTDIR:
    case ELOOP:
      return "it lies below what is no directory; nothing has been imported";
    default:
      return "nothing has been imported";
  }
}

}  // namespace

std::unexpected<Problem> cannot_import(const std::string& path, Errno error) {
  if (error == Errno{ECANCELED}) return problem("interrupted; nothing has been imported");
  return problem(cli::shown_path(path) + " cannot be imported: " + std::strerror(to_int(error)),
                 remedy_of(error));
}

Expected<ImportedSandbox> ImportedSandbox::begin(const sandbox::Scope& scope,
                                                 const snapshots::Watch& watch) {
  auto plan = cli::plan_outside(scope);
  if (!plan) return std::unexpected(plan.error());
  auto made = sandbox::NewSandbox::begin(sandbox::store_path());
  if (!made) return std::unexpected(made.error());
  sandbox::Record record = sandbox::new_record();
  record.scope = scope;
  record.has_one_owner = cli::needs_one_owner();
  return ImportedSandbox(std::move(*made), std::move(record), std::move(*plan), watch);
}

Expected<ImportedSandbox::Spot> ImportedSandbox::find(const std::string& path) {
  const std::string whole = "/" + path;
  const sandbox::PlannedMount* nearest = nullptr;
  for (const sandbox::PlannedMount& one : plan_) {
    if (!sandbox::is_at_or_below(whole, one.path)) continue;
    if (nearest == nullptr || nearest->path.size() <= one.path.size()) nearest = &one;
  }
  const bool is_store = sandbox::is_at_or_below(whole, sandbox::store_path());
  if (nearest == nullptr || nearest->shown != sandbox::Shown::Union || is_store) {
    return problem(cli::shown_path(whole) + " is nothing that a sandbox can change here",
                   "nothing has been imported");
  }
  const auto where = union_at(nearest->path);
  if (!where) return std::unexpected(where.error());
  return Spot{*where, cli::without_slashes(sandbox::path_below(whole, nearest->path))};
}

Expected<ImportedUnion*> ImportedSandbox::union_at(const std::string& at) {
  const auto known = std::ranges::find(unions_, at, [](const auto& one) { return one->at; });
  if (known != unions_.end()) return known->get();
  const auto planned = std::ranges::find(plan_, at, &sandbox::PlannedMount::path);
  if (planned == plan_.end() || planned->shown != sandbox::Shown::Union) {
    return problem("nothing that a sandbox can change is mounted at " + cli::shown_path(at),
                   "mount it, or export with --format tar, which goes by paths alone");
  }
  return begin_union(at);
}

Expected<ImportedUnion*> ImportedSandbox::begin_union(const std::string& at) {
  const sandbox::FileSystem& place = record_.file_system_at(at, sandbox::file_system_identity(at));
  auto one = std::make_unique<ImportedUnion>();
  one->at = at;
  one->directory = place.directory;
  const std::string number = std::to_string(place.directory);
  const BorrowedFd directory = new_.sandbox().directory();
  auto home = sys::make_and_open_directory(directory, number.c_str(), 0700);
  if (!home) return cannot_import(at, home.error());
  one->home = std::move(*home);
  // The place of the upper tells by which attributes it will have its marks.
  layer::LayerPaths paths;
  paths.lower = {at};
  paths.upper = paths.work = new_.sandbox().path() + "/" + number;
  auto layers = changes::open_layers(paths);
  if (!layers) return std::unexpected(layers.error());
  one->layers = std::move(*layers);
  one->base = std::make_unique<changes::View>(one->layers, layer::LayerIndex{1});
  auto upper = snapshots::UpperBuilder::begin(one->home, kUpper, *one->base,
                                              {.prefix = one->layers.prefix,
                                               .gives_owner = !record_.has_one_owner,
                                               .is_stopped = watch_.is_stopped});
  if (!upper) return cannot_import(at, upper.error());
  one->upper = std::make_unique<snapshots::UpperBuilder>(std::move(*upper));
  unions_.push_back(std::move(one));
  return unions_.back().get();
}

/// Compares what has been imported with the outside.
Result<void> ImportedSandbox::stamp(ImportedUnion& one) {
  if (sys::stat({one.home, kBase})) return {};
  layer::LayerPaths paths;
  paths.lower = {one.at};
  const std::string home = new_.sandbox().path() + "/" + std::to_string(one.directory);
  paths.upper = home + "/" + kUpper;
  paths.work = home + "/work";
  const auto layers = changes::open_layers(paths);
  if (!layers) return fail(EIO);
  const auto list = TRY(changes::read_list(*layers, {.is_stopped = watch_.is_stopped}));
  const apply::Target target = TRY(apply::Target::open(one.at));
  const std::string text = TRY(apply::stamps_of_base(target, list));
  const UniqueFd file = TRY(sys::open_at(one.home, kBase, O_WRONLY | O_CREAT | O_EXCL, 0600));
  return sys::write_text(file, text);
}

Expected<void> ImportedSandbox::finish_union(ImportedUnion& one) {
  if (const auto finished = one.upper->finish(); !finished) {
    return cannot_import(one.at, finished.error());
  }
  const sandbox::FileSystem& place =
      record_.file_system_at(one.at, sandbox::file_system_identity(one.at));
  if (place.directory != one.directory) return cannot_import(one.at, Errno{ESTALE});
  if (auto made = sandbox::make_layers(new_.sandbox(), place, one.at); !made) return made;
  const auto stamped = stamp(one);
  return stamped ? Expected<void>() : cannot_import(one.at, stamped.error());
}

Expected<void> ImportedSandbox::finish(const std::string& name) {
  for (const auto& one : unions_) {
    if (auto finished = finish_union(*one); !finished) return finished;
  }
  if (auto written = sandbox::write_record(new_.sandbox(), record_); !written) return written;
  return new_.publish(name);
}

}  // namespace overpass::archive
