// SPDX-License-Identifier: MIT
//
// All inodes in memory: by node id, by parent and name, and, for files of the upper with several
// links, by the upper's own inode. Counts what the kernel remembers of each.

#ifndef OVERPASS_OVERLAY_STATE_INODE_TABLE_H_
#define OVERPASS_OVERLAY_STATE_INODE_TABLE_H_

#include <tsl/robin_set.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "overlay/state/inode.h"
#include "overlay/state/node_records.h"

namespace overpass::overlay {

/// Owns all inodes of a mount. Two counts keep an inode alive: references of the daemon (InodeRef),
/// and the kernel's lookups, which hold one reference together. When the last reference goes, the
/// inode leaves the indexes and is destroyed.
///
/// Invariants:
/// 1. An inode is found by its node id from make() until its last reference goes. A slot is
///    used again only with another generation, so with another node id.
/// 2. An inode with lookups > 0 has one reference on behalf of them.
/// 3. A Link in the name index has the parent and the name that it is indexed by.
///
/// Threads: any, but find_idle() by one at a time.
/// Lock order: each call takes locks of shards (rank TableShard, leaves), one at a time.
/// REQUIRES: the caller holds no lock of rank TableShard or beyond. A thread that drops an InodeRef
/// which may be the last holds no leaf at all. Locks of directories and inodes may be held.
class InodeTable {
 public:
  /// `on_destroy` is called for each inode that is about to go, with no lock held.
  explicit InodeTable(std::function<void(Inode&)> on_destroy);
  ~InodeTable();
  InodeTable(const InodeTable&) = delete;
  InodeTable& operator=(const InodeTable&) = delete;

  /// The root. The first call of make() makes it; it lives as long as the table.
  Inode& root() const { return *root_; }

  /// An inode with a fresh node id that nothing leads to yet.
  InodeRef make(uint64_t number, mode_t type);

  /// Empty when the kernel's id is stale.
  InodeRef find(NodeId node);

  /// Empty when no inode in memory has this name.
  InodeRef find(const Inode& parent, std::string_view name);

  /// Gives `inode` its first name. When another inode came to have that name meanwhile, that one is
  /// returned instead.
  InodeRef insert(const InodeRef& inode, const InodeRef& parent, std::string_view name);

  /// Enters a further name, or one that moved; unindex() takes a name out. The name must be free.
  void index(Link& link);
  void unindex(Link& link);

  /// Files of the upper with several links: the inode of `key`, if in memory. indexed_by_key adds
  /// one; an inode that is already there for the key is returned instead.
  InodeRef find_by_key(FileKey key);
  InodeRef index_by_key(const InodeRef& inode, FileKey key);
  void replace_by_key(const InodeRef& inode, FileKey key);
  /// Its number may be another file's from now on.
  void unindex_key(Inode& inode, FileKey key);

  /// All inodes in memory, in no order. To be destroyed where no leaf is held.
  std::vector<InodeRef> all();

  /// The kernel was told the node id once more, by `reply` if that is not null; or forgets it
  /// `count` times. L: none of rank Inode on entry of remember(), if records are kept.
  void remember(Inode& inode, ReplyRecord* reply = nullptr);
  void forget(NodeId node, uint64_t count);
  /// How often the kernel was told it and has not forgotten it; 0 for a node that is not here.
  uint64_t lookups(NodeId node) const;
  /// Forgets all of them, if they are still so many; whether they were.
  bool forget_if(NodeId node, uint64_t lookups);

  /// From now on what the kernel knows is recorded (inode_table_records.cpp), of a union of
  /// `layers` layers. Before the first request.
  void keep_records(NodeRecords& records, layer::LayerIndex layers) {
    records_ = &records;
    layers_ = layers;
  }
  /// The layer of a recorded node, whose record has `number` for it.
  layer::LayerIndex layer_of(uint16_t number) const {
    return number == 0 || number >= layers_ ? layer::kUpper
                                            : static_cast<layer::LayerIndex>(layers_ - number);
  }
  /// The inode's name, file or attributes have changed: its record, if it has one, is made anew.
  void record(const Inode& inode) const REQUIRES(inode.mutex);
  /// It gets a record, though the kernel does not know it yet.
  void record_first(const Inode& inode) const REQUIRES(inode.mutex);
  /// A copy of its file may be published from now on, until the next record().
  void record_copying(const Inode& inode) const REQUIRES(inode.mutex);
  /// The file, or what the kernel was told of it, is `known` from now on.
  void know(Inode& inode, const KnownObject& known) const REQUIRES(inode.mutex);

  /// Makes the nodes of a former daemon again, by one thread before the first request. Call
  /// begin_again(), then make_again() for each node whose record is to be used, then end_again().
  /// No inode may go meanwhile.
  void begin_again();
  /// As make(), with the id of the record at `index`, and known to the kernel as often as that
  /// says.
  InodeRef make_again(uint32_t index, const NodeRecord& record);
  /// As insert(), but the name is found from end_again() on: many at once are entered faster.
  void name_again(const InodeRef& inode, const InodeRef& parent, std::string_view name)
      REQUIRES(inode->mutex);
  void end_again();

  size_t size() const { return size_.load(std::memory_order_relaxed); }
  /// How many inodes have gone, ever.
  uint64_t gone() const { return gone_.load(std::memory_order_relaxed); }
  /// By how much the number of inodes has fallen since it was highest, or since shrink().
  size_t fallen() const;

  /// Gives back the memory that the indexes have in excess of what is in them.
  void shrink();

  /// All nodes that the kernel knows, the root first.
  std::vector<NodeId> known_nodes() const;

  /// At most `most` nodes that the kernel knows and that seem unused: without children in memory or
  /// open handles, and not asked for since the hand of a clock went by the last time. Fewer, if its
  /// two rounds find no more. Threads: one at a time.
  std::vector<NodeId> find_idle(size_t most);

 private:
  friend class InodeRef;

  static constexpr size_t kShards = 64;

  /// Of what is entered next, so that a name is hashed once.
  struct KnownHash {
    Link* link = nullptr;
    size_t hash = 0;
  };
  struct LinkHash {
    const KnownHash* known;  ///< The shard's.
    size_t operator()(const Link* link) const;
  };
  struct NameKey {
    const Inode* parent;
    std::string_view name;
  };
  struct LinkEqual {
    using is_transparent = void;
    bool operator()(const Link* a, const Link* b) const { return a == b || same_name(*a, *b); }
    bool operator()(const Link* link, const NameKey& key) const;
    bool operator()(const NameKey& key, const Link* link) const { return (*this)(link, key); }
    static bool same_name(const Link& a, const Link& b);
  };
  // Stores 32 bits of each hash, so that growing does not touch the inodes.
  using NameIndex =
      tsl::robin_set<Link*, LinkHash, LinkEqual, std::allocator<Link*>, /*StoreHash=*/true>;

  /// An inode; or, while it is free, the generation to come and the next free slot of the shard,
  /// told from an address by the lowest bit.
  class Slot {
   public:
    static constexpr uint32_t kNone = 0x7fffffff;

    explicit Slot(Inode& inode) : bits_(reinterpret_cast<uintptr_t>(&inode)) {}
    Slot(uint32_t generation, uint32_t next_free)
        : bits_(uint64_t{generation} << 32 | uint64_t{next_free} << 1 | 1) {}

    Inode* inode() const {
      return (bits_ & 1) != 0 ? nullptr : reinterpret_cast<Inode*>(static_cast<uintptr_t>(bits_));
    }
    // Of a free one.
    uint32_t generation() const { return static_cast<uint32_t>(bits_ >> 32); }
    uint32_t next_free() const { return static_cast<uint32_t>(bits_) >> 1; }

   private:
    uint64_t bits_;
  };
  struct NodeShard {
    mutable Mutex<LockRank::TableShard> mutex;
    std::vector<Slot> slots GUARDED_BY(mutex);
    uint32_t first_free GUARDED_BY(mutex) = Slot::kNone;
    /// The generation of new slots: beyond every generation that a slot given back by shrink() had.
    uint32_t first_generation GUARDED_BY(mutex) = 1;

    Inode* inode_of(NodeId node) const REQUIRES(mutex);
    void shrink() REQUIRES(mutex);
  };
  struct NameShard {
    mutable Mutex<LockRank::TableShard> mutex;
    KnownHash known GUARDED_BY(mutex);
    NameIndex names GUARDED_BY(mutex) = NameIndex(0, LinkHash{&known});
    std::vector<KnownHash> later GUARDED_BY(mutex);  ///< Of name_again().

    /// Whether the name was free.
    bool enter(Link& link, size_t hash) REQUIRES(mutex);
    void enter_later() REQUIRES(mutex);
  };
  struct KeyShard {
    Mutex<LockRank::TableShard> mutex;
    std::map<std::pair<dev_t, uint64_t>, Inode*> inodes GUARDED_BY(mutex);
  };

  static size_t hash_of(const Inode& parent, std::string_view name);
  static InodeRef reference_if_alive(Inode* inode);
  void note_size(size_t size);
  /// With the lock of the inode's shard held. The reference that the kernel had, once it has none.
  InodeRef take_lookups(Inode& inode, uint64_t count);
  void destroy(Inode* inode);
  /// Takes an inode without references out of the table; its reference to the parent.
  InodeRef take_out(Inode* inode);

  KeyShard& key_shard(FileKey key) { return keys_[key.ino % kShards]; }
  NodeShard& node_shard(NodeId node);
  const NodeShard& node_shard(NodeId node) const;
  NameShard& name_shard(size_t hash) { return names_[hash >> 32 & (kShards - 1)]; }

  void remember_recorded(Inode& inode, ReplyRecord* reply);
  void write_record(const Inode& inode) const REQUIRES(inode.mutex);
  bool is_recorded(const Inode& inode) const;

  const std::function<void(Inode&)> on_destroy_;
  NodeRecords* records_ = nullptr;
  layer::LayerIndex layers_ = 0;  ///< Of the union, while there are records.
  std::array<NodeShard, kShards> nodes_;
  std::array<NameShard, kShards> names_;
  std::array<KeyShard, kShards> keys_;
  std::atomic<uint32_t> next_shard_ = 0;
  std::atomic<size_t> size_ = 0;
  std::atomic<uint64_t> gone_ = 0;
  std::atomic<size_t> highest_ = 0;  ///< Of size_, as fallen() says.

  // Where the clock's hand stands; find_idle()'s own.
  size_t hand_shard_ = 0;
  size_t hand_slot_ = 0;
  Inode* root_ = nullptr;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_INODE_TABLE_H_
