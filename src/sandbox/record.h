// SPDX-License-Identifier: MIT
//
// sandbox.toml: what a sandbox shows, when it was made, and by which user. Programs read what they
// need of it and pass over the rest.
//
//   format = 1
//   created = 2026-11-29T08:00:00Z
//   user = 1000
//   root = false                # whether CMD has the ids of root
//   one_owner = true            # all files are shown as the user's own
//   keep_bases = true           # what is changed is kept as it was, for a merge
//   only = "/home/anna/project"
//   log = "/home/anna/log"      # where events of rules are written, outside
//   ignored = ["*.key"]         # patterns of .overpassignore
//   rules = ["hide .env"]       # and through, in_memory, sockets, read_only, hidden: paths
//   dropped = []                # layers that it alone had, and that are to be removed
//   marks = "user"              # only of an exported one: the attributes of its uppers are
//                               # user.overlay.* or trusted.overlay.*
//
//   [[file_system]]             # what was changed below /home is in the directory 2
//   at = "/home"
//   directory = 2
//   identity = "..."            # of the file system that was there (file_system_identity())
//   layers = ["0123456789abcdef"]   # frozen ones beneath the upper, topmost first (layer_store.h)
//   lower = "/srv/base2"        # what it is over instead of what is mounted there (overpass
//   rebase) moving = 1                  # the first of them may still be the upper of this
//   directory
//
//   [[snapshot]]                # the oldest first
//   label = "before"
//   created = 2026-11-29T08:00:00Z
//   layers = ["0123456789abcdef"]   # those that were frozen since the one before

#ifndef OVERPASS_SANDBOX_RECORD_H_
#define OVERPASS_SANDBOX_RECORD_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "sandbox/mount_plan.h"
#include "sandbox/store.h"

namespace overpass::sandbox {

/// What tells the file system, and the directory of it, at `path` from another that is mounted
/// there later. Empty if there is nothing.
std::string file_system_identity(const std::string& path);

/// What is known of what was there before the changes of upper directories at these paths, topmost
/// first (layer/base_stamp.h): the oldest first.
std::string joined_stamps(const std::vector<std::string>& uppers);

struct FileSystem {
  std::string at;          ///< Where it is mounted.
  uint32_t directory = 0;  ///< In the sandbox; from 1.
  std::string identity;
  std::vector<std::string> layers = {};  ///< Ids of frozen layers, topmost first.
  /// If not 0, the upper of this directory becomes layers.front() and may not have been moved yet.
  uint32_t moving = 0;
  std::string lower = {};  ///< The directory that the changes are over; empty: what is at `at`.

  /// The directory that the changes are over.
  const std::string& base() const { return lower.empty() ? at : lower; }

  /// Whether base() still is what the changes were made over.
  bool is_there() const { return file_system_identity(base()) == identity; }

  std::string upper(const Sandbox& sandbox) const;
  std::string work(const Sandbox& sandbox) const;
  /// What was there before the changes (layer/base_stamp.h).
  std::string base_log(const Sandbox& sandbox) const;
  /// All that is known of it, of the frozen layers too, the oldest first.
  std::string read_base(const Sandbox& sandbox) const;
  /// Where the frozen layers are, topmost first.
  std::vector<std::string> layer_paths(const Sandbox& sandbox) const;
  /// The directories of the upper and of each frozen layer, topmost first. What is known of what
  /// was there before the changes lies beside these.
  std::vector<std::string> homes(const Sandbox& sandbox) const;
};

/// A moment that the sandbox can return to.
struct Snapshot {
  std::string label;                ///< Unique in the sandbox (is_sandbox_name()).
  std::string created;              ///< RFC 3339.
  std::vector<std::string> layers;  ///< Ids of those that were frozen since the one before.
};

struct Record {
  std::string created;  ///< RFC 3339.
  uint32_t user = 0;
  bool is_root = false;
  bool has_one_owner = false;
  bool has_network = true;
  /// The bytes of what is changed are kept as they were (layer/kept_base.h).
  bool keeps_bases = false;
  Scope scope;
  std::vector<FileSystem> file_systems;
  std::vector<Snapshot> snapshots = {};  ///< The oldest first.
  /// Layers that only this sandbox had, and that may not have been removed yet.
  std::vector<std::string> dropped = {};
  /// Of one that was exported to a directory: "user" or "trusted".
  std::string marks = {};

  /// The one at that mountpoint; it gets the next free directory if it is not known. What is
  /// mounted there later, as a tmpfs after each start of the machine, has changes of its own. One
  /// with a `lower` is known by the mountpoint alone.
  FileSystem& file_system_at(const std::string& mountpoint, const std::string& identity);

  /// A directory that no file system has.
  uint32_t free_directory() const;

  /// Its place in `snapshots`; nothing if no snapshot is called so.
  std::optional<size_t> find_snapshot(std::string_view label) const;

  /// Whether one of the snapshots has frozen that layer.
  bool is_in_snapshot(const std::string& id) const;

  /// Adds a snapshot of now. It has all layers that no earlier one has, also those that a command
  /// froze since (overpass apply of a sandbox that runs).
  void add_snapshot(const std::string& label);

  /// Takes the layers out of the snapshots. One that has none left goes.
  void forget_layers(std::span<const std::string> ids);
};

/// The present time as the record has it.
std::string time_text();

/// A record of now.
Record new_record();

/// Understands the text of a sandbox.toml; `file` names it in messages.
Expected<Record> parse_record(std::string_view text, const std::string& file);

std::string text_of(const Record& record);

/// Reads the sandbox's. A problem also if it is missing.
Expected<Record> read_record(const Sandbox& sandbox);

bool has_record(const Sandbox& sandbox);

/// Writes it anew: a crash leaves the old or the new one. REQUIRES: the sandbox's lock is held.
Expected<void> write_record(const Sandbox& sandbox, const Record& record);

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_RECORD_H_
