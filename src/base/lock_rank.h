// SPDX-License-Identifier: MIT
//
// The lock order, written once. A thread may take a lock only if its rank is greater than that of
// every lock it holds; builds with assertions check this at run time (mutex.h).

#ifndef OVERPASS_BASE_LOCK_RANK_H_
#define OVERPASS_BASE_LOCK_RANK_H_

namespace overpass {

enum class LockRank : int {
  /// A directory stream's snapshot and cursor; building the snapshot takes the directory's lock.
  DirectoryHandle = 1,
  /// The names of one directory and which layers hold it. Held across short system calls on those
  /// names, never across a data copy or a reply. Two at once through LockPair or parent then child.
  Directory = 2,
  /// One inode: which layer holds it, its place in the tree, its open mode. Short system calls
  /// only.
  Inode = 3,
  // The leaves: nothing is taken while one of these is held, and no system call is made.
  /// What one directory has cached: descriptors, its merged listing.
  DirectoryFds = 10,
  /// One shard of the inode table: node ids, names, lookup counts.
  TableShard = 11,
  /// A bounded cache of shared things (clock_cache.h).
  ClockCache = 12,
  /// The queue of the worker pool, of the notifier or of an I/O engine; a shard of the open
  /// handles; the buffers that a pool keeps.
  Queue = 14,
  /// Numbers handed to file systems and inodes that need one made up.
  InodeNumbers = 15,
  /// The connection to the broker. An exception among the leaves: held over one exchange with it.
  Broker = 16,
  /// The list of unreadable objects being looked at. Another exception: held over one chmod(2).
  ScopedReadable = 17,
  /// Which files the keeper of a mount holds. Another exception: held over one message to it.
  KeptFiles = 19,
  /// The connection to the broker in use, and the ids of each connection.
  BrokerLink = 18,
};

/// For messages of the run-time check.
constexpr const char* name_of(LockRank rank) {
  switch (rank) {
    case LockRank::DirectoryHandle:
      return "DirectoryHandle";
    case LockRank::Directory:
      return "Directory";
    case LockRank::Inode:
      return "Inode";
    case LockRank::DirectoryFds:
      return "DirectoryFds";
    case LockRank::TableShard:
      return "TableShard";
    case LockRank::ClockCache:
      return "ClockCache";
    case LockRank::Queue:
      return "Queue";
    case LockRank::InodeNumbers:
      return "InodeNumbers";
    case LockRank::Broker:
      return "Broker";
    case LockRank::ScopedReadable:
      return "ScopedReadable";
    case LockRank::KeptFiles:
      return "KeptFiles";
    case LockRank::BrokerLink:
      return "BrokerLink";
  }
  return "?";
}

}  // namespace overpass

#endif  // OVERPASS_BASE_LOCK_RANK_H_
