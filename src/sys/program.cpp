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
#include <string_view>
#include <vector>

#include "base/scope_exit.h"
#include "sys/errno_result.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/proc.h"

extern char** environ;

namespace overpass::sys {

namespace {

/// Where a standard stream comes from. What is empty is /dev/null, unless all are inherited.
struct Streams {
  std::optional<BorrowedFd> input = {};
  std::optional<BorrowedFd> output = {};
  bool inherits = false;
};

void redirect(posix_spawn_file_actions_t& actions, const Streams& streams) {
  if (!streams.inherits) {
    for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      (void)::posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0);
    }
  }
  if (streams.input) {
    (void)::posix_spawn_file_actions_adddup2(&actions, raw(*streams.input), STDIN_FILENO);
  }
  if (streams.output) {
    (void)::posix_spawn_file_actions_adddup2(&actions, raw(*streams.output), STDOUT_FILENO);
  }
}

Result<int> run(const Streams& streams, std::initializer_list<const char*> command) {
  std::vector<char*> words;
  for (const char* word : command) words.push_back(const_cast<char*>(word));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  if (const int error = ::posix_spawn_file_actions_init(&actions); error != 0) return fail(error);
  const ScopeExit destroy_actions([&] { (void)::posix_spawn_file_actions_destroy(&actions); });
  redirect(actions, streams);
  posix_spawnattr_t attributes;
  if (const int error = ::posix_spawnattr_init(&attributes); error != 0) return fail(error);
  const ScopeExit destroy_attributes([&] { (void)::posix_spawnattr_destroy(&attributes); });
  sigset_t none;
  sigemptyset(&none);
  (void)::posix_spawnattr_setsigmask(&attributes, &none);
  sigset_t usual;
  sigemptyset(&usual);
  if (streams.inherits) {
    sigaddset(&usual, SIGINT);
    sigaddset(&usual, SIGQUIT);
  }
  (void)::posix_spawnattr_setsigdefault(&attributes, &usual);
  (void)::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
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
  return run({.output = output}, command);
}

Result<int> run_reading(std::string_view text, std::initializer_list<const char*> command) {
  const UniqueFd input = TRY(open_in_memory());
  if (TRY(write_at(input, text, 0)) < text.size()) return fail(ENOSPC);
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  struct sigaction interrupt = {};
  struct sigaction quit = {};
  (void)::sigaction(SIGINT, &ignore, &interrupt);
  (void)::sigaction(SIGQUIT, &ignore, &quit);
  const ScopeExit put_back([&] {
    (void)::sigaction(SIGINT, &interrupt, nullptr);
    (void)::sigaction(SIGQUIT, &quit, nullptr);
  });
  return run({.input = input, .inherits = true}, command);
}

namespace {

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Errno execute(const std::vector<std::string>& words) {
  const std::vector<char*> pointers = pointers_to(words);
  sigset_t none;
  sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
  (void)::execvp(pointers[0], pointers.data());
  return static_cast<Errno>(errno);
}

Result<UniqueFd> open_own_program() {
  return UniqueFd(TRY(checked(::openat(raw(proc()), "self/exe", O_PATH | O_CLOEXEC))));
}

std::string own_program() {
  constexpr std::string_view kReplaced = " (deleted)";
  const auto link = read_link({proc(), "self/exe"});
  std::string path = link ? *link : std::string();
  if (path.ends_with(kReplaced)) path.resize(path.size() - kReplaced.size());
  return path;
}

Result<UniqueFd> open_program(const std::string& path) { return open_without_links(path.c_str()); }

Errno execute_file(BorrowedFd file, const std::vector<std::string>& words) {
  (void)::execveat(raw(file), "", pointers_to(words).data(), environ, AT_EMPTY_PATH);
  return static_cast<Errno>(errno);
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
