// SPDX-License-Identifier: MIT
//
// How much of the broker each user may have: connections, registered files, requests per second.
// Registered files escape RLIMIT_NOFILE, and so are counted here, over all connections of a user.

#ifndef OVERPASS_BROKER_QUOTAS_H_
#define OVERPASS_BROKER_QUOTAS_H_

#include <sys/types.h>

#include <cstdint>
#include <map>

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

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_QUOTAS_H_
