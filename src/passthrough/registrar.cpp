// SPDX-License-Identifier: MIT

#include "passthrough/registrar.h"

#include <fcntl.h>

#include <cstring>

#include "base/log.h"
#include "broker/served_file_systems.h"
#include "passthrough/backing_ids.h"
#include "sys/file_io.h"
#include "sys/open.h"
#include "sys/privileges.h"
#include "sys/stat.h"

namespace overpass::passthrough {

namespace {

/// Whether the broker takes the descriptor as it is for this purpose.
bool may_be_offered(int flags, bool for_writing) {
  return (flags & (O_PATH | O_APPEND)) == 0 &&
         (flags & O_ACCMODE) == (for_writing ? O_RDWR : O_RDONLY);
}

/// What a refusal means for the one file: never that its open fails.
Errno meaning_of(const broker::Refused& refused) {
  return refused.error != Errno{} ? refused.error : Errno{EPERM};
}

}  // namespace

std::string Registrar::find_broker(const std::string& path) {
  const std::string socket = path.empty() ? broker::Client::usual_path() : path;
  auto connection = broker::Client::connect(socket);
  auto mount_namespace = sys::open_mount_namespace();
  if (!connection || !mount_namespace) {
    const Errno error = connection ? mount_namespace.error() : connection.error();
    return "needs CAP_SYS_ADMIN in the initial user namespace, or the broker at '" + socket +
           "': " + std::strerror(to_int(error));
  }
  broker_ = std::make_unique<broker::Client>(std::move(*connection));
  mount_namespace_ = std::move(*mount_namespace);
  return {};
}

std::string Registrar::use_broker(BorrowedFd fuse) {
  const auto greeted = broker_->greet(fuse, mount_namespace_);
  mount_namespace_.reset();
  if (greeted) return {};
  broker_.reset();
  const auto [refusal, error] = greeted.error();
  if (refusal == broker::Refusal::Broken && error != Errno{}) {
    return std::string("the broker does not answer: ") + std::strerror(to_int(error));
  }
  return std::string("the broker refuses this mount: ") + broker::words_of(refusal);
}

Result<int32_t> Registrar::open(BorrowedFd file, bool for_writing) {
  return broker_ != nullptr ? ask_broker(file, for_writing) : open_backing(fuse_, file);
}

Result<int32_t> Registrar::ask_broker(BorrowedFd file, bool for_writing) {
  if (!broker_->is_connected()) return fail(ENOTCONN);
  if (!broker::is_served(TRY(sys::file_system_magic(file)))) return fail(EOPNOTSUPP);
  UniqueFd opened;
  BorrowedFd offered = file;
  if (!may_be_offered(TRY(sys::status_flags(file)), for_writing)) {
    // Not to wait for the holder of a lease.
    opened = TRY(sys::reopen(file, (for_writing ? O_RDWR : O_RDONLY) | O_NONBLOCK));
    offered = opened;
  }
  const auto id = broker_->register_file(offered);
  if (id) return *id;
  if (!broker_->is_connected()) {
    log::warn("the broker has gone: files opened for the first time are served by the daemon");
  }
  return fail(meaning_of(id.error()));
}

void Registrar::close(int32_t id) {
  if (broker_ != nullptr) {
    broker_->close_file(id);
  } else {
    close_backing(fuse_, id);
  }
}

int Registrar::flags_for_readers() const { return broker_ != nullptr ? O_RDONLY : O_PATH; }

bool Registrar::wants_writers_to_read() const { return broker_ != nullptr && is_usable(); }

const char* Registrar::name() const {
  if (broker_ != nullptr) return "broker";
  return raw(fuse_) >= 0 ? "daemon" : "none";
}

}  // namespace overpass::passthrough
