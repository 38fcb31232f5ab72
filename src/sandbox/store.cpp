// SPDX-License-Identifier: MIT
//
// A name is removed in two steps, so that it is free at once and never leads to half a sandbox.

#include "sandbox/store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/nearest.h"
#include "layer/remove_tree.h"
#include "sys/attributes.h"
#include "sys/directory_stream.h"
#include "sys/lock_file.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/privileges.h"
#include "sys/random.h"
#include "sys/stat.h"

namespace overpass::sandbox {

namespace {

namespace fs = std::filesystem;

constexpr char kLock[] = "lock";
constexpr size_t kLongestName = 64;
constexpr size_t kIdDigits = 32;
/// What is being removed; no sandbox is called so.
constexpr std::string_view kTrash = ".removed-";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string chosen_store() {
  if (std::string chosen = environment("OVERPASS_STORE"); chosen.starts_with('/')) return chosen;
  if (sys::is_superuser()) return "/var/lib/overpass";
  if (const std::string data = environment("XDG_DATA_HOME"); data.starts_with('/')) {
    return data + "/overpass";
  }
  const std::string home = environment("HOME");
  return home.starts_with('/') ? home + "/.local/share/overpass" : "";
}

bool is_same_file(const sys::Stat& left, const sys::Stat& right) {
  return left.stx_ino == right.stx_ino && sys::device_of(left) == sys::device_of(right);
}

Result<UniqueFd> open_directory(const std::string& path) {
  return sys::open_path(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/// Makes the store and what is above it.
Expected<void> make_store(const std::string& store) {
  if (store.empty())
    return problem("no place for sandboxes is known", "set HOME or OVERPASS_STORE");
  std::error_code error;
  fs::create_directories(fs::path(store).parent_path(), error);
  if (!error && fs::create_directory(store, error)) {
    fs::permissions(store, fs::perms::owner_all, error);
  }
  if (!error) return {};
  return problem("the store " + in_quotes(store) + " cannot be made: " + error.message(),
                 "make it, or set OVERPASS_STORE to another directory");
}

/// Another user who could write to `directory` could exchange what is in it.
Expected<void> check_owner(const std::string& path, BorrowedFd directory) {
  const auto found = sys::stat(sys::place_of(directory));
  if (found && found->stx_uid == ::geteuid() && (found->stx_mode & (S_IWGRP | S_IWOTH)) == 0) {
    return {};
  }
  return problem(in_quotes(path) + " belongs to another user, or others may write to it",
                 "name another sandbox, or set OVERPASS_STORE to a directory of your own");
}

}  // namespace

bool is_sandbox_name(std::string_view name) {
  if (name == kLast) return true;
  if (name.empty() || name.size() > kLongestName || name[0] == '.' || name[0] == '-') return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

Result<std::string> random_id() {
  std::string id;
  for (const uint8_t byte : TRY(sys::random_uuid())) {
    char digits[3];
    (void)std::snprintf(digits, sizeof digits, "%02x", byte);
    id += digits;
  }
  return id;
}

bool is_layer_id(std::string_view id) {
  return id.size() == kIdDigits &&
         id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string layer_path(const std::string& store, const std::string& id) {
  return store + "/" + std::string(kLayers) + "/" + id + "/upper";
}

std::string store_path() {
  const std::string chosen = chosen_store();
  if (chosen.empty()) return "";
  std::error_code error;
  const fs::path real = fs::weakly_canonical(chosen, error);
  return error ? chosen : real.string();
}

Result<Sandbox> Sandbox::open(const std::string& store, const std::string& name) {
  const std::string path = store + "/" + name;
  const UniqueFd parent = TRY(open_directory(store));
  UniqueFd directory = TRY(open_directory(path));
  if (!check_owner(store, parent) || !check_owner(path, directory)) return fail(EACCES);
  return Sandbox(name, path, std::move(directory));
}

Expected<Sandbox> Sandbox::find(const std::string& store, const std::string& name) {
  auto sandbox = is_sandbox_name(name) ? open(store, name) : Result<Sandbox>(fail(ENOENT));
  if (sandbox) return std::move(*sandbox);
  if (!sandbox.failed_with(EACCES)) {
    return problem("no sandbox is called " + in_quotes(name), "'overpass list' shows all");
  }
  return problem(in_quotes(store + "/" + name) +
                     " or the store belongs to another user, or others may write to it",
                 "correct owner and permissions, or set OVERPASS_STORE");
}

Expected<Sandbox> Sandbox::make(const std::string& store, const std::string& name) {
  if (auto made = make_store(store); !made) return std::unexpected(made.error());
  const std::string path = store + "/" + name;
  const auto parent = open_directory(store);
  if (parent) {
    if (auto own = check_owner(store, *parent); !own) return std::unexpected(own.error());
  }
  Result<void> made = parent ? sys::make_directory(*parent, name.c_str(), 0700)
                             : Result<void>(fail(parent.error()));
  if (made.failed_with(EEXIST)) made = {};
  auto directory = made ? open_directory(path) : Result<UniqueFd>(fail(made.error()));
  if (!directory) {
    return problem("the sandbox " + in_quotes(path) +
                       " cannot be made: " + std::strerror(to_int(directory.error())),
                   "make room or correct the permissions, or set OVERPASS_STORE");
  }
  if (auto own = check_owner(path, *directory); !own) return std::unexpected(own.error());
  return Sandbox(name, path, std::move(*directory));
}

Result<UniqueFd> Sandbox::lock() const {
  UniqueFd file = TRY(sys::open_at(directory_, kLock, O_RDWR | O_CREAT, 0600));
  TRY(sys::lock_file(file));
  // It may have been removed while it was being opened.
  const UniqueFd now = TRY(open_directory(path_));
  const auto found = TRY(sys::stat(sys::place_of(now)));
  if (!is_same_file(found, TRY(sys::stat(sys::place_of(directory_))))) return fail(ESTALE);
  return file;
}

bool Sandbox::is_running() const { return lock().failed_with(EWOULDBLOCK); }

int64_t Sandbox::last_run() const {
  const auto found = sys::stat({directory_, kLock});
  return found ? found->stx_mtime.tv_sec : 0;
}

void Sandbox::note_run() const {
  // A full file system keeps the former time.
  (void)sys::touch({directory_, kLock});
}

Result<void> Sandbox::make_directory(const std::string& name, mode_t mode) const {
  auto made = sys::make_directory(directory_, name.c_str(), mode);
  if (made.failed_with(EEXIST)) return {};
  return made;
}

std::vector<std::string> sandbox_names(const std::string& store) {
  std::vector<std::string> names;
  const auto directory = open_directory(store);
  if (!directory) return names;
  (void)sys::for_each_entry(*directory, [&](const sys::DirectoryEntry& entry) -> Result<void> {
    if (is_sandbox_name(entry.name)) names.emplace_back(entry.name);
    return {};
  });
  std::ranges::sort(names);
  return names;
}

Expected<void> remove_sandbox(const std::string& store, const Sandbox& sandbox) {
  const auto remove = [&]() -> Result<void> {
    const UniqueFd parent = TRY(open_directory(store));
    const std::string trash = std::string(kTrash) + std::to_string(::getpid());
    TRY(sys::rename({parent, sandbox.name().c_str()}, {parent, trash.c_str()}));
    return layer::remove_tree(parent, trash.c_str());
  };
  const auto removed = remove();
  if (removed) return {};
  return problem(
      in_quotes(sandbox.path()) + " cannot be removed: " + std::strerror(to_int(removed.error())),
      "correct the permissions, or remove it as root");
}

}  // namespace overpass::sandbox
