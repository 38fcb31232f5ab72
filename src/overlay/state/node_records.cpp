// SPDX-License-Identifier: MIT
//
// A process that dies has made all its stores up to some instruction, in their order. So a change
// is whole once its redo record is marked valid, and stores need no more than the compiler's order.

#include "overlay/state/node_records.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "sys/shared_memory.h"

namespace overpass::overlay {

namespace {

constexpr size_t kLongName = 256;
}  // namespace

/// A change that is being made in one shard.
struct NodeRecords::Redo {
  enum Kind : uint8_t { kWhole, kLookups, kTakenBack };

  std::atomic<uint32_t> is_valid;
  uint32_t index;
  Kind kind;
  uint64_t lookups;
  uint64_t node;
  uint32_t reply;        ///< Its number plus one; 0: none.
  uint32_t reply_nodes;  ///< How many it has after the change.
  NodeRecord record;
  char name[kLongName];
};

struct NodeRecords::Head {
  std::array<std::atomic<uint32_t>, kShards> slots;
  std::atomic<uint32_t> layers;
  std::array<Redo, kShards> redos;
};

size_t NodeRecords::size() {
  return sys::whole_pages(sizeof(Head)) + sys::whole_pages(sizeof(NodeRecord) * kMost) +
         sys::whole_pages(kLongName * kMost) + sys::whole_pages(sizeof(ReplyRecord) * kReplies);
}

NodeRecords::NodeRecords(std::byte* memory) {
  auto take = [&memory](size_t bytes) {
    std::byte* const taken = memory;
    memory += sys::whole_pages(bytes);
    return taken;
  };
  head_ = reinterpret_cast<Head*>(take(sizeof(Head)));
  records_ = reinterpret_cast<NodeRecord*>(take(sizeof(NodeRecord) * kMost));
  long_names_ = reinterpret_cast<char*>(take(kLongName * kMost));
  replies_ = reinterpret_cast<ReplyRecord*>(take(sizeof(ReplyRecord) * kReplies));
  for (const Redo& redo : head_->redos) {
    if (redo.is_valid.load(std::memory_order_acquire) != 0) carry_out(redo.index);
  }
}

void NodeRecords::set_layers(uint32_t count) {
  head_->layers.store(count, std::memory_order_release);
}

uint32_t NodeRecords::layers() const { return head_->layers.load(std::memory_order_acquire); }

void NodeRecords::note_slots(size_t shard, uint32_t count) {
  if (count > slots(shard)) head_->slots[shard].store(count, std::memory_order_release);
}

uint32_t NodeRecords::slots(size_t shard) const {
  return std::min(head_->slots[shard].load(std::memory_order_relaxed),
                  static_cast<uint32_t>(kMost / kShards));
}

char* NodeRecords::long_name(uint32_t index) const { return long_names_ + kLongName * index; }

std::optional<NodeRecord> NodeRecords::read(uint32_t index) const {
  if (index >= kMost || !at(index).has(NodeRecord::kUsed)) return {};
  return at(index);
}

uint32_t NodeRecords::generation(uint32_t index) const {
  return index < kMost ? at(index).generation : 0;
}

std::string_view NodeRecords::name(uint32_t index) const {
  const NodeRecord& record = at(index);
  const bool fits = record.name_length <= sizeof record.name;
  return {fits ? record.name : long_name(index), record.name_length};
}

bool NodeRecords::has_name(uint32_t index) const {
  return index < kMost && at(index).has(NodeRecord::kUsed) && at(index).has(NodeRecord::kLinked);
}

/// The redo record of the index's shard is valid: makes its change, which may have been made in
/// part.
void NodeRecords::carry_out(uint32_t index) {
  Redo& redo = head_->redos[index % kShards];
  NodeRecord& record = at(index);
  if (redo.kind == Redo::kWhole) {
    record = redo.record;
    const size_t length = redo.record.name_length;
    const bool fits = length <= sizeof record.name;
    std::memcpy(fits ? record.name : long_name(index), redo.name, length);
  } else {
    record.lookups = redo.lookups;
    if (redo.reply != 0) {
      ReplyRecord& reply = replies_[redo.reply - 1];
      if (redo.kind == Redo::kLookups) reply.looked_up[redo.reply_nodes - 1] = redo.node;
      reply.nodes.store(redo.reply_nodes, std::memory_order_release);
    }
  }
  std::atomic_signal_fence(std::memory_order_seq_cst);
  redo.is_valid.store(0, std::memory_order_relaxed);
}

/// From here on the change will be made, if not by this process.
void NodeRecords::begin(Redo& redo) {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  redo.is_valid.store(1, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

void NodeRecords::write(uint32_t index, const NodeRecord& record, std::string_view name) {
  if (index >= kMost) return;
  Redo& redo = head_->redos[index % kShards];
  redo.index = index;
  redo.kind = Redo::kWhole;
  redo.record = record;
  redo.record.name_length = static_cast<uint8_t>(std::min(name.size(), kLongName - 1));
  std::memcpy(redo.name, name.data(), redo.record.name_length);
  begin(redo);
  carry_out(index);
}

void NodeRecords::set_lookups(uint32_t index, uint64_t lookups, ReplyRecord* reply, uint64_t node) {
  if (index >= kMost) return;
  const bool is_told = reply != nullptr && reply->nodes < ReplyRecord::kMostNodes;
  if (!is_told) {
    std::atomic_ref<uint64_t>(at(index).lookups).store(lookups, std::memory_order_release);
    return;
  }
  Redo& redo = head_->redos[index % kShards];
  redo.index = index;
  redo.kind = Redo::kLookups;
  redo.lookups = lookups;
  redo.node = node;
  redo.reply = static_cast<uint32_t>(reply - replies_) + 1;
  redo.reply_nodes = reply->nodes + 1;
  begin(redo);
  carry_out(index);
}

void NodeRecords::take_back(ReplyRecord& reply) {
  const uint32_t left = reply.nodes - 1;
  const auto index = static_cast<uint32_t>(reply.looked_up[left]);
  const auto generation = static_cast<uint32_t>(reply.looked_up[left] >> 32);
  const auto record = read(index);
  if (!record || record->generation != generation || record->lookups == 0) {
    reply.nodes = left;
    return;
  }
  Redo& redo = head_->redos[index % kShards];
  redo.index = index;
  redo.kind = Redo::kTakenBack;
  redo.lookups = record->lookups - 1;
  redo.reply = static_cast<uint32_t>(&reply - replies_) + 1;
  redo.reply_nodes = left;
  begin(redo);
  carry_out(index);
}

void NodeRecords::set_copying(uint32_t index) {
  if (index >= kMost || !at(index).has(NodeRecord::kUsed)) return;
  std::atomic_ref<uint16_t>(at(index).flags).fetch_or(NodeRecord::kCopying);
}

void NodeRecords::erase(uint32_t index) {
  if (index >= kMost) return;
  std::atomic_ref<uint16_t>(at(index).flags).store(0, std::memory_order_release);
}

std::span<ReplyRecord> NodeRecords::replies() const { return {replies_, kReplies}; }

}  // namespace overpass::overlay
