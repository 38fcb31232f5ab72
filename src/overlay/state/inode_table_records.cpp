// SPDX-License-Identifier: MIT
//
// The inode table of a mount that outlives its daemon: what it records of its inodes, and how it
// begins with the records of a former daemon.

#include <algorithm>

#include "overlay/state/inode_table.h"
#include "overlay/state/open_mode.h"

namespace overpass::overlay {

namespace {

/// So many names of a shard: the processor waits for many places in memory at the same time then.
constexpr size_t kEnteredAtOnce = 128;

/// Whether the record tells all of it.
bool is_plain(const Inode& inode) REQUIRES(inode.mutex) {
  if (inode.is_directory()) return false;
  if (inode.extras == nullptr) return true;
  const InodeExtras& extras = *inode.extras;
  return extras.data == nullptr && extras.index_name.empty() && extras.upper_key == FileKey() &&
         extras.lower_key == FileKey() && extras.more_links.empty();
}

NodeRecord record_of(const Inode& inode, uint64_t lookups) REQUIRES(inode.mutex) {
  using enum NodeRecord::Flag;
  NodeRecord record;
  record.generation = generation_of(inode.id);
  auto set = [&record](NodeRecord::Flag flag, bool is_set) {
    if (is_set) record.flags |= flag;
  };
  set(kUsed, true);
  set(kLinked, inode.linked);
  set(kSuperseded, inode.superseded);
  set(kImmutable, inode.is_immutable);
  set(kAppendOnly, inode.is_append_only);
  set(kPlain, is_plain(inode));
  set(kDiverged, inode.diverged);
  set(kMayBeMapped, inode.may_be_mapped);
  set(kStaleName, inode.link.is_stale);
  set(kDisplaced, inode.is_displaced);
  record.lookups = lookups;
  record.parent = inode.link.parent ? static_cast<uint64_t>(inode.link.parent->id) : 0;
  record.number = inode.ino;
  record.known = inode.known;
  record.lower_version = inode.lower_version;
  record.type = static_cast<uint16_t>(inode.type);
  if (inode.extras != nullptr) {
    if (const InodeRef& successor = inode.extras->successor) {
      record.successor = static_cast<uint64_t>(successor->id);
    }
  }
  return record;
}

}  // namespace

bool InodeTable::is_recorded(const Inode& inode) const {
  const auto record = records_->read(index_of(inode.id));
  return record && record->generation == generation_of(inode.id);
}

void InodeTable::write_record(const Inode& inode) const {
  NodeRecord record = record_of(inode, inode.lookups);
  if (inode.layer != layer::kUpper) record.layer = static_cast<uint16_t>(layers_ - inode.layer);
  records_->write(index_of(inode.id), record, inode.link.name);
}

void InodeTable::remember_recorded(Inode& inode, ReplyRecord* reply) {
  Lock own(inode.mutex);
  NodeShard& shard = node_shard(inode.id);
  Lock lock(shard.mutex);
  if (inode.lookups == 0) inode.references.fetch_add(1, std::memory_order_relaxed);
  // The root is made anew by each daemon.
  if (inode.id == kRootNode) {
    ++inode.lookups;
    return;
  }
  if (!is_recorded(inode)) write_record(inode);
  ++inode.lookups;
  records_->set_lookups(index_of(inode.id), inode.lookups, reply, static_cast<uint64_t>(inode.id));
}

void InodeTable::record(const Inode& inode) const {
  if (records_ == nullptr || inode.id == kRootNode) return;
  const NodeShard& shard = node_shard(inode.id);
  Lock lock(shard.mutex);
  if (is_recorded(inode)) write_record(inode);
}

void InodeTable::record_first(const Inode& inode) const {
  if (records_ == nullptr || inode.id == kRootNode) return;
  const NodeShard& shard = node_shard(inode.id);
  Lock lock(shard.mutex);
  write_record(inode);
}

void InodeTable::record_copying(const Inode& inode) const {
  if (records_ == nullptr || inode.id == kRootNode) return;
  const NodeShard& shard = node_shard(inode.id);
  Lock lock(shard.mutex);
  if (is_recorded(inode)) records_->set_copying(index_of(inode.id));
}

void InodeTable::know(Inode& inode, const KnownObject& known) const {
  if (inode.known == known) return;
  inode.known = known;
  record(inode);
}

void InodeTable::begin_again() {
  std::array<uint32_t, kShards> slots = {};
  for (size_t which = 0; which < kShards; ++which) {
    slots[which] = records_->slots(which);
    Lock lock(nodes_[which].mutex);
    nodes_[which].slots.reserve(slots[which]);
  }
  // By index, which is how records lie in memory.
  size_t names = 0;
  for (uint32_t slot = 0; slot < std::ranges::max(slots); ++slot) {
    for (size_t which = 0; which < kShards; ++which) {
      NodeShard& shard = nodes_[which];
      Lock lock(shard.mutex);
      if (slot < shard.slots.size() || slot >= slots[which]) continue;
      const auto index = static_cast<uint32_t>(slot * kShards + which);
      const uint32_t next = records_->generation(index) + 1;
      shard.slots.emplace_back(next, Slot::kNone);
      shard.first_generation = std::max(shard.first_generation, next);
      if (records_->has_name(index)) ++names;
    }
  }
  for (NameShard& shard : names_) {
    Lock lock(shard.mutex);
    shard.names.reserve(names / kShards);
    shard.later.reserve(kEnteredAtOnce);
  }
}

InodeRef InodeTable::make_again(uint32_t index, const NodeRecord& record) {
  NodeShard& shard = nodes_[index % kShards];
  const NodeId node{uint64_t{record.generation} << 32 | index};
  Lock lock(shard.mutex);
  auto* const inode = new Inode(node, record.number, record.type);
  inode->table = this;
  inode->lookups = record.lookups;
  if (record.lookups > 0) ++inode->references;
  shard.slots[index / kShards] = Slot(*inode);
  note_size(size_.fetch_add(1, std::memory_order_relaxed) + 1);
  return InodeRef::adopt(inode);
}

void InodeTable::NameShard::enter_later() {
  for (const KnownHash& named : later) (void)enter(*named.link, named.hash);
  later.clear();
}

void InodeTable::name_again(const InodeRef& inode, const InodeRef& parent, std::string_view name) {
  inode->link.parent = parent;
  inode->link.name = name;
  const size_t hash = hash_of(*parent, name);
  NameShard& shard = name_shard(hash);
  Lock lock(shard.mutex);
  shard.later.push_back({&inode->link, hash});
  if (shard.later.size() == kEnteredAtOnce) shard.enter_later();
}

void InodeTable::end_again() {
  for (NameShard& shard : names_) {
    Lock lock(shard.mutex);
    shard.enter_later();
    shard.later.shrink_to_fit();
  }
  for (NodeShard& shard : nodes_) {
    Lock lock(shard.mutex);
    shard.shrink();
  }
}

}  // namespace overpass::overlay
