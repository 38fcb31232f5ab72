// SPDX-License-Identifier: MIT
//
// posix_spawn(3), so that a process with threads may do it.
//
// Both ends are non-blocking: programs that outlive the capture keep their end of the pipe.

#include "sys/program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <optional>
#include <vector>

#include "base/scope_exit.h"
#include "sys/errno_result.h"

extern char** environ;

namespace overpass::sys {

namespace {

/// Where `output` is empty, it is /dev/null.
Result<int> run(std::optional<BorrowedFd> output, std::initializer_list<const char*> command) {
  std::vector<char*> words;
  for (const char* word : command) words.push_back(const_cast<char*>(word));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  if (const int error = ::posix_spawn_file_actions_init(&actions); error != 0) return fail(error);
  const ScopeExit destroy_actions([&] { (void)::posix_spawn_file_actions_destroy(&actions); });
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    (void)::posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0);
  }
  if (output) (void)::posix_spawn_file_actions_adddup2(&actions, raw(*output), STDOUT_FILENO);
  posix_spawnattr_t attributes;
  if (const int error = ::posix_spawnattr_init(&attributes); error != 0) return fail(error);
  const ScopeExit destroy_attributes([&] { (void)::posix_spawnattr_destroy(&attributes); });
  sigset_t none;
  sigemptyset(&none);
  (void)::posix_spawnattr_setsigmask(&attributes, &none);
  (void)::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, words[0], &actions, &attributes, words.data(), environ);
  if (error != 0) return fail(error);
  int status = 0;
  for (;;) {
    const auto waited = checked(::waitpid(child, &status, 0));
    if (waited) return status;
    if (!waited.failed_with(EINTR)) return std::unexpected(waited.error());
  }
}

}  // namespace

Result<int> run_silently(std::initializer_list<const char*> command) { return run({}, command); }

Result<int> run_into(BorrowedFd output, std::initializer_list<const char*> command) {
  return run(output, command);
}

CapturedErrors::CapturedErrors() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return;
  pipe_ = UniqueFd(ends[0]);
  const UniqueFd write_end(ends[1]);
  UniqueFd saved(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!saved || ::dup2(raw(write_end), STDERR_FILENO) < 0) return;
  saved_ = std::move(saved);
}

CapturedErrors::~CapturedErrors() { put_back(); }

void CapturedErrors::put_back() {
  if (saved_) (void)::dup2(raw(saved_), STDERR_FILENO);
  saved_.reset();
}

void CapturedErrors::pass_on(const std::string& text) const {
  // There is no other place to say that it did not arrive.
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

std::string CapturedErrors::end() {
  put_back();
  std::string text;
  std::array<char, 4096> piece;
  for (;;) {
    const ssize_t count = pipe_ ? ::read(raw(pipe_), piece.data(), piece.size()) : 0;
    if (count <= 0) return text;
    text.append(piece.data(), static_cast<size_t>(count));
  }
}

}  // namespace overpass::sys
