// SPDX-License-Identifier: MIT
//
// Each message is one packet of a SOCK_SEQPACKET pair, as each read and write of /dev/fuse is one.

#include "fake_fuse.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <utility>

#include "fuse/libfuse.h"
#include "fuse/preparation.h"
#include "fuse/serve.h"
#include "fuse/session.h"
#include "sys/credentials.h"
#include "sys/process.h"

namespace overpass::unit {

namespace {

/// How long a test waits before it gives an answer up for lost. No answer takes a second.
constexpr int kPatienceMs = 60'000;
constexpr int kRoom = 4 * 1024 * 1024;

/// What fuse_send_init() of Linux 6.18 offers, without FUSE over io_uring, which is off by default.
constexpr uint64_t kOffers =
    FUSE_ASYNC_READ | FUSE_POSIX_LOCKS | FUSE_ATOMIC_O_TRUNC | FUSE_EXPORT_SUPPORT |
    FUSE_BIG_WRITES | FUSE_DONT_MASK | FUSE_SPLICE_WRITE | FUSE_SPLICE_MOVE | FUSE_SPLICE_READ |
    FUSE_FLOCK_LOCKS | FUSE_HAS_IOCTL_DIR | FUSE_AUTO_INVAL_DATA | FUSE_DO_READDIRPLUS |
    FUSE_READDIRPLUS_AUTO | FUSE_ASYNC_DIO | FUSE_WRITEBACK_CACHE | FUSE_NO_OPEN_SUPPORT |
    FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV | FUSE_POSIX_ACL | FUSE_ABORT_ERROR |
    FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS | FUSE_NO_OPENDIR_SUPPORT | FUSE_EXPLICIT_INVAL_DATA |
    FUSE_HANDLE_KILLPRIV_V2 | FUSE_SETXATTR_EXT | FUSE_INIT_EXT | FUSE_SECURITY_CTX |
    kCreateSuppGroup | FUSE_HAS_EXPIRE_ONLY | kDirectIoAllowMmap | kPassthrough | kNoExportSupport |
    kHasResend | kAllowIdmap | kRequestTimeout;

/// Replies that the kernel refuses, by connection: libfuse's callbacks get no more than that.
std::mutex lost_mutex;
std::map<int, std::set<uint64_t>> lost;

/// True once for each.
bool is_lost(int connection, uint64_t unique) {
  const std::lock_guard lock(lost_mutex);
  const auto found = lost.find(connection);
  return found != lost.end() && found->second.erase(unique) != 0;
}

void make_room(int socket) {
  // The first is root's.
  if (::setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &kRoom, sizeof kRoom) == 0) return;
  (void)::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &kRoom, sizeof kRoom);
}

/// Makes this thread, and those that it starts, a daemon's. What concerns the process is done once.
Expected<void> prepare_thread(const config::Options& options) {
  static const Expected<void> prepared = fuse::prepare_process(options);
  if (!prepared) return prepared;
  (void)sys::block_signals(fuse::ending_signals());
  sys::trim_capabilities();
  return {};
}

}  // namespace

FakeFuse::FakeFuse()
    : init{.major = 7,
           .minor = 45,
           .max_readahead = 131072,
           .flags = static_cast<uint32_t>(kOffers),
           .flags2 = static_cast<uint32_t>(kOffers >> 32)},
      caller{::geteuid(), ::getegid(), static_cast<uint32_t>(::getpid())},
      buffer_(kRoom) {
  options.lower = {disk.directory("lower")};
  options.upper = disk.directory("upper");
  options.work = disk.directory("work");
  options.mountpoint = disk.directory("mountpoint");
  options.userxattr = ::geteuid() != 0;
  options.passthrough = config::Switch::Off;
  options.io_uring = config::Switch::Off;
  options.is_volatile = true;  // A test need not wait for the disk.
  options.threads = 1;
}

FakeFuse::~FakeFuse() { (void)end(); }

ssize_t FakeFuse::read_request(int fd, void* buffer, size_t size, void*) {
  const ssize_t received = ::recv(fd, buffer, size, 0);
  if (received != 0) return received;
  errno = ENODEV;  // As /dev/fuse says it.
  return -1;
}

ssize_t FakeFuse::write_reply(int fd, iovec* pieces, int count, void*) {
  if (is_lost(fd, static_cast<const fuse_out_header*>(pieces[0].iov_base)->unique)) {
    errno = ENOENT;
    return -1;
  }
  msghdr message = {};
  message.msg_iov = pieces;
  message.msg_iovlen = static_cast<size_t>(count);
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

void FakeFuse::serve(UniqueFd connection) {
  outcome_ = prepare_thread(options);
  if (!outcome_) return;
  fuse_custom_io io = {};
  io.read = read_request;
  io.writev = write_reply;
  try {
    outcome_ = fuse::serve_connection(options, std::move(connection), io, [] {});
  } catch (const std::exception& reason) {
    outcome_ = problem(reason.what());
  }
}

void FakeFuse::start() {
  if (server_.joinable()) return;
  int ends[2];
  checked(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), "socketpair");
  kernel_ = UniqueFd(ends[0]);
  UniqueFd daemon(ends[1]);
  make_room(ends[0]);
  make_room(ends[1]);
  {
    const std::lock_guard lock(lost_mutex);
    lost[ends[1]].clear();
  }
  server_ = std::thread(
      [this, connection = std::move(daemon)]() mutable { serve(std::move(connection)); });
  daemon_fd_ = ends[1];
  agreed_ = call(FUSE_INIT, 0, bytes_of(init));
}

fuse_init_out FakeFuse::agreed() {
  start();
  return agreed_.as<fuse_init_out>();
}

/// With the next `unique`.
std::string FakeFuse::request(uint32_t opcode, uint64_t node, std::string_view payload) {
  start();
  fuse_in_header header = {};
  header.len = static_cast<uint32_t>(sizeof header + payload.size());
  header.opcode = opcode;
  header.unique = next_unique();
  header.nodeid = node;
  header.uid = caller.uid;
  header.gid = caller.gid;
  header.pid = caller.pid;
  return bytes_of(header) + std::string(payload);
}

uint64_t FakeFuse::send(uint32_t opcode, uint64_t node, std::string_view payload) {
  const std::string message = request(opcode, node, payload);
  const uint64_t unique = value_at<fuse_in_header>(message).unique;
  send_bytes(message, wants_reply(opcode) ? unique : 0);
  return unique;
}

void FakeFuse::send_and_leave(uint32_t opcode, uint64_t node, std::string_view payload) {
  const std::string message = request(opcode, node, payload);
  {
    const std::lock_guard lock(lost_mutex);
    lost[daemon_fd_].insert(value_at<fuse_in_header>(message).unique);
  }
  send_bytes(message, 0);
}

void FakeFuse::send_bytes(std::string_view message, uint64_t unique) {
  start();
  if (unique != 0) awaited_.insert(unique);
  const ssize_t sent = ::send(raw(kernel_), message.data(), message.size(), MSG_NOSIGNAL);
  checked(static_cast<int>(sent), "send a request");
}

Answer FakeFuse::wait_for(uint64_t unique) {
  while (awaited_.contains(unique)) take_message(/*waits=*/true);
  auto answer = answers_.extract(unique);
  if (!answer) throw std::runtime_error("no such request, or its reply was asked for before");
  return std::move(answer.mapped());
}

bool FakeFuse::is_answered(uint64_t unique) {
  pollfd polled = {raw(kernel_), POLLIN, 0};
  while (::poll(&polled, 1, 0) > 0) take_message(/*waits=*/false);
  return answers_.contains(unique);
}

Notification FakeFuse::wait_for_notification() {
  const size_t before = notifications_.size();
  while (notifications_.size() == before) take_message(/*waits=*/true);
  return notifications_.back();
}

void FakeFuse::take_message(bool waits) {
  pollfd polled = {raw(kernel_), POLLIN, 0};
  if (::poll(&polled, 1, waits ? kPatienceMs : 0) == 0) throw std::runtime_error("no reply");
  const ssize_t size = ::recv(raw(kernel_), buffer_.data(), buffer_.size(), 0);
  if (size <= 0) throw std::runtime_error("the daemon has ended the connection");
  const std::string_view message(buffer_.data(), static_cast<size_t>(size));
  const auto header = value_at<fuse_out_header>(message);
  if (header.len != message.size()) fault("a reply has a false length");
  std::string payload(message.substr(sizeof header));
  if (header.unique == 0) {
    notifications_.push_back({header.error, std::move(payload)});
  } else {
    take_reply(header, std::move(payload));
  }
}

void FakeFuse::take_reply(const fuse_out_header& header, std::string payload) {
  const std::string which = "request " + std::to_string(header.unique);
  // A refusal is written past libfuse.
  if (is_lost(daemon_fd_, header.unique)) return;
  if (awaited_.erase(header.unique) == 0) return fault(which + " has a reply too many");
  // What dev_do_write of the kernel refuses.
  if (header.error <= -512 || header.error > 0) {
    fault(which + " has the error " + std::to_string(header.error));
  }
  if (header.error != 0 && !payload.empty()) fault(which + " has an error and content");
  answers_[header.unique] = {-header.error, std::move(payload)};
}

std::string FakeFuse::end() {
  if (!server_.joinable()) return faults_;
  // The daemon can go on writing: replies that are under way are counted.
  (void)::shutdown(raw(kernel_), SHUT_WR);
  try {
    while (true) take_message(/*waits=*/true);
  } catch (const std::exception&) {
    // All is read.
  }
  server_.join();
  kernel_.reset();
  {
    const std::lock_guard lock(lost_mutex);
    awaited_.merge(lost[daemon_fd_]);
  }
  for (const uint64_t unique : std::exchange(awaited_, {})) {
    fault("request " + std::to_string(unique) + " has no reply");
  }
  if (!outcome_) fault(outcome_.error().line());
  return faults_;
}

}  // namespace overpass::unit
