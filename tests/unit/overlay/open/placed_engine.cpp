// SPDX-License-Identifier: MIT

#include "placed_engine.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "io/open_engine.h"

namespace overpass::unit {

namespace {

std::optional<Ways> wanted;
UnrulyEngine* placed = nullptr;

}  // namespace

PlacedEngine::PlacedEngine(Ways ways) {
  EXPECT_FALSE(wanted) << "one at a time";
  wanted = std::move(ways);
}

PlacedEngine::~PlacedEngine() {
  wanted.reset();
  placed = nullptr;
}

UnrulyEngine& PlacedEngine::get() const { return *placed; }

}  // namespace overpass::unit

// NOLINTBEGIN: the names are the linker's. io::open_engine(const Limits&), twice.
using Engine = std::unique_ptr<overpass::io::Engine>;
using Limits = overpass::io::Limits;
Engine real_open_engine(const Limits&) __asm__(
    "__real__ZN8overpass2io11open_engineERKNS0_6LimitsE");
Engine wrap_open_engine(const Limits&) __asm__(
    "__wrap__ZN8overpass2io11open_engineERKNS0_6LimitsE");

Engine wrap_open_engine(const Limits& limits) {
  Engine engine = real_open_engine(limits);
  if (!overpass::unit::wanted) return engine;
  auto unruly = std::make_unique<overpass::unit::UnrulyEngine>(
      std::move(engine), *std::exchange(overpass::unit::wanted, {}));
  overpass::unit::placed = unruly.get();
  return unruly;
}
// NOLINTEND
