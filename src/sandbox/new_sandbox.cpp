// SPDX-License-Identifier: MIT

#include "sandbox/new_sandbox.h"

#include <fcntl.h>
#include <stdio.h>

#include <cstring>
#include <vector>

#include "base/nearest.h"
#include "sandbox/record.h"
#include "sys/directory_stream.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::sandbox {

namespace {

/// How the names of new sandboxes begin; no sandbox is called so.
constexpr std::string_view kUnfinished = ".new-";

}  // namespace

Expected<void> check_new_name(const std::string& store, const std::string& name) {
  if (!is_sandbox_name(name) || name == kLast) {
    return problem("no sandbox can be called " + in_quotes(name),
                   "use letters, digits, '.', '_' and '-'");
  }
  const auto found = Sandbox::open(store, name);
  if (!found && found.failed_with(ENOENT)) return {};
  return problem("there is a sandbox " + in_quotes(name) + " already", "choose another name");
}

Expected<NewSandbox> NewSandbox::begin(const std::string& store) {
  const auto id = random_id();
  if (!id) {
    return problem("there is no random number: " + std::string(std::strerror(to_int(id.error()))),
                   "try again");
  }
  const std::string name = std::string(kUnfinished) + *id;
  auto made = Sandbox::make(store, name);
  if (!made) return std::unexpected(made.error());
  auto lock = made->lock();
  if (lock) return NewSandbox(store, std::move(*made), std::move(*lock));
  return problem("the new sandbox in " + in_quotes(store) +
                     " cannot be locked: " + std::strerror(to_int(lock.error())),
                 "try again");
}

NewSandbox::~NewSandbox() {
  // Moved away from, or published.
  if (!lock_ || !sandbox_) return;
  (void)remove_sandbox(store_, *sandbox_);
}

Expected<void> NewSandbox::publish(const std::string& name) {
  const auto rename = [&]() -> Result<void> {
    const UniqueFd parent = TRY(sys::open_path(store_.c_str(), O_RDONLY | O_DIRECTORY));
    const sys::Place from = {parent, sandbox_->name().c_str()};
    auto renamed = sys::rename(from, {parent, name.c_str()}, RENAME_NOREPLACE);
    // Where the file system has no such flag: a sandbox has its lock in it, so it is never empty.
    return renamed.failed_with(EINVAL) ? sys::rename(from, {parent, name.c_str()}) : renamed;
  };
  const auto renamed = rename();
  if (renamed) {
    sandbox_.reset();
    return {};
  }
  if (renamed.failed_with(EEXIST) || renamed.failed_with(ENOTEMPTY)) {
    return problem("there is a sandbox " + in_quotes(name) + " already", "choose another name");
  }
  return problem(
      "the sandbox cannot get its name: " + std::string(std::strerror(to_int(renamed.error()))),
      "make room or correct the permissions");
}

void remove_unfinished(const std::string& store) {
  const auto directory = sys::open_path(store.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) return;
  std::vector<std::string> names;
  (void)sys::for_each_entry(*directory, [&](const sys::DirectoryEntry& entry) -> Result<void> {
    if (entry.name.starts_with(kUnfinished)) names.emplace_back(entry.name);
    return {};
  });
  for (const std::string& name : names) {
    const auto found = Sandbox::open(store, name);
    const auto lock = found ? found->lock() : Result<UniqueFd>(fail(found.error()));
    if (lock) (void)remove_sandbox(store, *found);
  }
}

}  // namespace overpass::sandbox
