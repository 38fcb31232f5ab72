// SPDX-License-Identifier: MIT
//
// One thread goes on at a time: the one whose `may_go` was set. It hands on by setting that of
// another. All state is written by the thread that goes on, so it needs no lock.

#include "scheduler.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#include <algorithm>
#include <bit>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "real_calls.h"

namespace overpass::interleavings {

namespace {

thread_local Scheduler* scheduler = nullptr;
thread_local int number = -1;

void set(std::atomic<uint32_t>& flag) {
  flag.store(1, std::memory_order_release);
  __real_syscall(SYS_futex, &flag, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

void wait_and_clear(std::atomic<uint32_t>& flag) {
  while (flag.exchange(0, std::memory_order_acquire) == 0) {
    __real_syscall(SYS_futex, &flag, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
  }
}

constexpr uint32_t bit(int thread) { return 1U << thread; }

/// The first of `options` from `thread` on, round and round.
int first_of(uint32_t options, int thread, int threads) {
  for (int i = 0; i < threads; ++i) {
    const int candidate = (std::max(thread, 0) + i) % threads;
    if ((options & bit(candidate)) != 0) return candidate;
  }
  return -1;
}

}  // namespace

void Touched::add(uint64_t thing, bool is_changed) {
  if (thing == kNothing) return;
  for (Use& use : uses_) {
    if (use.thing != thing) continue;
    use.is_changed |= is_changed;
    return;
  }
  uses_.push_back({thing, is_changed});
}

void Touched::add_unknown(bool is_changed) {
  (is_changed ? changes_unknown_ : reads_unknown_) = true;
}

void Touched::add(const Touched& other) {
  for (const Use& use : other.uses_) add(use.thing, use.is_changed);
  reads_unknown_ |= other.reads_unknown_;
  changes_unknown_ |= other.changes_unknown_;
}

bool Touched::conflicts_as_unknown(const Touched& other) const {
  if (changes_unknown_) return true;
  if (!reads_unknown_) return false;
  return other.changes_unknown_ ||
         std::ranges::any_of(other.uses_, [](const Use& use) { return use.is_changed; });
}

bool Touched::conflicts_with(const Touched& other) const {
  if (conflicts_as_unknown(other) || other.conflicts_as_unknown(*this)) return true;
  return std::ranges::any_of(uses_, [&](const Use& mine) {
    return std::ranges::any_of(other.uses_, [&](const Use& theirs) {
      return mine.thing == theirs.thing && (mine.is_changed || theirs.is_changed);
    });
  });
}

std::string Trace::text() const {
  std::ostringstream text;
  int going_on = -1;
  for (size_t i = 0; i < decisions.size(); ++i) {
    const Decision& decision = decisions[i];
    if (decision.thread >= 0) text << ' ' << i << '=' << decision.what;
    if (decision.chosen != going_on) text << "\n  thread " << decision.chosen << ':';
    going_on = decision.chosen;
  }
  text << '\n';
  return text.str();
}

std::string text_of(const Schedule& schedule) {
  std::string text;
  for (const Deviation& deviation : schedule) {
    if (!text.empty()) text += ' ';
    text += std::to_string(deviation.at) + ':' + std::to_string(deviation.thread);
  }
  return text.empty() ? "-" : text;
}

Schedule schedule_of(const std::string& text) {
  Schedule schedule;
  std::istringstream words(text);
  size_t at = 0;
  char colon = 0;
  int thread = 0;
  while (words >> at >> colon >> thread) schedule.push_back({at, thread});
  return schedule;
}

Scheduler::Scheduler(size_t threads) {
  for (size_t i = 0; i < threads; ++i) workers_.push_back(std::make_unique<Worker>());
  for (size_t i = 0; i < threads; ++i) {
    workers_[i]->thread = std::thread([this, i] { serve(i); });
  }
}

Scheduler::~Scheduler() {
  is_closing_ = true;
  for (auto& worker : workers_) set(worker->may_go);
  for (auto& worker : workers_) worker->thread.join();
}

Scheduler* Scheduler::of_this_thread() { return scheduler; }

Scheduler::Worker& Scheduler::worker() { return *workers_[static_cast<size_t>(number)]; }

Trace Scheduler::run(const std::vector<std::function<void()>>& operations,
                     const Schedule& schedule) {
  schedule_ = schedule;
  next_deviation_ = 0;
  trace_ = {};
  locks_.clear();
  for (size_t i = 0; i < operations.size(); ++i) {
    workers_[i]->operation = &operations[i];
    workers_[i]->has_ended = false;
  }
  const int first = decide(-1, /*is_forced=*/true, options(), "begin");
  set(workers_[static_cast<size_t>(first)]->may_go);
  wait_and_clear(has_ended_);
  return std::move(trace_);
}

void Scheduler::serve(size_t which) {
  Worker& mine = *workers_[which];
  while (true) {
    wait_and_clear(mine.may_go);
    if (is_closing_) return;
    scheduler = this;
    number = static_cast<int>(which);
    begin_step(number);
    (*mine.operation)();
    scheduler = nullptr;
    mine.has_ended = true;
    const bool is_last = std::ranges::all_of(workers_, [](auto& one) { return one->has_ended; });
    if (is_last) {
      set(has_ended_);
      continue;
    }
    const int next = decide(number, /*is_forced=*/true, options(), "end");
    set(workers_[static_cast<size_t>(next)]->may_go);
  }
}

bool Scheduler::can_go(const Worker& worker) const {
  if (worker.has_ended || worker.awaited_lock != nullptr) return false;
  if (worker.awaited_value == nullptr) return true;
  return std::atomic_ref(*const_cast<uint32_t*>(worker.awaited_value)).load() !=
         worker.awaited_from;
}

uint32_t Scheduler::options() const {
  uint32_t result = 0;
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (can_go(*workers_[i])) result |= bit(static_cast<int>(i));
  }
  return result;
}

int Scheduler::decide(int thread, bool is_forced, uint32_t options, const char* what) {
  int chosen = first_of(options, thread, static_cast<int>(workers_.size()));
  const size_t index = trace_.decisions.size();
  if (next_deviation_ < schedule_.size() && schedule_[next_deviation_].at == index) {
    const int wanted = schedule_[next_deviation_++].thread;
    if ((options & bit(wanted)) != 0) chosen = wanted;
  }
  trace_.decisions.push_back({thread, is_forced, options, chosen, trace_.steps.size(), what, {}});
  if (chosen < 0) deadlock();
  return chosen;
}

void Scheduler::give_way(int next) {
  Worker& mine = worker();
  set(workers_[static_cast<size_t>(next)]->may_go);
  wait_and_clear(mine.may_go);
}

void Scheduler::begin_step(int thread) {
  workers_[static_cast<size_t>(thread)]->step = trace_.steps.size();
  trace_.steps.push_back({thread, {}});
}

void Scheduler::before_step(const char* what, const std::function<void(Touched&)>& touch) {
  Touched next;
  touch(next);
  if (worker().is_quiet) return touched().add(next);
  const int chosen = decide(number, /*is_forced=*/false, options(), what);
  trace_.decisions.back().next = next;
  if (chosen != number) {
    give_way(chosen);
    next = {};
    touch(next);
  }
  begin_step(number);
  touched() = std::move(next);
}

void Scheduler::before_lock(const char* what, const void* lock, bool is_exclusive) {
  before_step(what, [&](Touched& touched) { touched.add(number_of(lock), is_exclusive); });
}

void Scheduler::unlocked(const void* lock, bool is_exclusive) {
  touched().add(number_of(lock), is_exclusive);
  for (auto& other : workers_) {
    if (other->awaited_lock == lock) other->awaited_lock = nullptr;
  }
}

void Scheduler::wait_blocked(const char* what) {
  const int next = decide(number, /*is_forced=*/true, options(), what);
  if (next != number) give_way(next);
  begin_step(number);
}

void Scheduler::wait_for_unlock(const void* lock) {
  worker().awaited_lock = lock;
  wait_blocked("wait for a lock");
  touched().add(number_of(lock), /*is_changed=*/true);
}

void Scheduler::wait_for_change(const uint32_t* value, uint32_t from) {
  Worker& mine = worker();
  mine.awaited_value = value;
  mine.awaited_from = from;
  wait_blocked("wait for a value");
  mine.awaited_value = nullptr;
  touched().add(number_of(value), /*is_changed=*/true);
}

uint64_t Scheduler::number_of(const void* lock) {
  return locks_.try_emplace(lock, locks_.size() + 1).first->second;
}

void Scheduler::deadlock() {
  std::fprintf(stderr, "deadlock: no thread can go on. Schedule: %s\n%s",
               text_of(schedule_).c_str(), trace_.text().c_str());
  std::abort();
}

Quietly::Quietly() {
  if (scheduler != nullptr) scheduler->worker().is_quiet = true;
}

Quietly::~Quietly() {
  if (scheduler != nullptr) scheduler->worker().is_quiet = false;
}

}  // namespace overpass::interleavings
