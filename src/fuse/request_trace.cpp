// SPDX-License-Identifier: MIT
//
// A slot is used again after kKept requests, also if its request is still under way. So an outcome
// is one word, and says which request it is of: that one's end changes it only if it is still its
// own. From the highest bit: 16 of the number's round, 12 of the errno, 36 of the duration in units
// of 64 ns.

#include "fuse/request_trace.h"

#include <algorithm>
#include <cerrno>

namespace overpass::fuse {

namespace {

constexpr unsigned kDurationBits = 36, kErrorBits = 12, kRoundBits = 16;
constexpr uint64_t kUnderWay = (1U << kErrorBits) - 1;  ///< In place of the errno.
constexpr unsigned kUnitBits = 6;

constexpr uint64_t bits(unsigned count) { return (uint64_t{1} << count) - 1; }

uint64_t outcome_of(uint64_t number, uint64_t error, uint64_t units) {
  const uint64_t round = number / RequestTrace::kKept & bits(kRoundBits);
  return round << (kErrorBits + kDurationBits) | error << kDurationBits | units;
}

uint64_t units_of(std::chrono::nanoseconds duration) {
  const auto units = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0)) >> kUnitBits;
  return std::min(units, bits(kDurationBits));
}

}  // namespace

void RequestTrace::write_to(Ring& ring) {
  ring_ = &ring;
  own_.reset();
}

void RequestTrace::end_all() {
  for (Slot& slot : ring_->slots) {
    const uint64_t number = slot.number;
    if (slot.outcome != outcome_of(number, kUnderWay, 0)) continue;
    const auto age = Clock::now() - Clock::time_point(Clock::duration(slot.began));
    slot.outcome = outcome_of(number, ECONNABORTED, units_of(age));
  }
}

RequestTrace::Ticket RequestTrace::begin(Opcode opcode, uint64_t node, pid_t caller) {
  const uint64_t number = ring_->begun.fetch_add(1, std::memory_order_relaxed) + 1;
  const Ticket ticket{number, Clock::now(), opcode};
  Slot& slot = ring_->slots[ticket.number % kKept];
  slot.number.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  slot.node.store(node, std::memory_order_relaxed);
  slot.began.store(ticket.began.time_since_epoch().count(), std::memory_order_relaxed);
  slot.caller.store(caller, std::memory_order_relaxed);
  slot.opcode.store(opcode, std::memory_order_relaxed);
  slot.outcome.store(outcome_of(ticket.number, kUnderWay, 0), std::memory_order_relaxed);
  slot.number.store(ticket.number, std::memory_order_release);
  return ticket;
}

void RequestTrace::end(const Ticket& ticket, int error) {
  if (ticket.number == 0) return;
  const auto duration = Clock::now() - ticket.began;
  latencies_[static_cast<size_t>(ticket.opcode)].add(duration);
  const auto code = std::min(static_cast<uint64_t>(std::max(error, 0)), kUnderWay - 1);
  uint64_t expected = outcome_of(ticket.number, kUnderWay, 0);
  (void)ring_->slots[ticket.number % kKept].outcome.compare_exchange_strong(
      expected, outcome_of(ticket.number, code, units_of(duration)), std::memory_order_relaxed);
}

/// Nothing when the slot is another request's, or becomes one meanwhile.
std::optional<TracedRequest> RequestTrace::read(uint64_t number) const {
  const Slot& slot = ring_->slots[number % kKept];
  if (slot.number.load(std::memory_order_acquire) != number) return {};
  TracedRequest request;
  request.number = number;
  request.opcode = slot.opcode.load(std::memory_order_relaxed);
  request.node = slot.node.load(std::memory_order_relaxed);
  request.caller = slot.caller.load(std::memory_order_relaxed);
  request.began = Clock::time_point(Clock::duration(slot.began.load(std::memory_order_relaxed)));
  const uint64_t outcome = slot.outcome.load(std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_acquire);
  if (slot.number.load(std::memory_order_relaxed) != number) return {};
  const uint64_t error = outcome >> kDurationBits & bits(kErrorBits);
  if (error != kUnderWay) {
    request.error = static_cast<int>(error);
    request.duration = std::chrono::nanoseconds((outcome & bits(kDurationBits)) << kUnitBits);
  }
  return request;
}

std::vector<TracedRequest> RequestTrace::since(uint64_t number, size_t most) const {
  std::vector<TracedRequest> requests;
  const uint64_t end = next();
  uint64_t at = std::max<uint64_t>({number, 1, end > kKept ? end - kKept : 0});
  for (; at < end && requests.size() < most; ++at) {
    const auto request = read(at);
    if (request) {
      requests.push_back(*request);
    } else if (next() - at < kKept) {
      break;  // Not entered yet.
    }
  }
  return requests;
}

}  // namespace overpass::fuse
