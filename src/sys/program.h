// SPDX-License-Identifier: MIT
//
// Running another program to its end, and catching what this process or programs that it runs write
// to standard error meanwhile.

#ifndef OVERPASS_SYS_PROGRAM_H_
#define OVERPASS_SYS_PROGRAM_H_

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// Runs a program that is found in PATH, with no signal blocked and with /dev/null as its standard
/// streams. Its wait status: 0 is success. ENOENT when there is no such program.
Result<int> run_silently(std::initializer_list<const char*> command);

/// The same with `output` as its standard output.
Result<int> run_into(BorrowedFd output, std::initializer_list<const char*> command);

/// The same with `text` as its standard input and this process's other streams. Until it has ended,
/// SIGINT and SIGQUIT are the program's alone. For a process with a single thread.
Result<int> run_reading(std::string_view text, std::initializer_list<const char*> command);

/// Becomes another program, found in PATH, with no signal blocked. Returns only when that failed:
/// ENOENT when there is none. `words` begin with its name.
Errno execute(const std::vector<std::string>& words);

/// While it lives, descriptor 2 is a pipe. For a process with a single thread. Where the pipe
/// cannot be made, nothing is captured. What does not fit in the pipe (64 KiB) is lost; no writer
/// waits.
/// This process's program (O_PATH). ENOENT without a procfs.
Result<UniqueFd> open_own_program();

/// The path of this process's program, when it was executed; it may have another file by now. Empty
/// if it cannot be told.
std::string own_program();

/// The program at `path` (O_PATH). ELOOP if a symbolic link is on the way.
Result<UniqueFd> open_program(const std::string& path);

/// execve(2) of `file` with the arguments `words`. Returns only why not. In place of execute(),
/// nothing is searched.
Errno execute_file(BorrowedFd file, const std::vector<std::string>& words);

class CapturedErrors {
 public:
  CapturedErrors();
  CapturedErrors(const CapturedErrors&) = delete;
  CapturedErrors& operator=(const CapturedErrors&) = delete;
  ~CapturedErrors();

  /// Puts descriptor 2 back and returns what was written. Call it once.
  std::string end();

  /// Writes the text from end() to standard error, where its reader expects it.
  void pass_on(const std::string& text) const;

 private:
  void put_back();

  UniqueFd pipe_;   ///< The reading end.
  UniqueFd saved_;  ///< What descriptor 2 was; empty when it is that again.
};

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_PROGRAM_H_
