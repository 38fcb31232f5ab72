// SPDX-License-Identifier: MIT
//
// fuse_lowlevel_notify_inval_inode with an offset of -1: attributes only. And FUSE_NOTIFY_PRUNE,
// which libfuse 3.18 has no function for: the message is written to the connection as libfuse does.

#include "fuse/notifier.h"

#include <linux/fuse.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "base/log.h"
#include "sys/file_io.h"

namespace overpass::fuse {

namespace {

// FUSE_NOTIFY_PRUNE and struct fuse_notify_prune_out of Linux 6.18; node ids follow.
constexpr int32_t kNotifyPrune = 9;
struct PruneHeader {
  fuse_out_header message;
  uint32_t count;
  uint32_t padding;
  uint64_t spare;
};
static_assert(sizeof(PruneHeader) == sizeof(fuse_out_header) + 16);

/// The kernel takes any number; this bounds the memory for the message.
constexpr size_t kNodesOfAMessage = 512;

Result<void> send_prune(BorrowedFd connection, std::span<const overlay::NodeId> nodes) {
  PruneHeader header = {};
  header.message.len = static_cast<uint32_t>(sizeof header + nodes.size_bytes());
  header.message.error = kNotifyPrune;  // A notification has its code here, and no `unique`.
  header.count = static_cast<uint32_t>(nodes.size());
  std::vector<char> message(header.message.len);
  std::memcpy(message.data(), &header, sizeof header);
  std::memcpy(message.data() + sizeof header, nodes.data(), nodes.size_bytes());
  return sys::write_message(connection, message);
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
  // ENOENT: the kernel does not know the node any more, and needs no telling.
  (void)fuse_lowlevel_notify_inval_inode(session_, static_cast<fuse_ino_t>(node), -1, 0);
}

void Notifier::pages_changed(overlay::NodeId node) {
  // From 0 to the end: pages, which are never dirty here, and so wait for nobody.
  (void)fuse_lowlevel_notify_inval_inode(session_, static_cast<fuse_ino_t>(node), 0, 0);
}

void Notifier::name_appeared(overlay::NodeId directory, std::string_view name) {
  const auto node = static_cast<fuse_ino_t>(directory);
  const int error = fuse_lowlevel_notify_expire_entry(session_, node, name.data(), name.size());
  // Before Linux 6.2. Nothing is mounted over a name that is absent.
  if (error == -ENOSYS) {
    (void)fuse_lowlevel_notify_inval_entry(session_, node, name.data(), name.size());
  }
}

void Notifier::attributes_changed_later(overlay::NodeId node) {
  queue({.node = node, .has_listing = false});
}

void Notifier::listing_changed_later(overlay::NodeId node) {
  queue({.node = node, .has_listing = true});
}

void Notifier::queue(Queued notification) {
  try {
    Lock lock(mutex_);
    queue_.push_back(notification);
  } catch (const std::bad_alloc&) {
    return log::warn("no memory to tell the kernel what has changed");
  }
  wake_.notify_all();
}

Result<void> Notifier::forget_idle(std::span<const overlay::NodeId> nodes) {
  const BorrowedFd connection{fuse_session_fd(session_)};
  while (!nodes.empty()) {
    const size_t count = std::min(nodes.size(), kNodesOfAMessage);
    TRY(send_prune(connection, nodes.first(count)));
    nodes = nodes.subspan(count);
  }
  return {};
}

bool Notifier::is_known(overlay::NodeId node) {
  // No byte is stored, at the file's beginning: the answer is whether there is such a node.
  struct {
    fuse_out_header header;
    fuse_notify_store_out store;
  } message = {};
  message.header.len = sizeof message;
  message.header.error = FUSE_NOTIFY_STORE;
  message.store.nodeid = static_cast<uint64_t>(node);
  const BorrowedFd connection{fuse_session_fd(session_)};
  const auto stored =
      sys::write_message(connection, {reinterpret_cast<const char*>(&message), sizeof message});
  return !stored.failed_with(ENOENT);
}

void Notifier::settle(std::chrono::milliseconds patience) NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  (void)wake_.wait_for(lock, patience, [&] { return queue_.empty() && !is_telling_; });
}

void Notifier::add(Chore& chore) {
  Lock lock(mutex_);
  chores_.push_back(&chore);
}

void Notifier::remove(Chore& chore) NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  std::erase(chores_, &chore);
  wake_.wait(lock, [&] { return current_ != &chore; });
}

void Notifier::ask_for(Chore& chore, std::chrono::milliseconds delay) {
  {
    Lock lock(mutex_);
    chore.due_ = std::min(chore.due_, Chore::Clock::now() + delay);
  }
  wake_.notify_all();
}

Chore* Notifier::next_chore() const {
  const auto first = std::ranges::min_element(chores_, {}, [](const Chore* c) { return c->due_; });
  const bool is_any = first != chores_.end() && (*first)->due_ != Chore::Clock::time_point::max();
  return is_any ? *first : nullptr;
}

void Notifier::do_chore(std::unique_lock<Mutex<LockRank::Queue>>& lock,
                        Chore& chore) NO_THREAD_SAFETY_ANALYSIS {
  chore.due_ = Chore::Clock::time_point::max();
  current_ = &chore;
  lock.unlock();
  try {
    chore.work_();
  } catch (const std::bad_alloc&) {
    log::warn("no memory for housekeeping");
  }
  lock.lock();
  current_ = nullptr;
  wake_.notify_all();
}

void Notifier::run() NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    Chore* const chore = next_chore();
    if (!queue_.empty()) {
      const Queued next = queue_.front();
      queue_.pop_front();
      is_telling_ = true;
      lock.unlock();
      next.has_listing ? pages_changed(next.node) : attributes_changed(next.node);
      lock.lock();
      is_telling_ = false;
      if (queue_.empty()) wake_.notify_all();
    } else if (chore == nullptr) {
      wake_.wait(lock);
    } else if (const auto due = chore->due_; due > Chore::Clock::now()) {
      wake_.wait_until(lock, due);
    } else {
      do_chore(lock, *chore);
    }
  }
}

}  // namespace overpass::fuse
