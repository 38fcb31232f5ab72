// SPDX-License-Identifier: MIT
//
// The command that asked for it is answered by the daemon that follows: the kernel sends it again.

#include "fuse/replacement.h"

#include <poll.h>

#include <array>
#include <utility>

#include "sys/children.h"
#include "sys/event_fd.h"
#include "sys/namespaces.h"

namespace overpass::fuse {

Replacement::Replacement(const Life& life, Work work)
    : life_(life),
      work_(std::move(work)),
      end_(sys::make_event_fd().value_or(UniqueFd())),
      rules_(sys::make_event_fd().value_or(UniqueFd())),
      thread_([this] { listen(); }) {}

Replacement::~Replacement() {
  sys::raise_event(end_);
  thread_.join();
}

void Replacement::ask(const overlay::Caller& caller, std::string changes, Answer answer) {
  if (caller.is_sent_again) {
    // A former daemon asked for it, and either this one is the answer, or that one has died.
    return answer(life_.number().is_replacement ? Result<void>() : fail(ECANCELED));
  }
  if (!sys::shares_namespaces(caller.thread)) return answer(fail(EPERM));
  const auto taken = [&]() -> Result<void> {
    Lock lock(mutex_);
    if (is_over_) return fail(ECANCELED);
    if (asking_) return fail(EBUSY);
    asking_ = std::move(answer);
    return {};
  }();
  if (!taken) return answer(taken);
  life_.tell(ToKeeper::Replace, changes);
}

void Replacement::rules_have_changed() { sys::raise_event(rules_); }

std::string Replacement::why_not() const {
  Lock lock(mutex_);
  return why_not_;
}

void Replacement::listen() {
  for (;;) {
    std::array<pollfd, 3> watched = {pollfd{raw(end_), POLLIN, 0},
                                     pollfd{raw(life_.link()), POLLIN, 0},
                                     pollfd{raw(rules_), POLLIN, 0}};
    if (!sys::wait_for(watched, -1) || watched[0].revents != 0) break;
    if (watched[2].revents != 0) {
      sys::lower_event(rules_);
      work_.forget_names();
    }
    if (watched[1].revents == 0) continue;
    const auto word = life_.hear();
    if (!word) break;
    take(*word);
  }
  {
    Lock lock(mutex_);
    is_over_ = true;
  }
  refuse({"the keeper has died", "mount anew"});
}

void Replacement::take(const KeepersWord& word) {
  if (word.what == ToDaemon::Leave) work_.leave();
  if (word.what == ToDaemon::Refused) refuse(problem_in(word.content));
}

void Replacement::refuse(const Problem& reason) {
  Answer answer;
  {
    Lock lock(mutex_);
    why_not_ = reason.line();
    answer = std::exchange(asking_, nullptr);
  }
  if (answer) answer(fail(ECANCELED));
}

}  // namespace overpass::fuse
