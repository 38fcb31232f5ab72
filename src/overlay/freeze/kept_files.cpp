// SPDX-License-Identifier: MIT
//
// A copy is the file as the layer has it: all of its attributes, the marks of the format included.

#include "overlay/freeze/kept_files.h"

#include <fcntl.h>

#include <cstring>

#include "base/log.h"
#include "base/scope_exit.h"
#include "layer/remove_tree.h"
#include "overlay/copy_up/copy_up.h"
#include "overlay/copy_up/copy_up_metadata.h"
#include "overlay/copy_up/prepare_copy.h"
#include "overlay/find/content.h"
#include "overlay/find/locate.h"
#include "overlay/find/origin_number.h"
#include "overlay/find/union_path.h"
#include "overlay/state/copy_up_progress.h"
#include "overlay/state/overlay.h"
#include "sys/attributes.h"
#include "sys/copy_data.h"
#include "sys/directory_stream.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

/// So many may wait for the disk after requests are served again. They take a descriptor each.
constexpr size_t kMostCopies = 256;

std::string path_of(Inode& inode) {
  std::string path;
  for (const std::string& name : names_to(inode)) path += (path.empty() ? "" : "/") + name;
  return path;
}

/// The directory of the union's path `path` in a layer that has it under the same path.
Result<UniqueFd> open_below(BorrowedFd root, const std::string& path) {
  if (path.empty()) return sys::open_at(root, ".", O_RDONLY | O_DIRECTORY);
  return sys::open_beneath(root, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/// Owner, extended attributes, mode and times, in the order in which none undoes another.
Result<void> copy_attributes(sys::Place from, const sys::Stat& stat, BorrowedFd copy) {
  const sys::Place to = sys::place_of(copy);
  TRY(copy_flags(from, copy));
  TRY(sys::change_owner(to, stat.stx_uid, stat.stx_gid));
  for (const std::string& name : TRY(sys::list_xattrs(from))) {
    TRY(sys::set_xattr(to, name.c_str(), TRY(sys::get_xattr(from, name.c_str()))));
  }
  TRY(sys::change_mode(to, stat.stx_mode & 07777));
  return sys::copy_times(to, stat);
}

}  // namespace

/// The file by one of its names in the upper, which must be the inode's, with `links` links.
Result<UniqueFd> KeptFiles::open_file(const InodeRef& inode, const Name& name,
                                      uint32_t links) NO_THREAD_SAFETY_ANALYSIS {
  const auto busy = [&](const char* why) {
    log::warn("the upper is not frozen: '%s' is open, and %s", path_of(*inode).c_str(), why);
    return fail(EBUSY);
  };
  const sys::Place place = {name.frozen, name.name.c_str()};
  auto opened = open_regular(place, O_RDONLY | O_NOATIME);
  if (opened.failed_with(EPERM)) opened = open_regular(place, O_RDONLY);
  if (!opened) return busy("cannot be read");
  TRY(sys::allow_waiting(*opened));
  const sys::Stat stat = TRY(sys::stat(sys::place_of(*opened)));
  if (identity_of(stat) != inode->known.identity()) return busy("another file has its name");
  if (stat.stx_nlink != links) return busy("has links that have not been looked up");
  return opened;
}

Result<void> KeptFiles::copy(const InodeRef& inode) NO_THREAD_SAFETY_ANALYSIS {
  std::vector<const Link*> links = {&inode->link};
  if (inode->extras != nullptr) {
    for (const auto& link : inode->extras->more_links) links.push_back(link.get());
  }
  const auto on_disk = static_cast<uint32_t>(links.size() + (inode->is_indexed() ? 1 : 0));
  std::string first;
  for (const Link* link : links) {
    UniqueFd directory = TRY(open_below(fresh_.frozen, path_of(*link->parent)));
    Name name{inode, link->parent, link->name.text(), next_temporary(), std::move(directory)};
    const UniqueFd from = TRY(open_file(inode, name, on_disk));
    if (first.empty()) {
      first = name.temporary;
      const sys::Stat before = TRY(sys::stat(sys::place_of(from)));
      TRY(copy_to(from, before, first));
      const sys::Stat after = TRY(sys::stat(sys::place_of(from)));
      if (!is_unchanged(before, after)) ++torn_;
      ++count_;
    } else {
      TRY(sys::make_link({fresh_.temporaries, first.c_str()}, fresh_.temporaries,
                         name.temporary.c_str()));
    }
    names_.push_back(std::move(name));  // From here on it is taken back.
  }
  return {};
}

Result<void> KeptFiles::copy_to(BorrowedFd from, const sys::Stat& stat,
                                const std::string& temporary) {
  // Nobody else makes anything in the new workdir yet.
  UniqueFd copy =
      TRY(sys::open_at(fresh_.temporaries, temporary.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
  ScopeExit discard([&] { (void)sys::remove_file(fresh_.temporaries, temporary.c_str()); });
  TRY(sys::copy_data(from, copy, static_cast<off_t>(stat.stx_size), nullptr,
                     afterwards_of(overlay_.settings.is_volatile)));
  TRY(copy_attributes(sys::place_of(from), stat, copy));
  if (copies_.size() == kMostCopies) {
    TRY(order_data(overlay_, copy));
  } else {
    copies_.push_back(std::move(copy));
  }
  discard.dismiss();
  return {};
}

Result<void> KeptFiles::move() {
  has_moved_ = true;
  for (Name& name : names_) TRY(move(name));
  return {};
}

/// The entry of an indexed file is one of its links.
Result<void> KeptFiles::link_index(const Name& name) NO_THREAD_SAFETY_ANALYSIS {
  if (!name.inode->is_indexed()) return {};
  const std::string& entry = name.inode->extras->index_name;
  if (!entries_.empty() && entries_.back() == entry) return {};
  TRY(sys::make_link({name.frozen, name.name.c_str()}, fresh_.index, entry.c_str()));
  entries_.push_back(entry);
  return {};
}

Result<void> KeptFiles::move(Name& name) {
  TRY(copy_up_directory(overlay_, name.parent));
  const SharedFd upper = TRY(directory_fd(overlay_, *name.parent, layer::kUpper));
  const sys::Stat in_upper = TRY(sys::stat(sys::place_of(upper->fd)));
  TRY(mark_impure(overlay_, *name.parent, upper->fd));
  name.upper = TRY(open_below(fresh_.upper, path_of(*name.parent)));
  const sys::Stat in_frozen = TRY(sys::stat(sys::place_of(name.frozen)));
  TRY(link_index(name));
  TRY(sys::make_link({name.frozen, name.name.c_str()}, name.upper, name.name.c_str()));
  name.is_linked = true;
  TRY(sys::rename({fresh_.temporaries, name.temporary.c_str()}, {name.frozen, name.name.c_str()}));
  name.is_replaced = true;
  // None of this is a change of the directory.
  (void)sys::copy_times(sys::place_of(upper->fd), in_upper);
  (void)sys::copy_times(sys::place_of(name.frozen), in_frozen);
  ++name.parent->directory->version;
  return {};
}

/// False if the union's file is not where it was.
bool KeptFiles::take_back(Name& name) {
  if (name.is_replaced) {
    const auto stat = sys::stat(sys::place_of(name.frozen));
    const auto moved =
        sys::rename({name.upper, name.name.c_str()}, {name.frozen, name.name.c_str()});
    if (stat) (void)sys::copy_times(sys::place_of(name.frozen), *stat);
    if (moved) return true;
    log::error(
        "'%s' could not be moved back to the upper (%s): it is in the new one, unmount and mount "
        "with both",
        path_of(*name.inode).c_str(), std::strerror(to_int(moved.error())));
    return false;
  }
  // Best effort: what stays is removed at the next mount, and with the new upper.
  (void)sys::remove_file(fresh_.temporaries, name.temporary.c_str());
  if (name.is_linked) (void)sys::remove_file(name.upper, name.name.c_str());
  return true;
}

void KeptFiles::empty_upper() {
  std::vector<std::string> names;
  (void)sys::for_each_entry(fresh_.upper,
                            [&names](const sys::DirectoryEntry& entry) -> Result<void> {
                              names.emplace_back(entry.name);
                              return {};
                            });
  for (const std::string& name : names) (void)layer::remove_tree(fresh_.upper, name.c_str());
}

KeptFiles::~KeptFiles() {
  if (is_finished_) return;
  bool is_as_before = true;
  for (auto name = names_.rbegin(); name != names_.rend(); ++name) {
    is_as_before = take_back(*name) && is_as_before;
  }
  for (const std::string& entry : entries_) (void)sys::remove_file(fresh_.index, entry.c_str());
  if (has_moved_ && is_as_before) empty_upper();
}

}  // namespace overpass::overlay
