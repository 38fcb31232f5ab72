// SPDX-License-Identifier: MIT
//
// copy_file_range(2), for no longer than a caller should wait for one answer. A call that the
// kernel has begun cannot be ended, and callers ask for everything at once. So several calls copy
// the range, and the time of each call sets the length of the next. Where the file system shares
// blocks instead of copying them, a few calls do it all.

#include <algorithm>
#include <chrono>

#include "overlay/find/locate.h"
#include "overlay/find/protection.h"
#include "overlay/find/quick_copy.h"
#include "overlay/open/copyattr.h"
#include "overlay/open/file_io.h"
#include "overlay/open/open_file.h"
#include "overlay/state/caller.h"
#include "overlay/state/overlay.h"
#include "sys/credentials.h"
#include "sys/file_io.h"
#include "sys/stat.h"
#include "sys/thread_status.h"

namespace overpass::overlay {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr size_t kFirstPart = size_t{8} << 20;
constexpr size_t kSmallestPart = size_t{1} << 20;
/// A call should take about so long, unless it does all that is left.
constexpr auto kTimeOfPart = 20ms;
/// After this the caller gets what has been copied, and can look after its signals.
constexpr auto kTimeOfAnswer = 500ms;

/// The next part's length, after `part` took so long.
size_t next_part(size_t part, Clock::duration took) {
  if (took < kTimeOfPart / 4) return part * 4;
  if (took < kTimeOfPart / 2) return part * 2;
  return took > kTimeOfPart ? std::max(part / 2, kSmallestPart) : part;
}

/// kMustWait, for a caller that may not wait, unless few bytes are copied, which are in memory.
/// Where blocks are shared instead, what was written last has to reach the disk before.
Result<void> check_quick(const Overlay& overlay, const Caller& caller, layer::LayerIndex layer,
                         BorrowedFd source, off_t offset, size_t length) {
  if (caller.may_wait) return {};
  const layer::LayerStack& stack = overlay.stack;
  const bool takes_a_server = stack.layers[layer].is_remote || stack.upper().is_remote;
  if (takes_a_server || stack.workdir.features().reflinks) return fail(kMustWait);
  const auto size = static_cast<off_t>(TRY(sys::stat(sys::place_of(source))).stx_size);
  const off_t left = std::max<off_t>(size - offset, 0);
  return check_quick_to_read(source, offset, std::min(length, static_cast<size_t>(left)));
}

}  // namespace

Result<size_t> copy_range(Overlay& overlay, const Caller& caller, OpenFile& from, off_t from_offset,
                          OpenFile& to, off_t to_offset, size_t length) {
  TRY(check_protection(overlay, *current(to.inode()), /*appending=*/true));
  // The kernel then copies by reading, which is passed through.
  if (reads_what_was(from)) return fail(EOPNOTSUPP);
  const SharedFd source = TRY(from.content(overlay));
  TRY(check_quick(overlay, caller, from.layer(), source->fd, from_offset, length));
  const SharedFd target = TRY(to.content(overlay));
  ContentChange change(overlay, to.inode(), to_offset + static_cast<off_t>(length));
  const sys::KeepingSetgid keeping(change.take_set_ids(target->fd, caller));
  const CountedRead counted(from);
  const Clock::time_point begin = Clock::now();
  Clock::time_point before = begin;
  size_t part = kFirstPart;
  size_t done = 0;
  while (done < length) {
    const auto offset = static_cast<off_t>(done);
    const size_t wanted = std::min(part, length - done);
    const auto copied = sys::copy_file_range(source->fd, from_offset + offset, target->fd,
                                             to_offset + offset, wanted);
    // A failure after the first part is reported by the caller's next request, which fails again.
    if (!copied && done == 0) {
      copyattr_now(std::move(change), target->fd);
      return fail(copied.error());
    }
    if (!copied || *copied == 0) break;
    done += *copied;
    const Clock::time_point now = Clock::now();
    if (done == length || now - begin >= kTimeOfAnswer) break;
    if (sys::is_being_killed(caller.thread)) break;
    part = next_part(part, now - before);
    before = now;
  }
  copyattr_now(std::move(change), target->fd);
  return done;
}

}  // namespace overpass::overlay
