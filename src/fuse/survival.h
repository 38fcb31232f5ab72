// SPDX-License-Identifier: MIT
//
// What of a mount outlives its daemon (survive=on): memory that the keeper (mount_keeper.h) and
// every daemon of the mount have in common.

#ifndef OVERPASS_FUSE_SURVIVAL_H_
#define OVERPASS_FUSE_SURVIVAL_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "fuse/handle_records.h"
#include "fuse/request_trace.h"
#include "overlay/state/node_records.h"
#include "sys/shared_memory.h"

namespace overpass::fuse {

/// Threads: any, but for what is said of restoring.
class Survival {
 public:
  // ReplyRecord::is_done.
  static constexpr uint64_t kDone = 1;
  static constexpr uint64_t kSentAgainOnce = 2;  ///< And known not to be answered.

  /// For a new mount. ENOMEM.
  static Result<std::unique_ptr<Survival>> make();

  /// For a mount that another program has served, by its file(). ENOMEM; EINVAL for what is no such
  /// file; EPROTONOSUPPORT for records of another version.
  static Result<std::unique_ptr<Survival>> adopt(UniqueFd file);

  /// What adopt() takes; empty where no other program can have it.
  BorrowedFd file() const { return memory_.file(); }
  /// The version (records_version.h) of the records in a file; 0 for what is no such file.
  static uint32_t version_in(BorrowedFd file);

  /// Prepares this process for a begin() that takes little time: maps the records, and takes memory
  /// for the nodes to be made of them. Only reads; another daemon may serve.
  void prepare_to_begin() const;

  /// A daemon begins. Ends changes that the former one did not end. Before any other thread runs.
  void begin();

  overlay::NodeRecords& nodes() { return *nodes_; }
  HandleRecords& handles() { return *handles_; }

  /// The first request of the connection, which the kernel sends once.
  void keep_init(std::span<const char> request);
  std::span<const char> init() const;

  /// What was answered to it: FUSE_CAP_* that are in use.
  void keep_agreed(uint64_t features) { head().agreed = features; }
  uint64_t agreed() const { return head().agreed; }

  /// The last requests.
  RequestTrace::Ring& trace() { return head().trace; }

  /// Backing ids that the kernel has for this mount.
  void note_backing(int32_t id, bool is_open);
  bool has_backing(int32_t id) const;
  static constexpr int32_t kMostBackings = 1 << 20;

  /// A record for a reply that is about to be sent; null when all are taken.
  overlay::ReplyRecord* take_reply(uint64_t unique);
  /// Whether a reply is under way now.
  bool has_replies() const;
  /// The reply has been sent, and arrived or did not.
  void end_reply(overlay::ReplyRecord& reply);

  /// What the request asks for has been done; and its reply has been sent.
  void note_done(uint64_t unique);
  void end_done(uint64_t unique);

  /// Replies of the former daemon. `take_back` gets the record of the request that the kernel sends
  /// again; settle() says that no more will come.
  template <class TakeBack>
  void sent_again(uint64_t unique, TakeBack take_back) {
    for (overlay::ReplyRecord& reply : nodes_->replies()) {
      if (reply.unique.load(std::memory_order_acquire) != unique) continue;
      take_back(reply);
      // A note stays until there is an answer: this daemon may die before.
      if (reply.is_done == 0) {
        end_reply(reply);
      } else {
        reply.is_done = kSentAgainOnce;
      }
    }
  }
  void settle();

 private:
  struct Head {
    uint32_t version;
    std::atomic<uint32_t> init_length;
    std::atomic<uint64_t> agreed;
    std::array<char, 1024> init;
    std::array<std::atomic<uint64_t>, kMostBackings / 64> backings;
    RequestTrace::Ring trace;
  };

  static size_t size();
  explicit Survival(sys::SharedMemory memory) : memory_(std::move(memory)) {}
  Head& head() const { return *reinterpret_cast<Head*>(memory_.begin()); }

  sys::SharedMemory memory_;
  std::unique_ptr<overlay::NodeRecords> nodes_;
  std::unique_ptr<HandleRecords> handles_;
  /// Bits of free reply records.
  std::array<std::atomic<uint64_t>, overlay::NodeRecords::kReplies / 64> free_replies_ = {};
};

/// A reply's record, from before what it gives to the kernel until it has been sent.
class ReplyUnderWay {
 public:
  /// `survival` may be null.
  ReplyUnderWay(Survival* survival, uint64_t unique)
      : survival_(survival),
        record_(survival == nullptr ? nullptr : survival->take_reply(unique)) {}
  ReplyUnderWay(const ReplyUnderWay&) = delete;
  ReplyUnderWay& operator=(const ReplyUnderWay&) = delete;
  ~ReplyUnderWay() {
    if (record_ != nullptr) survival_->end_reply(*record_);
  }

  /// May be null.
  overlay::ReplyRecord* record() const { return record_; }

 private:
  Survival* const survival_;
  overlay::ReplyRecord* const record_;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_SURVIVAL_H_
