// SPDX-License-Identifier: MIT
//
// Keeps requests out while the union is changed as a whole. Every thread that works on the union
// passes the gate, which costs it two stores to memory of its own. Who closes the gate waits until
// all that have passed are through.
//
// What only waits is not kept out: a request that waits for a lock, or for another's copy that has
// been handed to a worker, has no thread in there.

#ifndef OVERPASS_FUSE_GATE_H_
#define OVERPASS_FUSE_GATE_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"

namespace overpass::fuse {

/// Invariant: while a Closed exists, no thread but the one that made it is between the two ends of
/// a Pass.
/// Threads: any.
class Gate {
 private:
  /// One per thread, for all gates of the process.
  struct alignas(64) Slot {
    std::atomic<const Gate*> inside = nullptr;
  };

 public:
  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  /// Begins when the gate is open. A thread that has one already needs no other, and gets one that
  /// does nothing.
  class Pass {
   public:
    explicit Pass(Gate& gate);
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass() {
      if (slot_ != nullptr) slot_->inside.store(nullptr, std::memory_order_release);
    }

   private:
    Slot* slot_;
  };

  /// Keeps the gate closed.
  class Closed {
   public:
    Closed(Closed&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Closed(const Closed&) = delete;
    ~Closed() {
      if (gate_ != nullptr) gate_->open();
    }

   private:
    friend class Gate;
    explicit Closed(Gate& gate) : gate_(&gate) {}
    Gate* gate_;
  };

  /// Closes the gate and waits until no other thread has passed it. The caller may have passed it
  /// itself. EBUSY, with the gate open again, if that takes longer than `patience`, or another
  /// thread has closed it.
  Result<Closed> close(std::chrono::milliseconds patience);

 private:
  class Slots;
  static Slots& slots();
  static Slot& own_slot();
  void enter_slowly(Slot& slot);
  void open();

  std::atomic<bool> is_closed_ = false;
  Mutex<LockRank::Queue> mutex_;
  std::condition_variable_any opened_;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_GATE_H_
