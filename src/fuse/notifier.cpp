// SPDX-License-Identifier: MIT
//
// fuse_lowlevel_notify_inval_inode with an offset of -1: attributes only.

#include "fuse/notifier.h"

#include <new>

#include "base/log.h"

namespace overpass::fuse {

Notifier::Notifier(fuse_session* session) : session_(session), thread_([this] { run(); }) {}

Notifier::~Notifier() {
  {
    Lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Notifier::attributes_changed(overlay::NodeId node) {
  // ENOENT: the kernel does not know the node any more, and needs no telling.
  (void)fuse_lowlevel_notify_inval_inode(session_, static_cast<fuse_ino_t>(node), -1, 0);
}

void Notifier::attributes_changed_later(overlay::NodeId node) {
  try {
    Lock lock(mutex_);
    queue_.push_back(node);
  } catch (const std::bad_alloc&) {
    return log::warn("no memory to tell the kernel what has changed");
  }
  wake_.notify_one();
}

void Notifier::run() NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    const overlay::NodeId node = queue_.front();
    queue_.pop_front();
    lock.unlock();
    attributes_changed(node);
    lock.lock();
  }
}

}  // namespace overpass::fuse
