// SPDX-License-Identifier: MIT
//
// posix_spawn(3), so that a process with threads may do it.

#include "sys/program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <vector>

#include "base/scope_exit.h"
#include "sys/errno_result.h"

extern char** environ;

namespace overpass::sys {

Result<int> run_silently(std::initializer_list<const char*> command) {
  std::vector<char*> words;
  for (const char* word : command) words.push_back(const_cast<char*>(word));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  if (const int error = ::posix_spawn_file_actions_init(&actions); error != 0) return fail(error);
  const ScopeExit destroy_actions([&] { (void)::posix_spawn_file_actions_destroy(&actions); });
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    (void)::posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0);
  }
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

}  // namespace overpass::sys
