// SPDX-License-Identifier: MIT
//
// The common case is one system call in the upper directory. Where a whiteout is in the way, or the
// new directory must be opaque, the object is made in the workdir and moved over it by one rename.

#include "overlay/create.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <exception>
#include <functional>
#include <optional>

#include "layer/markers.h"
#include "layer/workdir.h"
#include "overlay/attributes.h"
#include "overlay/copy_up.h"
#include "overlay/index.h"
#include "overlay/links.h"
#include "overlay/locate.h"
#include "overlay/lookup.h"
#include "overlay/origin_number.h"
#include "overlay/overlay.h"
#include "overlay/redirect.h"
#include "overlay/remove.h"
#include "overlay/upper_names.h"
#include "overlay/work_frame.h"
#include "sys/credentials.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::overlay {

namespace {

/// Makes the object at a place; called with the caller's identity in force.
using Maker = std::function<Result<void>(BorrowedFd directory, const char* name)>;

/// Runs `make` as the caller. A set-group-ID bit in `mode` was allowed by the kernel already.
Result<void> make_as(const Caller& caller, mode_t mode, const Maker& make, BorrowedFd directory,
                     const char* name) {
  sys::set_thread_umask(caller.umask);
  const sys::KeepingSetgid keeping((mode & S_ISGID) != 0);
  const sys::ActingAs acting(caller.uid, caller.gid);
  return make(directory, name);
}

struct NewObject {
  Overlay& overlay;
  const InodeRef& directory;
  const char* name;
  mode_t mode;  ///< With the S_IFMT bits.
  const Caller& caller;
  const Maker& make;
};

/// Makes it in the workdir and moves it over the whiteout, if there is one.
Result<Vacancy> make_over(const NewObject& object, BorrowedFd upper) {
  const Vacancy before = TRY(vacancy(object.overlay, upper, object.name));
  layer::Workdir& workdir = object.overlay.stack.workdir;
  const WorkFrame frame = TRY(WorkFrame::like(workdir, upper));
  layer::PendingUpper temporary(workdir);
  TRY(make_as(object.caller, object.mode, object.make, frame.fd(), temporary.name()));
  TRY(frame.hand_over(temporary.name()));
  const bool is_directory = S_ISDIR(object.mode);
  if (is_directory) TRY(layer::set_opaque(temporary.place(), object.overlay.stack.prefix));
  // A directory cannot be renamed over a file: they change places, and the whiteout is discarded.
  const bool exchange = is_directory && before == Vacancy::Whiteout;
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

/// What was in the way of it.
/// REQUIRES: the directory's names are held exclusively.
Result<Vacancy> make_in_upper(const NewObject& object, BorrowedFd upper) {
  // Ordinarily a whiteout is in the way of a name that lowers show. Only fuse-overlayfs's form of
  // it is not, and would no longer hide them below a new directory.
  if (S_ISDIR(object.mode) && object.overlay.stack.upper().foreign_marks &&
      TRY(needs_opaque(object.overlay, *object.directory, object.name))) {
    return make_over(object, upper);
  }
  auto made = make_as(object.caller, object.mode, object.make, upper, object.name);
  if (made) return Vacancy::Free;
  if (!made.failed_with(EEXIST)) return fail(made.error());
  return make_over(object, upper);
}

/// A name that was just made, until everything else has succeeded too: otherwise it goes again,
/// since the kernel remembers of a failed creation that the name is absent.
/// REQUIRES: the directory's names are held exclusively as long as this lives.
class Unsettled {
 public:
  /// `before` is what was under the name.
  Unsettled(Overlay& overlay, const InodeRef& directory, const char* name, bool is_directory,
            BorrowedFd upper, Vacancy before)
      : overlay_(overlay),
        directory_(directory),
        name_(name),
        is_directory_(is_directory),
        upper_(upper),
        before_(before) {}
  Unsettled(const Unsettled&) = delete;
  Unsettled& operator=(const Unsettled&) = delete;
  ~Unsettled() {
    if (is_settled_) return;
    try {
      remove();
    } catch (const std::exception&) {
      // What failed first was memory, and this needs some too: the name stays.
    }
  }

  void settle() { is_settled_ = true; }

 private:
  void remove() {
    Leftovers leftovers;
    const InodeRef entered = overlay_.table.find(*directory_, name_);
    SharedFd orphan;
    if (entered) orphan = orphan_of(*entered, upper_, name_).value_or(nullptr);
    if (before_ == Vacancy::Whiteout) {
      (void)replace_by_whiteout(overlay_, upper_, name_, is_directory_, leftovers);
    } else if (is_directory_) {
      (void)sys::remove_directory(upper_, name_);
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
  const Vacancy before_;
  bool is_settled_ = false;
};

/// The entry of what was just made in the upper.
Result<Entry> enter_new(const NewObject& object, BorrowedFd upper) {
  Found found = {};
  found.layer = layer::kUpper;
  found.is_new = true;
  found.stat = TRY(sys::stat({upper, object.name}));
  found.origin = {sys::device_of(found.stat), found.stat.stx_ino};
  return enter(object.overlay, object.directory, object.name, std::move(found));
}

/// What else has to succeed for a new object, with its entry.
using Finisher = std::function<Result<void>(const Entry&)>;

Result<Entry> make_entry(const NewObject& object, const Finisher& finish = {}) {
  TRY(check_new_name(object.name));
  const SharedFd upper = TRY(upper_for_change(object.overlay, object.directory));
  Lock names(object.directory->directory->names);
  ++object.directory->directory->version;
  const Vacancy before = TRY(make_in_upper(object, upper->fd));
  Unsettled made(object.overlay, object.directory, object.name, S_ISDIR(object.mode), upper->fd,
                 before);
  Entry entry = TRY(enter_new(object, upper->fd));
  if (finish) TRY(finish(entry));
  made.settle();
  return entry;
}

/// What a creating open leaves for the descriptor itself.
int creation_flags(const Overlay& overlay, int flags) {
  const int own = flags & (O_ACCMODE | O_DSYNC | O_SYNC | O_NONBLOCK);
  return own_access(overlay, flags, own) | O_CREAT | O_EXCL;
}

}  // namespace

Result<Created> create_file(Overlay& overlay, const InodeRef& directory, const char* name,
                            int flags, mode_t mode, const Caller& caller) {
  UniqueFd file;
  const Maker make = [&](BorrowedFd where, const char* as) -> Result<void> {
    file = TRY(sys::open_at(where, as, creation_flags(overlay, flags), mode & 07777));
    return {};
  };
  const NewObject object = {overlay, directory, name, S_IFREG | mode, caller, make};
  Opened opened;
  Entry entry = TRY(make_entry(object, [&](const Entry& made) -> Result<void> {
    opened = TRY(open_created(overlay, made.inode, flags, std::move(file)));
    return {};
  }));
  return Created{std::move(entry), std::move(opened)};
}

Result<Entry> make_directory(Overlay& overlay, const InodeRef& directory, const char* name,
                             mode_t mode, const Caller& caller) {
  const Maker make = [&](BorrowedFd where, const char* as) {
    return sys::make_directory(where, as, mode & 07777);
  };
  return make_entry({overlay, directory, name, S_IFDIR | mode, caller, make});
}

Result<Entry> make_node(Overlay& overlay, const InodeRef& directory, const char* name, mode_t mode,
                        dev_t device, const Caller& caller) {
  if (S_ISCHR(mode) && device == 0) return fail(EPERM);
  const Maker make = [&](BorrowedFd where, const char* as) {
    return sys::make_node(where, as, mode, device);
  };
  return make_entry({overlay, directory, name, mode, caller, make});
}

Result<Entry> make_symlink(Overlay& overlay, const InodeRef& directory, const char* name,
                           const char* target, const Caller& caller) {
  const Maker make = [&](BorrowedFd where, const char* as) {
    return sys::make_symlink(where, as, target);
  };
  return make_entry({overlay, directory, name, S_IFLNK, caller, make});
}

Result<Created> create_unnamed(Overlay& overlay, const InodeRef& directory, int flags, mode_t mode,
                               const Caller& caller) {
  const SharedFd upper = TRY(upper_for_change(overlay, directory));
  UniqueFd file;
  const Maker make = [&](BorrowedFd where, const char*) -> Result<void> {
    // Always readable and writable: it is also how the file is reached until it gets a name.
    file = TRY(sys::open_unnamed(where, mode & 07777, flags & (O_EXCL | O_DSYNC)));
    return {};
  };
  TRY(make_as(caller, mode, make, upper->fd, ""));
  const sys::Stat stat = TRY(sys::stat(sys::itself(file)));
  InodeRef inode =
      overlay.table.make(overlay.numbers.number(sys::device_of(stat), stat.stx_ino), S_IFREG);
  auto orphan = std::make_shared<CachedFd>(TRY(sys::reopen(file, O_PATH)));
  {
    Lock lock(inode->mutex);
    inode->linked = false;
    inode->link.parent = directory;
    inode->rare().orphan = orphan;
    inode->rare().pinned_orphan = std::move(orphan);
  }
  Opened opened = TRY(open_created(overlay, inode, flags, std::move(file)));
  return Created{Entry{inode, shown(*inode, stat)}, std::move(opened)};
}

Result<Entry> make_link(Overlay& overlay, const InodeRef& inode, const InodeRef& directory,
                        const char* name) {
  TRY(check_new_name(name));
  TRY(copy_up_metadata(overlay, current(inode)));
  const InodeRef target = current(inode);
  const SharedFd upper = TRY(upper_for_change(overlay, directory));
  TRY(mark_before_link(overlay, *target));
  Lock names(directory->directory->names);
  ++directory->directory->version;
  std::optional<Unsettled> made;
  {
    const Located located = TRY(locate(overlay, *target));
    if (TRY(layer::has_mark(located.place(), layer::Mark::Origin, overlay.stack.prefix))) {
      TRY(mark_impure(overlay, *directory, upper->fd));
    }
    auto begin = [&]() NO_THREAD_SAFETY_ANALYSIS { return begin_nlink_change(overlay, *target); };
    TRY(begin());
    Vacancy before = Vacancy::Free;
    auto linked = sys::make_link(located.place(), upper->fd, name);
    if (linked.failed_with(EEXIST)) {
      before = TRY(vacancy(overlay, upper->fd, name));
      layer::PendingUpper temporary(overlay.stack.workdir);
      TRY(sys::make_link(located.place(), overlay.stack.workdir.fd(), temporary.name()));
      TRY(temporary.publish(upper->fd, name));
    } else {
      TRY(std::move(linked));
    }
    made.emplace(overlay, directory, name, /*is_directory=*/false, upper->fd, before);
  }
  const sys::Stat stat = TRY(sys::stat({upper->fd, name}));
  add_link(overlay, target, directory, name);
  (void)remember_key(overlay, target, {sys::device_of(stat), stat.stx_ino});
  made->settle();
  return Entry{target, shown(*target, stat)};
}

}  // namespace overpass::overlay
