// SPDX-License-Identifier: MIT
//
// The store: a directory with a directory for each sandbox, which other tools can read.
//
//   STORE/NAME/sandbox.toml   what it shows and whose it is (record.h)
//   STORE/NAME/lock           held (flock(2)) by its keeper, while it runs; touched at each begin
//   STORE/NAME/control        the keeper's socket, while it runs
//   STORE/NAME/view           where the unions are mounted, in the keeper's mount namespace
//   STORE/NAME/lowers         where lowers are cloned, there as well (lowers.h)
//   STORE/NAME/N/upper, work  what was changed below one mountpoint, as overlayfs writes it
//   STORE/NAME/N/base         what was there before (layer/base_stamp.h)
//   STORE/NAME/N/bases        and its bytes, if the sandbox keeps them (layer/kept_base.h)
//   STORE/NAME/apply, undo    what 'overpass apply' is doing and has done (apply/journal.h)
//   STORE/@layers/ID/upper    such an upper that snapshots have frozen (layer_store.h), and its
//   base, bases
//
// Nothing else is kept anywhere.

#ifndef OVERPASS_SANDBOX_STORE_H_
#define OVERPASS_SANDBOX_STORE_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sandbox {

/// The name of the last sandbox that was run without one.
inline constexpr std::string_view kLast = "@last";

/// Whether a sandbox may be called so: letters, digits, '.', '_' and '-', not at the beginning the
/// last two kinds of mark; or kLast.
bool is_sandbox_name(std::string_view name);

/// Where frozen layers are, in the store.
inline constexpr std::string_view kLayers = "@layers";

/// 32 random hexadecimal digits, for the name of what nobody else makes. Errors of getrandom(2).
Result<std::string> random_id();

/// Whether a frozen layer may be called so: 32 hexadecimal digits.
bool is_layer_id(std::string_view id);

/// The directory of the frozen layer that unions take as a lower.
std::string layer_path(const std::string& store, const std::string& id);

/// Where the user's sandboxes are: $OVERPASS_STORE; for root /var/lib/overpass; else
/// $XDG_DATA_HOME/overpass or ~/.local/share/overpass. Empty if there is no home. The path is
/// absolute and free of symbolic links as far as it exists.
std::string store_path();

/// An existing or new directory of a sandbox.
class Sandbox {
 public:
  /// Opens STORE/NAME. ENOENT if there is none, EACCES if it or the store belongs to another
  /// user, or others may write to it.
  static Result<Sandbox> open(const std::string& store, const std::string& name);
  /// The same by any text that a user gave as NAME; the problem is for this user.
  static Expected<Sandbox> find(const std::string& store, const std::string& name);
  /// The same, but makes what is missing, the store included, for this user alone.
  static Expected<Sandbox> make(const std::string& store, const std::string& name);

  const std::string& name() const { return name_; }
  /// Absolute.
  const std::string& path() const { return path_; }
  /// The store that it is in.
  std::string store() const { return path_.substr(0, path_.size() - name_.size() - 1); }
  BorrowedFd directory() const { return directory_; }

  /// The lock, if no other process has it: no keeper runs, and none can begin while it is held.
  /// EWOULDBLOCK otherwise.
  Result<UniqueFd> lock() const;

  bool is_running() const;

  /// When it was begun last, in seconds of the epoch; note_run() says so.
  int64_t last_run() const;
  void note_run() const;

  /// Makes the directory `name` in the sandbox, with `mode`, if it is not there.
  Result<void> make_directory(const std::string& name, mode_t mode) const;

 private:
  Sandbox(std::string name, std::string path, UniqueFd directory)
      : name_(std::move(name)), path_(std::move(path)), directory_(std::move(directory)) {}

  std::string name_, path_;
  UniqueFd directory_;
};

/// The names of all sandboxes, sorted. None without a store.
std::vector<std::string> sandbox_names(const std::string& store);

/// Removes a sandbox with all that is in it; the problem is for its user. REQUIRES: its lock is
/// held.
Expected<void> remove_sandbox(const std::string& store, const Sandbox& sandbox);

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_STORE_H_
