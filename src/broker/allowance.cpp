// SPDX-License-Identifier: MIT

#include "broker/allowance.h"

#include <cstring>
#include <span>

#include "sys/unix_socket.h"

namespace overpass::broker {

namespace {

constexpr uint32_t kFilesAtOnce = 64;
constexpr uint32_t kRequestsAtOnce = 256;

}  // namespace

bool Allowance::take_request() {
  if (spare_requests_ == 0) spare_requests_ = ask(0, kRequestsAtOnce).requests;
  if (spare_requests_ == 0) return false;
  --spare_requests_;
  return true;
}

bool Allowance::take_file() {
  if (spare_files_ == 0) spare_files_ = ask(kFilesAtOnce, 0).files;
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

void Allowance::tell() { (void)send(0, 0, false); }

bool Allowance::send(uint32_t files, uint32_t requests, bool wants_answer) {
  const uint32_t surplus = spare_files_ > 2 * kFilesAtOnce ? spare_files_ - kFilesAtOnce : 0;
  const Report report = {files_, connection_, surplus, files, requests, wants_answer ? 1U : 0U};
  const auto bytes = std::as_bytes(std::span(&report, 1));
  if (!sys::send_packet(server_, bytes, {}, sys::Wait::Yes)) return false;
  spare_files_ -= surplus;
  has_news_ = false;
  return true;
}

Grant Allowance::ask(uint32_t files, uint32_t requests) {
  Grant grant;
  if (!send(files, requests, true)) return {};
  const auto received =
      sys::receive_packet(server_, std::as_writable_bytes(std::span(&grant, 1)), sys::Wait::Yes);
  return received && received->size == sizeof grant ? grant : Grant{};
}

}  // namespace overpass::broker
