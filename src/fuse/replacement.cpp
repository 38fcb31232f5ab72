// SPDX-License-Identifier: MIT
//
// The command that asked for it is answered by the daemon that follows: the kernel sends it again.

#include "fuse/replacement.h"

#include <poll.h>

#include <array>
#include <new>
#include <utility>

#include "base/log.h"
#include "fuse/request_origin.h"
#include "sys/children.h"
#include "sys/event_fd.h"
#include "sys/namespaces.h"

namespace overpass::fuse {

Replacement::Replacement(const Life& life, Work work, Events events)
    : life_(life),
      work_(std::move(work)),
      end_(std::move(events.end)),
      names_(std::move(events.names)),
      thread_([this] { listen(); }) {}

Replacement::~Replacement() {
  sys::raise_event(end_);
  thread_.join();
}

std::optional<ToKeeper> replacing_command(std::string_view name) {
  if (name == kReplace) return ToKeeper::Replace;
  if (name == kAddLayer) return ToKeeper::AddLayer;
  return {};
}

void Replacement::ask(const overlay::Caller& caller, ToKeeper what, std::string_view value,
                      Answer answer) {
  const uint64_t number = caller.request & ~kSentAgain;
  if (caller.is_sent_again) {
    // A former daemon asked for it, and either this one is the answer, or that one has died.
    return answer(life_.number().asked_by == number ? Result<void>() : fail(ECANCELED));
  }
  if (sizeof number + value.size() >= kLongestToKeeper) return answer(fail(E2BIG));
  if (!sys::shares_namespaces(caller.thread)) return answer(fail(EPERM));
  const auto taken = [&]() -> Result<void> {
    Lock lock(mutex_);
    if (is_over_) return fail(ECANCELED);
    if (asking_) return fail(EBUSY);
    asking_ = std::move(answer);
    adds_layer_ = what == ToKeeper::AddLayer;
    return {};
  }();
  if (!taken) return answer(taken);
  life_.tell(what, std::string(bytes_of(number)) + std::string(value));
}

void Replacement::names_have_changed() { sys::raise_event(names_); }

std::string Replacement::why_not() const {
  Lock lock(mutex_);
  return why_not_;
}

void Replacement::listen() {
  try {
    listen_until_end();
  } catch (const std::bad_alloc&) {
    log::error("no memory to listen to the keeper: the daemon cannot be replaced");
  }
  {
    Lock lock(mutex_);
    is_over_ = true;
  }
  try {
    refuse({"the keeper has died", "mount anew"});
  } catch (const std::bad_alloc&) {
    return;
  }
}

void Replacement::listen_until_end() {
  for (;;) {
    std::array<pollfd, 3> watched = {pollfd{raw(end_), POLLIN, 0},
                                     pollfd{raw(life_.link()), POLLIN, 0},
                                     pollfd{raw(names_), POLLIN, 0}};
    if (!sys::wait_for(watched, -1) || watched[0].revents != 0) return;
    if (watched[2].revents != 0) {
      sys::lower_event(names_);
      work_.forget_names();
    }
    if (watched[1].revents == 0) continue;
    const auto word = life_.hear();
    if (!word) return;
    take(*word);
  }
}

void Replacement::take(const Word<ToDaemon>& word) {
  if (word.what == ToDaemon::Leave) {
    const bool adds_layer = [&] {
      Lock lock(mutex_);
      return adds_layer_;
    }();
    work_.leave(adds_layer);
  }
  if (word.what == ToDaemon::Refused) refuse(problem_in(word.content));
}

void Replacement::refuse(const Problem& reason) {
  Answer answer;
  {
    Lock lock(mutex_);
    why_not_ = reason.line();
    answer = std::exchange(asking_, nullptr);
    adds_layer_ = false;
  }
  if (answer) answer(fail(ECANCELED));
}

}  // namespace overpass::fuse
