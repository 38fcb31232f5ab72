// SPDX-License-Identifier: MIT

#include "broker/allowance.h"

#include <cstring>
#include <span>

#include "sys/children.h"
#include "sys/unix_socket.h"

namespace overpass::broker {

namespace {

constexpr uint32_t kFilesAtOnce = 64;
constexpr uint32_t kRequestsAtOnce = 256;
/// One who was refused a line does not ask the server for each of the next.
constexpr uint64_t kNoLineMs = 1000;

}  // namespace

bool Allowance::take_request() {
  if (spare_requests_ == 0) spare_requests_ = ask({.requests_wanted = kRequestsAtOnce}).requests;
  if (spare_requests_ == 0) return false;
  --spare_requests_;
  return true;
}

bool Allowance::take_file() {
  if (spare_files_ == 0) spare_files_ = ask({.files_wanted = kFilesAtOnce}).files;
  if (spare_files_ == 0) return false;
  --spare_files_;
  ++files_;
  has_news_ = true;
  return true;
}

void Allowance::give_back_file() {
  --files_;
  ++spare_files_;
  has_news_ = true;
}

bool Allowance::take_line() {
  const uint64_t now = sys::monotonic_ms();
  if (now >= no_line_before_ && ask({.lines_wanted = 1}).lines > 0) return true;
  if (now >= no_line_before_) no_line_before_ = now + kNoLineMs;
  ++lines_left_out_;
  has_news_ = true;
  return false;
}

void Allowance::tell() { (void)send({}); }

bool Allowance::send(Report report) {
  const uint32_t surplus = spare_files_ > 2 * kFilesAtOnce ? spare_files_ - kFilesAtOnce : 0;
  report.files = files_;
  report.connection = connection_;
  report.given_back = surplus;
  report.lines_left_out = lines_left_out_;
  const auto bytes = std::as_bytes(std::span(&report, 1));
  if (!sys::send_packet(server_, bytes, {}, sys::Wait::Yes)) return false;
  spare_files_ -= surplus;
  lines_left_out_ = 0;
  has_news_ = false;
  return true;
}

Grant Allowance::ask(Report wanted) {
  Grant grant;
  wanted.wants_answer = 1;
  if (!send(wanted)) return {};
  const auto received =
      sys::receive_packet(server_, std::as_writable_bytes(std::span(&grant, 1)), sys::Wait::Yes);
  return received && received->size == sizeof grant ? grant : Grant{};
}

}  // namespace overpass::broker
