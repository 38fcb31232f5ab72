// SPDX-License-Identifier: MIT
//
// What the process of one client may still use up of its user's quotas. The account is kept by the
// server, over all clients of the user; it hands out so much at a time that asking for more costs
// next to nothing. The messages between the two are here as well.

#ifndef OVERPASS_BROKER_ALLOWANCE_H_
#define OVERPASS_BROKER_ALLOWANCE_H_

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::broker {

/// From a client's process to the server.
struct Report {
  uint32_t files = 0;       ///< Registered now.
  uint32_t connection = 0;  ///< As in ListedClient.
  uint32_t given_back = 0;  ///< Files of the allowance that are not needed any more.
  uint32_t files_wanted = 0;
  uint32_t requests_wanted = 0;
  uint32_t lines_wanted = 0;    ///< At most 1.
  uint32_t lines_left_out = 0;  ///< Since the last report.
  uint32_t wants_answer = 0;    ///< Whether a Grant is waited for.
};

struct Grant {
  uint32_t files = 0;
  uint32_t requests = 0;
  uint32_t lines = 0;
};

/// Not for several threads.
class Allowance {
 public:
  explicit Allowance(BorrowedFd server) : server_(server) {}

  void set_connection(uint32_t connection) { connection_ = connection; }

  /// One more request is served; false when there have been too many.
  bool take_request();

  /// One more file is registered; false when there are too many.
  bool take_file();
  void give_back_file();

  /// A line is written to the log; false when there are too many about this user, which is counted.
  bool take_line();

  /// Whether the server does not know yet how many files there are, or lines left out.
  bool has_news() const { return has_news_; }
  void tell();

  uint32_t files() const { return files_; }

 private:
  /// `wanted` needs only say what is wanted.
  Grant ask(Report wanted);
  bool send(Report report);

  const BorrowedFd server_;
  uint32_t connection_ = 0;
  uint32_t files_ = 0;        ///< Registered.
  uint32_t spare_files_ = 0;  ///< Granted, not registered.
  uint32_t spare_requests_ = 0;
  uint32_t lines_left_out_ = 0;  ///< Not reported yet.
  uint64_t no_line_before_ = 0;  ///< When a line may be asked for again.
  bool has_news_ = false;
};

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_ALLOWANCE_H_
