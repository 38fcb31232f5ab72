// SPDX-License-Identifier: MIT
//
// The lists. A name stands in one of three: passed over whatever its value, limited to some values,
// or implying settings of ours. What is refused is told apart from what is misspelt on purpose: the
// user's text was right, this version cannot do it.

#include "config/foreign_options.h"

#include <utility>

#include "base/nearest.h"
#include "config/option_table.h"

namespace overpass::config {

namespace {

/// For mount(8), fstab and systemd to read, not for a file system; or tuning of libfuse that cannot
/// change what a user sees.
constexpr std::string_view kPassedOver[] = {
    // mount(8) and fstab(5)
    "auto", "noauto", "nofail", "_netdev", "_rnetdev", "nouser", "nousers", "noowner", "nogroup",
    "comment", "defaults", "async", "silent", "loud", "helper", "uhelper",
    // Access times of directories never change; when times are written is the file systems' choice.
    "diratime", "nodiratime", "lazytime", "nolazytime", "iversion", "noiversion", "mand", "nomand",
    "symfollow",
    // What /proc/self/mounts says of every mount where SELinux is on, and lines are copied from
    // there.
    "seclabel",
    // libfuse
    "default_permissions", "nonempty", "clone_fd", "big_writes", "large_read", "splice_read",
    "splice_write", "splice_move", "no_splice_read", "no_splice_write", "no_splice_move",
    "max_read", "max_write", "max_readahead", "max_background", "congestion_threshold",
    "max_threads", "max_idle_threads", "idle_threads", "async_read", "atomic_o_trunc",
    "kernel_cache", "auto_cache", "use_ino", "readdir_ino", "noforget", "intr", "hard_remove",
    // Locks are the kernel's alone.
    "no_remote_lock", "no_remote_posix_lock", "no_remote_flock",
    // fuse-overlayfs
    "threaded", "fast_ino", "fast_ino_check"};

constexpr std::string_view kOneTimeout =
    "names and attributes, present or absent, are cached for one time: timeout=SECONDS";

constexpr std::string_view kOfTheKernel = "it is found out when the mount is made";

constexpr LimitedOption kLimited[] = {
    // kernel overlayfs
    {"override_creds", "on", "layers are always accessed as the mounting process"},
    {"nooverride_creds", "off", "layers are always accessed as the mounting process"},
    // fuse-overlayfs
    {"plugins", "", "layers are directories; there are no layer plugins"},
    // libfuse
    {"subtype", "overpass", "the type of the mount is always fuse.overpass"},
    {"allow_root", "off", "the kernel knows only the owner or everybody: use allow_other"},
    {"direct_io", "off", "mmap must work"},
    {"entry_timeout", "", kOneTimeout},
    {"attr_timeout", "", kOneTimeout},
    {"ac_attr_timeout", "", kOneTimeout},
    {"negative_timeout", "", kOneTimeout},
    {"uid", "", "it would show an owner only: squash_to_uid shows one and writes one"},
    {"gid", "", "it would show a group only: squash_to_gid shows one and writes one"},
    {"umask", "", "files keep their own permissions"},
    {"fd", "", kOfTheKernel},
    {"rootmode", "", kOfTheKernel},
    {"user_id", "", kOfTheKernel},
    {"group_id", "", kOfTheKernel},
    {"blkdev", "", "layers are directories, not block devices"},
    {"remount", "",
     "the layers and options of a running mount are fixed: unmount it and mount again; what "
     "mount(8) changes by itself are the flags of the mountpoint: mount -o remount,bind,ro"},
    // mount(8)
    {"sync", "off", "writes are as synchronous as their callers ask"},
    {"dirsync", "off", "changes of directories are as synchronous as their callers ask"},
    {"nosymfollow", "off", "symbolic links are always followed"},
    {"fscontext", "", "security labels are not applied"},
    {"defcontext", "", "security labels are not applied"},
    {"rootcontext", "", "security labels are not applied"},
    {"smackfsdef", "", "security labels are not applied"},
    {"smackfsroot", "", "security labels are not applied"},
    {"X-mount.idmap", "", "a union has no idmapped mounts: uidmapping= and gidmapping= map owners"},
    // ext4 and its like
    {"user_xattr", "on", "noxattrs leaves extended attributes out"},
};

/// mount(8): "user" and "users" imply noexec, nosuid and nodev, "owner" and "group" nosuid and
/// nodev, each unless a later option says otherwise.
bool take_implying(Options& options, std::string_view name) {
  const bool by_anyone = name == "user" || name == "users";
  if (!by_anyone && name != "owner" && name != "group") return false;
  options.suid = false;
  options.dev = false;
  if (by_anyone) options.exec = false;
  return true;
}

/// What mount(8) gives the mount once it is there. A new mount has none below it, so that the
/// recursive words say the same.
constexpr std::pair<std::string_view, Propagation> kPropagations[] = {
    {"private", Propagation::Private},       {"rprivate", Propagation::Private},
    {"shared", Propagation::Shared},         {"rshared", Propagation::Shared},
    {"slave", Propagation::Slave},           {"rslave", Propagation::Slave},
    {"unbindable", Propagation::Unbindable}, {"runbindable", Propagation::Unbindable}};

bool take_propagation(Options& options, std::string_view name) {
  for (const auto& [word, meaning] : kPropagations) {
    if (word != name) continue;
    options.propagation.push_back(meaning);
    return true;
  }
  return false;
}

bool is_passed_over(std::string_view name) {
  if (name == "X-mount.idmap") return false;  // Files would be shown as somebody else's.
  if (name.starts_with("x-") || name.starts_with("X-")) return true;
  for (const auto known : kPassedOver) {
    if (known == name) return true;
  }
  return false;
}

/// Whether `value` is one of the '|'-separated words of `accepted`.
bool is_accepted(std::string_view value, std::string_view accepted) {
  while (!accepted.empty()) {
    const size_t bar = accepted.find('|');
    const auto word = accepted.substr(0, bar);
    if (word == value) return true;
    if (bar == std::string_view::npos) break;
    accepted.remove_prefix(bar + 1);
  }
  return false;
}

bool asks_for_what_is(const LimitedOption& option, std::string_view value) {
  const std::string_view word = switch_word(value);
  if (is_accepted(value, option.accepted)) return true;
  return !word.empty() && is_accepted(word, option.accepted);
}

std::string remedy_of(const LimitedOption& option) {
  if (option.accepted.empty()) return "leave it out";
  return "leave it out, or use " + std::string(option.name) + "=" + spell_choice(option.accepted);
}

}  // namespace

std::span<const LimitedOption> limited_options() { return kLimited; }

Expected<bool> take_foreign_option(Options& options, std::string_view name,
                                   std::optional<std::string_view> value) {
  if (take_implying(options, name) || is_passed_over(name)) return true;
  if (!value && take_propagation(options, name)) return true;
  for (const LimitedOption& option : kLimited) {
    if (option.name != name) continue;
    if (asks_for_what_is(option, value.value_or("on"))) return true;
    const std::string written = std::string(name) + (value ? "=" + std::string(*value) : "");
    return problem("option " + in_quotes(written) + " is refused: " + std::string(option.reason),
                   remedy_of(option));
  }
  return false;
}

Expected<std::string_view> fsync_word(std::string_view value) {
  if (value == "auto") return "on";
  if (value == "volatile") return "off";
  if (value != "strict") return value;
  return problem("option 'fsync=strict' is refused: only copies of data are synced one by one",
                 "leave it out, or use fsync=auto");
}

std::vector<std::string_view> foreign_names() {
  std::vector<std::string_view> names(std::begin(kPassedOver), std::end(kPassedOver));
  for (const LimitedOption& option : kLimited) names.push_back(option.name);
  for (const auto name : {"user", "users", "owner", "group"}) names.emplace_back(name);
  for (const auto& [word, meaning] : kPropagations) names.push_back(word);
  return names;
}

}  // namespace overpass::config
