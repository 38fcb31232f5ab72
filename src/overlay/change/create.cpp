// SPDX-License-Identifier: MIT
//
// The common case is one system call in the upper directory. Where a whiteout is in the way, or the
// new directory must be opaque, the object is made in the workdir and moved over it by one rename.

#include "overlay/change/create.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <exception>
#include <functional>
#include <optional>

#include "layer/markers.h"
#include "layer/stat_override.h"
#include "layer/workdir.h"
#include "overlay/change/indexed_links.h"
#include "overlay/change/upper_names.h"
#include "overlay/change/whiteouts.h"
#include "overlay/copy_up/copy_up.h"
#include "overlay/copy_up/staging_directory.h"
#include "overlay/find/attributes.h"
#include "overlay/find/index.h"
#include "overlay/find/layer_stat.h"
#include "overlay/find/locate.h"
#include "overlay/find/lookup.h"
#include "overlay/find/origin_number.h"
#include "overlay/find/redirect.h"
#include "overlay/find/rule_events.h"
#include "overlay/find/ruling.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/state/links.h"
#include "overlay/state/overlay.h"
#include "sys/credentials.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::overlay {

namespace {

/// Makes the object at a place, with the permissions `mode`; called with the caller's identity in
/// force.
using Maker = std::function<Result<void>(BorrowedFd directory, const char* name, mode_t mode)>;

struct NewObject {
  Overlay& overlay;
  const InodeRef& directory;
  const char* name;
  mode_t mode;  ///< With the S_IFMT bits.
  const Caller& caller;
  const Maker& make;
  dev_t device = 0;                ///< Of a device node.
  const UniqueFd* file = nullptr;  ///< The object itself, once made; null if it is not opened.
};

/// Runs the object's maker as the caller. A set-group-ID bit in its mode was allowed by the kernel
/// already.
Result<void> make_as_caller(const NewObject& object, BorrowedFd directory, const char* name) {
  const Owners& owners = object.overlay.settings.owners;
  const uid_t uid = owners.maker_on_disk(object.caller.uid);
  const gid_t gid = owners.group_of_maker_on_disk(object.caller.gid);
  sys::set_thread_umask(object.caller.umask);
  const sys::KeepingSetgid keeping((object.mode & S_ISGID) != 0);
  const sys::ActingAs acting(uid, gid);
  return object.make(directory, name, object.mode & 07777);
}

/// Owner and mode that a new object in the upper's directory `upper` shows, for uppers that keep
/// them in an attribute. Follows the rules of inode_init_owner(9), since no file system does here.
Result<sys::Stat> override_of(const NewObject& object, BorrowedFd upper) {
  const Owners& owners = object.overlay.settings.owners;
  const sys::Stat parent = TRY(layer_stat(object.overlay, layer::kUpper, sys::place_of(upper)));
  const bool inherits_group = (parent.stx_mode & S_ISGID) != 0;
  mode_t mode = object.mode & ~object.caller.umask;
  if (inherits_group && S_ISDIR(mode)) mode |= S_ISGID;
  sys::Stat stat = {};
  stat.stx_mode = static_cast<uint16_t>(mode);
  stat.stx_uid = owners.maker_on_disk(object.caller.uid);
  stat.stx_gid = inherits_group ? parent.stx_gid : owners.group_of_maker_on_disk(object.caller.gid);
  stat.stx_rdev_major = major(object.device);
  stat.stx_rdev_minor = minor(object.device);
  return stat;
}

/// Makes it at a place that is not visible yet, as an object of the daemon's own with marks for
/// what it shows. `upper` is its later place.
Result<void> make_overridden(const NewObject& object, BorrowedFd upper, sys::Place place) {
  const sys::Stat stat = TRY(override_of(object, upper));
  sys::set_thread_umask(0);
  TRY(object.make(place.fd, place.name, layer::mode_on_disk(stat.stx_mode)));
  return layer::write_override(place, object.overlay.stack.upper().stat_override, stat);
}

/// Makes it in the workdir and moves it over the whiteout, if there is one.
Result<SlotState> make_over(const NewObject& object, BorrowedFd upper) {
  const SlotState before = TRY(slot_state(object.overlay, upper, object.name));
  layer::Workdir& workdir = object.overlay.stack.workdir;
  layer::PendingUpper temporary(workdir, TRY(scratch_like(workdir, upper, Making::New)));
  if (upper_overrides(object.overlay)) {
    TRY(make_overridden(object, upper, temporary.place()));
  } else {
    TRY(make_as_caller(object, temporary.directory(), temporary.name()));
  }
  const bool is_directory = S_ISDIR(object.mode);
  if (is_directory) TRY(layer::set_opaque(temporary.place(), object.overlay.stack.prefix));
  // A directory cannot be renamed over a file: they change places, and the whiteout is discarded.
  bool exchange = is_directory && before == SlotState::Whiteout;
  if (exchange && workdir.whiteout_form() == layer::WhiteoutForm::Named) {
    Discards none;
    TRY(replace_by_whiteout(object.overlay, upper, object.name, /*is_directory=*/false, none));
    exchange = false;  // What hides it now is not in the way.
  }
  if (exchange && !workdir.features().rename_exchange) {
    // A crash between the two steps shows what the whiteout hid.
    TRY(sys::remove_file(upper, object.name));
    auto published = temporary.publish(upper, object.name);
    if (!published) (void)workdir.place_whiteout(upper, object.name);
    TRY(std::move(published));
    return before;
  }
  TRY(temporary.publish(upper, object.name, exchange ? RENAME_EXCHANGE : 0));
  return before;
}

/// Returns what was in its way. REQUIRES: the directory's names are held exclusively.
Result<SlotState> make_in_upper(const NewObject& object, BorrowedFd upper) {
  // Ordinarily a whiteout is in the way of a name that lowers show. Only fuse-overlayfs's form of
  // it is not, and would no longer hide them below a new directory.
  if (S_ISDIR(object.mode) && object.overlay.stack.upper().foreign_marks &&
      TRY(needs_opaque(object.overlay, *object.directory, object.name))) {
    return make_over(object, upper);
  }
  // It must not be visible before its owner is set.
  if (upper_overrides(object.overlay)) return make_over(object, upper);
  auto made = make_as_caller(object, upper, object.name);
  if (made) return SlotState::Free;
  if (!made.failed_with(EEXIST)) return fail(made.error());
  return make_over(object, upper);
}

/// A name that was just made, until everything else has succeeded too: otherwise it goes again,
/// since the kernel remembers of a failed creation that the name is absent.
/// REQUIRES: the directory's names are held exclusively as long as this lives.
class Uncommitted {
 public:
  /// `before` is what was under the name.
  Uncommitted(Overlay& overlay, const InodeRef& directory, const char* name, bool is_directory,
              BorrowedFd upper, SlotState before)
      : overlay_(overlay),
        directory_(directory),
        name_(name),
        is_directory_(is_directory),
        upper_(upper),
        before_(before) {}
  Uncommitted(const Uncommitted&) = delete;
  Uncommitted& operator=(const Uncommitted&) = delete;
  ~Uncommitted() {
    if (is_committed_) return;
    try {
      remove();
    } catch (const std::exception&) {
      // If the first failure was a lack of memory, this lacks it too: the name stays.
    }
  }

  void commit() { is_committed_ = true; }

 private:
  void remove() {
    Discards discards;
    const InodeRef entered = overlay_.table.find(*directory_, name_);
    SharedFd orphan;
    if (entered) orphan = orphan_of(overlay_, *entered, upper_, name_).value_or(nullptr);
    if (before_ == SlotState::Whiteout) {
      (void)replace_by_whiteout(overlay_, upper_, name_, is_directory_, discards);
    } else if (is_directory_) {
      (void)remove_pure_upper(overlay_, Caller(), upper_, name_, discards);
    } else {
      (void)sys::remove_file(upper_, name_);
    }
    if (!entered) return;
    Lock lock(entered->mutex);
    remove_link_locked(overlay_, *entered, *directory_, name_, std::move(orphan));
  }

  Overlay& overlay_;
  const InodeRef& directory_;
  const char* name_;
  const bool is_directory_;
  const BorrowedFd upper_;
  const SlotState before_;
  bool is_committed_ = false;
};

/// The entry of what was just made in the upper.
Result<Entry> enter_new(const NewObject& object, BorrowedFd upper) {
  Found found = {};
  found.layer = layer::kUpper;
  found.is_new = true;
  const sys::Place place =
      object.file != nullptr ? sys::place_of(*object.file) : sys::Place{upper, object.name};
  const sys::Stat stat = TRY(stat_with_kept_mode(place));
  found.known = known_object(stat);
  found.stat = TRY(with_override(object.overlay, layer::kUpper, place, stat));
  found.origin = {sys::device_of(found.stat), found.stat.stx_ino};
  return enter(object.overlay, object.directory, object.name, std::move(found));
}

/// A further step that must succeed for a new object, with its entry.
using Finisher = std::function<Result<void>(const Entry&)>;

Result<Entry> make_unlogged(const NewObject& object, const Finisher& finish) {
  TRY(check_new_name(*object.directory, object.name));
  TRY(check_name_by_rules(object.overlay, *object.directory, object.name, S_ISDIR(object.mode)));
  const SharedFd upper = TRY(upper_for_change(object.overlay, object.directory));
  Lock names(object.directory->directory->names);
  ++object.directory->directory->version;
  const SlotState before = TRY(make_in_upper(object, upper->fd));
  Uncommitted made(object.overlay, object.directory, object.name, S_ISDIR(object.mode), upper->fd,
                   before);
  Entry entry = TRY(enter_new(object, upper->fd));
  if (finish) TRY(finish(entry));
  made.commit();
  object.overlay.stack.workdir.remove_whiteout_name(upper->fd, object.name);
  return entry;
}

Result<Entry> make_entry(const NewObject& object, const Finisher& finish = {}) {
  auto entry = make_unlogged(object, finish);
  tell_of_name(object.overlay, object.caller, "create", object.directory, object.name,
               S_ISDIR(object.mode), error_of(entry));
  return entry;
}

/// The flags of a creating open that apply to the descriptor itself.
int creation_flags(const Overlay& overlay, int flags) {
  const int own = flags & (O_ACCMODE | O_DSYNC | O_SYNC | O_NONBLOCK);
  return own_access(overlay, flags, own) | O_CREAT | O_EXCL;
}

Result<Entry> link_unlogged(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                            const InodeRef& directory, const char* name) {
  TRY(check_new_name(*directory, name));
  TRY(check_link_by_rules(overlay, *inode, *directory, name));
  TRY(copy_up_metadata(overlay, caller, current(inode)));
  const InodeRef target = current(inode);
  const SharedFd upper = TRY(upper_for_change(overlay, directory));
  TRY(mark_before_link(overlay, *target));
  Lock names(directory->directory->names);
  ++directory->directory->version;
  std::optional<Uncommitted> made;
  sys::Stat stat;
  {
    const Located located = TRY(held(overlay, *target));
    if (TRY(layer::has_mark(located.place(), layer::Mark::Origin, overlay.stack.prefix))) {
      TRY(mark_impure(overlay, *directory, upper->fd));
    }
    auto begin = [&]() NO_THREAD_SAFETY_ANALYSIS { return begin_new_link(overlay, *target); };
    TRY(begin());
    SlotState before = SlotState::Free;
    auto linked = sys::make_link(located.place(), upper->fd, name);
    if (linked.failed_with(EEXIST)) {
      before = TRY(slot_state(overlay, upper->fd, name));
      layer::Workdir& workdir = overlay.stack.workdir;
      layer::PendingUpper temporary(workdir, TRY(scratch_like(workdir, upper->fd, Making::Copy)));
      TRY(sys::make_link(located.place(), temporary.directory(), temporary.name()));
      TRY(temporary.publish(upper->fd, name));
    } else {
      TRY(std::move(linked));
    }
    made.emplace(overlay, directory, name, /*is_directory=*/false, upper->fd, before);
    stat = TRY(layer_stat(overlay, layer::kUpper, located.place()));
  }
  add_verdict(*target, verdict_of_name(overlay, *directory, name, /*is_directory=*/false));
  add_link(overlay, target, directory, name);
  (void)remember_key(overlay, target, {sys::device_of(stat), stat.stx_ino});
  made->commit();
  overlay.stack.workdir.remove_whiteout_name(upper->fd, name);
  return Entry{target, shown(overlay, *target, stat)};
}

}  // namespace

Result<Created> create_file(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                            const char* name, int flags, mode_t mode) {
  DescriptorLease lease = TRY(overlay.descriptors.lease(caller.uid));
  UniqueFd file;
  const Maker make = [&](BorrowedFd where, const char* as, mode_t allowed) -> Result<void> {
    file = TRY(sys::open_at(where, as, creation_flags(overlay, flags), allowed));
    return {};
  };
  const NewObject object = {overlay, directory, name, S_IFREG | mode, caller, make, 0, &file};
  Opened opened;
  Entry entry = TRY(make_entry(object, [&](const Entry& made) -> Result<void> {
    opened = TRY(open_created(overlay, made, flags, mode, std::move(file), std::move(lease)));
    return {};
  }));
  return Created{std::move(entry), std::move(opened)};
}

Result<Entry> make_directory(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                             const char* name, mode_t mode) {
  const Maker make = [](BorrowedFd where, const char* as, mode_t allowed) {
    return sys::make_directory(where, as, allowed);
  };
  return make_entry({overlay, directory, name, S_IFDIR | mode, caller, make});
}

Result<Entry> make_node(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                        const char* name, mode_t mode, dev_t device) {
  if (S_ISCHR(mode) && device == 0) return fail(EPERM);
  const bool as_file = upper_overrides(overlay);
  const mode_t type = as_file ? S_IFREG : mode & S_IFMT;
  const Maker make = [&](BorrowedFd where, const char* as, mode_t allowed) {
    return sys::make_node(where, as, type | allowed, as_file ? 0 : device);
  };
  return make_entry({overlay, directory, name, mode, caller, make, device});
}

Result<Entry> make_symlink(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                           const char* name, const char* target) {
  const Maker make = [&](BorrowedFd where, const char* as, mode_t) {
    return sys::make_symlink(where, as, target);
  };
  return make_entry({overlay, directory, name, S_IFLNK, caller, make});
}

Result<Created> create_unnamed(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                               int flags, mode_t mode) {
  TRY(check_deny_rule(overlay, *directory));
  DescriptorLease lease = TRY(overlay.descriptors.lease(caller.uid));
  DescriptorLease orphans_lease = TRY(overlay.descriptors.lease(caller.uid));
  const SharedFd upper = TRY(upper_for_change(overlay, directory));
  UniqueFd file;
  const Maker make = [&](BorrowedFd where, const char*, mode_t allowed) -> Result<void> {
    // Always readable and writable: it is also how the file is reached until it gets a name.
    file = TRY(sys::open_unnamed(where, allowed, flags & (O_EXCL | O_DSYNC)));
    return {};
  };
  const NewObject object = {overlay, directory, "", S_IFREG | mode, caller, make};
  if (upper_overrides(overlay)) {
    const sys::Stat says = TRY(override_of(object, upper->fd));
    TRY(make(upper->fd, "", layer::mode_on_disk(says.stx_mode)));
    TRY(layer::write_override(sys::place_of(file), overlay.stack.upper().stat_override, says));
  } else {
    TRY(make_as_caller(object, upper->fd, ""));
  }
  const sys::Stat made = TRY(sys::stat(sys::place_of(file)));
  const sys::Stat stat = TRY(with_override(overlay, layer::kUpper, sys::place_of(file), made));
  InodeRef inode =
      overlay.table.make(overlay.numbers.number(sys::device_of(stat), stat.stx_ino), S_IFREG);
  inode->ruled = directory->ruled.load();
  auto orphan =
      std::make_shared<CachedFd>(TRY(sys::reopen(file, O_PATH)), std::move(orphans_lease));
  {
    Lock lock(inode->mutex);
    inode->linked = false;
    inode->known = known_object(made);
    inode->link.parent = directory;
    inode->make_extras().orphan = orphan;
    inode->make_extras().pinned_orphan = std::move(orphan);
  }
  overlay.mount.keep_file(inode->id, file);
  Entry entry = {inode, shown(overlay, *inode, stat)};
  Opened opened = TRY(open_created(overlay, entry, flags, mode, std::move(file), std::move(lease)));
  return Created{std::move(entry), std::move(opened)};
}

Result<Entry> make_link(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                        const InodeRef& directory, const char* name) {
  auto entry = link_unlogged(overlay, caller, inode, directory, name);
  tell_of_name(overlay, caller, "create", directory, name, /*is_directory=*/false, error_of(entry));
  if (!entry) tell_of(overlay, caller, "link", *inode, error_of(entry), /*always=*/false);
  return entry;
}

}  // namespace overpass::overlay
