// SPDX-License-Identifier: MIT
//
// A FUSE server's end of the connection to the broker.

#ifndef OVERPASS_BROKER_CLIENT_H_
#define OVERPASS_BROKER_CLIENT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "broker/late_closes.h"
#include "broker/message.h"

namespace overpass::broker {

/// Threads: any may register and close files. An answer is awaited under the mutex, for three
/// seconds at most: a broker that is slower is given up, as one that has gone, and is asked nothing
/// more on this connection but to close what it has registered.
class Client {
 public:
  /// How long a broker may take, in milliseconds.
  static constexpr int kPatienceMs = 3000;

  /// Where a broker is looked for unless the user says otherwise: $OVERPASS_BROKER, or the usual
  /// place.
  static std::string usual_path();

  /// Connects to the broker listening at `path`. ENOENT or ECONNREFUSED when there is none,
  /// ETIMEDOUT when it does not take the connection for so long.
  static Result<UniqueFd> connect(const std::string& path, int patience_ms = kPatienceMs);

  /// `on_loss` is called once, when the broker is given up, by whichever thread finds out; it must
  /// not call back.
  explicit Client(UniqueFd socket, std::function<void()> on_loss = {})
      : socket_(std::move(socket)),
        on_loss_(std::move(on_loss)),
        late_closes_([this](std::span<const int32_t> ids) { tell_closed(ids); }) {}

  /// Makes the mount of `fuse` known, and the namespace in which it and the files to be registered
  /// are mounted. To be called once, first, after mounting.
  Granted<void> greet(BorrowedFd fuse, BorrowedFd mount_namespace);

  /// Lets files of the mount of `directory`, which may be O_PATH, be registered for reading at less
  /// cost. After greet().
  Granted<void> offer_directory(BorrowedFd directory);

  /// The backing id of the file open at `file`, which must be open O_RDONLY or O_RDWR: the id is
  /// then good for reading only, or for both. Refusal::Broken once the broker is given up.
  Granted<int32_t> register_file(BorrowedFd file);

  /// Gives an id back, a few milliseconds later. REQUIRES: no open is between its reply and
  /// RELEASE.
  void close_file(int32_t id);

  /// Once the broker is given up: closes what it registered for an answer that came too late, and
  /// what it could not be told to close. To be called now and then, by one thread; does not wait.
  void tidy_up();

  /// In a process that goes on with the connection of one that has died: its requests have numbers
  /// from `serial` on, and answers to former ones are passed over. What they registered is closed.
  void go_on_from(uint64_t serial);

  /// For another process of the same mount.
  BorrowedFd socket() const { return socket_; }

  /// Ends what a thread waits for in greet() or offer_directory(), and the connection with it.
  void interrupt();

  /// Whether the broker has not been given up.
  bool is_connected() const { return is_connected_.load(std::memory_order_relaxed); }

 private:
  /// `of_others` gets what was registered for a former process.
  Result<Answer> receive_answer(std::vector<int32_t>& of_others) REQUIRES(mutex_);
  Granted<Answer> ask_alone(Request request, std::initializer_list<BorrowedFd> fds,
                            std::vector<int32_t>& of_others);
  Granted<Answer> ask(Request request, std::initializer_list<BorrowedFd> fds);
  void tell_closed(std::span<const int32_t> ids);
  void keep_untold(std::span<const int32_t> ids);
  void give_up();

  Mutex<LockRank::Broker> mutex_;
  const UniqueFd socket_;
  const std::function<void()> on_loss_;
  uint64_t serial_ GUARDED_BY(mutex_) = 0;
  uint64_t first_serial_ GUARDED_BY(mutex_) = 0;  ///< Those before were another process's.
  std::atomic<bool> is_connected_ = true;
  Mutex<LockRank::Queue> untold_mutex_;
  std::vector<int32_t> untold_ GUARDED_BY(untold_mutex_);  ///< Ids to be closed.
  LateCloses late_closes_;                                 ///< Last: ends first, with its thread.
};

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_CLIENT_H_
