// SPDX-License-Identifier: MIT
//
// A FUSE server's end of the connection to the broker.

#ifndef OVERPASS_BROKER_CLIENT_H_
#define OVERPASS_BROKER_CLIENT_H_

#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "broker/late_closes.h"
#include "broker/message.h"

namespace overpass::broker {

/// Threads: any may register and close files. An answer is awaited under the mutex, for three
/// seconds at most: a broker that is slower is given up for good, as one that has gone.
class Client {
 public:
  /// Where a broker is looked for unless the user says otherwise: $OVERPASS_BROKER, or the usual
  /// place.
  static std::string usual_path();

  /// Connects to the broker listening at `path`. ENOENT or ECONNREFUSED when there is none,
  /// ETIMEDOUT when it does not take the connection for three seconds.
  static Result<UniqueFd> connect(const std::string& path);

  explicit Client(UniqueFd socket)
      : socket_(std::move(socket)),
        late_closes_([this](std::span<const int32_t> ids) { tell_closed(ids); }) {}

  /// Makes the mount of `fuse` known, and the namespace in which it and the files to be registered
  /// are mounted. To be called once, first, after mounting.
  Granted<void> greet(BorrowedFd fuse, BorrowedFd mount_namespace);

  /// The backing id of the file open at `file`, which must be open O_RDONLY or O_RDWR: the id is
  /// then good for reading only, or for both. Refusal::Broken once the broker is given up.
  Granted<int32_t> register_file(BorrowedFd file);

  /// Gives an id back, a few milliseconds later. REQUIRES: no open is between its reply and
  /// RELEASE.
  void close_file(int32_t id);

  /// Whether the broker has not been given up.
  bool is_connected() const { return is_connected_.load(std::memory_order_relaxed); }

 private:
  Granted<Answer> ask(Request request, std::initializer_list<BorrowedFd> fds);
  void tell_closed(std::span<const int32_t> ids);
  void give_up();

  Mutex<LockRank::Broker> mutex_;
  const UniqueFd socket_;
  uint64_t serial_ GUARDED_BY(mutex_) = 0;
  std::atomic<bool> is_connected_ = true;
  LateCloses late_closes_;  ///< Last: ends first, with its thread.
};

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_CLIENT_H_
