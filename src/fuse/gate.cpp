// SPDX-License-Identifier: MIT
//
// Dekker's pattern: a thread says that it is inside and then looks whether the gate is closed; who
// closes it says so and then looks who is inside. With sequential consistency one sees the other.

#include "fuse/gate.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace overpass::fuse {

namespace {

/// Requests are short: so soon is looked again.
constexpr std::chrono::microseconds kBetweenLooks{20};

}  // namespace

/// The slots of all threads that ever passed a gate and have not ended.
class Gate::Slots {
 public:
  void add(std::shared_ptr<Slot> slot) {
    Lock lock(mutex_);
    slots_.push_back(std::move(slot));
  }
  void remove(const std::shared_ptr<Slot>& slot) {
    Lock lock(mutex_);
    std::erase(slots_, slot);
  }
  template <class Predicate>
  bool none_of(Predicate predicate) {
    Lock lock(mutex_);
    return std::ranges::none_of(slots_, [&](const auto& slot) { return predicate(*slot); });
  }

 private:
  Mutex<LockRank::Queue> mutex_;
  std::vector<std::shared_ptr<Slot>> slots_ GUARDED_BY(mutex_);
};

Gate::Slots& Gate::slots() {
  // Never destroyed: threads may end after the main one has.
  static auto* const all = new Slots;
  return *all;
}

Gate::Slot& Gate::own_slot() {
  struct Registered {
    Registered() { slots().add(slot); }
    ~Registered() { slots().remove(slot); }
    const std::shared_ptr<Slot> slot = std::make_shared<Slot>();
  };
  thread_local const Registered registered;
  return *registered.slot;
}

Gate::Pass::Pass(Gate& gate) : slot_(&own_slot()) {
  if (slot_->inside.load(std::memory_order_relaxed) != nullptr) {
    slot_ = nullptr;
    return;
  }
  slot_->inside.store(&gate, std::memory_order_seq_cst);
  if (gate.is_closed_.load(std::memory_order_seq_cst)) gate.enter_slowly(*slot_);
}

void Gate::enter_slowly(Slot& slot) NO_THREAD_SAFETY_ANALYSIS {
  do {
    slot.inside.store(nullptr, std::memory_order_release);
    {
      std::unique_lock lock(mutex_);
      opened_.wait(lock, [this] { return !is_closed_; });
    }
    slot.inside.store(this, std::memory_order_seq_cst);
  } while (is_closed_.load(std::memory_order_seq_cst));
}

Result<Gate::Closed> Gate::close(std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  {
    Lock lock(mutex_);
    if (is_closed_.exchange(true, std::memory_order_seq_cst)) return fail(EBUSY);
  }
  Closed closed(*this);
  const Slot& own = own_slot();
  const auto is_inside = [&](const Slot& slot) {
    return &slot != &own && slot.inside.load(std::memory_order_seq_cst) == this;
  };
  const Clock::time_point end = Clock::now() + patience;
  while (!slots().none_of(is_inside)) {
    if (Clock::now() >= end) return fail(EBUSY);
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return closed;
}

void Gate::open() {
  {
    Lock lock(mutex_);
    is_closed_.store(false, std::memory_order_seq_cst);
  }
  opened_.notify_all();
}

}  // namespace overpass::fuse
