// SPDX-License-Identifier: MIT
//
// What the next daemon of a mount has to know of its nodes and cannot read from the layers: which
// node ids the kernel has, how often it looked each up, and where the node is. It lies in memory
// that outlives the daemon (survive=on), holds no address, and can be used after a death at any
// instruction.

#ifndef OVERPASS_OVERLAY_STATE_NODE_RECORDS_H_
#define OVERPASS_OVERLAY_STATE_NODE_RECORDS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "overlay/state/identity.h"

namespace overpass::overlay {

/// One node. Its name is told beside it.
struct NodeRecord {
  enum Flag : uint16_t {
    kUsed = 1,           ///< Else only `generation` counts: the last that its slot had.
    kLinked = 2,         ///< It has the name in the parent.
    kSuperseded = 4,     ///< By `successor`.
    kImmutable = 8,      ///< chattr(1).
    kAppendOnly = 16,    ///< chattr(1).
    kPlain = 32,         ///< No directory, and all there is to know is here.
    kCopying = 64,       ///< A copy-up may have been published: the disk decides.
    kDiverged = 128,     ///< Inode::diverged.
    kMayBeMapped = 256,  ///< Inode::may_be_mapped.
    kStaleName = 512,    ///< Link::is_stale, of its first name.
    kDisplaced = 1024,   ///< Inode::is_displaced.
  };

  uint32_t generation = 0;
  uint16_t flags = 0;
  /// 0 for the upper; lowers are counted from the lowest, 1, so that adding one on top of them
  /// leaves their numbers as they are.
  uint16_t layer = 0;
  uint64_t lookups = 0;
  uint64_t parent = 0;     ///< Its node id; 0 when it never had a name.
  uint64_t number = 0;     ///< st_ino.
  uint64_t successor = 0;  ///< Its node id.
  KnownObject known = {};
  uint32_t lower_version = 0;
  uint16_t type = 0;  ///< The S_IFMT bits.
  uint8_t name_length = 0;
  char name[56] = {};  ///< If it fits; not terminated.

  bool has(Flag flag) const { return (flags & flag) != 0; }
};
static_assert(sizeof(NodeRecord) == 128);

/// What a reply that is under way gives to the kernel. When the kernel sends its request again, it
/// never arrived, and the next daemon takes all of it back.
struct ReplyRecord {
  static constexpr size_t kMostNodes = 1021;

  std::atomic<uint64_t> unique;   ///< Of the request; 0 while the record is free.
  std::atomic<uint32_t> nodes;    ///< How many of the next are filled.
  std::atomic<uint32_t> handle;   ///< The open file's record plus one; 0: none.
  std::atomic<uint64_t> is_done;  ///< Not 0: what was asked for has been done.
  uint64_t looked_up[kMostNodes];
};

/// The records of all nodes, by the index in the node id (inode_table.h).
///
/// A record is changed in one step as far as another process sees: the change is written down
/// (`Redo`) before it is made, and made again by the next daemon if it was not ended.
/// Threads: any; calls for one shard are made with the shard's lock held.
class NodeRecords {
 public:
  static constexpr size_t kShards = 64;
  /// More nodes than these are not recorded, and lost with the daemon.
  static constexpr uint32_t kMost = uint32_t{1} << 24;
  static constexpr size_t kReplies = 1024;

  /// Of the memory that the records need. Untouched, it holds zeros and costs nothing.
  static size_t size();

  /// `memory` has size() bytes, is aligned to a page and outlives this. Changes that a former
  /// daemon did not end are ended.
  explicit NodeRecords(std::byte* memory);

  /// How many layers the union had when nodes were looked for in all of them the last time: where
  /// it has more by now, no record says what is under a name. 0: nothing is recorded yet.
  void set_layers(uint32_t count);
  uint32_t layers() const;

  /// The slots of a shard have come to be so many.
  void note_slots(size_t shard, uint32_t count);
  uint32_t slots(size_t shard) const;

  /// Empty for an index that is not recorded.
  std::optional<NodeRecord> read(uint32_t index) const;
  /// The last generation that was recorded for an index; 0: none.
  uint32_t generation(uint32_t index) const;
  std::string_view name(uint32_t index) const;
  /// Whether a node is recorded for the index that has its name.
  bool has_name(uint32_t index) const;

  /// Records the node, which is `name`, anew.
  void write(uint32_t index, const NodeRecord& record, std::string_view name);
  /// The count alone. `reply`: it grew by one for this reply; may be null.
  void set_lookups(uint32_t index, uint64_t lookups, ReplyRecord* reply, uint64_t node);
  /// Takes the last node of a reply that never arrived back.
  void take_back(ReplyRecord& reply);
  void set_copying(uint32_t index);
  void erase(uint32_t index);

  /// All replies; those whose `unique` is not 0 are under way, or were when the former daemon died.
  std::span<ReplyRecord> replies() const;

 private:
  struct Redo;
  struct Head;

  static void begin(Redo& redo);
  void carry_out(uint32_t index);
  NodeRecord& at(uint32_t index) const { return records_[index]; }
  char* long_name(uint32_t index) const;

  Head* head_;
  NodeRecord* records_;
  char* long_names_;
  ReplyRecord* replies_;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_NODE_RECORDS_H_
