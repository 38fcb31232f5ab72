// SPDX-License-Identifier: MIT
//
// fuse_lowlevel_notify_inval_inode: with an offset of -1 attributes only, with 0 and no length the
// whole file as well.

#include "fuse/notifier.h"

namespace overpass::fuse {

namespace {

// From where on pages are out of date.
constexpr off_t kAttributesOnly = -1;
constexpr off_t kWholeFile = 0;

void invalidate(fuse_session* session, overlay::NodeId node, off_t from) {
  // ENOENT: the kernel does not know the node any more, and needs no telling.
  (void)fuse_lowlevel_notify_inval_inode(session, static_cast<fuse_ino_t>(node), from, 0);
}

}  // namespace

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
  invalidate(session_, node, kAttributesOnly);
}

void Notifier::content_changed(overlay::NodeId node) {
  {
    Lock lock(mutex_);
    queue_.push_back(node);
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
    invalidate(session_, node, kWholeFile);
    lock.lock();
  }
}

}  // namespace overpass::fuse
