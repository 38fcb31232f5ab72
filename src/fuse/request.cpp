// SPDX-License-Identifier: MIT
//
// The replies that are more than one call.

#include "fuse/request.h"

#include <sys/sysmacros.h>

#include <algorithm>

#include "fuse/daemon.h"
#include "fuse/refresh.h"
#include "overlay/find/attributes.h"
#include "overlay/find/lower_changes.h"

namespace overpass::fuse {

namespace {

timespec plain_time(const statx_timestamp& time) {
  return {static_cast<time_t>(time.tv_sec), static_cast<long>(time.tv_nsec)};
}

/// For how long the kernel may keep what it is told, in seconds, as far as that depends on the
/// user.
double longest_timeout(const Daemon& daemon) { return daemon.options.timeout.value_or(kForever); }

/// The same of what lowers decide. Where their changes are followed the kernel asks again after
/// this time.
double lower_timeout(const Daemon& daemon) {
  constexpr double kFollowing = kFollowingMs / 1000.0;
  const double longest = longest_timeout(daemon);
  return overlay::follows(daemon.overlay) ? std::min(longest, kFollowing) : longest;
}

/// For how long it may keep these attributes. Those of a file are told with its name, which is
/// asked for again; asked for by its number alone, an open file might be out of reach.
double attribute_timeout(const Daemon& daemon, const overlay::Inode& inode, const sys::Stat& stat) {
  if (!overlay::may_cache_attributes(inode, stat)) return 0;
  const bool may_change = inode.is_directory() && !inode.directory->lowers.empty();
  return may_change ? lower_timeout(daemon) : longest_timeout(daemon);
}

/// For how long it may believe that a name leads to this inode. A directory of the upper may come
/// to be merged.
double entry_timeout(const Daemon& daemon, const overlay::Inode& inode) {
  if (!overlay::follows(daemon.overlay)) return longest_timeout(daemon);
  const bool may_change = inode.is_directory() || overlay::is_in_lower(inode);
  return may_change ? lower_timeout(daemon) : longest_timeout(daemon);
}

/// The kernel's number for an open file, which is recorded if the mount is to outlive the daemon.
uint64_t number_for(Daemon& daemon, std::unique_ptr<overlay::OpenFile> file, uid_t user,
                    int32_t backing_id, overlay::ReplyRecord* reply) {
  const auto record = daemon.survival ? daemon.survival->handles().reserve() : std::nullopt;
  if (!record) return daemon.files.add(std::move(file));
  if (reply != nullptr) reply->handle.store(*record + 1, std::memory_order_release);
  const uint32_t turn = daemon.survival->handles().fill(*record, *file, user, backing_id);
  return daemon.files.add_recorded(*record, turn, std::move(file));
}

/// Hands the open file to the kernel, and describes it. No FLUSH: nothing is held back here.
void hand_over(Daemon& daemon, overlay::Opened opened, fuse_file_info& info, uid_t user,
               overlay::ReplyRecord* reply) {
  info.noflush = 1;
  info.keep_cache = opened.pages == overlay::Pages::Kept;
  info.direct_io = opened.pages == overlay::Pages::Bypassed;
  // The file system below orders what needs order.
  info.parallel_direct_writes = info.direct_io;
  info.backing_id = opened.backing ? opened.backing->value() : 0;
  info.fh = number_for(daemon, std::move(opened.file), user, info.backing_id, reply);
  ++daemon.counters.open_files;
}

}  // namespace

Daemon& daemon_of(fuse_req_t request) { return *static_cast<Daemon*>(fuse_req_userdata(request)); }

thread_local constinit RequestTrace::Ticket Reply::expected_ = {};

fuse_req_t Reply::take(int error) {
  daemon_of(request_).trace.end(ticket_, error);
  return std::exchange(request_, nullptr);
}

void Reply::fail(Errno error) {
  int number = to_int(error);
  if (number == overlay::kMustWait) number = EAGAIN;
  // A system call may fail with it under a filter.
  if (number == ENOSYS) number = EOPNOTSUPP;
  if (number == EMFILE) {
    number = ENFILE;
    daemon_of(request_).overlay.descriptors.note_exhaustion();
  }
  (void)fuse_reply_err(take(number), number);
}

void OpenReply::refuse_all() { (void)fuse_reply_err(take(ENOSYS), ENOSYS); }

void OpenDirectoryReply::refuse_all() { (void)fuse_reply_err(take(ENOSYS), ENOSYS); }

struct stat plain_stat(const sys::Stat& stat) {
  struct stat plain = {};
  plain.st_ino = stat.stx_ino;
  plain.st_mode = stat.stx_mode;
  plain.st_nlink = stat.stx_nlink;
  plain.st_uid = stat.stx_uid;
  plain.st_gid = stat.stx_gid;
  plain.st_rdev = sys::rdev_of(stat);
  plain.st_size = static_cast<off_t>(stat.stx_size);
  plain.st_blksize = static_cast<blksize_t>(stat.stx_blksize);
  plain.st_blocks = static_cast<blkcnt_t>(stat.stx_blocks);
  plain.st_atim = plain_time(stat.stx_atime);
  plain.st_mtim = plain_time(stat.stx_mtime);
  plain.st_ctim = plain_time(stat.stx_ctime);
  return plain;
}

fuse_entry_param entry_parameters(Daemon& daemon, const overlay::Entry& entry,
                                  overlay::ReplyRecord* reply) {
  fuse_entry_param parameters = {};
  parameters.ino = static_cast<fuse_ino_t>(entry.inode->id);
  parameters.generation = entry.inode->id == overlay::kRootNode ? 0 : daemon.generation;
  parameters.attr = plain_stat(entry.stat);
  parameters.attr_timeout = attribute_timeout(daemon, *entry.inode, entry.stat);
  parameters.entry_timeout = entry_timeout(daemon, *entry.inode);
  daemon.overlay.table.remember(*entry.inode, reply);
  daemon.housekeeping->entry_was_sent();
  return parameters;
}

void EntryReply::send(const overlay::Entry& entry) {
  Daemon& daemon = daemon_of(request());
  const ReplyUnderWay reply(daemon.survival.get(), unique());
  const fuse_entry_param parameters = entry_parameters(daemon, entry, reply.record());
  if (fuse_reply_entry(take(), &parameters) != 0) daemon.overlay.table.forget(entry.inode->id, 1);
  if (entry.has_other_listing) daemon.overlay.mount.listing_changed_later(entry.inode->id);
}

void LookupReply::fail(Errno error) {
  if (error != Errno{ENOENT}) return Reply::fail(error);
  fuse_entry_param absent = {};
  absent.entry_timeout = lower_timeout(daemon_of(request()));
  (void)fuse_reply_entry(take(ENOENT), &absent);
}

void AttributesReply::send(const ShownAttributes& shown) {
  Daemon& daemon = daemon_of(request());
  const struct stat plain = plain_stat(shown.stat);
  const double timeout = attribute_timeout(daemon, *shown.inode, shown.stat);
  (void)fuse_reply_attr(take(), &plain, timeout);
  // The kernel takes the attributes in a reply to SETATTR for the newest, also when it was told
  // meanwhile to forget what it keeps.
  if (attribute_timeout(daemon, *shown.inode, shown.stat) < timeout) {
    daemon.overlay.mount.attributes_changed(shown.inode->id);
  }
  if (shown.has_other_listing) daemon.overlay.mount.listing_changed_later(shown.inode->id);
}

void StatxReply::send(const ShownAttributes& shown) {
  Daemon& daemon = daemon_of(request());
  struct statx copy = shown.stat;
  (void)fuse_reply_statx(take(), 0, &copy, attribute_timeout(daemon, *shown.inode, shown.stat));
  if (shown.has_other_listing) daemon.overlay.mount.listing_changed_later(shown.inode->id);
}

// From these replies on the handle may be released at any time, by RELEASE. If the reply does not
// arrive because the caller has gone, no RELEASE will come for it.

void OpenReply::send(overlay::Opened opened) {
  Daemon& daemon = daemon_of(request());
  const ReplyUnderWay reply(daemon.survival.get(), unique());
  hand_over(daemon, std::move(opened), info_, fuse_req_ctx(request())->uid, reply.record());
  if (fuse_reply_open(take(), &info_) != 0) release_handle(daemon, info_.fh);
}

void CreateReply::send(overlay::Created created) {
  Daemon& daemon = daemon_of(request());
  const ReplyUnderWay reply(daemon.survival.get(), unique());
  hand_over(daemon, std::move(created.opened), info_, fuse_req_ctx(request())->uid, reply.record());
  const fuse_entry_param parameters = entry_parameters(daemon, created.entry, reply.record());
  if (fuse_reply_create(take(), &parameters, &info_) != 0) {
    daemon.overlay.table.forget(created.entry.inode->id, 1);
    release_handle(daemon, info_.fh);
  }
}

void OpenDirectoryReply::send() {
  // The kernel keeps the listing until a name in it changes through the mount, and names change in
  // no other way.
  info_.cache_readdir = 1;
  info_.keep_cache = 1;
  (void)fuse_reply_open(take(), &info_);
}

void release_handle(Daemon& daemon, uint64_t handle) {
  const std::unique_ptr<overlay::OpenFile> file = daemon.files.take(handle);
  const auto record = daemon.files.record_of(handle);
  if (file != nullptr) overlay::release_file(daemon.overlay, *file);
  if (record && daemon.survival) {
    HandleRecords& records = daemon.survival->handles();
    if (records.at(*record).turn == daemon.files.turn_of(handle)) records.erase(*record);
  }
  if (file == nullptr) return;
  --daemon.counters.open_files;
}

void XattrReply::send(const char* bytes, size_t length) {
  if (size_ == 0) {
    (void)fuse_reply_xattr(take(), length);
  } else if (length > size_) {
    fail(Errno{ERANGE});
  } else {
    (void)fuse_reply_buf(take(), bytes, length);
  }
}

}  // namespace overpass::fuse
