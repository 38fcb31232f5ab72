// SPDX-License-Identifier: MIT
//
// What the kernel holds by a file handle number: open files and directories. They are owned here
// from the reply to the release, or to the end of the mount if that comes first.

#ifndef OVERPASS_FUSE_HANDLES_H_
#define OVERPASS_FUSE_HANDLES_H_

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <utility>

#include "base/mutex.h"

namespace overpass::fuse {

/// Invariant: a number given out and not taken back is the address of a Node of some shard.
/// Threads: any.
template <class T>
class Handles {
 public:
  /// The number for the kernel.
  uint64_t add(std::unique_ptr<T> object) {
    std::list<Node> fresh;
    Node& node = fresh.emplace_back(Node{std::move(object), {}});
    node.self = fresh.begin();
    Shard& shard = shard_of(&node);
    Lock lock(shard.mutex);
    shard.nodes.splice(shard.nodes.end(), fresh);
    return reinterpret_cast<uintptr_t>(&node);
  }

  /// Gives the object of a number up to the caller. REQUIRES: the kernel has released it.
  std::unique_ptr<T> take(uint64_t number) {
    Node* node = node_of(number);
    std::list<Node> taken;
    Shard& shard = shard_of(node);
    {
      Lock lock(shard.mutex);
      taken.splice(taken.end(), shard.nodes, node->self);
    }
    return std::move(taken.front().object);
  }

  static T* at(uint64_t number) { return node_of(number)->object.get(); }

 private:
  struct Node {
    std::unique_ptr<T> object;
    typename std::list<Node>::iterator self;
  };
  struct Shard {
    Mutex<LockRank::Queue> mutex;
    std::list<Node> nodes GUARDED_BY(mutex);
  };

  static Node* node_of(uint64_t number) { return reinterpret_cast<Node*>(number); }
  Shard& shard_of(const Node* node) {
    return shards_[reinterpret_cast<uintptr_t>(node) / 64 % shards_.size()];
  }

  std::array<Shard, 16> shards_;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_HANDLES_H_
