// SPDX-License-Identifier: MIT

#include "sys/pidfd.h"

#include <charconv>
#include <string>
#include <string_view>

#include "sys/errno_result.h"
#include "sys/file_io.h"

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 declares it for C only.
}

namespace overpass::sys {

Result<UniqueFd> open_process(pid_t pid) {
  const int fd = ::pidfd_open(pid, 0);
  if (fd < 0) return fail(errno);
  return UniqueFd(fd);
}

Result<pid_t> number_of_process(BorrowedFd process) {
  const std::string text = TRY(read_file("/proc/self/fdinfo/" + std::to_string(raw(process))));
  constexpr std::string_view kKey = "\nPid:\t";
  const size_t at = text.find(kKey);
  if (at == std::string::npos) return fail(EBADF);
  pid_t number = -1;  // So it is written when the process has ended.
  const char* digits = text.data() + at + kKey.size();
  (void)std::from_chars(digits, text.data() + text.size(), number);
  if (number <= 0) return fail(ESRCH);
  return number;
}

Result<void> send_signal(BorrowedFd process, int signal) {
  return checked_void(::pidfd_send_signal(raw(process), signal, nullptr, 0));
}

}  // namespace overpass::sys
