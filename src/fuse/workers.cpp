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
    try {
      if (idle_ < tasks_.size() && threads_.size() < kMaxThreads) {
        threads_.emplace_back([this] { run(); });
      }
    } catch (const std::exception&) {
      // No thread is to be had. Those there are will come to it; without any, nobody would.
      if (threads_.empty()) {
        refused = std::move(tasks_.back());
        tasks_.pop_back();
      }
    }
  }
  wake_.notify_one();
}

void Workers::wait_until_idle() NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  became_idle_.wait(lock, [this] { return tasks_.empty() && running_ == 0; });
}

size_t Workers::pending() const {
  Lock lock(mutex_);
  return tasks_.size() + running_;
}

void Workers::run() NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
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
    if (tasks_.empty() && running_ == 0) became_idle_.notify_all();
  }
}

}  // namespace overpass::fuse
