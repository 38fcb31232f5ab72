// SPDX-License-Identifier: MIT

#include "broker/address.h"

#include <fcntl.h>

#include <climits>

#include "broker/client.h"
#include "sys/open.h"
#include "sys/place.h"
#include "sys/proc.h"

namespace overpass::broker {

namespace {

/// Cuts the last component off; what is left is the directory of it, never empty.
std::string cut_name(std::string& path) {
  const size_t slash = path.rfind('/');
  std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1);
  path = slash == std::string::npos ? "." : path.substr(0, slash + (slash == 0 ? 1 : 0));
  return name;
}

}  // namespace

Result<BrokerAddress> BrokerAddress::find(const std::string& path) {
  BrokerAddress address;
  std::string directory = path;
  address.socket_ = cut_name(directory);
  if (address.socket_.empty() || address.socket_.size() > NAME_MAX) return fail(ENAMETOOLONG);
  address.directory_ = TRY(sys::open_path(directory.c_str(), O_PATH | O_DIRECTORY));
  address.name_ = cut_name(directory);
  address.above_ = TRY(sys::open_path(directory.c_str(), O_PATH | O_DIRECTORY));
  return address;
}

Result<UniqueFd> BrokerAddress::connect(int patience_ms) {
  auto connection = connect_here(patience_ms);
  const bool is_none = connection.failed_with(ENOENT) || connection.failed_with(ECONNREFUSED);
  if (!is_none || name_.empty()) return connection;
  auto again = sys::open_on_same_mount(above_, name_.c_str(), O_PATH | O_DIRECTORY);
  if (!again) return connection;
  directory_ = std::move(*again);
  return connect_here(patience_ms);
}

Result<UniqueFd> BrokerAddress::connect_here(int patience_ms) const {
  const sys::ProcPath path(sys::Place{directory_, socket_.c_str()});
  return Client::connect(path.c_str(), patience_ms);
}

}  // namespace overpass::broker
