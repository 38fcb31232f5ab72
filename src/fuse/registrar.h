// SPDX-License-Identifier: MIT
//
// Who registers the backing files of a mount: the daemon itself, where it may; else
// overpass-broker, where there is one; else nobody.

#ifndef OVERPASS_FUSE_REGISTRAR_H_
#define OVERPASS_FUSE_REGISTRAR_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "broker/link.h"
#include "fuse/survival.h"
#include "overlay/state/backing.h"

namespace overpass::fuse {

/// The backing files of a mount, which the overlay opens and closes as it needs them.
/// Threads: any, once it is set up.
class Registrar : public overlay::BackingFiles {
 public:
  /// By ioctls of this process.
  void use_own_right(BorrowedFd fuse) { fuse_ = fuse; }

  /// What becomes of a mount that finds the broker busy, or not started yet.
  enum class Asking {
    Once,   ///< It does without one.
    Again,  ///< It asks again later, and its data are passed through from then on.
  };

  /// Connects to the broker listening at `path`, or at the usual place when that is empty. Why the
  /// mount has to do without one, else empty. To be called before mounting: the mount may cover the
  /// path, and nobody serves it yet.
  std::string find_broker(const std::string& path, Asking asking);

  /// Has files of the mount of `fuse` registered by the broker that was found, or is asked later.
  /// `directories` of the layers below make that cheaper; they and `fuse` stay open until
  /// stop_asking(). Why the mount has to do without, else empty.
  std::string use_broker(BorrowedFd fuse, std::vector<BorrowedFd> directories);

  /// From now on the broker is asked again, by a thread of its own, whenever it is not usable. To
  /// be called once, after use_broker(), when the kernel passes through.
  void start_asking();
  void stop_asking();

  /// The kernel passes through. At INIT; before that there are no backing files.
  void set_available() { is_available_ = true; }
  bool is_available() const override { return is_available_; }

  /// Through the broker an id is good for as much as was asked: for writing, the daemon's user must
  /// have the right to write the file.
  Result<int32_t> open(BorrowedFd file, overlay::BackingUse use) override;
  void close(int32_t id) override;

  /// A former daemon of the mount has opened `id`, which close() will be called for.
  void adopt(int32_t id);

  /// The connection to the broker, for another program of the same mount; invalid without one.
  BorrowedFd broker() const { return link_ == nullptr ? BorrowedFd{-1} : link_->socket(); }
  /// In place of find_broker() and use_broker(), in such a program.
  void adopt_broker(UniqueFd connection);
  /// In a daemon that follows `lives` others, with what one of them has set up.
  void go_on_after(unsigned lives);

  /// What is open is noted there from now on.
  void note_in(Survival& survival) { survival_ = &survival; }
  /// The broker takes no O_PATH.
  int flags_for_readers() const override;
  bool wants_writers_to_read() const override;

  /// How many ids are open.
  int64_t count() const { return count_; }

  /// "daemon", "broker" or "none": who registers files now.
  const char* name() const;

  /// False while the broker has gone, or has not come yet.
  bool is_usable() const { return link_ == nullptr || link_->is_usable(); }

  /// Why it is not usable, and what is done about it.
  std::string why_not() const { return link_ == nullptr ? std::string() : link_->why_not(); }

 private:
  bool is_worth_waiting_for(const broker::NoBroker& none) const;
  Result<int32_t> ask_broker(BorrowedFd file, overlay::BackingUse use);

  BorrowedFd fuse_{-1};
  Survival* survival_ = nullptr;
  Asking asking_ = Asking::Once;
  std::unique_ptr<broker::BrokerLink> link_;
  bool is_available_ = false;
  std::atomic<int64_t> count_ = 0;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_REGISTRAR_H_
