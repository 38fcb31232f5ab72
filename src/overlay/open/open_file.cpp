// SPDX-License-Identifier: MIT
//
// An open is decided under the inode's mutex. When the decision needs nothing but an id that is
// there already, it costs no system call. Otherwise a descriptor is opened and registered without
// the mutex, and the question is asked once more. So the answer fits the moment in which the handle
// is counted, whatever changed meanwhile.

#include "overlay/open/open_file.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "base/scope_exit.h"
#include "overlay/copy_up/copy_up.h"
#include "overlay/find/content.h"
#include "overlay/find/copied_attributes.h"
#include "overlay/find/locate.h"
#include "overlay/find/lower_changes.h"
#include "overlay/find/mappings.h"
#include "overlay/find/rule_events.h"
#include "overlay/find/ruling.h"
#include "overlay/find/set_ids.h"
#include "overlay/state/links.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/credentials.h"
#include "sys/open.h"

namespace overpass::overlay {

namespace {

/// The caller's flags that the daemon's own descriptor takes over. O_DIRECT would bind it to
/// aligned buffers, and O_APPEND would move pages that the kernel writes back; creation flags have
/// done their work; the kernel adds bits that openat2(2) refuses.
constexpr int kOwnFlags = O_ACCMODE | O_TRUNC | O_DSYNC | O_SYNC | O_NONBLOCK | O_NOATIME;

Side side_of(layer::LayerIndex layer) { return layer == layer::kUpper ? Side::Upper : Side::Lower; }

/// A descriptor of the file, and its registration with the kernel if there is one.
struct Backed {
  SharedFd fd;
  bool is_path = false;        ///< `fd` is O_PATH.
  bool is_write_only = false;  ///< The kernel wanted to read through it as well.
  layer::LayerIndex layer = layer::kUpper;
  /// The version of the content of `fd` when it was opened; empty if the opening changed it.
  std::optional<ContentVersion> version;
  bool was_tried = false;  ///< To register it; without `backing` it could not be.
  SharedBacking backing;
};

/// Whether the lower file of this name is to show old readers what is written later.
bool caches_lower(const Settings& settings, const std::string& name) {
  return settings.cached_lower_io ||
         std::ranges::any_of(settings.cached_names, [&name](const std::string& pattern) {
           return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
         });
}

ContentVersion version_of(const sys::Stat& stat, layer::LayerIndex layer) {
  const Side side = side_of(layer);
  return {stat.stx_size, stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec, side};
}

/// The version of the upper's file, which is the inode's; empty when it cannot be told.
std::optional<ContentVersion> version_locked(Inode& inode, BorrowedFd fd) REQUIRES(inode.mutex) {
  if (const AttributeCopy* copy = usable_copy(inode)) {
    if (const auto known = copy->settled_content()) return version_of(*known, layer::kUpper);
  }
  const auto looked = look_at(inode, sys::place_of(fd));
  if (!looked) return {};
  return version_of(*looked, layer::kUpper);
}

/// The file's registration; null where it cannot be registered. Writers get an upper's file only,
/// with the id that readers get.
SharedBacking registered(BackingFiles& files, BorrowedFd fd, layer::LayerIndex layer) {
  const auto use = layer == layer::kUpper ? BackingUse::ReadAndWrite : BackingUse::Read;
  const auto id = files.open(fd, use);
  if (!id) return {};
  ScopeExit close([&] { files.close(*id); });
  auto owner = std::make_shared<BackingId>(files, *id);
  close.dismiss();
  return owner;
}

/// Whether a reader of a superseded inode may be given the lower: its path does not lead to the
/// successor, or the successor has equal bytes.
bool shares_lower(const Inode& successor) {
  return successor.stale_links == 0 || !successor.diverged;
}

/// The kernel writes to a backing file with the rights of the process that registered it, not with
/// the writer's. The daemon must decide which set-id bits a write costs, so it serves the writers
/// of such files itself.
bool has_set_id(mode_t mode) { return (mode & (S_ISUID | S_ISGID)) != 0; }

class Opening {
 public:
  /// `opener`: the caller that truncates with O_TRUNC; outlives this; null for a file just made,
  /// with `mode`. `lease`: for the descriptor of an open that writes, by `user`.
  Opening(Overlay& overlay, const InodeRef& node, int flags, const Caller* opener, uid_t user,
          DescriptorLease lease, mode_t mode = 0)
      : overlay_(overlay),
        node_(node),
        flags_(flags),
        opener_(opener),
        user_(user),
        writing_(is_writing(flags)),
        lease_(std::move(lease)),
        is_set_id_(has_set_id(mode)) {}

  /// The answer that fits this moment, with the handle counted; empty when something else than
  /// `backed` has to be opened for it first (open()). `backed` begins empty.
  Result<std::optional<Opened>> answer(Backed& backed) {
    Lock lock(node_->mutex);
    const OpenQuestion question = question_locked();
    OpenMode& mode = *node_->opens;
    OpenAnswer answer = mode.decide(question);
    if (answer == OpenAnswer::Stale) return fail(ESTALE);
    if (answer == OpenAnswer::Split) return split_locked();
    const bool fits = backed.fd != nullptr && side_of(backed.layer) == question.content;
    SharedBacking backing = answer == OpenAnswer::HeldBacking ? mode.backing() : nullptr;
    if (answer == OpenAnswer::NewBacking) {
      backing =
          fits && backed.backing != nullptr ? backed.backing : mode.idle_backing(question.content);
      // The daemon serves a file that cannot be registered.
      if (backing == nullptr && fits && backed.was_tried) answer = OpenAnswer::Cached;
    }
    registers_ = answer == OpenAnswer::NewBacking && backing == nullptr;
    const bool needs_file = writing_ || answer == OpenAnswer::Cached;
    if (registers_ || (needs_file && !fits)) {
      // What is opened is looked at, which saves the first write a look.
      if (writing_ && answer == OpenAnswer::Cached && mode.copy == nullptr) {
        make_copy(overlay_, *node_);
      }
      return std::optional<Opened>();
    }
    if (answer == OpenAnswer::Cached) return std::optional(TRY(serve_locked(mode, backed)));
    backing->used.store(true, std::memory_order_relaxed);
    Opened result = opened(Serving::Passthrough, backed, backing);
    if (answer == OpenAnswer::HeldBacking) {
      mode.opened_held();
    } else {
      if (backing != mode.idle_backing(question.content)) replace_idle_locked(mode, backing);
      mode.opened_new(question.content, std::move(backing));
    }
    return std::optional(std::move(result));
  }

  /// Opens the file's current content, and registers it if that was what answer() lacked.
  Result<Backed> open() {
    Backed backed;
    const InodeRef target = current(node_);
    int flags = writing_ ? flags_ & kOwnFlags : O_RDONLY | (flags_ & O_NOATIME);
    if (registers_ && !writing_) flags = overlay_.backing_files.flags_for_readers();
    backed.is_path = (flags & O_PATH) != 0;
    const int wanted = writing_ ? own_access(overlay_, flags_, flags) : flags;
    auto content = open_quietly(overlay_, *target, wanted, opener_);
    if (content.failed_with(EACCES) && wanted != flags) {
      backed.is_write_only = true;
      content = open_quietly(overlay_, *target, flags, opener_);
    }
    // A file that chattr(1) made append-only can be opened for writing in no other way.
    const bool appends = writing_ && (flags_ & O_APPEND) != 0;
    if (content.failed_with(EPERM) && appends) {
      content = open_quietly(overlay_, *target, flags | O_APPEND, opener_);
    }
    Content opened = TRY(std::move(content));
    has_changed_ = has_changed_ || opened.has_changed;
    backed.layer = opened.layer;
    if (!backed.is_path && (flags & O_TRUNC) == 0) {
      backed.version = version_of(opened.stat, opened.layer);
    }
    backed.fd = std::make_shared<CachedFd>(std::move(opened.fd));
    if (writing_) is_set_id_ = has_set_id(opened.stat.stx_mode);
    if (registers_ && !is_set_id_) {
      backed.backing = registered(overlay_.backing_files, backed.fd->fd, backed.layer);
    }
    backed.was_tried = registers_;
    return backed;
  }

  /// Whether the kernel has to forget the attributes that it keeps of the inode.
  bool changes_attributes() const { return was_split_ || is_newly_mappable_ || has_changed_; }

 private:
  bool may_pass_through(Side content) const REQUIRES(node_->mutex) {
    return overlay_.backing_files.is_available() && !(writing_ && is_set_id_) &&
           !is_cached_by_rule(*node_) && !(node_->opens->caches_lower && content == Side::Lower);
  }

  OpenQuestion question_locked() REQUIRES(node_->mutex) {
    (void)open_mode_of(overlay_, *node_);
    const bool superseded = node_->superseded;
    const Side content = superseded ? Side::Upper : side_of(content_layer(*node_));
    return {writing_, content, may_pass_through(content), superseded,
            superseded && shares_lower(*node_->extras->successor)};
  }

  /// Whether the handle does without the kernel's pages (FOPEN_DIRECT_IO). What is appended must
  /// come in one piece, and with a write-back cache must not be placed by the kernel, which goes by
  /// its own idea of the file's end; all else should not be direct there, for the kernel then
  /// forgets the times of what is written.
  bool bypasses(const Backed& backed) const {
    if (writing_ && (flags_ & O_APPEND) != 0) return true;
    return overlay_.writeback ? backed.is_write_only : (flags_ & O_DIRECT) != 0;
  }

  std::unexpected<Errno> split_locked() REQUIRES(node_->mutex) {
    supersede_locked(overlay_, node_);
    was_split_ = true;
    return fail(ESTALE);
  }

  /// The daemon reads and writes the file.
  Result<Opened> serve_locked(OpenMode& mode, Backed& backed) REQUIRES(node_->mutex) {
    if (!lease_) lease_ = TRY(overlay_.descriptors.lease(user_));
    // It may wait for a disk then.
    if (!backed.is_path && (flags_ & O_NONBLOCK) == 0) TRY(sys::allow_waiting(backed.fd->fd));
    const auto version = backed.version;
    const bool is_same = version && mode.cached_version == version;
    const Pages pages = bypasses(backed) ? Pages::Bypassed : is_same ? Pages::Kept : Pages::Dropped;
    Opened result = opened(Serving::Cached, backed, nullptr);
    result.pages = pages;
    mode.opened_cached(writing_);
    if (writing_) make_copy(overlay_, *node_);
    if (pages == Pages::Dropped) mode.cached_version = version;
    return result;
  }

  void replace_idle_locked(const OpenMode& mode, const SharedBacking& backing) {
    drop_idle(overlay_.idle_backings, mode);
    overlay_.idle_backings.keep(backing);
  }

  /// Makes the handle. The caller counts the open, after this and everything else that may fail.
  Opened opened(Serving serving, Backed& backed, SharedBacking backing) REQUIRES(node_->mutex) {
    // A reader that is passed through needs no descriptor here, and an O_PATH one is of no other
    // use than being registered.
    const bool keeps = writing_ || (serving != Serving::Passthrough && !backed.is_path);
    SharedFd fd = keeps ? std::move(backed.fd) : nullptr;
    // Never a lower's: what is done to the inode may be done to this.
    const SharedFd of_upper = backed.layer == layer::kUpper ? fd : nullptr;
    auto file = std::make_unique<OpenFile>(node_, flags_, serving, std::move(fd), backed.layer,
                                           std::move(lease_));
    node_->opens->note_open(user_, of_upper);
    const bool diverges = writing_ && !node_->diverged.exchange(true);
    if (serving == Serving::Passthrough && note_mappable(*node_, flags_)) {
      is_newly_mappable_ = true;
    }
    if (diverges || is_newly_mappable_) overlay_.table.record(*node_);
    // A file without a name is reached through this while it is open.
    if (!node_->linked && node_->extras && node_->extras->pinned_orphan == nullptr) {
      pin_orphan_locked(overlay_, *node_, node_->extras->orphan.lock());
    }
    return Opened{std::move(file), std::move(backing)};
  }

  Overlay& overlay_;
  const InodeRef node_;
  const int flags_;
  const Caller* const opener_;
  const uid_t user_;
  const bool writing_;
  DescriptorLease lease_;
  bool was_split_ = false;
  bool is_newly_mappable_ = false;
  bool has_changed_ = false;  ///< The lower's file, unseen.
  bool is_set_id_;            ///< As far as a writer has to know.
  bool registers_ = false;    ///< answer() wants the file registered.
};

/// An open for direct I/O fails where the file system knows no such thing.
Result<Opened> check_direct(Overlay& overlay, Opened opened) {
  const bool is_direct = (opened.file->flags() & O_DIRECT) != 0 && opened.backing == nullptr;
  if (!is_direct) return opened;
  if (auto content = opened.file->direct_content(overlay); !content) {
    release_file(overlay, *opened.file);
    return fail(content.error());
  }
  return opened;
}

bool is_open(const Inode& inode) {
  Lock lock(inode.mutex);
  return inode.superseded || (inode.opens != nullptr && inode.opens->handles() > 0);
}

Result<Opened> open_unlogged(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                             int flags) {
  if (!inode->is_regular()) return fail(inode->is_directory() ? EISDIR : ENXIO);
  TRY(check_deny_rule(overlay, *inode));
  DescriptorLease lease;
  if (is_writing(flags)) {
    lease = TRY(overlay.descriptors.lease(caller.uid));
    // A truncating open needs none of the data, unless it may yet be sent away (ESTALE).
    const off_t wanted = (flags & O_TRUNC) != 0 && !is_open(*inode) ? 0 : kWholeFile;
    TRY(copy_up(overlay, caller, current(inode), wanted,
                (flags & (O_APPEND | O_TRUNC)) == O_APPEND));
  }
  if (!is_writing(flags)) TRY(look_before_open(overlay, *current(inode)));
  Opening opening(overlay, inode, flags, &caller, caller.uid, std::move(lease));
  auto finish = [&]() -> Result<Opened> {
    Backed backed;
    while (true) {
      if (auto opened = TRY(opening.answer(backed))) return std::move(*opened);
      backed = TRY(opening.open());
    }
  };
  auto result = finish();
  if (result) result = check_direct(overlay, std::move(*result));
  if (opening.changes_attributes()) overlay.mount.attributes_changed(inode->id);
  return result;
}

}  // namespace

int own_access(const Overlay& overlay, int flags, int own_flags) {
  if ((flags & O_ACCMODE) != O_WRONLY) return own_flags;
  const bool gathers = overlay.writeback && (flags & O_APPEND) == 0;
  const bool registers =
      overlay.backing_files.is_available() && overlay.backing_files.wants_writers_to_read();
  if (!gathers && !registers) return own_flags;
  return (own_flags & ~O_ACCMODE) | O_RDWR;
}

OpenMode& open_mode_of(const Overlay& overlay, Inode& inode) {
  if (inode.opens == nullptr) {
    inode.opens = std::make_unique<OpenMode>();
    inode.opens->caches_lower = side_of(content_layer(inode)) == Side::Lower &&
                                caches_lower(overlay.settings, inode.link.name.text());
  }
  return *inode.opens;
}

bool is_writing(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0; }

OpenFile::OpenFile(InodeRef inode, int flags, Serving serving, SharedFd fd, layer::LayerIndex layer,
                   DescriptorLease lease)
    : inode_(std::move(inode)),
      flags_(flags),
      serving_(serving),
      lease_(std::move(lease)),
      fd_(std::move(fd)),
      layer_(layer) {}

bool OpenFile::is_writable() const { return (flags_ & O_ACCMODE) != O_RDONLY; }

layer::LayerIndex OpenFile::layer() const {
  Lock lock(inode_->mutex);
  return layer_;
}

bool reads_what_was(const OpenFile& file) {
  Inode& inode = *file.inode();
  if (!inode.superseded || file.serving() != Serving::Passthrough) return false;
  Lock lock(inode.mutex);
  return inode.opens->readers_hold_lower();
}

Result<Opened> open_file(Overlay& overlay, const Caller& caller, const InodeRef& inode, int flags) {
  auto opened = open_unlogged(overlay, caller, inode, flags);
  tell_of(overlay, caller, is_writing(flags) ? "write-open" : "open", *inode, error_of(opened));
  return opened;
}

Result<Opened> open_created(Overlay& overlay, const Entry& made, int flags, mode_t mode,
                            UniqueFd fd, DescriptorLease lease) {
  Backed backed;
  backed.version = version_of(made.stat, backed.layer);
  backed.was_tried = true;
  backed.fd = std::make_shared<CachedFd>(std::move(fd));
  if (overlay.backing_files.is_available() && !has_set_id(mode)) {
    backed.backing = registered(overlay.backing_files, backed.fd->fd, backed.layer);
  }
  const uid_t user = lease.user();
  Opening opening(overlay, made.inode, flags, /*opener=*/nullptr, user, std::move(lease), mode);
  auto opened = TRY(opening.answer(backed));
  if (!opened) return fail(EIO);  // A file just made is in the upper.
  {
    // Nobody can have changed it: its name is not known yet.
    Lock lock(made.inode->mutex);
    AttributeCopy* copy = usable_copy(*made.inode);
    if (copy != nullptr && !has_set_id(made.stat.stx_mode)) copy->note_no_set_ids();
  }
  return check_direct(overlay, std::move(*opened));
}

void release_file(Overlay& overlay, OpenFile& file) {
  SharedFd orphan, cached;  // Closed after the lock.
  InodeRef successor;
  bool is_last = false;
  bool is_linked = true;
  Inode& inode = *file.inode();
  const bool wrote = is_writing(file.flags());
  const bool was_cached = file.has_writable_fd() && file.serving() == Serving::Cached;
  {
    Lock lock(inode.mutex);
    cached = file.take_cached();
    inode.opens->released(wrote);
    // All that was written came by way of the kernel's pages, or past them with its knowledge.
    if (was_cached && !inode.opens->has_cached_writers()) {
      inode.opens->cached_version = version_locked(inode, file.fd());
    }
    is_last = inode.opens->handles() == 0;
    is_linked = inode.linked;
    if (is_last && inode.extras != nullptr) successor = inode.extras->successor;
    if (is_last && inode.extras != nullptr && !inode.has_predecessor) {
      orphan = std::move(inode.extras->pinned_orphan);
    }
  }
  if (cached) overlay.reader_fds.drop(cached);
  if (!is_last) return;
  if (successor) unpin_orphan(*successor);
  if (!is_linked) drop_idle_backing(overlay.idle_backings, inode);
}

}  // namespace overpass::overlay
