// SPDX-License-Identifier: MIT
//
// Requests that are answered exactly once. There is a move-only type per shape of reply, so that a
// handler cannot send the wrong one; one that is destroyed unanswered answers an error, so that no
// caller waits for ever whatever goes wrong here.

#ifndef OVERPASS_FUSE_REQUEST_H_
#define OVERPASS_FUSE_REQUEST_H_

#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "fuse/libfuse.h"
#include "fuse/request_origin.h"
#include "fuse/request_trace.h"
#include "overlay/change/create.h"
#include "overlay/open/open_file.h"
#include "overlay/state/entry.h"
#include "overlay/state/node_records.h"
#include "sys/stat.h"

namespace overpass::fuse {

struct Daemon;

/// The daemon a request is for.
Daemon& daemon_of(fuse_req_t request);

/// REQUIRES, for all replies: no lock of the overlay is held, since the caller's next request may
/// need it.
class Reply {
 public:
  explicit Reply(fuse_req_t request)
      : request_(request),
        unique_(unique_of_request()),
        ticket_(std::exchange(expected_, RequestTrace::Ticket())) {}
  Reply(Reply&& other) noexcept
      : request_(std::exchange(other.request_, nullptr)),
        unique_(other.unique_),
        ticket_(other.ticket_),
        unanswered_(other.unanswered_) {}
  Reply& operator=(Reply&&) = delete;
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;
  ~Reply() {
    if (request_ == nullptr) return;
    // An exception between a request's arrival and its work is lack of memory.
    fail(std::uncaught_exceptions() > 0 ? Errno{ENOMEM} : unanswered_);
  }

  /// The trace's ticket for the next reply that is made on this thread.
  static void expect(const RequestTrace::Ticket& ticket) { expected_ = ticket; }

  /// A caller outside cannot wait as the daemon does (overlay::kMustWait). And EMFILE would speak
  /// of the caller's own limit, where the daemon is short of descriptors: that is ENFILE.
  /// ENOSYS never leaves here either: the kernel takes it for "this daemon has no such operation"
  /// and asks for none of its kind any more.
  void fail(Errno error);
  /// The answer, from now on, of a request destroyed unanswered; EIO before the first call.
  void set_unanswered(Errno error) { unanswered_ = error; }
  bool is_answered() const { return request_ == nullptr; }
  /// The request, for asking about its caller. It must still be answered.
  fuse_req_t request() const { return request_; }
  /// The kernel's number of the request.
  uint64_t unique() const { return unique_; }

 protected:
  /// For the one call of libfuse that answers, with `error` or 0.
  fuse_req_t take(int error = 0);

 private:
  static thread_local constinit RequestTrace::Ticket expected_;

  fuse_req_t request_;
  uint64_t unique_;
  RequestTrace::Ticket ticket_;
  Errno unanswered_{EIO};
};

/// Success without content.
class EmptyReply : public Reply {
 public:
  using Reply::Reply;
  void send() { (void)fuse_reply_err(take(), 0); }
};

/// An entry: counts a lookup of its inode.
class EntryReply : public Reply {
 public:
  using Reply::Reply;
  void send(const overlay::Entry& entry);
};

/// The answer to a LOOKUP: that a name is absent is an answer too, and one that the kernel keeps.
class LookupReply : public EntryReply {
 public:
  using EntryReply::EntryReply;
  void fail(Errno error);
};

/// Attributes of a node. Whether the kernel may keep them is asked last of all: another request may
/// supersede the node meanwhile.
struct ShownAttributes {
  overlay::InodeRef inode;
  sys::Stat stat;
  bool has_other_listing = false;  ///< As overlay::Entry has it.
};

class AttributesReply : public Reply {
 public:
  using Reply::Reply;
  void send(const ShownAttributes& shown);
};

class StatxReply : public Reply {
 public:
  using Reply::Reply;
  void send(const ShownAttributes& shown);
};

/// A handle: owned by the kernel from here on, until RELEASE.
class OpenReply : public Reply {
 public:
  OpenReply(fuse_req_t request, const fuse_file_info& info) : Reply(request), info_(info) {}
  void send(overlay::Opened opened);
  /// ENOSYS: the kernel opens no file from now on, and keeps the pages of each.
  void refuse_all();

 private:
  fuse_file_info info_;
};

class CreateReply : public Reply {
 public:
  CreateReply(fuse_req_t request, const fuse_file_info& info) : Reply(request), info_(info) {}
  void send(overlay::Created created);

 private:
  fuse_file_info info_;
};

class OpenDirectoryReply : public Reply {
 public:
  OpenDirectoryReply(fuse_req_t request, const fuse_file_info& info)
      : Reply(request), info_(info) {}
  void send();
  /// ENOSYS: the kernel opens no directory from now on, and caches all their listings.
  void refuse_all();

 private:
  fuse_file_info info_;
};

/// Bytes of a file.
class DataReply : public Reply {
 public:
  using Reply::Reply;
  void send(std::span<const char> data) { (void)fuse_reply_buf(take(), data.data(), data.size()); }
  void send(const std::string& data) { send(std::span<const char>(data)); }
};

/// A directory listing. Its entries count as looked up if the reply arrives.
class ListingReply : public Reply {
 public:
  using Reply::Reply;
  void send(std::span<const char> entries) {
    is_delivered_ = fuse_reply_buf(take(), entries.data(), entries.size()) == 0;
  }
  bool is_delivered() const { return is_delivered_; }

 private:
  bool is_delivered_ = false;
};

/// An attribute as far as the caller has room for it, and its length.
struct XattrValue {
  explicit XattrValue(size_t room) : bytes(room, '\0') {}
  explicit XattrValue(std::string whole) : bytes(std::move(whole)), length(bytes.size()) {}
  std::string bytes;
  size_t length = 0;
};

/// An extended attribute or a list of them, or how long it is when `size` is 0.
class XattrReply : public Reply {
 public:
  XattrReply(fuse_req_t request, size_t size) : Reply(request), size_(size) {}
  void send(const std::string& value) { send(value.data(), value.size()); }
  void send(const XattrValue& value) { send(value.bytes.data(), value.length); }

 private:
  void send(const char* bytes, size_t length);

  size_t size_;
};

class TargetReply : public Reply {
 public:
  using Reply::Reply;
  void send(const std::string& target) { (void)fuse_reply_readlink(take(), target.c_str()); }
};

class WrittenReply : public Reply {
 public:
  using Reply::Reply;
  void send(size_t count) { (void)fuse_reply_write(take(), count); }
};

class OffsetReply : public Reply {
 public:
  using Reply::Reply;
  void send(off_t offset) { (void)fuse_reply_lseek(take(), offset); }
};

class StatfsReply : public Reply {
 public:
  using Reply::Reply;
  void send(const struct statvfs& stat) { (void)fuse_reply_statfs(take(), &stat); }
};

class IoctlReply : public Reply {
 public:
  using Reply::Reply;
  void send(const std::vector<char>& output) {
    (void)fuse_reply_ioctl(take(), 0, output.data(), output.size());
  }
};

/// How long the kernel may keep an answer, in seconds: for ever. The upper belongs to the daemon
/// alone, and lowers do not change unless that is followed.
inline constexpr double kForever = 1e9;

/// Fills in what the kernel keeps of an inode, and counts the lookup. The lookup has to be
/// forgotten again if the reply does not arrive.
/// `reply` may be null.
fuse_entry_param entry_parameters(Daemon& daemon, const overlay::Entry& entry,
                                  overlay::ReplyRecord* reply);

/// The kernel has released an open file, or never got it.
void release_handle(Daemon& daemon, uint64_t handle);

/// Attributes in the form of stat(2).
struct stat plain_stat(const sys::Stat& stat);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_REQUEST_H_
