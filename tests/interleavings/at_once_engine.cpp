// SPDX-License-Identifier: MIT
//
// In place of the engine that moves data (the linker leads io::open_engine() here): one that does
// all on the thread that asks for it. That thread is the scheduler's, those of a real engine are
// not.

#include <memory>

#include "io/attempt.h"
#include "io/open_engine.h"

namespace overpass::interleavings {

namespace {

class AtOnceEngine : public io::Engine {
 public:
  Start start(const io::OperationRef& operation) override {
    (void)submit(operation);
    return Start::Completed;
  }
  bool submit(io::OperationRef operation) override {
    io::perform(*operation);
    operation->complete();
    return true;
  }
  void wait_until_idle() override {}
  void stop() override {}
  std::string describe() const override { return "at once"; }
};

}  // namespace

}  // namespace overpass::interleavings

// NOLINTBEGIN: the name is the linker's. io::open_engine(const Limits&).
std::unique_ptr<overpass::io::Engine> wrap_open_engine(const overpass::io::Limits&) __asm__(
    "__wrap__ZN8overpass2io11open_engineERKNS0_6LimitsE");
std::unique_ptr<overpass::io::Engine> wrap_open_engine(const overpass::io::Limits&) {
  return std::make_unique<overpass::interleavings::AtOnceEngine>();
}
// NOLINTEND
