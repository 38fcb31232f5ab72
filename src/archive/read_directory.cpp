// SPDX-License-Identifier: MIT

#include "archive/read_directory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <map>

#include "archive/export_directory.h"
#include "archive/imported_sandbox.h"
#include "base/nearest.h"
#include "base/number.h"
#include "changes/layers.h"
#include "cli/looked_at.h"
#include "sys/credentials.h"
#include "sys/file_io.h"
#include "sys/open.h"

namespace overpass::archive {

namespace {

namespace fs = std::filesystem;

std::unexpected<Problem> cannot_read(const std::string& path, Errno error) {
  return problem(in_quotes(path) + " cannot be read: " + std::strerror(to_int(error)),
                 "name what 'overpass export' wrote, as a user who may read it");
}

/// The text of a file that must be a regular one.
Result<std::string> text_in(BorrowedFd directory, const char* name) {
  const UniqueFd file = TRY(sys::open_at(directory, name, O_RDONLY | O_NONBLOCK));
  const sys::Stat stat = TRY(sys::stat(sys::place_of(file)));
  return S_ISREG(stat.stx_mode) ? sys::read_to_end(file) : fail(EINVAL);
}

/// Takes over what the first layers of `uppers`, topmost first, change in the union.
Expected<void> take_over(ImportedUnion& one, std::vector<std::string> uppers, layer::Prefix prefix,
                         const snapshots::Watch& watch) {
  layer::LayerPaths paths;
  const auto changing = static_cast<layer::LayerIndex>(uppers.size() + 1);
  const std::string first = uppers.front();
  paths.lower = std::move(uppers);
  paths.lower.push_back(one.at);
  auto layers = changes::open_layers(paths);
  if (!layers) return std::unexpected(layers.error());
  layers->prefix = prefix;
  const auto walked =
      snapshots::walk_layer({*layers, changing, [](const std::string&) { return true; },
                             watch.is_stopped, watch.progress},
                            *one.upper);
  if (walked) return {};
  return cannot_import(first + "/" + walked.error().path, walked.error().error);
}

Expected<layer::Prefix> prefix_of(const sandbox::Record& record, const std::string& path) {
  if (record.marks == "user") return layer::Prefix::User;
  if (record.marks == "trusted" && sys::is_privileged_in_initial_namespace()) {
    return layer::Prefix::Trusted;
  }
  return problem(record.marks == "trusted"
                     ? in_quotes(path) +
                           " was written by root, and says what was deleted in "
                           "attributes that root alone can read"
                     : in_quotes(path) + " was not written by 'overpass export'",
                 "import it as root, or export with --format tar");
}

Expected<sandbox::Record> record_in(BorrowedFd directory, const std::string& path) {
  const auto text = text_in(directory, kRecordFile);
  if (!text) return cannot_read(path + "/" + kRecordFile, text.error());
  auto record = sandbox::parse_record(*text, path + "/" + kRecordFile);
  if (!record) return record;
  for (const sandbox::FileSystem& one : record->file_systems) {
    if (one.layers.empty()) continue;
    return problem(in_quotes(path) + " is a sandbox of a store, not an exported one",
                   "'overpass fork' makes another sandbox of it");
  }
  return record;
}

/// Stamps that came along say what the changes were made over.
Result<void> copy_stamps(BorrowedFd from, ImportedUnion& one) {
  const auto text = text_in(from, "base");
  if (text.failed_with(ENOENT)) return {};
  const std::string stamps = TRY(text);
  const UniqueFd file = TRY(sys::open_at(one.home, "base", O_WRONLY | O_CREAT | O_EXCL, 0600));
  return sys::write_text(file, stamps);
}

/// The layers of a mount stack.
struct Stack {
  std::string at;                        ///< Where the lowest one leads.
  std::map<uint64_t, std::string> more;  ///< Paths of those above, by number.
  bool has_writable = false;
};

std::unexpected<Problem> cannot_stack(const std::string& path, const std::string& why) {
  return problem(in_quotes(path) + " " + why,
                 "a sandbox has what lies over a link layer@0 to a directory: layers called by "
                 "numbers, and rw");
}

/// Adds what is called `name` in the stack at `path`.
Expected<void> add_part(Stack& stack, const std::string& path, const std::string& name) {
  const std::string whole = path + "/" + name;
  std::error_code error;
  const bool is_directory = fs::is_directory(whole, error);
  if (name == "rw" && is_directory) {
    stack.has_writable = true;
    return {};
  }
  const std::string prefix = kLayerPrefix;
  const auto number = name.starts_with(prefix) ? number_of<uint64_t>(name.substr(prefix.size()))
                                               : std::optional<uint64_t>();
  const bool is_plain = number && std::to_string(*number) == name.substr(prefix.size());
  if (!is_plain || !is_directory) {
    return cannot_stack(whole, "is no part of a stack that can be a sandbox");
  }
  stack.more.emplace(*number, whole);
  return {};
}

Expected<Stack> read_stack(const std::string& path) {
  Stack stack;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    if (auto added = add_part(stack, path, entry.path().filename().string()); !added) {
      return std::unexpected(added.error());
    }
  }
  if (error) return cannot_read(path, Errno{error.value()});
  if (stack.more.empty()) return cannot_stack(path, "has no layer");
  const std::string lowest = stack.more.begin()->second;
  if (!fs::is_symlink(lowest, error)) {
    return cannot_stack(lowest, "is not a link to a directory of the outside");
  }
  stack.at = fs::canonical(lowest, error).string();
  if (error) return cannot_read(lowest, Errno{error.value()});
  stack.more.erase(stack.more.begin());
  return stack;
}

/// A sandbox with a union at `at`. What is no mount of its own is the only thing that it changes.
Expected<ImportedSandbox> begin_over(const std::string& at, const snapshots::Watch& watch) {
  auto sandbox = ImportedSandbox::begin({}, watch);
  if (!sandbox || sandbox->union_at(at)) return sandbox;
  return ImportedSandbox::begin({.only = at}, watch);
}

}  // namespace

Expected<void> import_directory(const std::string& path, const std::string& name,
                                const snapshots::Watch& watch) {
  const auto directory = sys::open_path(path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!directory) return cannot_read(path, directory.error());
  const auto record = record_in(*directory, path);
  if (!record) return std::unexpected(record.error());
  // All else that it says is another's to grant.
  auto sandbox = ImportedSandbox::begin({.only = record->scope.only}, watch);
  if (!sandbox) return std::unexpected(sandbox.error());
  for (const sandbox::FileSystem& one : record->file_systems) {
    const auto prefix = prefix_of(*record, path);
    if (!prefix) return std::unexpected(prefix.error());
    const auto where = sandbox->union_at(one.at);
    if (!where) return std::unexpected(where.error());
    const std::string number = std::to_string(one.directory);
    const auto home = sys::open_at(*directory, number.c_str(), O_RDONLY | O_DIRECTORY);
    const std::string place = fs::path(path) / number;
    if (!home) return cannot_read(place, home.error());
    const auto stamped = copy_stamps(*home, **where);
    if (!stamped) return cannot_read(place + "/base", stamped.error());
    if (auto taken = take_over(**where, {place + "/upper"}, *prefix, watch); !taken) return taken;
  }
  return sandbox->finish(name);
}

Expected<void> import_mstack(const std::string& path, const std::string& name,
                             const snapshots::Watch& watch) {
  const auto stack = read_stack(path);
  if (!stack) return std::unexpected(stack.error());
  std::vector<std::string> uppers;
  std::error_code error;
  // systemd makes it at the first use.
  const std::string data = path + "/rw/data";
  if (stack->has_writable && fs::is_directory(data, error)) uppers.push_back(data);
  for (auto one = stack->more.rbegin(); one != stack->more.rend(); ++one) {
    uppers.push_back(one->second);
  }
  auto sandbox = begin_over(stack->at, watch);
  if (!sandbox) return std::unexpected(sandbox.error());
  const auto where = sandbox->union_at(stack->at);
  if (!where) return std::unexpected(where.error());
  if (!uppers.empty()) {
    auto taken = take_over(**where, std::move(uppers), layer::Prefix::User, watch);
    if (!taken) return taken;
  }
  return sandbox->finish(name);
}

}  // namespace overpass::archive
