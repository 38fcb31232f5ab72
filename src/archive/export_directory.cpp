// SPDX-License-Identifier: MIT

#include "archive/export_directory.h"

#include <fcntl.h>
#include <stdio.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/nearest.h"
#include "layer/remove_tree.h"
#include "snapshots/upper_builder.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::archive {

namespace {

using cli::ComparedUnion;
using snapshots::HeldSandbox;

std::unexpected<Problem> cannot_write(const std::string& path, Errno error) {
  return problem(in_quotes(path) + " cannot be written: " + std::strerror(to_int(error)),
                 "make room, correct the permissions, or name another place");
}

/// A directory that appears under its name when it is whole.
class UnfinishedDirectory {
 public:
  static Expected<UnfinishedDirectory> make(const std::string& path) {
    const std::string unfinished = path + ".unfinished";
    const auto make = [&]() -> Result<UniqueFd> {
      if (sys::stat({BorrowedFd{AT_FDCWD}, path.c_str()})) return fail(EEXIST);
      TRY(sys::make_directory(BorrowedFd{AT_FDCWD}, unfinished.c_str(), 0700));
      return sys::open_path(unfinished.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    };
    auto opened = make();
    if (opened) return UnfinishedDirectory(path, std::move(*opened));
    if (!opened.failed_with(EEXIST)) return cannot_write(path, opened.error());
    return problem(in_quotes(path) + " or " + in_quotes(unfinished) + " is there already",
                   "remove it, or name another place");
  }

  UnfinishedDirectory(UnfinishedDirectory&&) = default;
  UnfinishedDirectory& operator=(UnfinishedDirectory&&) = delete;
  ~UnfinishedDirectory() {
    if (directory_) (void)layer::remove_tree(BorrowedFd{AT_FDCWD}, unfinished().c_str());
  }

  BorrowedFd fd() const { return directory_; }

  Expected<void> finish() {
    const BorrowedFd here{AT_FDCWD};
    const auto renamed =
        sys::rename({here, unfinished().c_str()}, {here, path_.c_str()}, RENAME_NOREPLACE);
    if (!renamed) return cannot_write(path_, renamed.error());
    directory_ = UniqueFd();
    return {};
  }

 private:
  UnfinishedDirectory(std::string path, UniqueFd directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}
  std::string unfinished() const { return path_ + ".unfinished"; }

  std::string path_;
  UniqueFd directory_;  ///< Empty once it is finished.
};

Result<void> write_text(BorrowedFd directory, const char* name, const std::string& text) {
  const UniqueFd file = TRY(sys::open_at(directory, name, O_WRONLY | O_CREAT | O_EXCL, 0600));
  return sys::write_text(file, text);
}

struct NewUpper {
  BorrowedFd home;
  const char* name;
  layer::Prefix prefix;
  bool tells_moves;
};

Expected<void> write_upper(const HeldSandbox& held, const ComparedUnion& one, const NewUpper& upper,
                           const std::string& path, const snapshots::Watch& watch) {
  changes::View base(one.layers, one.changing_layers);
  auto builder = snapshots::UpperBuilder::begin(upper.home, upper.name, base,
                                                {.prefix = upper.prefix,
                                                 .gives_owner = !held.record.has_one_owner,
                                                 .is_stopped = watch.is_stopped});
  if (!builder) return cannot_write(path, builder.error());
  if (auto written = write_union(one, *builder, upper.tells_moves, watch); !written) {
    return written;
  }
  const auto finished = builder->finish();
  if (finished.failed_with(ECANCELED)) return problem("interrupted; nothing has been written");
  return finished ? Expected<void>() : cannot_write(path, finished.error());
}

std::string words_of(layer::Prefix prefix) {
  return prefix == layer::Prefix::User ? "user" : "trusted";
}

}  // namespace

Expected<void> export_directory(const HeldSandbox& held, const std::vector<ComparedUnion>& unions,
                                const std::string& path, const snapshots::Watch& watch) {
  auto directory = UnfinishedDirectory::make(path);
  if (!directory) return std::unexpected(directory.error());
  sandbox::Record record = held.record;
  record.file_systems.clear();
  record.snapshots.clear();
  record.dropped.clear();
  record.keeps_bases = false;  // None are in it.
  for (const ComparedUnion& one : unions) {
    const sandbox::FileSystem* place = cli::find_file_system(held.record, one.place);
    if (place == nullptr) return cannot_write(path, Errno{ESTALE});
    const uint32_t number = record.free_directory();
    record.file_systems.push_back({place->at, number, place->identity});
    record.marks = words_of(one.layers.prefix);
    const auto home =
        sys::make_and_open_directory(directory->fd(), std::to_string(number).c_str(), 0700);
    if (!home) return cannot_write(path, home.error());
    const NewUpper upper = {*home, "upper", one.layers.prefix, /*tells_moves=*/true};
    if (auto written = write_upper(held, one, upper, path, watch); !written) return written;
    const auto stamped = write_text(*home, "base", place->read_base(held.sandbox));
    if (!stamped) return cannot_write(path, stamped.error());
  }
  const auto written = write_text(directory->fd(), kRecordFile, sandbox::text_of(record));
  return written ? directory->finish() : cannot_write(path, written.error());
}

Expected<void> export_mstack(const HeldSandbox& held, const std::vector<ComparedUnion>& unions,
                             const std::string& path, const snapshots::Watch& watch) {
  if (unions.size() != 1) {
    std::string places;
    for (const ComparedUnion& one : unions) places += " /" + one.place;
    return problem(unions.empty() ? held.sandbox.name() + " has no changes"
                                  : "a mount stack has changes of one file system only, and " +
                                        held.sandbox.name() + " has some of:" + places,
                   "--format dir and tar take all");
  }
  const ComparedUnion& one = unions.front();
  const sandbox::FileSystem* place = cli::find_file_system(held.record, one.place);
  if (place == nullptr) return cannot_write(path, Errno{ESTALE});
  auto directory = UnfinishedDirectory::make(path);
  if (!directory) return std::unexpected(directory.error());
  const auto make = [&]() -> Result<UniqueFd> {
    TRY(sys::make_symlink(directory->fd(), kLowestLayer, place->base().c_str()));
    UniqueFd writable = TRY(sys::make_and_open_directory(directory->fd(), "rw", 0700));
    TRY(sys::make_directory(writable, "work", 0700));
    return writable;
  };
  const auto writable = make();
  if (!writable) return cannot_write(path, writable.error());
  const NewUpper upper = {*writable, "data", layer::Prefix::User, /*tells_moves=*/false};
  if (auto written = write_upper(held, one, upper, path, watch); !written) return written;
  return directory->finish();
}

}  // namespace overpass::archive
