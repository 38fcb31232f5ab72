// SPDX-License-Identifier: MIT
//
// Three parts: what a serving thread does with each request, how many of them are active, and what
// the thread in run() does meanwhile: it looks after them from time to time, which costs a request
// nothing but two additions, and ends them.

#include "fuse/serving_threads.h"

#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <utility>

#include "sys/process.h"

namespace overpass::fuse {

namespace {

/// The queue is looked at after this many requests of a thread. Odd, and prime: one caller's
/// requests come in patterns (OPEN, RELEASE, OPEN ...), and each of its places has to be met.
constexpr uint64_t kLookEvery = 7;
/// A thread draws its conclusion from this many looks.
constexpr unsigned kLooks = 32;
/// So many of them found a request waiting: the threads do not keep up.
constexpr unsigned kBehind = 31;
/// No more than so many did: fewer threads would do.
constexpr unsigned kKeepingUp = 20;

/// So many ticks without a request, and the next one is waited for.
constexpr unsigned kIdleTicks = 100;
/// How often a thread that has to end is interrupted, should it have begun to wait just after.
constexpr std::chrono::milliseconds kInterruptAgain{5};

/// Ignored unless handled, so that a stray one does no harm.
constexpr int kInterrupt = SIGURG;

}  // namespace

ServingThreads::Slot::~Slot() { std::free(buffer.mem); }

ServingThreads::ServingThreads(RequestSource& source, unsigned most, Looking looking,
                               std::chrono::milliseconds tick)
    : source_(source), most_(std::max(1U, most)), looking_(looking), tick_(tick) {}

ServingThreads::~ServingThreads() = default;

// A serving thread.

void ServingThreads::serve(Slot& slot) {
  while (wait_until_wanted(slot)) serve_while_active(slot);
  {
    Lock lock(mutex_);
    slot.has_ended = true;
  }
  keeper_wake_.notify_one();
}

void ServingThreads::serve_while_active(Slot& slot) {
  while (!stopping_) {
    if (may_look_ && slot.busy_poll.is_worthwhile()) look_for_request(slot);
    const auto arrival = source_.receive(slot.buffer);
    if (arrival.failed_with(ENOMEM)) {
      // Nothing was taken from the queue: others see to it meanwhile, if there are any.
      if (leave(slot)) return;
      std::this_thread::sleep_for(tick_);
      continue;
    }
    if (!arrival || *arrival == RequestSource::Arrival::End) {
      if (!arrival) {
        Lock lock(mutex_);
        if (outcome_ && !stopping_) outcome_ = fail(arrival.error());
      }
      return stop();
    }
    if (*arrival == RequestSource::Arrival::Interrupted) continue;
    // In this order, as keep() does the reverse: the keeper sees either the turn, or
    // that it has to be woken.
    const uint64_t turn = slot.turn.fetch_add(1) / 2;
    if (keeper_sleeps_) wake_keeper();
    slot.callers.note(source_.caller_of(slot.buffer));
    const bool goes_on = source_.handle(slot.buffer);
    slot.turn.fetch_add(1);
    if (!goes_on) return stop();
    if (turn % kLookEvery == 0 && !may_stay_active(slot)) return;
  }
}

void ServingThreads::look_for_request(Slot& slot) {
  slot.busy_poll.look([this] { return stopping_ || source_.has_waiting(); },
                      [] { return BusyPoll::Clock::now(); }, [] { std::this_thread::yield(); });
}

/// False when all is over.
bool ServingThreads::wait_until_wanted(Slot& slot) NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  wanted_changed_.wait(lock, [this] { return stopping_ || active_ < wanted_; });
  if (stopping_) return false;
  ++active_;
  slot.is_active = true;
  return true;
}

// How many.

/// Looks whether requests are waiting, and draws the conclusion from many such looks, and from who
/// made the requests meanwhile.
bool ServingThreads::may_stay_active(Slot& slot) {
  if (most_ == 1 && !has_more_) return true;
  if (source_.has_waiting()) ++slot.found_waiting;
  if (++slot.looks < kLooks) return true;
  const unsigned found = std::exchange(slot.found_waiting, 0);
  slot.looks = 0;
  Lock lock(mutex_);
  slot.callers_seen = slot.callers.take();
  const size_t callers = count_callers();
  if (found >= kBehind || wanted_ < callers) (void)add_locked(most_);
  return found > kKeepingUp || wanted_ <= callers || !leave_locked(slot);
}

/// How many callers the active threads have seen side by side.
size_t ServingThreads::count_callers() const {
  std::vector<uint64_t> callers;
  for (const auto& slot : slots_) {
    if (!slot->is_active) continue;
    for (const uint64_t caller : slot->callers_seen) {
      if (caller != 0) callers.push_back(caller);
    }
  }
  std::ranges::sort(callers);
  return static_cast<size_t>(std::ranges::unique(callers).begin() - callers.begin());
}

void ServingThreads::want_locked(size_t wanted) {
  wanted_ = wanted;
  has_more_ = wanted > most_;
  may_look_ = 2 * wanted <= looking_.processors;
}

bool ServingThreads::leave(Slot& slot) {
  Lock lock(mutex_);
  return leave_locked(slot);
}

/// Whether the thread is no longer active. The last one stays.
bool ServingThreads::leave_locked(Slot& slot) {
  if (wanted_ == 1) return false;
  want_locked(wanted_ - 1);
  --active_;
  slot.is_active = false;
  return true;
}

/// Lets one more thread be active, if there are fewer than `most` and one can be started.
bool ServingThreads::add_locked(size_t most) {
  if (wanted_ >= most) return false;
  if (wanted_ == slots_.size()) {
    try {
      auto slot = std::make_unique<Slot>(looking_.longest);
      slot->thread = std::thread([this, &self = *slot] { serve(self); });
      slots_.push_back(std::move(slot));
    } catch (const std::exception&) {
      return false;
    }
  }
  want_locked(wanted_ + 1);
  wanted_changed_.notify_one();
  return true;
}

size_t ServingThreads::active() const {
  Lock lock(mutex_);
  return active_;
}

// The keeper: the thread in run().

Result<void> ServingThreads::run() {
  TRY(sys::let_interrupt(kInterrupt));
  {
    Lock lock(mutex_);
    slots_.reserve(most_);
    if (!add_locked(most_)) return fail(EAGAIN);
  }
  keep();
  end_threads();
  Lock lock(mutex_);
  return outcome_;
}

void ServingThreads::stop() {
  {
    Lock lock(mutex_);
    stopping_ = true;
  }
  wanted_changed_.notify_all();
  keeper_wake_.notify_one();
}

void ServingThreads::wake_keeper() {
  {
    Lock lock(mutex_);
    keeper_sleeps_ = false;
  }
  keeper_wake_.notify_one();
}

/// Returns when all is over.
void ServingThreads::keep() NO_THREAD_SAFETY_ANALYSIS {
  unsigned idle_ticks = 0;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    keeper_wake_.wait_for(lock, tick_, [this] { return stopping_.load(); });
    switch (look_locked()) {
      case Progress::Moving:
        idle_ticks = 0;
        break;
      case Progress::Idle:
        ++idle_ticks;
        break;
      case Progress::Stuck:
        // Where no more can be had, there is nothing to look after.
        idle_ticks = add_locked(std::max(most_, kMostStuck)) ? 0 : idle_ticks + 1;
        break;
    }
    if (idle_ticks < kIdleTicks) continue;
    idle_ticks = 0;
    keeper_sleeps_ = true;
    if (look_locked() == Progress::Moving) keeper_sleeps_ = false;
    keeper_wake_.wait(lock, [this] { return stopping_ || !keeper_sleeps_; });
  }
}

ServingThreads::Progress ServingThreads::look_locked() {
  bool has_moved = false;
  bool is_waiting = false;
  for (const auto& slot : slots_) {
    if (!slot->is_active) continue;
    const uint64_t turn = slot->turn;
    has_moved = has_moved || turn != slot->turn_seen;
    is_waiting = is_waiting || turn % 2 == 0;
    slot->turn_seen = turn;
  }
  if (has_moved || active_ < wanted_) return Progress::Moving;
  return is_waiting ? Progress::Idle : Progress::Stuck;
}

/// A thread that waits for a request is interrupted, again if it had not yet begun to wait. What a
/// handler does is left alone.
void ServingThreads::end_threads() NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  for (const auto& slot : slots_) {
    while (!slot->has_ended) {
      if (slot->turn % 2 == 0) (void)pthread_kill(slot->thread.native_handle(), kInterrupt);
      keeper_wake_.wait_for(lock, kInterruptAgain, [&slot] { return slot->has_ended; });
    }
  }
  lock.unlock();
  for (const auto& slot : slots_) slot->thread.join();
}

}  // namespace overpass::fuse
