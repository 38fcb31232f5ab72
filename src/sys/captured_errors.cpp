// SPDX-License-Identifier: MIT
//
// Both ends are non-blocking: programs that outlive the capture keep their end of the pipe.

#include "sys/captured_errors.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace overpass::sys {

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
