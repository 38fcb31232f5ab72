// SPDX-License-Identifier: MIT
//
// The rows. To add an option: a field in options.h, a row here in its group, its paragraph in
// man/overpass.1 and man/overpass.toml.5; parsing, TOML, help, completion and "did you mean" follow
// from the row.

#include "config/option_table.h"

#include <algorithm>
#include <array>
#include <ranges>
#include <utility>

#include "base/number.h"

namespace overpass::config {

namespace {

constexpr uint32_t kMostThreads = 1024;
constexpr uint32_t kLongestBusyPoll = 10'000;
constexpr uint32_t kMostIdleInodes = 1'000'000'000;
constexpr double kLongestTimeout = 1e9;  // Seconds; fuse-overlayfs(1)'s default.

bool is_on(std::string_view value) { return value == "on"; }

bool set_switch(Switch& member, std::string_view value) {
  const auto word = switch_word(value);
  if (value == "auto") {
    member = Switch::Auto;
  } else if (!word.empty()) {
    member = is_on(word) ? Switch::On : Switch::Off;
  } else {
    return false;
  }
  return true;
}

bool set_lower_io(Options& options, std::string_view value) {
  if (value == "passthrough") {
    options.lower_io = LowerIo::Passthrough;
  } else if (value == "cached") {
    options.lower_io = LowerIo::Cached;
  } else {
    return false;
  }
  return true;
}

bool set_opens(Options& options, std::string_view value) {
  constexpr std::pair<std::string_view, Opens> kWords[] = {
      {"auto", Opens::Auto}, {"ask", Opens::Ask}, {"none", Opens::None}};
  const auto* found = std::ranges::find(kWords, value, &std::pair<std::string_view, Opens>::first);
  if (found == std::end(kWords)) return false;
  options.opens = found->second;
  return true;
}

/// Patterns between colons, or "none".
bool set_cached_names(Options& options, std::string_view value) {
  std::vector<std::string> patterns;
  for (const auto part : std::views::split(value, ':')) {
    const std::string_view pattern(part);
    if (pattern.empty() || pattern.contains('/')) return false;
    patterns.emplace_back(pattern);
  }
  if (patterns.empty()) return false;
  if (value == "none") patterns.clear();
  options.cached_names = std::move(patterns);
  return true;
}

/// ACTION:PATTERN. What both mean is understood later (rules/compile.h).
bool add_rule(Options& options, std::string_view value) {
  const size_t colon = value.find(':');
  if (colon == 0 || colon == value.npos || colon + 1 == value.size()) return false;
  const std::string action(value.substr(0, colon));
  options.rules.push_back({{action + " " + std::string(value.substr(colon + 1)), ""}});
  return true;
}

bool add_rules(Options& options, std::string_view value) {
  const bool is_set = value.starts_with('@');
  options.rules.push_back(
      {{is_set ? std::string(value) : "", ""}, std::string(is_set ? "" : value)});
  return true;
}

bool set_threads(Options& options, std::string_view value) {
  const auto number = number_of<uint32_t>(value);
  if (!number || *number > kMostThreads) return false;
  options.threads = *number;
  return true;
}

/// "auto", "off", or microseconds.
bool set_busy_poll(Options& options, std::string_view value) {
  options.busy_poll.reset();
  if (value == "auto") return true;
  const auto number = value == "off" ? std::optional<uint32_t>(0) : number_of<uint32_t>(value);
  if (!number || *number > kLongestBusyPoll) return false;
  options.busy_poll = number;
  return true;
}

bool set_max_idle_inodes(Options& options, std::string_view value) {
  const auto number = number_of<uint32_t>(value);
  if (!number || *number > kMostIdleInodes) return false;
  options.max_idle_inodes = *number;
  return true;
}

/// Sets `member` to what the word `value` stands for; a switch word may also be yes, 1, and so on.
template <class Member, class Value, size_t kCount>
bool choose(Member& member, std::string_view value,
            const std::pair<std::string_view, Value> (&words)[kCount]) {
  const auto switched = switch_word(value);
  for (const auto& [word, meaning] : words) {
    if (word != value && word != switched) continue;
    member = meaning;
    return true;
  }
  return false;
}

constexpr std::pair<std::string_view, bool> kOnOrOff[] = {{"on", true}, {"off", false}};

bool set_redirect_dir(Options& options, std::string_view value) {
  using layer::RedirectDir;
  constexpr std::pair<std::string_view, RedirectDir> kWords[] = {
      {"on", RedirectDir::On},
      {"follow", RedirectDir::Follow},
      {"nofollow", RedirectDir::NoFollow},
      {"off", RedirectDir::Off}};
  return choose(options.format.redirect_dir, value, kWords);
}

bool set_verity(Options& options, std::string_view value) {
  using layer::Verity;
  constexpr std::pair<std::string_view, Verity> kWords[] = {
      {"off", Verity::Off}, {"on", Verity::On}, {"require", Verity::Require}};
  return choose(options.format.verity, value, kWords);
}

bool set_xino(Options& options, std::string_view value) {
  using layer::Xino;
  constexpr std::pair<std::string_view, Xino> kWords[] = {
      {"on", Xino::On}, {"off", Xino::Off}, {"auto", Xino::Auto}};
  return choose(options.format.xino, value, kWords);
}

bool set_uuid(Options& options, std::string_view value) {
  using layer::Uuid;
  constexpr std::pair<std::string_view, Uuid> kWords[] = {
      {"on", Uuid::On}, {"auto", Uuid::Auto}, {"null", Uuid::Null}, {"off", Uuid::Off}};
  return choose(options.format.uuid, value, kWords);
}

bool set_map(IdMap& member, std::string_view value) {
  auto map = IdMap::parse(value);
  if (!map) return false;
  member = *std::move(map);
  return true;
}

bool set_id(std::optional<uint32_t>& member, std::string_view value) {
  const auto number = number_of<uint32_t>(value);
  if (!number || *number == kNoId) return false;
  member = number;
  return true;
}

bool set_timeout(Options& options, std::string_view value) {
  const auto seconds = number_of<double>(value);
  if (!seconds || !(*seconds >= 0 && *seconds <= kLongestTimeout)) return false;
  options.timeout = seconds;
  return true;
}

bool set_xattr_permissions(Options& options, std::string_view value) {
  using layer::StatOverride;
  constexpr std::pair<std::string_view, StatOverride> kWords[] = {
      {"0", StatOverride::None}, {"1", StatOverride::Privileged}, {"2", StatOverride::User}};
  return choose(options.xattr_permissions, value, kWords);
}

bool set_broker(Options& options, std::string_view value) {
  const bool is_off = switch_word(value) == "off";
  if (!is_off && value != "auto" && !value.starts_with('/')) return false;
  options.broker = is_off ? "off" : std::string(value);
  return true;
}

/// A row's `set` for a bool member that "on" makes true.
template <bool Options::*kMember>
bool set_flag(Options& options, std::string_view value) {
  options.*kMember = is_on(value);
  return true;
}

/// A row's `set` for a flag that chooses among access times; the last one given counts.
template <AccessTimes kOn, AccessTimes kOff>
bool set_access_times(Options& options, std::string_view value) {
  options.access_times = is_on(value) ? kOn : kOff;
  return true;
}

/// A row's `set` for a text that may not be empty.
template <auto kMember>
bool set_text(Options& options, std::string_view value) {
  if (value.empty()) return false;
  options.*kMember = std::string(value);
  return true;
}

constexpr OptionEntry kTable[] = {
    {"lowerdir", "", "lower", "", Kind::Layers, "DIR[:DIR...][::DIR...]",
     [](Options& options, std::string_view value) {
       options.lower.emplace_back(value);
       return true;
     },
     "lower directories, topmost first; never written"},
    {"lowerdir+", "", "", "--lower", Kind::Layer, "DIR",
     [](Options& options, std::string_view value) {
       options.lower.emplace_back(value);
       return true;
     },
     "one more lower directory below those given so far; colons are literal"},
    {"datadir+", "", "data", "--data", Kind::DataLayer, "DIR",
     [](Options& options, std::string_view value) {
       options.data_only.emplace_back(value);
       return true;
     },
     "directory below all lowers that only gives data to metacopies; colons are literal"},
    {"upperdir", "", "upper", "--upper", Kind::Path, "DIR", set_text<&Options::upper>,
     "directory that receives every change; without one the union is read-only"},
    {"workdir", "", "work", "--work", Kind::Path, "DIR", set_text<&Options::work>,
     "scratch directory on the upper's file system"},
    {"", "", "mountpoint", "", Kind::Path, "DIR", set_text<&Options::mountpoint>,
     "where the union appears"},
    {"make_dirs", "", "make_dirs", "", Kind::Flag, "", set_flag<&Options::makes_directories>,
     "make the upper, the workdir and the mountpoint if they are missing"},
    {"ro", "rw", "ro", "", Kind::Flag, "", set_flag<&Options::read_only>,
     "refuse writes even with an upper"},
    {"userxattr", "", "userxattr", "", Kind::Flag, "", set_flag<&Options::userxattr>,
     "write marks as user.overlay.* even when privileged"},
    {"volatile", "", "volatile", "", Kind::Flag, "", set_flag<&Options::is_volatile>,
     "sync nothing: fast, and a crash of the machine may lose the upper"},
    {"freezable", "", "freezable", "", Kind::Flag, "", set_flag<&Options::may_be_frozen>,
     "the upper can be frozen while the union is in use"},
    {"fsync", "", "", "", Kind::Flag, "0|1|auto|volatile",
     [](Options& options, std::string_view value) {
       options.is_volatile = !is_on(value);
       return true;
     },
     "fsync=0 and fsync=volatile are volatile"},
    {"redirect_dir", "", "redirect_dir", "", Kind::Word, "on|follow|nofollow|off", set_redirect_dir,
     "rename lower directories by redirects, or only follow what is there"},
    {"index", "", "index", "", Kind::Word, "on|off",
     [](Options& options, std::string_view value) {
       return choose(options.format.index, value, kOnOrOff);
     },
     "keep hard links of lower files linked through copy-up"},
    {"metacopy", "", "metacopy", "", Kind::Word, "on|off",
     [](Options& options, std::string_view value) {
       return choose(options.format.metacopy, value, kOnOrOff);
     },
     "copy no data when only metadata change; follow such copies"},
    {"verity", "", "verity", "", Kind::Word, "off|on|require", set_verity,
     "check the fs-verity digests of metacopies"},
    {"xino", "", "xino", "", Kind::Word, "on|off|auto", set_xino,
     "compose inode numbers of several file systems; off: warn of those beyond 32 bits"},
    {"ino32_t", "", "ino32_t", "", Kind::Flag, "",
     [](Options& options, std::string_view value) {
       options.format.xino = is_on(value) ? layer::Xino::Off : layer::Xino::Auto;
       return true;
     },
     "the same as xino=off"},
    {"uuid", "", "uuid", "", Kind::Word, "on|auto|null|off", set_uuid,
     "identity of the upper, and of file systems in origins"},
    {"nfs_export", "", "nfs_export", "", Kind::Word, "on|off",
     [](Options& options, std::string_view value) {
       return choose(options.format.nfs_export, value, kOnOrOff);
     },
     "keep what overlayfs needs for NFS export; overpass's own handles end with the mount"},
    {"copy_up", "", "copy_up", "", Kind::Word, "ordered|durable",
     [](Options& options, std::string_view value) {
       constexpr std::pair<std::string_view, bool> kChoices[] = {{"ordered", false},
                                                                 {"durable", true}};
       return choose(options.durable_copies, value, kChoices);
     },
     "ordered: a crash shows old or new; durable: each copy is on the disk before it is shown"},
    {"verify_copy_up", "", "verify_copy_up", "", Kind::Word, "on|off",
     [](Options& options, std::string_view value) {
       return choose(options.verifies_copies, value, kOnOrOff);
     },
     "read each copied-up file back from the disk and compare it"},
    {"lower_changes", "", "lower_changes", "", Kind::Word, "warn|refuse|follow",
     [](Options& options, std::string_view value) {
       constexpr std::pair<std::string_view, LowerChanges> kChoices[] = {
           {"warn", LowerChanges::Warn},
           {"refuse", LowerChanges::Refuse},
           {"follow", LowerChanges::Follow}};
       return choose(options.lower_changes, value, kChoices);
     },
     "what to do with a lower file that others have changed"},
    {"lower_io", "", "lower_io", "", Kind::Word, "passthrough|cached", set_lower_io,
     "cached: descriptors opened before a copy-up see later writes"},
    {"cached_names", "", "cached_names", "", Kind::Word, "PATTERN[:PATTERN...]", set_cached_names,
     "lower files of these names are read as with lower_io=cached; none: no file"},
    {"passthrough", "", "passthrough", "", Kind::Word, "auto|on|off",
     [](Options& options, std::string_view value) {
       return set_switch(options.passthrough, value);
     },
     "let the kernel read and write the layers' files directly"},
    {"broker", "", "broker", "", Kind::Word, "auto|off|/PATH", set_broker,
     "who registers files for passthrough when the daemon may not: overpass-broker(8)"},
    {"open", "", "open", "", Kind::Word, "auto|ask|none", set_opens,
     "none: the kernel reads files of a read-only mount without asking to open them"},
    {"writeback", "", "writeback", "", Kind::Word, "auto|on|off",
     [](Options& options, std::string_view value) { return set_switch(options.writeback, value); },
     "let the kernel gather writes, with nothing passed through"},
    {"io_uring", "", "io_uring", "", Kind::Word, "auto|on|off",
     [](Options& options, std::string_view value) { return set_switch(options.io_uring, value); },
     "requests over io_uring instead of /dev/fuse"},
    {"threads", "", "threads", "", Kind::Word, "0-1024", set_threads,
     "threads that may serve /dev/fuse; 0: one per CPU"},
    {"busy_poll", "", "busy_poll", "", Kind::Word, "auto|off|0-10000", set_busy_poll,
     "microseconds for which a thread looks for the next request before it sleeps"},
    {"max_idle_inodes", "", "max_idle_inodes", "", Kind::Word, "0-1000000000", set_max_idle_inodes,
     "past so many inodes in memory ask the kernel to forget idle ones; 0: never"},
    {"timeout", "", "timeout", "", Kind::Word, "SECONDS", set_timeout,
     "how long the kernel trusts names and attributes it knows; the default is for ever"},
    {"rule", "", "", "", Kind::Rules, "ACTION:PATTERN", add_rule,
     "hide, readonly, deny, cached or log what a pattern of gitignore(5) matches"},
    {"rules", "", "rules", "", Kind::Rules, "FILE|@secrets|@agent", add_rules,
     "the rules of a file, or of a set that comes with overpass"},
    {"rules_log", "", "rules_log", "", Kind::Path, "FILE", set_text<&Options::rules_log>,
     "append what log rules tell and what rules refuse, a line of JSON each"},
    {"uidmapping", "", "uidmapping", "", Kind::Word, "DISK:SHOWN:COUNT[:DISK:SHOWN:COUNT...]",
     [](Options& options, std::string_view value) { return set_map(options.users, value); },
     "show the owners DISK... as SHOWN..., and the reverse for new files"},
    {"gidmapping", "", "gidmapping", "", Kind::Word, "DISK:SHOWN:COUNT[:DISK:SHOWN:COUNT...]",
     [](Options& options, std::string_view value) { return set_map(options.groups, value); },
     "the same for groups"},
    {"squash_to_root", "", "squash_to_root", "", Kind::Flag, "", set_flag<&Options::squash_to_root>,
     "show all files as root's"},
    {"squash_to_uid", "", "squash_to_uid", "", Kind::Word, "UID",
     [](Options& options, std::string_view value) { return set_id(options.squash_to_uid, value); },
     "show this owner of all files"},
    {"squash_to_gid", "", "squash_to_gid", "", Kind::Word, "GID",
     [](Options& options, std::string_view value) { return set_id(options.squash_to_gid, value); },
     "show this group of all files"},
    {"xattr_permissions", "", "xattr_permissions", "", Kind::Word, "0|1|2", set_xattr_permissions,
     "keep owner, mode and kind in an attribute: 1 security.*, 2 user.containers.*"},
    {"acl", "noacl", "acl", "", Kind::Flag, "", set_flag<&Options::acl>,
     "keep and check POSIX ACLs"},
    {"xattrs", "noxattrs", "xattrs", "", Kind::Flag, "", set_flag<&Options::xattrs>,
     "show and take extended attributes"},
    {"static_nlink", "", "static_nlink", "", Kind::Flag, "", set_flag<&Options::static_nlink>,
     "show one link for every directory"},
    {"allow_other", "", "allow_other", "", Kind::Flag, "",
     [](Options& options, std::string_view value) {
       options.allow_other = is_on(value);
       return true;
     },
     "let other users in; the default as root"},
    {"auto_unmount", "", "auto_unmount", "", Kind::Flag, "", set_flag<&Options::auto_unmount>,
     "unmount even when the daemon is killed"},
    {"survive", "", "survive", "", Kind::Word, "on|off",
     [](Options& options, std::string_view value) {
       options.survives = value == "on";
       return value == "on" || value == "off";
     },
     "another daemon takes over when this one dies, and nobody notices"},
    {"suid", "nosuid", "suid", "", Kind::Flag, "", set_flag<&Options::suid>,
     "honour set-user-ID and set-group-ID bits and file capabilities"},
    {"dev", "nodev", "dev", "", Kind::Flag, "", set_flag<&Options::dev>, "honour device files"},
    {"exec", "noexec", "exec", "", Kind::Flag, "", set_flag<&Options::exec>,
     "allow programs to be executed"},
    {"atime", "noatime", "atime", "", Kind::Flag, "",
     set_access_times<AccessTimes::OfTheMount, AccessTimes::Never>,
     "whether reading changes access times in the upper, as its own mount says"},
    {"relatime", "norelatime", "relatime", "", Kind::Flag, "",
     set_access_times<AccessTimes::Relative, AccessTimes::OfTheMount>,
     "change them if they are older than the file or a day"},
    {"strictatime", "nostrictatime", "strictatime", "", Kind::Flag, "",
     set_access_times<AccessTimes::Strict, AccessTimes::OfTheMount>,
     "change them at each read that the kernel passes through"},
    {"fsname", "", "fsname", "", Kind::Word, "NAME", set_text<&Options::fsname>,
     "the source that mount(8) shows"},
    {"context", "", "context", "", Kind::Word, "LABEL", set_text<&Options::context>,
     "SELinux label; taken, not applied"},
    {"debug", "", "debug", "-d", Kind::Flag, "", set_flag<&Options::debug>,
     "log every request; stay in the foreground"},
};

/// The first option of each group.
constexpr std::pair<std::string_view, std::string_view> kGroups[] = {
    {"lowerdir", "Layers"}, {"redirect_dir", "On-disk format"}, {"copy_up", "Data and transport"},
    {"rule", "Rules"},      {"uidmapping", "Owners"},           {"allow_other", "Access"}};

}  // namespace

std::span<const OptionEntry> option_table() { return kTable; }

std::vector<OptionGroup> option_groups() {
  const std::span<const OptionEntry> table = kTable;
  std::vector<OptionGroup> groups;
  std::vector<size_t> begins;
  for (size_t i = 0; i < table.size(); ++i) {
    for (const auto& [first, title] : kGroups) {
      if (table[i].name != first) continue;
      groups.push_back({title, {}});
      begins.push_back(i);
    }
  }
  begins.push_back(table.size());
  for (size_t i = 0; i < groups.size(); ++i) {
    groups[i].options = table.subspan(begins[i], begins[i + 1] - begins[i]);
  }
  return groups;
}

FoundOption find_option(std::string_view name) {
  if (name.empty()) return {};
  for (const OptionEntry& entry : kTable) {
    if (entry.name == name) return {&entry, false};
    if (entry.negation == name) return {&entry, true};
  }
  return {};
}

const OptionEntry* find_option_by_key(std::string_view key) {
  if (key.empty()) return nullptr;
  for (const OptionEntry& entry : kTable) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

std::string spell_choice(std::string_view argument) {
  std::string text;
  while (!argument.empty()) {
    const size_t bar = argument.find('|');
    text += argument.substr(0, bar);
    if (bar == std::string_view::npos) break;
    argument.remove_prefix(bar + 1);
    text += argument.find('|') == std::string_view::npos ? " or " : ", ";
  }
  return text;
}

std::vector<std::string_view> option_keys() {
  std::vector<std::string_view> keys;
  for (const OptionEntry& entry : kTable) {
    if (!entry.key.empty()) keys.push_back(entry.key);
  }
  return keys;
}

std::string_view switch_word(std::string_view value) {
  constexpr std::array<std::string_view, 4> kOn = {"on", "yes", "true", "1"};
  constexpr std::array<std::string_view, 4> kOff = {"off", "no", "false", "0"};
  for (const auto word : kOn) {
    if (value == word) return "on";
  }
  for (const auto word : kOff) {
    if (value == word) return "off";
  }
  return "";
}

}  // namespace overpass::config
