// SPDX-License-Identifier: MIT

#include "fuse/survival.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "fuse/records_version.h"
#include "fuse/request_origin.h"
#include "sys/file_io.h"
#include "sys/process.h"

namespace overpass::fuse {

size_t Survival::size() {
  return sys::whole_pages(sizeof(Head)) + sys::whole_pages(HandleRecords::size()) +
         overlay::NodeRecords::size();
}

Result<std::unique_ptr<Survival>> Survival::make() {
  std::unique_ptr<Survival> survival(new Survival(TRY(sys::SharedMemory::make(size()))));
  survival->head().version = records_version();
  survival->begin();
  return survival;
}

uint32_t Survival::version_in(BorrowedFd file) {
  uint32_t version = 0;
  const std::span<char> bytes(reinterpret_cast<char*>(&version), sizeof version);
  const auto read = sys::read_at(file, bytes, offsetof(Head, version));
  return read && *read == sizeof version ? version : 0;
}

Result<std::unique_ptr<Survival>> Survival::adopt(UniqueFd file) {
  if (version_in(file) != records_version()) return fail(EPROTONOSUPPORT);
  std::unique_ptr<Survival> survival(
      new Survival(TRY(sys::SharedMemory::map(std::move(file), size()))));
  return survival;
}

void Survival::prepare_to_begin() const {
  // What is made of a record takes up to twice as much (docs/benchmarks.md).
  constexpr size_t kWorthwhile = size_t{1} << 20;
  const size_t bytes = memory_.populate();
  if (bytes > kWorthwhile) sys::take_memory_ahead(2 * bytes);
}

void Survival::begin() {
  std::byte* const handles = memory_.begin() + sys::whole_pages(sizeof(Head));
  std::byte* const nodes = handles + sys::whole_pages(HandleRecords::size());
  handles_ = std::make_unique<HandleRecords>(handles);
  nodes_ = std::make_unique<overlay::NodeRecords>(nodes);
  const auto replies = nodes_->replies();
  for (auto& word : free_replies_) word = 0;
  for (size_t i = 0; i < replies.size(); ++i) {
    if (replies[i].unique == 0) free_replies_[i / 64] |= uint64_t{1} << (i % 64);
    if (replies[i].is_done != 0) replies[i].is_done = kDone;
  }
}

void Survival::keep_init(std::span<const char> request) {
  const size_t length = std::min(request.size(), head().init.size());
  std::memcpy(head().init.data(), request.data(), length);
  head().init_length.store(static_cast<uint32_t>(length), std::memory_order_release);
}

std::span<const char> Survival::init() const { return {head().init.data(), head().init_length}; }

void Survival::note_backing(int32_t id, bool is_open) {
  if (id <= 0 || id >= kMostBackings) return;
  std::atomic<uint64_t>& word = head().backings[static_cast<size_t>(id) / 64];
  const uint64_t bit = uint64_t{1} << (id % 64);
  if (is_open) {
    word.fetch_or(bit);
  } else {
    word.fetch_and(~bit);
  }
}

bool Survival::has_backing(int32_t id) const {
  return (head().backings[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0;
}

overlay::ReplyRecord* Survival::take_reply(uint64_t unique) {
  for (size_t i = 0; i < free_replies_.size(); ++i) {
    uint64_t free = free_replies_[i].load(std::memory_order_relaxed);
    while (free != 0) {
      if (!free_replies_[i].compare_exchange_weak(free, free & (free - 1),
                                                  std::memory_order_acquire)) {
        continue;
      }
      const size_t number = i * 64 + static_cast<size_t>(std::countr_zero(free));
      overlay::ReplyRecord& reply = nodes_->replies()[number];
      reply.nodes.store(0, std::memory_order_relaxed);
      reply.handle.store(0, std::memory_order_relaxed);
      reply.is_done.store(0, std::memory_order_relaxed);
      reply.unique.store(unique & ~kSentAgain, std::memory_order_release);
      return &reply;
    }
  }
  return nullptr;
}

bool Survival::has_replies() const {
  return std::ranges::any_of(nodes_->replies(), [](const overlay::ReplyRecord& reply) {
    return reply.unique.load(std::memory_order_acquire) != 0;
  });
}

void Survival::end_reply(overlay::ReplyRecord& reply) {
  reply.unique.store(0, std::memory_order_release);
  reply.is_done.store(0, std::memory_order_relaxed);
  const auto number = static_cast<size_t>(&reply - nodes_->replies().data());
  free_replies_[number / 64].fetch_or(uint64_t{1} << (number % 64), std::memory_order_release);
}

void Survival::note_done(uint64_t unique) {
  if (overlay::ReplyRecord* const reply = take_reply(unique)) {
    reply->is_done.store(kDone, std::memory_order_release);
  }
}

void Survival::end_done(uint64_t unique) {
  for (overlay::ReplyRecord& reply : nodes_->replies()) {
    if (reply.unique.load(std::memory_order_relaxed) == (unique & ~kSentAgain)) end_reply(reply);
  }
}

void Survival::settle() {
  for (overlay::ReplyRecord& reply : nodes_->replies()) {
    if (reply.unique != 0 && reply.is_done != kSentAgainOnce) end_reply(reply);
  }
}

}  // namespace overpass::fuse
