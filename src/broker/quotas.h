// SPDX-License-Identifier: MIT
//
// How much of the broker each user may have: connections, registered files, requests per second.
// Registered files escape RLIMIT_NOFILE, and so are counted here, over all connections of a user.
//
// How many lines the broker's log may have about each user, and about all of them together, over
// time. A connection costs a user nothing, so lines are counted for users, not for connections.
// What is left out is counted, and summed up in a line once in a while.

#ifndef OVERPASS_BROKER_QUOTAS_H_
#define OVERPASS_BROKER_QUOTAS_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/message.h"

namespace overpass::broker {

struct Limits {
  uint32_t clients = 256;  ///< Of all users together.
  uint32_t clients_per_user = 32;
  uint32_t files = 131072;  ///< Registered, of all users together.
  uint32_t files_per_user = 32768;
  uint32_t requests_per_second = 20000;  ///< Per user; the same number may come at once.
};

/// Not for several threads. Times are milliseconds of a clock that never goes back.
class Quotas {
 public:
  explicit Quotas(const Limits& limits) : limits_(limits) {}

  /// One more client of `uid`: Refusal::None, TooManyClients or TooFast. Costs a hundredth of the
  /// requests of a second, for it costs a process.
  Refusal admit(uid_t uid, uint64_t now_ms);

  /// A client is gone, and `files` of its user's with it. Files that it may have left registered
  /// are not to be among them: they stay on the account.
  void leave(uid_t uid, uint32_t files);

  /// At most `wanted` more files or requests: how many are granted. REQUIRES: uid is admitted.
  uint32_t grant_files(uid_t uid, uint32_t wanted);
  uint32_t grant_requests(uid_t uid, uint32_t wanted, uint64_t now_ms);

  void give_back_files(uid_t uid, uint32_t files);

 private:
  struct User {
    uint32_t clients = 0;
    uint32_t files = 0;
    uint64_t requests = 0;  ///< Left, in thousandths.
    uint64_t filled_at = 0;
  };

  /// One who has just left keeps his account until his requests are full again, or he would come
  /// back to a full one; and while files are on it.
  void forget_idle(uint64_t now_ms);
  void fill(User& user, uint64_t now_ms) const;

  const Limits limits_;
  uint32_t clients_ = 0;
  uint32_t files_ = 0;
  uint64_t forgot_at_ = 0;
  std::map<uid_t, User> users_;
};

/// Not for several threads. Times are milliseconds of a clock that never goes back.
class LineQuota {
 public:
  static constexpr uint32_t kLinesPerUser = 50;  ///< They may come at once.
  static constexpr uint32_t kLines = 500;        ///< The same, about all users together.
  /// After so long there may be one line more about a user; ten about all users together.
  static constexpr uint64_t kRefillMs = 6000;
  /// Sums of what was left out come so far apart.
  static constexpr uint64_t kSumsMs = 60'000;
  /// Users with a sum of their own at a time; the others share a line.
  static constexpr size_t kMostSums = 10;

  /// Whether one more line about `uid` may be written.
  bool take(uid_t uid, uint64_t now_ms);

  /// `lines` about `uid` were not written.
  void leave_out(uid_t uid, uint32_t lines, uint64_t now_ms);

  /// When sums are to be written; nothing while all has been written.
  std::optional<uint64_t> sums_due() const { return sums_due_; }

  /// The lines that say what was left out, which then counts as written.
  std::vector<std::string> take_sums();

 private:
  /// Filled continuously up to its size.
  struct Bucket {
    uint64_t used_ms = 0;  ///< How long it takes to be full again,
    uint64_t as_of = 0;    ///< counted from then.
    bool take(uint64_t now_ms, uint64_t cost_ms, uint64_t size_ms);
    bool is_full(uint64_t now_ms) const { return now_ms - as_of >= used_ms; }
  };

  void forget_idle(uint64_t now_ms);

  Bucket all_;
  std::map<uid_t, Bucket> users_;
  std::map<uid_t, uint64_t> left_out_;
  uint64_t left_out_of_others_ = 0;
  uint64_t forgot_at_ = 0;
  std::optional<uint64_t> sums_due_;
};

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_QUOTAS_H_
