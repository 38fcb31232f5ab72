// SPDX-License-Identifier: MIT
//
// A connection is dropped without the mutex held: its end waits for a thread that reports a loss.

#include "broker/link.h"

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/scope_exit.h"
#include "broker/served_file_systems.h"
#include "sys/file_io.h"
#include "sys/privileges.h"
#include "sys/random.h"
#include "sys/stat.h"

namespace overpass::broker {

namespace {

/// For the broker's queue of connections, by the thread that asks again.
constexpr int kShortPatienceMs = 500;

/// Mounts of layers that the broker keeps a clone of.
constexpr size_t kMostDirectories = 64;

/// Whether there is somebody to be waited for: a broker that is busy, or one that has left its
/// socket and may be started again.
bool may_come(Errno error) {
  constexpr int kPassing[] = {ECONNREFUSED, ETIMEDOUT, ECONNRESET, EPIPE,  EINTR,
                              EMFILE,       ENFILE,    ENOMEM,     ENOBUFS};
  return std::ranges::any_of(kPassing, [&](int passing) { return error == Errno{passing}; });
}

std::unexpected<NoBroker> none(const std::string& path, Errno error) {
  return std::unexpected(
      NoBroker{"needs CAP_SYS_ADMIN in the initial user namespace, or the "
               "broker at '" +
                   path + "': " + std::strerror(to_int(error)),
               may_come(error)});
}

std::unexpected<NoBroker> none(const Refused& refused) {
  const auto [refusal, error] = refused;
  if (refusal == Refusal::Broken && error != Errno{}) {
    return std::unexpected(
        NoBroker{std::string("the broker does not answer: ") + std::strerror(to_int(error)), true});
  }
  // Quotas, and the broker's own failures, pass.
  const bool passes = refusal == Refusal::TooManyClients || refusal == Refusal::TooFast ||
                      refusal == Refusal::Broken;
  return std::unexpected(
      NoBroker{std::string("the broker refuses this mount: ") + words_of(refusal), passes});
}

}  // namespace

BrokerLink::BrokerLink(std::string path, BrokerAddress address, UniqueFd mount_namespace)
    : path_(std::move(path)),
      address_(std::move(address)),
      mount_namespace_(std::move(mount_namespace)) {}

std::expected<std::unique_ptr<BrokerLink>, NoBroker> BrokerLink::find(const std::string& path) {
  auto address = BrokerAddress::find(path);
  if (!address) return none(path, address.error());
  auto mount_namespace = sys::open_mount_namespace();
  if (!mount_namespace) return none(path, mount_namespace.error());
  return std::unique_ptr<BrokerLink>(
      new BrokerLink(path, std::move(*address), std::move(*mount_namespace)));
}

BrokerLink::~BrokerLink() { stop_asking(); }

BrokerLink::SharedClient BrokerLink::new_client(UniqueFd socket) {
  return std::make_shared<Client>(std::move(socket), [this] { lost(); });
}

std::expected<void, NoBroker> BrokerLink::connect() { return connect_within(Client::kPatienceMs); }

std::expected<void, NoBroker> BrokerLink::connect_within(int patience_ms) {
  auto socket = address_.connect(patience_ms);
  auto result = socket ? std::expected<void, NoBroker>() : none(path_, socket.error());
  auto client = socket ? new_client(std::move(*socket)) : nullptr;
  Lock lock(mutex_);
  candidate_ = std::move(client);
  if (!result) reason_ = result.error().reason;
  return result;
}

std::expected<void, NoBroker> BrokerLink::greet(BorrowedFd fuse,
                                                std::vector<BorrowedFd> directories) {
  fuse_ = fuse;
  directories_ = std::move(directories);
  return introduce();
}

std::expected<void, NoBroker> BrokerLink::introduce() {
  SharedClient client;
  {
    Lock lock(mutex_);
    client = candidate_;
    if (client == nullptr || is_stopping_) return std::unexpected(NoBroker{reason_, true});
  }
  const auto greeted = client->greet(fuse_, mount_namespace_);
  if (greeted) offer_directories(*client);
  auto result = greeted ? std::expected<void, NoBroker>() : none(greeted.error());
  SharedClient last;  // Dropped last.
  Lock lock(mutex_);
  candidate_ = nullptr;
  if (!result) reason_ = result.error().reason;
  if (!result || !client->is_connected()) return result;
  last = std::exchange(current_, std::move(client));
  if (last != nullptr) given_up_.push_back(last);
  is_usable_ = true;
  return result;
}

void BrokerLink::offer_directories(Client& client) {
  std::vector<uint64_t> mounts;
  for (const BorrowedFd directory : directories_) {
    const auto stat = sys::stat_without_asking(directory);
    const auto mount = stat ? sys::unique_mount_id(*stat) : std::nullopt;
    if (!mount || std::ranges::find(mounts, *mount) != mounts.end()) continue;
    if (mounts.size() == kMostDirectories) return;
    mounts.push_back(*mount);
    const auto file_system = sys::file_system_magic(directory);
    if (!file_system || !is_served(*file_system)) continue;
    // Without it each file costs more.
    (void)client.offer_directory(directory);
  }
}

std::unique_ptr<BrokerLink> BrokerLink::adopt(UniqueFd socket) {
  std::unique_ptr<BrokerLink> link(new BrokerLink({}, {}, {}));
  const SharedClient client = link->new_client(std::move(socket));
  {
    Lock lock(link->mutex_);
    link->current_ = client;
  }
  link->is_usable_ = true;
  return link;
}

BorrowedFd BrokerLink::socket() const {
  Lock lock(mutex_);
  return current_ == nullptr ? BorrowedFd{-1} : current_->socket();
}

void BrokerLink::go_on_after(unsigned lives) {
  constexpr unsigned kSerialsOfALife = 40;  // Bits.
  SharedClient client;
  {
    Lock lock(mutex_);
    client = current_;
  }
  if (client != nullptr) client->go_on_from(uint64_t{lives} << kSerialsOfALife);
}

void BrokerLink::adopt_file(int32_t id) {
  Lock lock(mutex_);
  if (current_ != nullptr) owners_[id] = current_;
}

void BrokerLink::lost() {
  {
    Lock lock(mutex_);
    if (!is_usable_) return;  // It was not in use yet.
    is_usable_ = false;
    reason_ = "the broker has gone: files opened for the first time are served by the daemon";
  }
  wake_.notify_all();
  log::warn("the broker has gone: files opened for the first time are served by the daemon");
}

std::string BrokerLink::why_not() const {
  Lock lock(mutex_);
  return asks_again_ ? reason_ + "; it is asked again at least once a minute" : reason_;
}

Granted<int32_t> BrokerLink::register_file(BorrowedFd file) {
  SharedClient client;
  {
    Lock lock(mutex_);
    if (is_usable_) client = current_;
  }
  if (client == nullptr) return refuse(Refusal::Broken, Errno{ENOTCONN});
  const auto id = client->register_file(file);
  if (!id) return id;
  ScopeExit close([&] { client->close_file(*id); });
  Lock lock(mutex_);
  owners_.insert_or_assign(*id, client);
  close.dismiss();
  return id;
}

void BrokerLink::close_file(int32_t id) {
  SharedClient owner;
  {
    Lock lock(mutex_);
    const auto found = owners_.find(id);
    if (found == owners_.end()) return;
    owner = std::move(found->second);
    owners_.erase(found);
  }
  owner->close_file(id);
}

void BrokerLink::ask_again_when_lost() {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    log::warn("the broker is not asked again once it has gone: %s", error.what());
    return;
  }
  Lock lock(mutex_);
  asks_again_ = true;
}

void BrokerLink::stop_asking() {
  SharedClient candidate;
  {
    Lock lock(mutex_);
    is_stopping_ = true;
    candidate = candidate_;
  }
  if (candidate != nullptr) candidate->interrupt();
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void BrokerLink::run() {
  while (wait_until_needed() && pause()) try_again();
}

bool BrokerLink::wait_until_needed() NO_THREAD_SAFETY_ANALYSIS {
  const auto is_needed = [this] { return is_stopping_ || !is_usable_; };
  std::unique_lock lock(mutex_);
  while (!given_up_.empty() && !wake_.wait_for(lock, kLongestPause, is_needed)) {
    lock.unlock();
    tidy_up();
    lock.lock();
  }
  wake_.wait(lock, is_needed);
  if (std::chrono::steady_clock::now() - used_since_ > kLongestPause) pause_ = kFirstPause;
  return !is_stopping_;
}

bool BrokerLink::pause() NO_THREAD_SAFETY_ANALYSIS {
  // Mounts that have lost the broker together are not to come back together.
  const Milliseconds shortest = pause_ / 2;
  const Milliseconds pause = shortest + Milliseconds(sys::random_number() % (shortest.count() + 1));
  pause_ = std::min(2 * pause_, kLongestPause);
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, pause, [this] { return is_stopping_; });
}

void BrokerLink::try_again() {
  tidy_up();
  if (!connect_within(kShortPatienceMs) || !introduce() || !is_usable()) return;
  used_since_ = std::chrono::steady_clock::now();
  log::warn("the broker registers files of this mount from now on");
}

void BrokerLink::tidy_up() {
  std::erase_if(given_up_, [](const std::weak_ptr<Client>& given_up) {
    const SharedClient client = given_up.lock();
    if (client != nullptr) client->tidy_up();
    return client == nullptr;
  });
}

}  // namespace overpass::broker
