// SPDX-License-Identifier: MIT
//
// The last requests, and how long each kind takes: for `overpass status`, which shows both. A
// request costs two readings of the clock and a few stores.

#ifndef OVERPASS_FUSE_REQUEST_TRACE_H_
#define OVERPASS_FUSE_REQUEST_TRACE_H_

#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "fuse/counters.h"
#include "fuse/latencies.h"

namespace overpass::fuse {

/// One request, as the ring has it.
struct TracedRequest {
  uint64_t number = 0;  ///< From 1 on, in the order of arrival.
  Opcode opcode = {};
  uint64_t node = 0;  ///< The node id that the kernel sent first: for names, their directory.
  pid_t caller = 0;   ///< The thread; 0 for the kernel's own requests.
  std::chrono::steady_clock::time_point began;
  /// Nothing while it is under way.
  std::optional<std::chrono::nanoseconds> duration;
  int error = 0;  ///< The errno of the answer.
};

/// Threads: any. No call waits for another.
class RequestTrace {
 public:
  using Clock = std::chrono::steady_clock;

  /// How many requests the ring holds.
  static constexpr size_t kKept = 4096;

  /// What a reply keeps of its request. Default: of none, which is not traced.
  struct Ticket {
    uint64_t number = 0;
    Clock::time_point began;
    Opcode opcode = {};
  };

  /// Written by the thread that takes the number; `number` last. `outcome` is written once more,
  /// perhaps by another thread, when the request ends (see request_trace.cpp).
  struct Slot {
    std::atomic<uint64_t> number = 0;  ///< 0 while the rest is being written.
    std::atomic<uint64_t> node = 0;
    std::atomic<int64_t> began = 0;
    std::atomic<uint64_t> outcome = 0;
    std::atomic<pid_t> caller = 0;
    std::atomic<Opcode> opcode = {};
  };
  /// Has no address in it: it may lie in memory that outlives the daemon, which was zeros at first.
  struct Ring {
    std::atomic<uint64_t> begun = 0;  ///< How many requests there were.
    std::array<Slot, kKept> slots = {};
  };

  /// Before the first request: they are entered there, from where it ends on. `ring` outlives this.
  void write_to(Ring& ring);

  /// All that are under way ended with the daemon: with ECONNABORTED. While no daemon writes to it.
  void end_all();

  /// A request has arrived.
  Ticket begin(Opcode opcode, uint64_t node, pid_t caller);

  /// It is about to be answered, with `error` or 0. Once for each ticket.
  void end(const Ticket& ticket, int error);

  /// The requests from `number` on that the ring still has, in their order, `most` at the most.
  /// One that is being entered at this moment ends the list.
  std::vector<TracedRequest> since(uint64_t number, size_t most) const;

  /// The number of the next request.
  uint64_t next() const { return ring_->begun.load(std::memory_order_relaxed) + 1; }

  const Latencies& latencies(Opcode opcode) const {
    return latencies_[static_cast<size_t>(opcode)];
  }

 private:
  std::optional<TracedRequest> read(uint64_t number) const;

  // Not in the object itself: that may be on a small stack.
  std::unique_ptr<Ring> own_ = std::make_unique<Ring>();
  Ring* ring_ = own_.get();
  std::vector<Latencies> latencies_ = std::vector<Latencies>(static_cast<size_t>(Opcode::kCount));
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_REQUEST_TRACE_H_
