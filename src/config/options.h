// SPDX-License-Identifier: MIT
//
// Everything a mount is asked to do, as plain data: what the command line, -o and TOML are parsed
// into, and what the rest of the program reads. Paths are as given, unescaped, not resolved.

#ifndef OVERPASS_CONFIG_OPTIONS_H_
#define OVERPASS_CONFIG_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/id_map.h"
#include "layer/format_settings.h"
#include "rules/rule_text.h"

namespace overpass::config {

/// How reads of a lower file are served: straight from the lower (old descriptors keep the old
/// bytes after copy-up) or through the page cache of the mount.
enum class LowerIo { Passthrough, Cached };

/// mount_namespaces(7): how mounts and unmounts below one place reach its copies elsewhere.
enum class Propagation { Private, Shared, Slave, Unbindable };

/// Whether the kernel asks the daemon to open files. None: it reads them without, which only a
/// read-only mount can offer, and with nothing passed through. Auto: None where that costs nothing.
enum class Opens { Auto, Ask, None };

/// What becomes of a file or directory whose lower has changed since the union first saw it.
enum class LowerChanges { Warn, Refuse, Follow };

/// Three-valued switches: Auto decides by what the kernel and the privileges allow.
enum class Switch { Auto, On, Off };

/// When reading changes the access times of files in the upper.
enum class AccessTimes { OfTheMount, Never, Relative, Strict };

/// A rule, or a file of rules that stand in its place.
struct RuleSource {
  rules::RuleText rule;
  std::string file = {};  ///< Empty for a rule, or the path as it is given.
};

struct Options {
  std::vector<std::string> lower;      ///< Topmost first, as in lowerdir=.
  std::vector<std::string> data_only;  ///< Searched in this order for the data of metacopies.
  std::optional<std::string> upper;    ///< Absent: a read-only union.
  std::optional<std::string> work;     ///< Needed exactly when there is an upper.
  std::string mountpoint;
  bool makes_directories = false;  ///< `make_dirs`: upper, workdir and mountpoint, if missing.

  bool read_only = false;        ///< `ro`: refuse writes even with an upper.
  bool userxattr = false;        ///< Marks as user.overlay.* even when privileged.
  bool is_volatile = false;      ///< `volatile`, `fsync=0`: no syncs at copy-up.
  bool durable_copies = false;   ///< `copy_up=durable`: each copy is synced.
  bool verifies_copies = false;  ///< `verify_copy_up`: copies are read back and compared.
  layer::FormatChoice format;    ///< What of overlayfs's format is used: redirect_dir=, index=, ...
  bool may_be_frozen = false;    ///< `freezable`: the upper can become a lower while it is in use.
  LowerChanges lower_changes = LowerChanges::Warn;
  LowerIo lower_io = LowerIo::Passthrough;
  /// Lower files whose name one of these matches (glob(7)) are read as with LowerIo::Cached: names
  /// of files that grow or are locked.
  std::vector<std::string> cached_names = {"*.log", "*.lock", "*.lck", "*.pid", "lock", "lock-*"};
  Switch passthrough = Switch::Auto;
  std::string broker = "auto";      ///< The socket of overpass-broker, or "auto", or "off".
  Opens opens = Opens::Auto;        ///< `open=`.
  Switch writeback = Switch::Auto;  ///< The kernel gathers writes; excludes passthrough.
  Switch io_uring = Switch::Auto;   ///< FUSE over io_uring as the transport.
  uint32_t threads = 0;             ///< At most so many serve /dev/fuse; 0: one per CPU.
  /// For how many microseconds they look for the next request before they sleep; 0: never. Absent:
  /// the usual time.
  std::optional<uint32_t> busy_poll;
  /// Past so many inodes in memory the kernel is asked to forget idle ones; 0: never.
  uint32_t max_idle_inodes = 0;

  std::optional<std::string> rules_log;  ///< Where events of rules go; absent: the daemon's log.
  std::vector<RuleSource> rules;         ///< In their order. No files once a mount is served.

  IdMap users, groups;          ///< uidmapping=, gidmapping=: ids on disk and ids shown.
  bool squash_to_root = false;  ///< All files show owner and group 0.
  std::optional<uint32_t> squash_to_uid, squash_to_gid;  ///< Or these; stronger than the former.
  layer::StatOverride xattr_permissions = layer::StatOverride::None;
  bool acl = true;            ///< POSIX ACLs are kept and checked.
  bool xattrs = true;         ///< Extended attributes are shown and taken.
  bool static_nlink = false;  ///< Directories show one link.
  std::optional<double>
      timeout;  ///< Seconds that the kernel may trust what it knows; absent: ever.

  std::optional<bool> allow_other;  ///< Absent: on for root, off otherwise.
  bool auto_unmount = false;        ///< Even when the daemon is killed.
  bool survives = false;            ///< `survive=`: another daemon takes over when this one dies.
  bool suid = true, dev = true, exec = true;  ///< Mount flags.
  AccessTimes access_times = AccessTimes::OfTheMount;
  std::vector<Propagation> propagation;  ///< Given to the new mount in this order.
  std::optional<std::string> fsname;     ///< Shown as the source; absent: "overpass".
  std::optional<std::string> context;  ///< SELinux label that container engines hand over; unused.

  bool foreground = false;
  bool debug = false;
  /// Set by who starts a daemon and ends it: no other process that may use the mount is watched.
  bool ends_with_starter = false;
  /// Where users see the mount, if not at its mountpoint: paths in the log of rules begin there.
  std::string shown_at;
  /// Set by who made upper and workdir for this mount alone and lets nobody else use them: no mount
  /// of kernel overlayfs that has them is looked for.
  bool owns_upper = false;
  /// Where stamps of what changes in the lowest lower are kept (layer/base_stamp.h); empty:
  /// nowhere.
  std::string base_log;
  /// Whether the bytes of regular files are kept beside it as well (layer/kept_base.h).
  bool keeps_bases = false;
};

}  // namespace overpass::config

#endif  // OVERPASS_CONFIG_OPTIONS_H_
