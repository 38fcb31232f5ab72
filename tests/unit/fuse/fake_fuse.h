// SPDX-License-Identifier: MIT
//
// The kernel's end of a FUSE connection, without a mount and without root. A real session of
// src/fuse serves a real union over a pair of sockets: a test writes the bytes that the kernel
// would write to /dev/fuse, and reads the bytes of the reply.
//
// What the daemon takes on trust from the kernel, and what no test may therefore send:
// - File handles are addresses. Only what an OPEN, CREATE or TMPFILE has answered, and no RELEASE
//   has given back, may stand in a request. (Nodes are looked up; any number may be sent.)
// - One request that names a handle is not under way while that handle is released.
// - INIT comes first and once; nothing follows a DESTROY.
// - A name that is to be made was looked up, and is in no lower. (One that is in the upper is
//   refused.)
// - What is asked for fits into a reply: at most the max_pages of INIT.
// Generations are in replies only: the kernel compares them, requests do not carry any.

#ifndef OVERPASS_TESTS_UNIT_FUSE_FAKE_FUSE_H_
#define OVERPASS_TESTS_UNIT_FUSE_FAKE_FUSE_H_

#include <linux/fuse.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "../sys/scratch.h"
#include "base/problem.h"
#include "base/unique_fd.h"
#include "config/options.h"
#include "raw_requests.h"

namespace overpass::unit {

struct Answer {
  int error = 0;        ///< An errno; 0 on success.
  std::string payload;  ///< What follows the header.

  template <class T>
  T as(size_t offset = 0) const {
    if (error != 0) throw std::runtime_error(std::string("refused: ") + std::strerror(error));
    return value_at<T>(payload, offset);
  }
};

struct Notification {
  int code;
  std::string payload;
};

/// Invariant: a request that wants a reply is in awaited_, then in answers_ until it is asked for.
/// Threads: one at a time; the daemon has threads of its own.
class FakeFuse {
 public:
  FakeFuse();
  FakeFuse(const FakeFuse&) = delete;
  FakeFuse& operator=(const FakeFuse&) = delete;
  ~FakeFuse();

  /// lower, upper, work. To be filled before the first request.
  Scratch disk;
  /// What `overpass mount` would be told; may be changed before the first request.
  config::Options options;
  /// The first request, that of Linux 6.18 if nothing is changed.
  fuse_init_in init;
  /// The caller of the requests.
  struct Caller {
    uint32_t uid, gid, pid;
  } caller;

  /// Serves, and sends INIT. The first request does that by itself.
  void start();
  /// The answer to INIT.
  fuse_init_out agreed();

  /// Sends a request; its `unique`.
  uint64_t send(uint32_t opcode, uint64_t node, std::string_view payload = {});
  /// Waits for the reply to it. To be called once for each request.
  Answer wait_for(uint64_t unique);
  Answer call(uint32_t opcode, uint64_t node, std::string_view payload = {}) {
    return wait_for(send(opcode, node, payload));
  }
  /// Whether it was answered already. Does not wait.
  bool is_answered(uint64_t unique);

  /// A message as it is. `unique` is that of its header if the daemon has to reply, else 0.
  void send_bytes(std::string_view message, uint64_t unique);
  uint64_t next_unique() { return next_unique_ += 2; }

  /// Sends a request whose caller goes away: the kernel does not take the reply.
  void send_and_leave(uint32_t opcode, uint64_t node, std::string_view payload = {});

  /// What the daemon has told the kernel, up to the last reply that was read.
  const std::vector<Notification>& notifications() const { return notifications_; }
  /// Waits for one more.
  Notification wait_for_notification();

  /// Ends the connection and waits for the daemon to have ended. An empty text, or what was wrong
  /// with any of its replies: none, more than one, a false length or error, one that was not asked
  /// for; or what serving failed with.
  std::string end();

 private:
  std::string request(uint32_t opcode, uint64_t node, std::string_view payload);
  void take_message(bool waits);
  void take_reply(const fuse_out_header& header, std::string payload);
  void fault(const std::string& text) { faults_ += text + "\n"; }
  void serve(UniqueFd connection);
  static ssize_t read_request(int fd, void* buffer, size_t size, void*);
  static ssize_t write_reply(int fd, iovec* pieces, int count, void*);

  UniqueFd kernel_;     ///< The test's end; empty before start() and after end().
  int daemon_fd_ = -1;  ///< The number of the other end.
  std::thread server_;
  Expected<void> outcome_;
  Answer agreed_;
  std::set<uint64_t> awaited_;
  std::map<uint64_t, Answer> answers_;
  std::vector<Notification> notifications_;
  std::vector<char> buffer_;
  std::string faults_;
  uint64_t next_unique_ = 0;
};

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_FUSE_FAKE_FUSE_H_
