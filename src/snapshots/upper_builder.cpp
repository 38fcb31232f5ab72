// SPDX-License-Identifier: MIT
//
// Directories get their attributes at the end, those below first: then they can be filled whatever
// their modes, nothing is inherited from an ACL, and their times stay.

#include "snapshots/upper_builder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <ranges>

#include "changes/compare.h"
#include "layer/remove_tree.h"
#include "layer/stat_override.h"
#include "sys/attributes.h"
#include "sys/copy_data.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::snapshots {

namespace {

using changes::Found;
using changes::name_of;
using changes::parent_of;
using layer::Mark;

constexpr mode_t kPermissions = 07777;
constexpr mode_t kWithoutSetIds = 01777;
/// Belongs to the machine, which gives it by its own rules.
constexpr std::string_view kLabel = "security.selinux";

/// Ends the copy of a large file when the user wants that.
class Observer : public sys::CopyObserver {
 public:
  explicit Observer(const UpperOptions& options) : options_(options) {}
  Result<void> reached(off_t) override {
    return options_.is_stopped() ? Result<void>(fail(ECANCELED)) : Result<void>();
  }

 private:
  const UpperOptions& options_;
};

/// What this user may not set is not shown by a copy in an upper either.
bool may_lack(std::string_view name, Errno error) {
  const bool is_refused = error == Errno{EPERM} || error == Errno{EOPNOTSUPP};
  return is_refused && !name.starts_with("system.posix_acl_");
}

/// The root of a layer says by such an attribute that its files have other owners.
bool says_owners(std::string_view name) {
  using layer::StatOverride;
  return layer::is_override_xattr(name, StatOverride::Privileged) ||
         layer::is_override_xattr(name, StatOverride::User) ||
         layer::is_override_xattr(name, StatOverride::FormerUser);
}

Result<void> make_whiteout(BorrowedFd directory, const char* name, layer::Prefix prefix) {
  auto made = sys::make_node(directory, name, S_IFCHR, 0);
  if (!made.failed_with(EPERM)) return made;
  TRY(layer::set_has_xwhiteouts(sys::place_of(directory), prefix));
  TRY(sys::make_node(directory, name, S_IFREG | 0600, 0));
  return layer::set_xwhiteout({directory, name}, prefix);
}

}  // namespace

Result<std::string> checked_path(std::string_view text) {
  std::string path;
  if (text.starts_with('/')) return fail(EINVAL);
  while (!text.empty()) {
    const size_t end = std::min(text.find('/'), text.size());
    const std::string_view name = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (name.empty() || name == ".") continue;
    if (name == ".." || layer::is_whiteout_name(name)) return fail(EINVAL);
    path = check::joined(path, name);
  }
  return path;
}

UpperBuilder::UpperBuilder(UniqueFd root, changes::View& base, UpperOptions options)
    : root_(std::move(root)), base_(base), options_(std::move(options)), walk_(root_) {}

Result<UpperBuilder> UpperBuilder::begin(BorrowedFd home, const char* name, changes::View& base,
                                         UpperOptions options) {
  TRY(sys::make_directory(home, name, 0700));
  UniqueFd root = TRY(sys::open_at(home, name, O_PATH | O_DIRECTORY));
  // What the directory above hands down, and this one would.
  for (const char* acl : {"system.posix_acl_access", "system.posix_acl_default"}) {
    (void)sys::remove_xattr(sys::place_of(root), acl);  // Few have one.
  }
  TRY(sys::change_mode(sys::place_of(root), 0700));
  UpperBuilder builder(std::move(root), base, std::move(options));
  Directory& top = builder.directories_[""];
  top.lowers = base.roots();
  if (top.lowers.empty()) return fail(EINVAL);
  top.stat = top.lowers.front().stat;
  top.xattrs = TRY(changes::shown_xattrs(base, top.lowers.front()));
  return builder;
}

Result<changes::Stack> UpperBuilder::lowers_of(const std::string& path) {
  const auto known = directories_.find(path);
  if (known != directories_.end()) return known->second.lowers;
  const changes::Stack above = TRY(lowers_of(std::string(parent_of(path))));
  return TRY(base_.look_up(above, std::string(name_of(path)))).directories;
}

/// The directory at `path`, which is made if it is missing, as the lowers show it.
Result<BorrowedFd> UpperBuilder::ensure(const std::string& path) {
  for (size_t end = 0; end < path.size();) {
    end = std::min(path.find('/', end + 1), path.size());
    const std::string above = path.substr(0, end);
    if (directories_.contains(above)) continue;
    LayerEntry entry{above};
    const changes::Stack lowers = TRY(lowers_of(above));
    if (lowers.empty()) {
      entry.stat = directories_[""].stat;
      entry.stat.stx_mode = S_IFDIR | 0755;
    } else {
      entry.stat = lowers.front().stat;
      entry.xattrs = TRY(changes::shown_xattrs(base_, lowers.front()));
    }
    const BorrowedFd parent = TRY(walk_.go_to(parent_of(above)));
    // Nobody said that what is there is to be replaced.
    if (sys::stat({parent, std::string(name_of(above)).c_str()})) return fail(ENOTDIR);
    TRY(add_directory(entry));
  }
  return walk_.go_to(path);
}

Result<void> UpperBuilder::add(const LayerEntry& entry, BorrowedFd content) {
  return add_filled(entry, [&](BorrowedFd file) -> Result<void> {
    Observer observer(options_);
    return sys::copy_data(content, file, static_cast<off_t>(entry.stat.stx_size), &observer);
  });
}

Result<void> UpperBuilder::add_filled(const LayerEntry& entry, const Fill& fill) {
  if (entry.path.empty()) {
    if (!S_ISDIR(entry.stat.stx_mode)) return fail(ENOTDIR);
    Directory& top = directories_[""];
    top.stat = entry.stat;
    top.xattrs = entry.xattrs;
    return {};
  }
  TRY(ensure(std::string(parent_of(entry.path))));
  if (entry.hard_link.empty() && S_ISDIR(entry.stat.stx_mode)) return add_directory(entry);
  const BorrowedFd parent = TRY(walk_.go_to(parent_of(entry.path)));
  // A link to itself would be lost.
  if (entry.hard_link == entry.path) return fail(EEXIST);
  (void)TRY(clear(entry.path, parent));
  const std::string name(name_of(entry.path));
  if (!entry.hard_link.empty()) return make_link(entry, name.c_str());
  // What is cleared may have been a directory of the walk.
  return make_file(entry, TRY(walk_.go_to(parent_of(entry.path))), fill);
}

/// Removes what has been made at `path`: whether that was a whiteout.
Result<bool> UpperBuilder::clear(const std::string& path, BorrowedFd parent) {
  const std::string name(name_of(path));
  const sys::Place place = {parent, name.c_str()};
  auto found = sys::stat(place);
  if (found.failed_with(ENOENT)) return false;
  const sys::Stat stat = TRY(std::move(found));
  const bool is_whiteout = TRY(layer::hides(place, stat, options_.prefix, true));
  if (!S_ISDIR(stat.stx_mode)) {
    TRY(sys::remove_file(parent, name.c_str()));
    return is_whiteout;
  }
  walk_ = check::Walk(root_);
  const UniqueFd above = TRY(check::open_directory_below(root_, parent_of(path), O_PATH));
  TRY(layer::remove_tree(above, name.c_str()));
  const std::string below = path + "/";
  std::erase_if(directories_,
                [&](const auto& one) { return one.first == path || one.first.starts_with(below); });
  return false;
}

Result<void> UpperBuilder::add_directory(const LayerEntry& entry) {
  const auto known = directories_.find(entry.path);
  if (known != directories_.end()) {
    known->second.stat = entry.stat;
    known->second.xattrs = entry.xattrs;
    return {};
  }
  const bool is_hidden = TRY(clear(entry.path, TRY(walk_.go_to(parent_of(entry.path)))));
  const BorrowedFd parent = TRY(walk_.go_to(parent_of(entry.path)));
  TRY(sys::make_directory(parent, std::string(name_of(entry.path)).c_str(), 0700));
  Directory made = {.stat = entry.stat, .xattrs = entry.xattrs};
  TRY(merge_with(made, entry, is_hidden));
  directories_.emplace(entry.path, std::move(made));
  return {};
}

/// Finds what shows through the new directory, and marks it accordingly.
Result<void> UpperBuilder::merge_with(Directory& directory, const LayerEntry& entry,
                                      bool is_hidden) {
  const std::string name(name_of(entry.path));
  const sys::Place place = {TRY(walk_.go_to(parent_of(entry.path))), name.c_str()};
  const changes::Stack above = TRY(lowers_of(std::string(parent_of(entry.path))));
  changes::Stack own = TRY(base_.look_up(above, name)).directories;
  if (!entry.moved_from.empty()) {
    Found moved = TRY(base_.find(entry.moved_from));
    if (!moved.directories.empty()) {
      directory.lowers = std::move(moved.directories);
      const char* mark = layer::name_of(Mark::Redirect, options_.prefix);
      return sys::set_xattr(place, mark, "/" + entry.moved_from);
    }
    is_hidden = true;  // Of what it was, nothing is left.
  }
  if (!is_hidden) {
    directory.lowers = std::move(own);
    return {};
  }
  return own.empty() ? Result<void>() : layer::set_opaque(place, options_.prefix);
}

Result<void> UpperBuilder::make_link(const LayerEntry& entry, const char* name) {
  const UniqueFd from = TRY(check::open_directory_below(root_, parent_of(entry.hard_link), O_PATH));
  const std::string from_name(name_of(entry.hard_link));
  const sys::Place source = {from, from_name.c_str()};
  const sys::Stat stat = TRY(sys::stat(source));
  if (S_ISDIR(stat.stx_mode) || TRY(layer::hides(source, stat, options_.prefix, true))) {
    return fail(ENOENT);
  }
  return sys::make_link(source, TRY(walk_.go_to(parent_of(entry.path))), name);
}

Result<void> UpperBuilder::make_file(const LayerEntry& entry, BorrowedFd parent, const Fill& fill) {
  const std::string name(name_of(entry.path));
  switch (entry.stat.stx_mode & S_IFMT) {
    case S_IFREG: {
      const UniqueFd file =
          TRY(sys::open_at(parent, name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
      TRY(fill(file));
      return give(entry, sys::place_of(file));
    }
    case S_IFLNK:
      TRY(sys::make_symlink(parent, name.c_str(), entry.link_target.c_str()));
      break;
    default:
      // It would be a mark.
      if (S_ISCHR(entry.stat.stx_mode) && sys::rdev_of(entry.stat) == 0) return hide(entry.path);
      TRY(sys::make_node(parent, name.c_str(), (entry.stat.stx_mode & S_IFMT) | 0600,
                         sys::rdev_of(entry.stat)));
      break;
  }
  return give(entry, {parent, name.c_str()});
}

/// Order: the owner first, since changing it drops set-id bits and capabilities; the mode last,
/// which an ACL would change.
Result<void> UpperBuilder::give(const LayerEntry& entry, sys::Place to) const {
  const sys::Stat& stat = entry.stat;
  bool has_owner = true;
  if (options_.gives_owner) {
    const auto owned = sys::change_owner(to, stat.stx_uid, stat.stx_gid);
    has_owner = owned.has_value();
    // EINVAL: it has no id in this user namespace.
    if (!owned && !owned.failed_with(EPERM) && !owned.failed_with(EINVAL)) return owned;
  }
  for (const auto& [name, value] : entry.xattrs) {
    const std::string stored = layer::stored_xattr_name(name, options_.prefix);
    const bool is_left_out = name == kLabel || (entry.path.empty() && says_owners(name));
    if (is_left_out || !layer::shown_xattr_name(stored, options_.prefix)) continue;
    const auto set = sys::set_xattr(to, stored.c_str(), value);
    if (!set && !may_lack(name, set.error())) return set;
  }
  const mode_t kept = has_owner ? kPermissions : kWithoutSetIds;
  if (!S_ISLNK(stat.stx_mode)) TRY(sys::change_mode(to, stat.stx_mode & kept));
  return sys::copy_times(to, stat);
}

Result<void> UpperBuilder::hide(const std::string& path) {
  if (path.empty()) return fail(EINVAL);
  if (directories_.contains(path)) return hide_below(path);
  const changes::Stack above = TRY(lowers_of(std::string(parent_of(path))));
  const std::string name(name_of(path));
  if (TRY(base_.look_up(above, name)).is_nothing()) return {};
  const BorrowedFd parent = TRY(ensure(std::string(parent_of(path))));
  // A file hides it already.
  if (sys::stat({parent, name.c_str()})) return {};
  return make_whiteout(parent, name.c_str(), options_.prefix);
}

Result<void> UpperBuilder::hide_below(const std::string& path) {
  (void)TRY(ensure(path));
  Directory& directory = directories_[path];
  const changes::Stack lowers = std::exchange(directory.lowers, {});
  if (lowers.empty()) return {};
  const UniqueFd opened = TRY(check::open_directory_below(root_, path, O_RDONLY));
  const sys::Place place = sys::place_of(opened);
  (void)sys::remove_xattr(place, layer::name_of(Mark::Redirect, options_.prefix));
  // Names that were hidden one by one would be marks of nothing.
  for (const std::string& name : TRY(check::names_in(opened))) {
    const sys::Place entry = {opened, name.c_str()};
    const sys::Stat stat = TRY(sys::stat(entry));
    if (TRY(layer::hides(entry, stat, options_.prefix, true))) {
      TRY(sys::remove_file(opened, name.c_str()));
    }
  }
  return layer::set_opaque(place, options_.prefix);
}

Result<void> UpperBuilder::finish() {
  for (const auto& [path, directory] : std::views::reverse(directories_)) {
    if (options_.is_stopped()) return fail(ECANCELED);
    const UniqueFd opened = TRY(check::open_directory_below(root_, path, O_PATH));
    LayerEntry entry{path, directory.stat, directory.xattrs};
    TRY(give(entry, sys::place_of(opened)));
  }
  return {};
}

}  // namespace overpass::snapshots
