// SPDX-License-Identifier: MIT
//
// What a sandbox shows of the machine's mounts, decided from the mount table alone: which become
// unions, which are bound as they are, which are left out.

#ifndef OVERPASS_SANDBOX_MOUNT_PLAN_H_
#define OVERPASS_SANDBOX_MOUNT_PLAN_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace overpass::sandbox {

/// How a mount of the outside is shown at its place.
enum class Shown {
  Union,          ///< A union over it, with an upper of its own.
  ReadOnlyUnion,  ///< A union without an upper: what it is bound to must not be reached by sockets.
  Bind,           ///< The mount itself, read-only.
  BindFile,       ///< The same of a single file that something is mounted on.
  Through,        ///< The mount itself: what is written there is written outside.
  Private,        ///< An empty directory in memory, for everybody to write to.
  Empty,          ///< An empty directory, which nobody can write to.
};

struct PlannedMount {
  std::string path;  ///< Absolute, as outside.
  Shown shown;
  std::vector<std::string> rules;  ///< Of a union, with paths from its root.
};

/// What the user asked for.
struct Scope {
  /// If given, the one directory that is a union; all else is read-only.
  std::string only = {};
  std::vector<std::string> ignored = {};    ///< Patterns of names that do not exist in `only`.
  std::vector<std::string> through = {};    ///< Directories that are written outside.
  std::vector<std::string> in_memory = {};  ///< Directories that begin empty and vanish at the end.
  std::vector<std::string> sockets = {};    ///< Sockets of the outside that can be reached.
  std::vector<std::string> read_only = {};  ///< What cannot be changed inside.
  std::vector<std::string> hidden = {};     ///< What does not exist inside.
  std::string log = {};                     ///< The file for events of rules; empty: none.
  std::vector<std::string> rules = {};      ///< "ACTION PATTERN" or "@SET", for all unions.
};

/// What is mounted at the path of a line of the mount table.
enum class Mounted {
  Hidden,  ///< Nothing that a process could reach: another mount lies over it.
  Directory,
  File,
  Other,  ///< A socket, a device, or anything else that has no content of its own.
};
/// Looks at the mount with this path and this number.
using LookAt = std::function<Mounted(const std::string& path, std::string_view id)>;

/// Plans the mounts of `mountinfo`, the text of a /proc/PID/mountinfo, in the order in which they
/// are to be mounted: those above come first, "/" is the first one. /proc, /sys and /dev are not
/// among them. `store` is hidden wherever its file system is mounted.
std::vector<PlannedMount> plan_mounts(std::string_view mountinfo, const Scope& scope,
                                      const std::string& store, const LookAt& look);

/// Whether `path` is `directory` or lies below it. Both are absolute and plain.
bool is_at_or_below(std::string_view path, std::string_view directory);

/// What of `path` is below `directory`: "/b" of "/a/b" and "/a"; "/" of "/a" and "/a".
std::string path_below(std::string_view path, std::string_view directory);

/// `path` as a pattern of a rule that matches it alone.
std::string pattern_of(std::string_view path);

/// `rule` as a rule of the union at `mountpoint`, whose paths begin there; empty if it matches
/// nothing there.
std::string rule_below(const std::string& rule, std::string_view mountpoint);

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_MOUNT_PLAN_H_
