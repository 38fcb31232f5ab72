// SPDX-License-Identifier: MIT
//
// The inode table's share of memory: what it gives back when inodes have gone, and which inodes the
// kernel may be asked to forget.

#include <algorithm>

#include "overlay/state/inode_table.h"
#include "overlay/state/open_mode.h"

namespace overpass::overlay {

namespace {

/// So many slots are looked at under one hold of their shard's mutex: some 50 us.
constexpr size_t kSlotsAtOnce = 256;

}  // namespace

size_t InodeTable::fallen() const {
  const size_t highest = highest_.load(std::memory_order_relaxed);
  return highest - std::min(highest, size());
}

void InodeTable::NodeShard::shrink() {
  while (!slots.empty() && slots.back().inode() == nullptr) {
    first_generation = std::max(first_generation, slots.back().generation());
    slots.pop_back();
  }
  slots.shrink_to_fit();
  // In order, so that the first are used again first and the last can be given back some day.
  first_free = Slot::kNone;
  for (size_t i = slots.size(); i > 0; --i) {
    Slot& slot = slots[i - 1];
    if (slot.inode() != nullptr) continue;
    slot = Slot(slot.generation(), first_free);
    first_free = static_cast<uint32_t>(i - 1);
  }
}

void InodeTable::shrink() {
  highest_.store(size(), std::memory_order_relaxed);
  for (NodeShard& shard : nodes_) {
    Lock lock(shard.mutex);
    shard.shrink();
  }
  for (NameShard& shard : names_) {
    Lock lock(shard.mutex);
    shard.names.rehash(0);
  }
}

std::vector<NodeId> InodeTable::known_nodes() const {
  std::vector<NodeId> nodes = {kRootNode};
  for (const NodeShard& shard : nodes_) {
    Lock lock(shard.mutex);
    for (const Slot& slot : shard.slots) {
      const Inode* const inode = slot.inode();
      if (inode != nullptr && inode->lookups > 0) nodes.push_back(inode->id);
    }
  }
  return nodes;
}

std::vector<NodeId> InodeTable::find_idle(size_t most) {
  std::vector<NodeId> idle;
  // One round takes the second chances back; another finds the inodes that had none.
  for (size_t shards_left = 2 * kShards; shards_left > 0 && idle.size() < most;) {
    NodeShard& shard = nodes_[hand_shard_];
    Lock lock(shard.mutex);
    const size_t end = std::min(hand_slot_ + kSlotsAtOnce, shard.slots.size());
    for (; hand_slot_ < end && idle.size() < most; ++hand_slot_) {
      Inode* const inode = shard.slots[hand_slot_].inode();
      // The kernel's own reference is counted, too.
      if (inode == nullptr || inode->lookups == 0 || inode->references != 1) continue;
      const bool has_chance = inode->was_asked_for.load(std::memory_order_relaxed);
      if (!has_chance) idle.push_back(inode->id);
      // One that is named here, and stays because the kernel uses it, is named late the next time.
      inode->was_asked_for.store(!has_chance, std::memory_order_relaxed);
    }
    if (hand_slot_ < shard.slots.size()) continue;
    hand_slot_ = 0;
    hand_shard_ = (hand_shard_ + 1) % kShards;
    --shards_left;
  }
  return idle;
}

}  // namespace overpass::overlay
