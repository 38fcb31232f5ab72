// SPDX-License-Identifier: MIT

#include "fuse/registrar.h"

#include <fcntl.h>

#include "base/log.h"
#include "broker/served_file_systems.h"
#include "sys/file_io.h"
#include "sys/fuse_backing.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::fuse {

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

std::string Registrar::find_broker(const std::string& path, Asking asking) {
  asking_ = asking;
  auto link = broker::BrokerLink::find(path.empty() ? broker::Client::usual_path() : path);
  if (!link) return link.error().reason;
  const auto connected = (*link)->connect();
  if (!connected && !is_worth_waiting_for(connected.error())) return connected.error().reason;
  link_ = std::move(*link);
  return {};
}

std::string Registrar::use_broker(BorrowedFd fuse, std::vector<BorrowedFd> directories) {
  const auto greeted = link_->greet(fuse, std::move(directories));
  if (greeted || is_worth_waiting_for(greeted.error())) return {};
  link_.reset();
  return greeted.error().reason;
}

bool Registrar::is_worth_waiting_for(const broker::NoBroker& none) const {
  return asking_ == Asking::Again && none.may_come;
}

void Registrar::start_asking() {
  // A later connection would end with the daemon, and what it registered with it.
  if (link_ != nullptr && survival_ == nullptr) link_->ask_again_when_lost();
}

void Registrar::stop_asking() {
  if (link_ != nullptr) link_->stop_asking();
}

Result<int32_t> Registrar::open(BorrowedFd file, overlay::BackingUse use) {
  auto id = link_ != nullptr ? ask_broker(file, use) : sys::open_backing(fuse_, file);
  if (id) ++count_;
  if (id && survival_ != nullptr) survival_->note_backing(*id, /*is_open=*/true);
  if (!id) log::debug("a file is not passed through: errno %d", to_int(id.error()));
  return id;
}

Result<int32_t> Registrar::ask_broker(BorrowedFd file, overlay::BackingUse use) {
  const bool for_writing = use == overlay::BackingUse::ReadAndWrite;
  if (!link_->is_usable()) return fail(ENOTCONN);
  if (!broker::is_served(TRY(sys::file_system_magic(file)))) return fail(EOPNOTSUPP);
  UniqueFd opened;
  BorrowedFd offered = file;
  if (!may_be_offered(TRY(sys::status_flags(file)), for_writing)) {
    // Not to wait for the holder of a lease.
    opened = TRY(sys::reopen(file, (for_writing ? O_RDWR : O_RDONLY) | O_NONBLOCK));
    offered = opened;
  }
  const auto id = link_->register_file(offered);
  if (!id) return fail(meaning_of(id.error()));
  return *id;
}

void Registrar::close(int32_t id) {
  if (link_ != nullptr) {
    link_->close_file(id);
  } else {
    sys::unregister_backing(fuse_, id);
  }
  if (survival_ != nullptr) survival_->note_backing(id, /*is_open=*/false);
  --count_;
}

void Registrar::adopt(int32_t id) {
  if (link_ != nullptr) link_->adopt_file(id);
  ++count_;
}

void Registrar::adopt_broker(UniqueFd connection) {
  link_ = broker::BrokerLink::adopt(std::move(connection));
}

void Registrar::go_on_after(unsigned lives) {
  if (link_ != nullptr) link_->go_on_after(lives);
}

int Registrar::flags_for_readers() const { return link_ != nullptr ? O_RDONLY : O_PATH; }

bool Registrar::wants_writers_to_read() const { return link_ != nullptr && is_usable(); }

const char* Registrar::name() const {
  if (link_ != nullptr) return is_usable() ? "broker" : "none";
  return raw(fuse_) >= 0 ? "daemon" : "none";
}

}  // namespace overpass::fuse
