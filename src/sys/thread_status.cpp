// SPDX-License-Identifier: MIT
//
// Texts of /proc/TID.
//
// When any signal ends a group of threads, the kernel makes SIGKILL pending for each of them.

#include "sys/thread_status.h"

#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>

#include "base/number.h"
#include "sys/proc.h"

namespace overpass::sys {

namespace {

constexpr ino_t kInitialUserNamespace = 0xEFFFFFFDU;  // PROC_USER_INIT_INO, linux/nsfs.h.

/// The number of the user namespace of a process; 0 when it may not be seen.
ino_t user_namespace(const std::string& process) {
  struct stat stat;
  return ::fstatat(raw(proc()), (process + "/ns/user").c_str(), &stat, 0) == 0 ? stat.st_ino : 0;
}

std::vector<gid_t> numbers_in(std::string_view list) {
  std::vector<gid_t> numbers;
  while (!list.empty()) {
    const size_t end = std::min(list.find(' '), list.size());
    if (const auto number = number_of<gid_t>(list.substr(0, end))) numbers.push_back(*number);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return numbers;
}

}  // namespace

Result<std::string> thread_status(pid_t thread) {
  if (thread <= 0 || !proc_has_own_numbers()) return fail(ESRCH);
  auto status = read_proc(std::to_string(thread) + "/status");
  if (!status) return fail(ESRCH);
  return status;
}

std::string_view status_field(std::string_view status, std::string_view key) {
  for (size_t at = status.find(key); at != std::string_view::npos; at = status.find(key, at + 1)) {
    const size_t end = at + key.size();
    const bool is_key = (at == 0 || status[at - 1] == '\n') && status.substr(end).starts_with(':');
    if (!is_key) continue;
    std::string_view value = status.substr(end + 1, status.find('\n', end) - end - 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    while (value.ends_with(' ')) value.remove_suffix(1);
    return value;
  }
  return {};
}

uint64_t status_bits(std::string_view status, std::string_view key) {
  return number_of<uint64_t>(status_field(status, key), 16).value_or(0);
}

bool ThreadRights::has_fsetid() const { return (capabilities >> CAP_FSETID & 1) != 0; }

bool ThreadRights::has_fowner() const { return (capabilities >> CAP_FOWNER & 1) != 0; }

Result<ThreadRights> rights_of(pid_t thread) {
  static const ino_t own = user_namespace("self");
  const std::string status = TRY(thread_status(thread));
  ThreadRights rights;
  rights.groups = numbers_in(status_field(status, "Groups"));
  rights.capabilities = status_bits(status, "CapEff");
  const ino_t theirs = user_namespace(std::to_string(thread));
  rights.hides_namespace = own == 0 || theirs == 0;
  rights.shares_namespace = !rights.hides_namespace && theirs == own;
  rights.in_initial_namespace = rights.shares_namespace && own == kInitialUserNamespace;
  return rights;
}

namespace {

constexpr uint64_t kKilled = uint64_t{1} << (SIGKILL - 1);

}  // namespace

bool is_being_killed(pid_t thread) {
  const auto status = thread_status(thread);
  if (!status) return false;
  return ((status_bits(*status, "SigPnd") | status_bits(*status, "ShdPnd")) & kKilled) != 0;
}

std::optional<bool> is_interrupted(pid_t thread) {
  const auto status = thread_status(thread);
  if (!status) return std::nullopt;
  const uint64_t for_thread = status_bits(*status, "SigPnd");
  const uint64_t for_process = status_bits(*status, "ShdPnd");
  const bool is_first = status_field(*status, "Tgid") == status_field(*status, "Pid");
  const uint64_t seen = for_thread | (is_first ? for_process : 0);
  const uint64_t blocked = status_bits(*status, "SigBlk");
  return (seen & ~blocked) != 0 || ((for_thread | for_process) & kKilled) != 0;
}

}  // namespace overpass::sys
