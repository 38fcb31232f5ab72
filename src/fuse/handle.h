// SPDX-License-Identifier: MIT
//
// How handlers run. Every exception becomes an errno here and nowhere else, since nothing may
// unwind through libfuse. Work that may take long is moved to a worker.

#ifndef OVERPASS_FUSE_HANDLE_H_
#define OVERPASS_FUSE_HANDLE_H_

#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/log.h"
#include "fuse/daemon.h"
#include "fuse/request.h"
#include "overlay/state/caller.h"
#include "sys/thread_status.h"

namespace overpass::fuse {

/// Calls `work` for `caller` and sends its outcome as the reply. False when it has to be called
/// once more, later (overlay::kMustWait); nothing has been answered then.
template <class ReplyType, class Work>
bool try_to_answer(ReplyType& reply, const overlay::Caller& caller, Work& work) {
  try {
    auto result = work(caller);
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

/// Answers on this thread, by `work` that takes no caller since it waits for nothing: a few short
/// system calls at most.
template <class ReplyType, class Work>
void answer_now(ReplyType reply, Work work) {
  auto alone = [&work](const overlay::Caller&) { return work(); };
  if (!try_to_answer(reply, {}, alone)) reply.fail(Errno{EAGAIN});
}

/// Has `work` answer on a worker: now, or a little later when it has found something in the way
/// that only time takes away. EINTR when the caller is being killed meanwhile. `work` owns what it
/// uses: the request's buffer is gone by then.
template <class ReplyType, class Work>
void answer_on_worker(ReplyType reply, const overlay::Caller& caller, Work work, bool is_again) {
  Daemon& daemon = daemon_of(reply.request());
  if (is_again && sys::is_being_killed(caller.thread)) return reply.fail(Errno{EINTR});
  reply.set_unanswered(Errno{ENOMEM});  // Until then only want of memory or threads is in the way.
  auto task = [&gate = daemon.gate, caller = caller.waiting(), reply = std::move(reply),
               work = std::move(work)]() mutable {
    const Gate::Pass pass(gate);
    if (try_to_answer(reply, caller, work)) return;
    answer_on_worker(std::move(reply), caller, std::move(work), /*is_again=*/true);
  };
  try {
    if (is_again) {
      daemon.workers->submit_again(std::move(task));
    } else {
      daemon.workers->submit(std::move(task));
    }
  } catch (const std::exception&) {
    // No memory: the reply was destroyed with the task and has answered.
  }
}

/// Answers with `work(caller)`. Runs it on this thread, where it may not wait; runs it again on a
/// worker if it returns kMustWait.
template <class ReplyType, class Work>
void answer(ReplyType reply, const overlay::Caller& caller, Work work) {
  if (try_to_answer(reply, caller, work)) return;
  answer_on_worker(std::move(reply), caller, std::move(work), /*is_again=*/false);
}

/// The daemon of a request that has just arrived, counted. It is not answered.
inline Daemon& arrived(fuse_req_t request, Opcode opcode) {
  Daemon& daemon = daemon_of(request);
  daemon.counters.count(opcode);
  return daemon;
}

/// The same for a request that is answered. The next reply that is made on this thread is its own.
inline Daemon& arrived(fuse_req_t request, Opcode opcode, fuse_ino_t node) {
  Daemon& daemon = arrived(request, opcode);
  Reply::expect(daemon.trace.begin(opcode, node, fuse_req_ctx(request)->pid));
  return daemon;
}

/// The inode of a node id; ESTALE when the kernel's id is unknown.
inline Result<overlay::InodeRef> inode_at(Daemon& daemon, fuse_ino_t node) {
  auto inode = daemon.overlay.table.find(overlay::NodeId{node});
  if (!inode) return fail(ESTALE);
  return inode;
}

/// The caller of the request, for a serving thread. `lacks_fsetid`: the kernel's word that the
/// caller lacks CAP_FSETID, where the request carries it.
inline overlay::Caller caller_of(fuse_req_t request, std::optional<bool> lacks_fsetid = {}) {
  const fuse_ctx* context = fuse_req_ctx(request);
  return {.uid = context->uid,
          .gid = context->gid,
          .umask = context->umask,
          .thread = context->pid,
          .lacks_fsetid = lacks_fsetid,
          .may_wait = false,
          .is_sent_again = (unique_of_request() & kSentAgain) != 0,
          .request = unique_of_request()};
}

inline overlay::OpenFile* file_of(const Daemon& daemon, const fuse_file_info* info) {
  return info == nullptr ? nullptr : daemon.files.at(info->fh);
}

/// The same for a request that needs one. EIO, answered, for a file that was lost with a former
/// daemon: null then.
inline overlay::OpenFile* file_or_refuse(const Daemon& daemon, fuse_req_t request,
                                         const fuse_file_info* info) {
  overlay::OpenFile* const file = file_of(daemon, info);
  if (file == nullptr) Reply(request).fail(Errno{EIO});
  return file;
}

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_HANDLE_H_
