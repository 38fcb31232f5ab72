// SPDX-License-Identifier: MIT
//
// How handlers run: every exception is turned into an errno here and nowhere else, since nothing
// may unwind through libfuse; and what may take long is moved to a worker.

#ifndef OVERPASS_FUSE_HANDLE_H_
#define OVERPASS_FUSE_HANDLE_H_

#include <new>
#include <type_traits>
#include <utility>

#include "base/log.h"
#include "fuse/daemon.h"
#include "fuse/request.h"
#include "overlay/find/set_ids.h"
#include "overlay/state/copy_up_caller.h"
#include "overlay/state/must_wait.h"
#include "sys/fatal_signal.h"

namespace overpass::fuse {

/// Calls `work`, which returns a Result, and sends its outcome as the reply. False when it has to
/// be called once more, later (overlay::kMustWait); nothing has been answered then.
template <class ReplyType, class Work>
bool answer(ReplyType& reply, Work& work) {
  try {
    auto result = work();
    if (result.failed_with(overlay::kMustWait)) return false;
    if (!result) {
      reply.fail(result.error());
    } else if constexpr (std::is_void_v<typename decltype(result)::value_type>) {
      reply.send();
    } else {
      reply.send(*std::move(result));
    }
  } catch (const std::bad_alloc&) {
    if (!reply.is_answered()) reply.fail(Errno{ENOMEM});
  } catch (const std::exception& problem) {
    log::error("internal error: %s", problem.what());
    if (!reply.is_answered()) reply.fail(Errno{EIO});
  }
  return true;
}

/// Answers on this thread. `work` makes a few short system calls at most, and waits for nothing.
template <class ReplyType, class Work>
void answer_now(ReplyType reply, Work work) {
  if (!answer(reply, work)) reply.fail(Errno{EAGAIN});
}

template <class ReplyType, class Work>
void answer_again(ReplyType reply, Work work);

/// A task for a worker that answers. `work` owns what it uses: the request's buffer is gone by
/// then.
template <class ReplyType, class Work>
auto answering(ReplyType reply, Work work) {
  const fuse_ctx* context = fuse_req_ctx(reply.request());
  const overlay::CopyCaller caller{context->pid, context->uid};
  reply.set_unanswered(Errno{ENOMEM});  // Until then only want of memory or threads is in the way.
  return [caller, reply = std::move(reply), work = std::move(work)]() mutable {
    const overlay::OnBehalfOf behalf(caller);
    if (!answer(reply, work)) answer_again(std::move(reply), std::move(work));
  };
}

/// Answers on a worker.
template <class ReplyType, class Work>
void answer_later(ReplyType reply, Work work) {
  Daemon& daemon = daemon_of(reply.request());
  try {
    daemon.workers->submit(answering(std::move(reply), std::move(work)));
  } catch (const std::exception&) {
    // No memory: the reply was destroyed with the task and has answered.
  }
}

/// Answers on a worker, a little later; EINTR when the caller is being killed.
template <class ReplyType, class Work>
void answer_again(ReplyType reply, Work work) {
  Daemon& daemon = daemon_of(reply.request());
  if (sys::is_being_killed(fuse_req_ctx(reply.request())->pid)) return reply.fail(Errno{EINTR});
  try {
    daemon.workers->submit_again(answering(std::move(reply), std::move(work)));
  } catch (const std::exception&) {
    // As above.
  }
}

/// Answers on a worker if `is_long`, or if it turns out to have to wait.
template <class ReplyType, class Work>
void answer_where(bool is_long, ReplyType reply, Work work) {
  if (is_long) {
    answer_later(std::move(reply), std::move(work));
  } else if (!answer(reply, work)) {
    answer_again(std::move(reply), std::move(work));
  }
}

/// The daemon of a request that has just arrived, counted.
inline Daemon& arrived(fuse_req_t request, Opcode opcode) {
  Daemon& daemon = daemon_of(request);
  daemon.counters.count(opcode);
  return daemon;
}

/// The inode of a node id; ESTALE when the kernel's id is unknown.
inline Result<overlay::InodeRef> inode_at(Daemon& daemon, fuse_ino_t node) {
  auto inode = daemon.overlay.table.find(overlay::NodeId{node});
  if (!inode) return fail(ESTALE);
  return inode;
}

inline overlay::Caller caller_of(fuse_req_t request) {
  const fuse_ctx* context = fuse_req_ctx(request);
  return {context->uid, context->gid, context->umask};
}

/// `lacks_fsetid`: what the kernel says of that, with the requests where it does.
inline overlay::Changer changer_of(fuse_req_t request, std::optional<bool> lacks_fsetid = {}) {
  const fuse_ctx* context = fuse_req_ctx(request);
  return {context->pid, context->uid, context->gid, lacks_fsetid};
}

inline overlay::OpenFile* file_of(const fuse_file_info* info) {
  return info == nullptr ? nullptr : Handles<overlay::OpenFile>::at(info->fh);
}

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_HANDLE_H_
