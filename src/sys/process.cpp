// SPDX-License-Identifier: MIT

#include "sys/process.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "sys/directory_stream.h"
#include "sys/errno_result.h"
#include "sys/open.h"
#include "sys/proc.h"
#include "sys/stat.h"

namespace overpass::sys {

Result<size_t> count_open_descriptors() {
  const Stat files = TRY(stat(place_of(own_files())));
  if (files.stx_size > 0) return files.stx_size;  // Linux 6.2 and later say it.
  const UniqueFd fd = TRY(open_at(own_files(), ".", O_RDONLY | O_DIRECTORY));
  size_t count = 0;
  TRY(for_each_entry(fd, [&](const DirectoryEntry&) -> Result<void> {
    ++count;
    return {};
  }));
  return count - 1;  // Without the one used for counting.
}

uint64_t descriptor_limit() {
  struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  (void)::getrlimit(RLIMIT_NOFILE, &limit);  // Cannot fail.
  return limit.rlim_cur;
}

unsigned usable_processors() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) < 0) return 1;
  return static_cast<unsigned>(CPU_COUNT(&set));
}

Result<void> block_signals(const sigset_t& signals) {
  const int error = ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  if (error != 0) return fail(error);
  return {};
}

Result<void> let_interrupt(int signal) {
  struct sigaction action = {};
  action.sa_handler = [](int) {};  // No SA_RESTART.
  return checked_void(::sigaction(signal, &action, nullptr));
}

void set_name(const char* name) { (void)::prctl(PR_SET_NAME, name); }

bool has_terminal() {
  // Behind the name in parentheses, which may have any character: state, parent, group, session,
  // terminal (proc(5)).
  const std::string stat = read_proc("self/stat").value_or("");
  const size_t end = stat.rfind(')');
  if (end == std::string::npos) return false;
  std::istringstream fields(stat.substr(end + 1));
  std::string skipped;
  long terminal = 0;
  fields >> skipped >> skipped >> skipped >> skipped >> terminal;
  return terminal != 0;
}

bool maps_file_of(dev_t device) {
  // "BEGIN-END MODES OFFSET MAJOR:MINOR INODE PATH", in hexadecimal but for the inode (proc(5)).
  std::istringstream lines(read_proc("self/maps").value_or(""));
  std::array<char, 16> wanted;
  (void)std::snprintf(wanted.data(), wanted.size(), "%02x:%02x", major(device), minor(device));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string skipped;
    std::string found;
    fields >> skipped >> skipped >> skipped >> found;
    if (found == wanted.data()) return true;
  }
  return false;
}

long waits_of_this_thread() {
  rusage usage = {};
  (void)::getrusage(RUSAGE_THREAD, &usage);  // Cannot fail.
  return usage.ru_nvcsw;
}

void bound_kept_memory() {
#ifdef __GLIBC__
  // To set one ends the adjustment of both. Buffers of requests stay below the first, so that none
  // costs an mmap(2).
  constexpr int kMapped = 4 << 20;
  constexpr int kKeptAtTheEnd = 256 << 10;
  (void)::mallopt(M_MMAP_THRESHOLD, kMapped);
  (void)::mallopt(M_TRIM_THRESHOLD, kKeptAtTheEnd);
  (void)::mallopt(M_ARENA_MAX, static_cast<int>(usable_processors()));
#endif
}

void take_memory_ahead(size_t bytes) {
#ifdef __GLIBC__
  constexpr size_t kPiece = size_t{16} << 20;  // What the allocator takes from its heap.
  (void)::mallopt(M_MMAP_THRESHOLD, 2 * kPiece);
  (void)::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  std::vector<std::unique_ptr<char, decltype(&std::free)>> pieces;
  for (size_t taken = 0; taken < bytes; taken += kPiece) {
    auto& piece = pieces.emplace_back(static_cast<char*>(std::malloc(kPiece)), &std::free);
    if (piece == nullptr) return;
    for (size_t at = 0; at < kPiece; at += 4096) {
      *static_cast<volatile char*>(piece.get() + at) = 0;
    }
  }
#else
  (void)bytes;
#endif
}

void give_back_memory() {
#ifdef __GLIBC__
  (void)::malloc_trim(0);
#endif
}

}  // namespace overpass::sys
