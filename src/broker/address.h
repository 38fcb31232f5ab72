// SPDX-License-Identifier: MIT
//
// Where the broker listens, for a daemon that looks for it again later. By then a mount may cover
// the path, perhaps the daemon's own, in which a thread of it must look up nothing: so the
// directory is held open, and the one above it, from which it is found again if it was removed and
// made anew.

#ifndef OVERPASS_BROKER_ADDRESS_H_
#define OVERPASS_BROKER_ADDRESS_H_

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::broker {

/// Not for several threads.
class BrokerAddress {
 public:
  /// Of none.
  BrokerAddress() = default;

  /// Of the socket at `path`, which need not exist; errors are those of its directory. To be called
  /// before mounting.
  static Result<BrokerAddress> find(const std::string& path);

  /// A connection; see Client::connect().
  Result<UniqueFd> connect(int patience_ms);

 private:
  Result<UniqueFd> connect_here(int patience_ms) const;

  std::string socket_;  ///< Its name in
  UniqueFd directory_;  ///< this directory, whose name is
  std::string name_;    ///< this; empty: it cannot be removed,
  UniqueFd above_;      ///< here.
};

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_ADDRESS_H_
