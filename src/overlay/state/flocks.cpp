// SPDX-License-Identifier: MIT

#include "overlay/state/flocks.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "sys/thread_status.h"

namespace overpass::overlay {

using std::chrono::milliseconds;

uint64_t Flocks::domain_of(Inode& inode) {
  Lock lock(inode.mutex);
  return domain_of_locked(inode);
}

uint64_t Flocks::domain_of_locked(Inode& inode) {
  uint64_t& domain = inode.make_extras().flock_domain;
  if (domain == 0) domain = next_domain_++;
  return domain;
}

/// Whether the owner has the lock now. A lock of the other kind is lost either way.
bool Flocks::take(Domain& domain, const Request& request) {
  const auto own = std::ranges::find(domain.held, request.owner, &Held::owner);
  if (own != domain.held.end()) {
    if (own->kind == request.kind) return true;
    domain.held.erase(own);
  }
  const bool is_exclusive = request.kind == Kind::Exclusive;
  const bool conflicts = std::ranges::any_of(domain.held, [is_exclusive](const Held& held) {
    return is_exclusive || held.kind == Kind::Exclusive;
  });
  if (!conflicts) domain.held.push_back({request.owner, request.kind});
  return !conflicts;
}

/// Grants what waits and does not conflict any more.
void Flocks::grant(Domain& domain, Queue& decided) {
  for (auto one = domain.waiting.begin(); one != domain.waiting.end();) {
    const auto next = std::next(one);
    if (take(domain, one->request)) decided.splice(decided.end(), domain.waiting, one);
    one = next;
  }
}

void Flocks::answer_all(Queue& decided) {
  for (Waiting& one : decided) one.answer(std::move(one.result));
}

bool Flocks::lock(const Request& request, Answer answer) {
  Queue own, decided;
  own.push_back({next_number_++, request, Clock::now() + kReleaseDelay, std::move(answer)});
  Shard& shard = shard_of(request.domain);
  {
    Lock lock(shard.mutex);
    Domain& domain = shard.domains[request.domain];
    domain.held.reserve(domain.held.size() + domain.waiting.size() + 1);
    if (!take(domain, request)) domain.waiting.splice(domain.waiting.end(), own);
    // A conversion may have made room for others.
    grant(domain, decided);
  }
  const bool is_later = own.empty();
  answer_all(own);
  answer_all(decided);
  return is_later;
}

void Flocks::unlock(uint64_t number, uint64_t owner) {
  Queue decided;
  Shard& shard = shard_of(number);
  {
    Lock lock(shard.mutex);
    const auto found = shard.domains.find(number);
    if (found == shard.domains.end()) return;
    Domain& domain = found->second;
    std::erase_if(domain.held, [owner](const Held& held) { return held.owner == owner; });
    grant(domain, decided);
    if (domain.held.empty() && domain.waiting.empty()) shard.domains.erase(found);
  }
  answer_all(decided);
}

/// Answers one that waits with an error, unless it was decided meanwhile.
void Flocks::refuse(Shard& shard, uint64_t number, uint64_t waiter, Errno error) {
  Queue decided;
  {
    Lock lock(shard.mutex);
    const auto found = shard.domains.find(number);
    if (found == shard.domains.end()) return;
    Domain& domain = found->second;
    const auto one = std::ranges::find(domain.waiting, waiter, &Waiting::number);
    if (one == domain.waiting.end()) return;
    one->result = std::unexpected(error);
    decided.splice(decided.end(), domain.waiting, one);
    if (domain.held.empty() && domain.waiting.empty()) shard.domains.erase(found);
  }
  answer_all(decided);
}

void Flocks::attend_shard(Shard& shard, std::optional<milliseconds>& next) {
  struct Seen {
    Request request;
    uint64_t number;
    Clock::time_point until;
  };
  std::vector<Seen> seen;
  {
    Lock lock(shard.mutex);
    for (const auto& [number, domain] : shard.domains) {
      for (const Waiting& one : domain.waiting) {
        seen.push_back({one.request, one.number, one.until});
      }
    }
  }
  const auto now = Clock::now();
  for (const auto& [request, number, until] : seen) {
    std::optional<int> error;
    if (!request.waits) {
      if (until <= now) error = EWOULDBLOCK;
    } else if (const auto is_interrupted = sys::is_interrupted(request.thread); !is_interrupted) {
      error = ENOLCK;
    } else if (*is_interrupted) {
      error = EINTR;
    }
    if (error) {
      refuse(shard, request.domain, number, Errno{*error});
      continue;
    }
    const auto delay = request.waits ? kSignalDelay : std::chrono::ceil<milliseconds>(until - now);
    next = std::min(next.value_or(delay), delay);
  }
}

std::optional<milliseconds> Flocks::attend() {
  std::optional<milliseconds> next;
  for (Shard& shard : shards_) attend_shard(shard, next);
  return next;
}

void Flocks::end() {
  Queue decided;
  for (Shard& shard : shards_) {
    Lock lock(shard.mutex);
    for (auto& [number, domain] : shard.domains) decided.splice(decided.end(), domain.waiting);
  }
  for (Waiting& one : decided) one.result = fail(EINTR);
  answer_all(decided);
}

}  // namespace overpass::overlay
