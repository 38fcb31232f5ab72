// SPDX-License-Identifier: MIT
//
// A queue and the threads that empty it.

#include "fuse/workers.h"

#include <exception>
#include <utility>

namespace overpass::fuse {

Workers::~Workers() {
  std::vector<std::thread> threads;
  {
    Lock lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

void Workers::submit(Task task) {
  Task refused;  // Destroyed after the lock.
  {
    Lock lock(mutex_);
    if (stopping_) {
      refused = std::move(task);
      return;
    }
    tasks_.push_back(std::move(task));
    if (!has_thread_for(tasks_.size())) {
      refused = std::move(tasks_.back());
      tasks_.pop_back();
    }
  }
  wake_.notify_one();
}

void Workers::submit_again(Task task) {
  Task refused;  // Destroyed after the lock.
  {
    Lock lock(mutex_);
    if (stopping_ || !has_thread_for(1)) {
      refused = std::move(task);
      return;
    }
    delayed_.push_back({Clock::now() + kRetryAfter, std::move(task)});
  }
  wake_.notify_one();
}

/// Starts a thread if `tasks` wait for more than are idle. False when none can be started and there
/// is none: the others would come to it.
bool Workers::has_thread_for(size_t tasks) {
  try {
    if (idle_ < tasks && threads_.size() < most_) threads_.emplace_back([this] { run(); });
  } catch (const std::exception&) {
    return !threads_.empty();
  }
  return true;
}

void Workers::wait_until_idle() NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  became_idle_.wait(lock, [this] { return tasks_.empty() && delayed_.empty() && running_ == 0; });
}

size_t Workers::pending() const {
  Lock lock(mutex_);
  return tasks_.size() + delayed_.size() + running_;
}

/// At the end all delayed tasks become due.
void Workers::take_due() {
  const Clock::time_point now = Clock::now();
  while (!delayed_.empty() && (stopping_ || delayed_.front().due <= now)) {
    tasks_.push_back(std::move(delayed_.front().task));
    delayed_.pop_front();
  }
}

void Workers::wait_for_task(std::unique_lock<Mutex<LockRank::Queue>>& lock)
    NO_THREAD_SAFETY_ANALYSIS {
  take_due();
  while (!stopping_ && tasks_.empty()) {
    if (delayed_.empty()) {
      wake_.wait(lock);
    } else {
      // By value: another thread may take the task while this one waits.
      const Clock::time_point due = delayed_.front().due;
      (void)wake_.wait_until(lock, due);
    }
    take_due();
  }
  take_due();
}

void Workers::run() NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wait_for_task(lock);
    --idle_;
    if (tasks_.empty()) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    ++running_;
    lock.unlock();
    task();
    task = nullptr;  // What it owned goes before the lock is taken.
    lock.lock();
    --running_;
    if (tasks_.empty() && delayed_.empty() && running_ == 0) became_idle_.notify_all();
  }
}

}  // namespace overpass::fuse
