// SPDX-License-Identifier: MIT
//
// A node id is generation << 32 | index; index % kShards names the shard, and the rest is the slot
// in it. An inode that loses its last reference is taken out of the indexes. A thread that finds it
// there meanwhile sees a count of zero and treats it as gone.

#include "overlay/state/inode_table.h"

#include <algorithm>

#include "base/hash.h"
#include "overlay/state/open_mode.h"

namespace overpass::overlay {

Inode::Inode(NodeId node, uint64_t number, mode_t file_type)
    : id(node), ino(number), type(file_type) {
  link.inode = this;
}

Inode::~Inode() = default;

InodeRef InodeRef::share(Inode& inode) {
  inode.references.fetch_add(1, std::memory_order_relaxed);
  return adopt(&inode);
}

InodeRef::InodeRef(const InodeRef& other) : inode_(other.inode_) {
  if (inode_ != nullptr) inode_->references.fetch_add(1, std::memory_order_relaxed);
}

void InodeRef::reset() {
  Inode* inode = std::exchange(inode_, nullptr);
  if (inode == nullptr) return;
  if (inode->references.fetch_sub(1, std::memory_order_acq_rel) == 1) inode->table->destroy(inode);
}

Inode* InodeRef::release_last() {
  Inode* inode = std::exchange(inode_, nullptr);
  if (inode == nullptr) return nullptr;
  return inode->references.fetch_sub(1, std::memory_order_acq_rel) == 1 ? inode : nullptr;
}

InodeTable::InodeTable(std::function<void(Inode&)> on_destroy)
    : on_destroy_(std::move(on_destroy)) {
  for (NameShard& shard : names_) shard.names.max_load_factor(0.8F);
}

InodeTable::~InodeTable() {
  // Whatever the kernel still remembered at unmount. References between inodes keep parents alive
  // until their children went, so drop the kernel's references only.
  for (size_t which = 0; which < kShards; ++which) {
    std::vector<InodeRef> remembered;
    {
      Lock lock(nodes_[which].mutex);
      for (const Slot& slot : nodes_[which].slots) {
        Inode* const inode = slot.inode();
        if (inode == nullptr || inode->lookups == 0) continue;
        inode->lookups = 0;
        remembered.push_back(InodeRef::adopt(inode));
      }
    }
  }
  if (root_ != nullptr) InodeRef::adopt(root_).reset();
}

InodeTable::NodeShard& InodeTable::node_shard(NodeId node) {
  return nodes_[index_of(node) % kShards];
}

const InodeTable::NodeShard& InodeTable::node_shard(NodeId node) const {
  return nodes_[index_of(node) % kShards];
}

InodeRef InodeTable::make(uint64_t number, mode_t type) {
  const bool is_root = root_ == nullptr;
  const uint32_t shard_index =
      is_root ? 1 : next_shard_.fetch_add(1, std::memory_order_relaxed) % kShards;
  NodeShard& shard = nodes_[shard_index];
  Lock lock(shard.mutex);
  if (shard.first_free == Slot::kNone) {
    // Index 0 of the first shard would be node 0, and 1 is the root: generations start at 1, but
    // for the root's.
    shard.slots.emplace_back(is_root ? 0 : shard.first_generation, Slot::kNone);
    shard.first_free = static_cast<uint32_t>(shard.slots.size() - 1);
    if (records_ != nullptr) {
      records_->note_slots(shard_index, static_cast<uint32_t>(shard.slots.size()));
    }
  }
  const uint32_t slot_index = shard.first_free;
  const Slot free = shard.slots[slot_index];
  const uint64_t index = uint64_t{slot_index} * kShards + shard_index;
  const NodeId node{uint64_t{free.generation()} << 32 | index};
  auto* const inode = new Inode(node, number, type);
  inode->table = this;
  shard.slots[slot_index] = Slot(*inode);
  shard.first_free = free.next_free();
  note_size(size_.fetch_add(1, std::memory_order_relaxed) + 1);
  if (is_root) {
    root_ = inode;
    root_->references.fetch_add(1, std::memory_order_relaxed);
  }
  return InodeRef::adopt(inode);
}

void InodeTable::note_size(size_t size) {
  if (size > highest_.load(std::memory_order_relaxed)) {
    highest_.store(size, std::memory_order_relaxed);  // About right is enough.
  }
}

Inode* InodeTable::NodeShard::inode_of(NodeId node) const {
  const size_t slot_index = index_of(node) / kShards;
  if (slot_index >= slots.size()) return nullptr;
  Inode* const inode = slots[slot_index].inode();
  return inode != nullptr && inode->id == node ? inode : nullptr;
}

InodeRef InodeTable::reference_if_alive(Inode* inode) {
  uint32_t count = inode->references.load(std::memory_order_relaxed);
  while (count != 0) {
    if (inode->references.compare_exchange_weak(count, count + 1, std::memory_order_acq_rel)) {
      inode->was_asked_for.store(true, std::memory_order_relaxed);
      return InodeRef::adopt(inode);
    }
  }
  return {};
}

InodeRef InodeTable::find(NodeId node) {
  NodeShard& shard = node_shard(node);
  Lock lock(shard.mutex);
  Inode* const inode = shard.inode_of(node);
  return inode == nullptr ? InodeRef() : reference_if_alive(inode);
}

size_t InodeTable::hash_of(const Inode& parent, std::string_view name) {
  return hash_bytes(name, static_cast<uint64_t>(parent.id));
}

size_t InodeTable::LinkHash::operator()(const Link* link) const {
  return known->link == link ? known->hash : hash_of(*link->parent, link->name);
}

bool InodeTable::NameShard::enter(Link& link, size_t hash) {
  known = {&link, hash};
  const bool is_new = names.insert(&link).second;
  known = {};
  return is_new;
}

bool InodeTable::LinkEqual::operator()(const Link* link, const NameKey& key) const {
  return link->parent.get() == key.parent && link->name == key.name;
}

bool InodeTable::LinkEqual::same_name(const Link& a, const Link& b) {
  return a.parent.get() == b.parent.get() && a.name == b.name;
}

InodeRef InodeTable::find(const Inode& parent, std::string_view name) {
  const size_t hash = hash_of(parent, name);
  NameShard& shard = name_shard(hash);
  Lock lock(shard.mutex);
  auto found = shard.names.find(NameKey{&parent, name}, hash);
  return found == shard.names.end() ? InodeRef() : reference_if_alive((*found)->inode);
}

InodeRef InodeTable::insert(const InodeRef& inode, const InodeRef& parent, std::string_view name) {
  inode->link.parent = parent;
  inode->link.name = name;
  const size_t hash = hash_of(*parent, name);
  NameShard& shard = name_shard(hash);
  Lock lock(shard.mutex);
  auto found = shard.names.find(NameKey{parent.get(), name}, hash);
  if (found != shard.names.end()) {
    if (InodeRef other = reference_if_alive((*found)->inode)) return other;
    shard.names.erase(found);  // On its way out; destroy() finds that it is not there any more.
  }
  (void)shard.enter(inode->link, hash);
  return inode;
}

void InodeTable::index(Link& link) {
  const size_t hash = hash_of(*link.parent, link.name);
  NameShard& shard = name_shard(hash);
  Lock lock(shard.mutex);
  if (shard.enter(link, hash)) return;
  shard.names.erase(&link);
  (void)shard.enter(link, hash);
}

void InodeTable::unindex(Link& link) {
  if (!link.parent) return;
  const size_t hash = hash_of(*link.parent, link.name);
  NameShard& shard = name_shard(hash);
  Lock lock(shard.mutex);
  auto found = shard.names.find(&link, hash);
  if (found != shard.names.end() && *found == &link) shard.names.erase(found);
}

InodeRef InodeTable::find_by_key(FileKey key) {
  KeyShard& shard = key_shard(key);
  Lock lock(shard.mutex);
  auto found = shard.inodes.find({key.device, key.ino});
  return found == shard.inodes.end() ? InodeRef() : reference_if_alive(found->second);
}

InodeRef InodeTable::index_by_key(const InodeRef& inode, FileKey key) {
  KeyShard& shard = key_shard(key);
  Lock lock(shard.mutex);
  auto [position, is_new] = shard.inodes.try_emplace({key.device, key.ino}, inode.get());
  if (!is_new && position->second != inode.get()) {
    if (InodeRef other = reference_if_alive(position->second)) return other;
    position->second = inode.get();
  }
  return inode;
}

void InodeTable::replace_by_key(const InodeRef& inode, FileKey key) {
  KeyShard& shard = key_shard(key);
  Lock lock(shard.mutex);
  shard.inodes[{key.device, key.ino}] = inode.get();
}

void InodeTable::unindex_key(Inode& inode, FileKey key) {
  KeyShard& shard = key_shard(key);
  Lock lock(shard.mutex);
  auto found = shard.inodes.find({key.device, key.ino});
  if (found != shard.inodes.end() && found->second == &inode) shard.inodes.erase(found);
}

std::vector<InodeRef> InodeTable::all() {
  std::vector<InodeRef> inodes;
  inodes.reserve(size());
  for (NodeShard& shard : nodes_) {
    Lock lock(shard.mutex);
    for (const Slot& slot : shard.slots) {
      Inode* const inode = slot.inode();
      if (inode == nullptr) continue;
      if (InodeRef alive = reference_if_alive(inode)) inodes.push_back(std::move(alive));
    }
  }
  return inodes;
}

void InodeTable::remember(Inode& inode, ReplyRecord* reply) {
  if (records_ != nullptr) return remember_recorded(inode, reply);
  NodeShard& shard = node_shard(inode.id);
  Lock lock(shard.mutex);
  if (inode.lookups++ == 0) inode.references.fetch_add(1, std::memory_order_relaxed);
}

void InodeTable::forget(NodeId node, uint64_t count) {
  InodeRef last;  // Dropped after the lock.
  NodeShard& shard = node_shard(node);
  Lock lock(shard.mutex);
  Inode* const inode = shard.inode_of(node);
  if (inode != nullptr) last = take_lookups(*inode, count);
}

InodeRef InodeTable::take_lookups(Inode& inode, uint64_t count) {
  if (inode.lookups == 0) return {};
  inode.lookups -= std::min(inode.lookups, count);
  if (records_ != nullptr) records_->set_lookups(index_of(inode.id), inode.lookups, nullptr, 0);
  return inode.lookups == 0 ? InodeRef::adopt(&inode) : InodeRef();
}

uint64_t InodeTable::lookups(NodeId node) const {
  const NodeShard& shard = node_shard(node);
  Lock lock(shard.mutex);
  const Inode* const inode = shard.inode_of(node);
  return inode == nullptr ? 0 : inode->lookups;
}

bool InodeTable::forget_if(NodeId node, uint64_t lookups) {
  InodeRef last;  // Dropped after the lock.
  NodeShard& shard = node_shard(node);
  Lock lock(shard.mutex);
  Inode* const inode = shard.inode_of(node);
  if (inode == nullptr || lookups == 0 || inode->lookups != lookups) return false;
  last = take_lookups(*inode, lookups);
  return true;
}

void InodeTable::destroy(Inode* inode) {
  // A child's end may be its parent's, and so on up a tree of any depth: no recursion.
  while (inode != nullptr) {
    InodeRef parent = take_out(inode);
    delete inode;
    inode = parent.release_last();
  }
}

InodeRef InodeTable::take_out(Inode* inode) {
  // No other reference exists and none can be made: no lock of the inode is needed.
  on_destroy_(*inode);
  unindex(inode->link);
  if (inode->extras != nullptr) {
    for (auto& link : inode->extras->more_links) unindex(*link);
    for (const FileKey key : {inode->extras->upper_key, inode->extras->lower_key}) {
      if (key != FileKey()) unindex_key(*inode, key);
    }
  }
  {
    NodeShard& shard = node_shard(inode->id);
    Lock lock(shard.mutex);
    const auto slot_index = static_cast<uint32_t>(index_of(inode->id) / kShards);
    shard.slots[slot_index] = Slot(generation_of(inode->id) + 1, shard.first_free);
    shard.first_free = slot_index;
    if (records_ != nullptr) records_->erase(index_of(inode->id));
  }
  size_.fetch_sub(1, std::memory_order_relaxed);
  gone_.fetch_add(1, std::memory_order_relaxed);
  return std::move(inode->link.parent);
}

}  // namespace overpass::overlay
