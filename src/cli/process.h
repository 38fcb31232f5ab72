// SPDX-License-Identifier: MIT
//
// Starting and awaiting processes: what daemonising and running fusermount3 need from the system.

#ifndef OVERPASS_CLI_PROCESS_H_
#define OVERPASS_CLI_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::cli {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

/// Both ends close-on-exec.
Result<Pipe> make_pipe();

/// fork(2): 0 in the child.
Result<pid_t> fork_process();

/// The wait status of a child, when it has ended.
Result<int> wait_for(pid_t child);

/// "was killed by signal 11 (Segmentation fault)" or "ended with exit code 3".
std::string describe_wait_status(int status);

/// All of `text`, to a pipe.
Result<void> write_all(BorrowedFd fd, std::string_view text);

/// The descriptors that are open in this process.
std::vector<int> open_descriptors();

struct FinishedProgram {
  int status;          ///< As wait(2) gives it; 0 is success.
  std::string output;  ///< Standard output and error.
};

/// Runs a program found in PATH to its end. ENOENT when there is none.
Result<FinishedProgram> run_program(const std::vector<std::string>& command);

/// Waits until the process behind `pid` has ended, or for `timeout_ms`; whether it has.
Result<bool> wait_for_end_of(BorrowedFd pid_fd, int timeout_ms);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_PROCESS_H_
