// SPDX-License-Identifier: MIT
//
// A queue and the threads that empty it.

#include "fuse/workers.h"

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
  {
    Lock lock(mutex_);
    tasks_.push_back(std::move(task));
    if (idle_ < tasks_.size() && threads_.size() < kMaxThreads) {
      threads_.emplace_back([this] { run(); });
    }
  }
  wake_.notify_one();
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
  }
}

}  // namespace overpass::fuse
