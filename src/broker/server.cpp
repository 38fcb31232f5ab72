// SPDX-License-Identifier: MIT
//
// One loop, which never waits for a client: it neither receives from one nor sends to one, but for
// a single refusal that fits into any socket's buffer.

#include "broker/server.h"

#include <poll.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <list>
#include <vector>

#include "base/log.h"
#include "broker/allowance.h"
#include "broker/client_process.h"
#include "broker/confinement.h"
#include "broker/quotas.h"
#include "sys/children.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

namespace overpass::broker {

namespace {

/// How long a client's process may outlive the client. It has nothing to do then but to give the
/// ids back, which takes seconds where each has a clone of a mount; only a file server that does
/// not answer can keep it longer.
constexpr uint64_t kPatienceMs = 10'000;

/// So many connections are taken in a row: many, for the queue of those that wait is what one user
/// could keep full for the others; but clients that have been admitted are waiting meanwhile.
constexpr int kConnectionsAtOnce = 1024;

struct Client {
  pid_t child = 0;
  sys::Peer peer = {};
  UniqueFd process;         ///< pidfd of the client.
  UniqueFd link;            ///< To the child.
  uint32_t allowed = 0;     ///< Files of the account that the child has.
  uint32_t files = 0;       ///< As last reported.
  uint32_t connection = 0;  ///< As last reported.
  bool was_killed = false;
  uint64_t gone_since = 0;  ///< When the client was found to be gone; 0: not yet.
};

class Server {
 public:
  Server(UniqueFd listener, UniqueFd signals, const Limits& limits)
      : listener_(std::move(listener)), signals_(std::move(signals)), quotas_(limits) {}

  /// Until a signal ends it.
  void run() {
    while (!is_ending_) {
      const std::vector<pollfd> polled = wait();
      size_t at = kFirstClient;
      for (Client& client : clients_) {
        if (polled[at++].revents != 0) take_report(client);
        if (polled[at++].revents != 0) client.gone_since = sys::monotonic_ms();
      }
      if (polled[1].revents != 0) take_signals();
      end_late_children();
      if (polled[0].revents != 0) admit_those_who_wait();
      sum_up_when_due();
    }
    for (const Client& client : clients_) sys::kill_child(client.child);
    sum_up();
  }

 private:
  static constexpr size_t kFirstClient = 2;

  /// What has happened to the listener, the signals, and of each client the link and the pidfd.
  std::vector<pollfd> wait() {
    std::vector<pollfd> polled = {{raw(listener_.get()), POLLIN, 0},
                                  {raw(signals_.get()), POLLIN, 0}};
    bool is_any_late = false;
    for (const Client& client : clients_) {
      const bool is_late = client.gone_since != 0;
      is_any_late = is_any_late || (is_late && !client.was_killed);
      polled.push_back({raw(client.link.get()), POLLIN, 0});  // A negative one is passed over.
      polled.push_back({is_late ? -1 : raw(client.process.get()), POLLIN, 0});
    }
    if (!sys::wait_for(polled, timeout_ms(is_any_late))) is_ending_ = true;
    return polled;
  }

  int timeout_ms(bool is_any_late) const {
    const auto due = lines_.sums_due();
    if (!due) return is_any_late ? static_cast<int>(kPatienceMs) : -1;
    const uint64_t now = sys::monotonic_ms();
    const uint64_t left = *due > now ? *due - now : 0;
    return static_cast<int>(std::min(left, is_any_late ? kPatienceMs : LineQuota::kSumsMs));
  }

  void take_report(Client& client) {
    Report report;
    const auto received = sys::receive_packet(
        client.link, std::as_writable_bytes(std::span(&report, 1)), sys::Wait::No);
    if (!received || received->size != sizeof report) {
      client.link.reset();  // The child is ending; SIGCHLD follows.
      return;
    }
    const uid_t uid = client.peer.uid;
    const uint64_t now = sys::monotonic_ms();
    client.files = report.files;
    client.connection = report.connection;
    const uint32_t given_back = std::min(report.given_back, client.allowed);
    quotas_.give_back_files(uid, given_back);
    client.allowed -= given_back;
    lines_.leave_out(uid, report.lines_left_out, now);
    if (report.wants_answer == 0) return;
    Grant grant = {.files = quotas_.grant_files(uid, report.files_wanted),
                   .requests = quotas_.grant_requests(uid, report.requests_wanted, now)};
    if (report.lines_wanted > 0 && lines_.take(uid, now)) grant.lines = 1;
    client.allowed += grant.files;
    const auto bytes = std::as_bytes(std::span(&grant, 1));
    if (!sys::send_packet(client.link, bytes, {}, sys::Wait::No)) client.link.reset();
  }

  void take_signals() {
    while (const auto signal = sys::take_signal(signals_)) {
      if (*signal != SIGCHLD) is_ending_ = true;
    }
    while (const auto child = sys::reap_child()) {
      const auto found = std::find_if(clients_.begin(), clients_.end(),
                                      [&](const Client& client) { return client.child == *child; });
      if (found == clients_.end()) continue;
      while (!found->link.empty()) take_report(*found);  // Its last words.
      // One that had to be killed has not given its ids back, and the FUSE connection may live on:
      // they stay on its user's account.
      quotas_.leave(found->peer.uid, found->was_killed ? 0 : found->allowed);
      clients_.erase(found);
    }
  }

  void end_late_children() {
    const uint64_t now = sys::monotonic_ms();
    for (Client& client : clients_) {
      const bool is_late = client.gone_since != 0 && now - client.gone_since >= kPatienceMs;
      if (!is_late || client.was_killed) continue;
      say(client.peer, "its process does not end and is killed");
      sys::kill_child(client.child);
      client.was_killed = true;
    }
  }

  void admit_those_who_wait() {
    for (int i = 0; i < kConnectionsAtOnce; ++i) {
      auto socket = sys::accept_connection(listener_);
      if (!socket) return;  // None waits, or there is no memory: the next may fare better.
      admit(std::move(*socket));
    }
  }

  /// A client that comes too often costs four short system calls: to be taken, to be known, to be
  /// told, and to be let go.
  void admit(UniqueFd socket) {
    const auto peer = sys::peer_of(socket);
    if (!peer) return;
    const Refusal refusal = quotas_.admit(peer->uid, sys::monotonic_ms());
    if (refusal != Refusal::None) {
      say(*peer, "refused: %s", words_of(refusal));
      const Answer answer = {.refusal = static_cast<uint16_t>(refusal)};
      (void)sys::send_packet(socket, bytes_of(answer), {}, sys::Wait::No);
      return;
    }
    if (!start_process(std::move(socket), *peer)) quotas_.leave(peer->uid, 0);
  }

  /// False when the client has none.
  bool start_process(UniqueFd socket, const sys::Peer& peer) {
    auto process = sys::peer_process(socket, peer);
    if (!process) return false;  // It has ended.
    auto pair = sys::connected_pair();
    const auto child = pair ? sys::fork_process() : Result<pid_t>(fail(pair.error()));
    if (!child) {
      say(peer, "there is no process for it: %s", std::strerror(to_int(child.error())));
      return false;
    }
    if (*child == 0)
      serve_in_child(std::move(socket), std::move(*process), std::move(pair->second), peer);
    clients_.push_back({.child = *child,
                        .peer = peer,
                        .process = std::move(*process),
                        .link = std::move(pair->first)});
    return true;
  }

  /// A line of the log about a client, unless there have been too many about its user.
  [[gnu::format(printf, 3, 4)]] void say(const sys::Peer& peer, const char* format, ...) {
    const uint64_t now = sys::monotonic_ms();
    if (!lines_.take(peer.uid, now)) return lines_.leave_out(peer.uid, 1, now);
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log::error("pid %d uid %u %s", peer.pid, peer.uid, text);
  }

  void sum_up_when_due() {
    const auto due = lines_.sums_due();
    if (due && sys::monotonic_ms() >= *due) sum_up();
  }

  void sum_up() {
    for (const std::string& line : lines_.take_sums()) log::error("%s", line.c_str());
  }

  [[noreturn]] void serve_in_child(UniqueFd socket, UniqueFd process, UniqueFd link,
                                   const sys::Peer& peer) {
    std::vector<ListedClient> listed;
    if (peer.uid == 0) {
      for (const Client& client : clients_) listed.push_back(listed_as(client));
    }
    // The descriptors of the server and of other clients are closed by number; those who own them
    // here are never ended.
    sys::close_others({socket, process, link});
    serve_client({std::move(socket), std::move(process), std::move(link)}, peer, listed);
    sys::end_process(0);
  }

  static ListedClient listed_as(const Client& client) {
    return {.pid = client.peer.pid,
            .uid = client.peer.uid,
            .files = client.files,
            .connection = client.connection};
  }

  const UniqueFd listener_;
  const UniqueFd signals_;
  Quotas quotas_;
  LineQuota lines_;
  std::list<Client> clients_;
  bool is_ending_ = false;
};

}  // namespace

Expected<void> serve(UniqueFd listener, const Limits& limits) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&signals, signal);
  if (!sys::block_signals(signals)) return problem("signals cannot be blocked");
  auto descriptor = sys::signal_descriptor(signals);
  if (!descriptor) return problem("signals cannot be received");
  if (auto confined = confine_to_serving(); !confined) {
    return problem(std::string("the system calls cannot be bounded: ") +
                   std::strerror(to_int(confined.error())));
  }
  Server(std::move(listener), std::move(*descriptor), limits).run();
  return {};
}

}  // namespace overpass::broker
