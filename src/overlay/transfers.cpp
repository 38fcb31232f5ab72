// SPDX-License-Identifier: MIT
//
// Between the union's files and src/io.

#include "overlay/transfers.h"

#include <new>

#include "io/attempt.h"
#include "io/open_engine.h"

namespace overpass::overlay {

namespace {

void carry_out(io::Operation& operation) {
  io::perform(operation);
  operation.complete();
}

/// What is handed to others to be carried out. If they let go of it, it has failed.
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

Transfers::Transfers() = default;

Transfers::~Transfers() { stop(); }

io::Engine& Transfers::engine() {
  std::call_once(opened_, [this] {
    owner_ = io::open_engine();
    engine_.store(owner_.get(), std::memory_order_release);
  });
  return *owner_;
}

void Transfers::start(io::Job job, Transferred done, Background* background) {
  const io::OperationRef operation = io::make_operation(std::move(job), std::move(done));
  try {
    if (operation->job().keeps_set_ids) {
      // The engines make system calls with the rights of the daemon alone.
      operation->own_bytes();
    } else if (engine().start(operation) != io::Engine::Start::Refused) {
      return;
    }
    if (background == nullptr) return carry_out(*operation);
    background->submit(HandedOver(operation));
  } catch (const std::bad_alloc&) {
    if (!operation->is_done()) operation->complete(Errno{ENOMEM});
  }
}

void Transfers::wait_until_idle() {
  if (io::Engine* engine = engine_.load(std::memory_order_acquire)) engine->wait_until_idle();
}

void Transfers::stop() {
  if (io::Engine* engine = engine_.load(std::memory_order_acquire)) engine->stop();
}

std::string Transfers::describe() const {
  const io::Engine* engine = engine_.load(std::memory_order_acquire);
  return engine == nullptr ? "" : engine->describe();
}

}  // namespace overpass::overlay
