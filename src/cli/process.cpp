// SPDX-License-Identifier: MIT
//
// Thin wrappers; interrupted calls are repeated.

#include "cli/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "sys/errno_result.h"
#include "sys/file_io.h"

extern char** environ;

namespace overpass::cli {

namespace {

/// Repeats a system call while a signal interrupts it.
template <class Call>
auto uninterrupted(Call call) -> Result<decltype(call())> {
  for (;;) {
    auto result = sys::checked(call());
    if (!result.failed_with(EINTR)) return result;
  }
}

}  // namespace

Result<Pipe> make_pipe() {
  int ends[2];
  TRY(sys::checked_void(::pipe2(ends, O_CLOEXEC)));
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<pid_t> fork_process() { return sys::checked(::fork()); }

Result<int> wait_for(pid_t child) {
  int status = 0;
  TRY(uninterrupted([&] { return ::waitpid(child, &status, 0); }));
  return status;
}

std::string describe_wait_status(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return "was killed by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
  }
  return "ended with exit code " + std::to_string(WEXITSTATUS(status));
}

Result<void> write_all(BorrowedFd fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count =
        TRY(uninterrupted([&] { return ::write(raw(fd), text.data(), text.size()); }));
    text.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

std::vector<int> open_descriptors() {
  std::vector<int> numbers;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const std::string name = entry.path().filename();
    int number = -1;
    (void)std::from_chars(name.data(), name.data() + name.size(), number);
    // The iterator's own descriptor is gone by the time anybody looks.
    if (number >= 0) numbers.push_back(number);
  }
  if (error) {  // Without /proc each possible number is asked for.
    constexpr long kMost = 65536;
    const long count = std::min(::sysconf(_SC_OPEN_MAX), kMost);
    for (int number = 0; number < count; ++number) numbers.push_back(number);
  }
  std::erase_if(numbers, [](int number) { return ::fcntl(number, F_GETFD) < 0; });
  return numbers;
}

Result<FinishedProgram> run_program(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  Pipe pipe = TRY(make_pipe());
  posix_spawn_file_actions_t actions;
  if (const int error = ::posix_spawn_file_actions_init(&actions); error != 0) return fail(error);
  (void)::posix_spawn_file_actions_adddup2(&actions, raw(pipe.write), STDOUT_FILENO);
  (void)::posix_spawn_file_actions_adddup2(&actions, raw(pipe.write), STDERR_FILENO);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ);
  (void)::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail(error);
  pipe.write.reset();
  std::string output = sys::read_to_end(pipe.read).value_or("");
  return FinishedProgram{TRY(wait_for(child)), std::move(output)};
}

Result<bool> wait_for_end_of(BorrowedFd pid_fd, int timeout_ms) {
  pollfd waited = {raw(pid_fd), POLLIN, 0};
  return TRY(uninterrupted([&] { return ::poll(&waited, 1, timeout_ms); })) > 0;
}

}  // namespace overpass::cli
