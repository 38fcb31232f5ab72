// SPDX-License-Identifier: MIT
//
// A mount's link to the broker, which may go and come back. One connection is in use at a time. A
// thread of its own asks for a new one when there is none, at growing intervals; those who open
// files never wait for that. What an earlier connection has registered stays good, and is closed
// through that one.

#ifndef OVERPASS_BROKER_LINK_H_
#define OVERPASS_BROKER_LINK_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "broker/address.h"
#include "broker/client.h"

namespace overpass::broker {

/// Why there is no connection.
struct NoBroker {
  std::string reason;
  bool may_come = false;  ///< It is worth asking again later.
};

/// Threads: any may register and close files and ask for the state, once it is set up.
class BrokerLink {
 public:
  /// Intervals between two attempts. Each doubles, for one user may have more mounts than the
  /// broker takes clients of him.
  static constexpr std::chrono::milliseconds kFirstPause{1000};
  static constexpr std::chrono::milliseconds kLongestPause{60'000};

  /// Why not, when the broker is not even worth being asked later. To be called before mounting.
  static std::expected<std::unique_ptr<BrokerLink>, NoBroker> find(const std::string& path);

  ~BrokerLink();
  BrokerLink(const BrokerLink&) = delete;
  BrokerLink& operator=(const BrokerLink&) = delete;

  /// Connects, to wait in the broker's queue; greet() says the rest. To be called once, before
  /// mounting.
  std::expected<void, NoBroker> connect();

  /// Makes the mount of `fuse` known, and directories of its layers, which must stay open until
  /// stop_asking(). To be called once, after mounting, whether connect() succeeded or not.
  std::expected<void, NoBroker> greet(BorrowedFd fuse, std::vector<BorrowedFd> directories);

  /// The link of another process of the same mount, by its socket(), for one that goes on with it.
  static std::unique_ptr<BrokerLink> adopt(UniqueFd socket);
  BorrowedFd socket() const;

  /// In a process that goes on after `lives` others of the same mount: Client::go_on_from().
  void go_on_after(unsigned lives);
  /// One of those has registered `id`.
  void adopt_file(int32_t id);

  /// From now on the broker is asked again whenever there is no connection. After greet().
  void ask_again_when_lost();

  /// Ends that, at once. What is registered may still be closed.
  void stop_asking();

  /// The backing id of the file open at `file`; Client::register_file(). ENOTCONN without a
  /// connection.
  Granted<int32_t> register_file(BorrowedFd file);
  void close_file(int32_t id);

  bool is_usable() const { return is_usable_.load(std::memory_order_relaxed); }

  /// Why it is not usable, and what is done about it.
  std::string why_not() const;

 private:
  using SharedClient = std::shared_ptr<Client>;
  using Milliseconds = std::chrono::milliseconds;

  BrokerLink(std::string path, BrokerAddress address, UniqueFd mount_namespace);

  SharedClient new_client(UniqueFd socket);
  std::expected<void, NoBroker> connect_within(int patience_ms);
  std::expected<void, NoBroker> introduce();
  void offer_directories(Client& client);
  void lost();

  void run();
  bool wait_until_needed();
  bool pause();
  void try_again();
  void tidy_up();

  const std::string path_;  ///< For messages.
  // Of the thread that sets up, then of the one that asks.
  BrokerAddress address_;
  const UniqueFd mount_namespace_;
  BorrowedFd fuse_{-1};
  std::vector<BorrowedFd> directories_;
  std::vector<std::weak_ptr<Client>> given_up_;
  Milliseconds pause_ = kFirstPause;
  std::chrono::steady_clock::time_point used_since_;

  std::atomic<bool> is_usable_ = false;
  mutable Mutex<LockRank::BrokerLink> mutex_;
  std::condition_variable_any wake_;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  bool asks_again_ GUARDED_BY(mutex_) = false;
  std::string reason_ GUARDED_BY(mutex_);      ///< Why it is not usable.
  SharedClient candidate_ GUARDED_BY(mutex_);  ///< Connected, not greeted yet.
  SharedClient current_ GUARDED_BY(mutex_);    ///< The last that was greeted.
  /// Who registered what; a connection that is in use no more lives as long as its ids.
  std::unordered_map<int32_t, SharedClient> owners_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_LINK_H_
