// SPDX-License-Identifier: MIT
//
// Owners of file descriptors. UniqueFd is the only thing that closes one; functions borrow it as
// BorrowedFd, a named int that cannot be closed. There is no sentinel but "empty".

#ifndef OVERPASS_BASE_UNIQUE_FD_H_
#define OVERPASS_BASE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace overpass {

/// A file descriptor that another object owns, valid while the owner lives. May be AT_FDCWD.
enum class BorrowedFd : int {};

constexpr int raw(BorrowedFd fd) { return static_cast<int>(fd); }

class UniqueFd {
 public:
  UniqueFd() = default;
  /// Takes ownership of `fd`; a negative number makes an empty owner.
  explicit UniqueFd(int fd) : fd_(fd < 0 ? -1 : fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  bool empty() const { return fd_ < 0; }
  explicit operator bool() const { return !empty(); }
  BorrowedFd get() const { return BorrowedFd{fd_}; }
  operator BorrowedFd() const { return get(); }  // NOLINT: borrowing is what an owner is for.

  /// Gives up ownership.
  int release() { return std::exchange(fd_, -1); }

  void reset() {
    // EINTR and EIO leave the descriptor closed on Linux, and no data is read through it later.
    if (fd_ >= 0) (void)::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace overpass

#endif  // OVERPASS_BASE_UNIQUE_FD_H_
