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
#include "overlay/copy_up_caller.h"

namespace overpass::fuse {

/// Calls `work`, which returns a Result, and sends its outcome as the reply.
template <class ReplyType, class Work>
void answer(ReplyType& reply, Work& work) {
  try {
    auto result = work();
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
}

/// Answers on this thread. `work` makes a few short system calls at most.
template <class ReplyType, class Work>
void answer_now(ReplyType reply, Work work) {
  answer(reply, work);
}

/// Answers on a worker. `work` owns what it uses: the request's buffer is gone by then.
template <class ReplyType, class Work>
void answer_later(ReplyType reply, Work work) {
  Daemon& daemon = daemon_of(reply.request());
  const pid_t caller = fuse_req_ctx(reply.request())->pid;
  reply.set_unanswered(Errno{ENOMEM});  // Until then only want of memory or threads is in the way.
  try {
    daemon.workers->submit([caller, reply = std::move(reply), work = std::move(work)]() mutable {
      const overlay::OnBehalfOf behalf(caller);
      answer(reply, work);
    });
  } catch (const std::exception&) {
    // No memory: the reply was destroyed with the task and has answered.
  }
}

/// Answers on a worker if `is_long`.
template <class ReplyType, class Work>
void answer_where(bool is_long, ReplyType reply, Work work) {
  if (is_long) {
    answer_later(std::move(reply), std::move(work));
  } else {
    answer(reply, work);
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

inline overlay::OpenFile* file_of(const fuse_file_info* info) {
  return info == nullptr ? nullptr : Handles<overlay::OpenFile>::at(info->fh);
}

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_HANDLE_H_
