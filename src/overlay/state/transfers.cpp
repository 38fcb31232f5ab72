// SPDX-License-Identifier: MIT
//
// Between the union's files and src/io.

#include "overlay/state/transfers.h"

#include <new>

#include "io/attempt.h"
#include "io/open_engine.h"

namespace overpass::overlay {

namespace {

void carry_out(io::Operation& operation) {
  io::perform(operation);
  operation.complete();
}

/// A transfer handed to others. If they drop it, it has failed.
class HandedOver {
 public:
  explicit HandedOver(io::OperationRef operation) : operation_(std::move(operation)) {}
  HandedOver(HandedOver&&) noexcept = default;
  HandedOver& operator=(HandedOver&&) = delete;
  ~HandedOver() {
    if (operation_ != nullptr && !operation_->is_done()) operation_->complete(Errno{ENOMEM});
  }

  void operator()() { carry_out(*operation_); }

 private:
  io::OperationRef operation_;
};

}  // namespace

Transfers::LazyEngine::LazyEngine(std::unique_ptr<io::Engine> (*open)()) : open_(open) {}

Transfers::LazyEngine::~LazyEngine() = default;

Transfers::Transfers()
    : for_disks_([] { return io::open_engine(); }), for_servers_(io::open_engine_for_servers) {}

Transfers::~Transfers() { stop(); }

io::Engine& Transfers::LazyEngine::get() {
  std::call_once(opened_, [this] {
    owner_ = open_();
    engine_.store(owner_.get(), std::memory_order_release);
  });
  return *owner_;
}

void Transfers::start(io::Job job, Transferred done, Background& background) {
  const io::OperationRef operation = io::make_operation(std::move(job), std::move(done));
  try {
    if (operation->job().keeps_set_ids) {
      // The engines make system calls with the rights of the daemon alone.
      operation->own_bytes();
    } else {
      io::Engine& engine = (operation->job().is_remote ? for_servers_ : for_disks_).get();
      if (engine.start(operation) != io::Engine::Start::Refused) return;
    }
    background.submit(HandedOver(operation));
  } catch (const std::bad_alloc&) {
    if (!operation->is_done()) operation->complete(Errno{ENOMEM});
  }
}

void Transfers::wait_until_idle() {
  for (const LazyEngine* lazy : {&for_disks_, &for_servers_}) {
    if (io::Engine* engine = lazy->if_open()) engine->wait_until_idle();
  }
}

void Transfers::stop() {
  for (const LazyEngine* lazy : {&for_disks_, &for_servers_}) {
    if (io::Engine* engine = lazy->if_open()) engine->stop();
  }
}

std::string Transfers::describe() const {
  const io::Engine* disks = for_disks_.if_open();
  const io::Engine* engine = disks != nullptr ? disks : for_servers_.if_open();
  return engine == nullptr ? "" : engine->describe();
}

}  // namespace overpass::overlay
