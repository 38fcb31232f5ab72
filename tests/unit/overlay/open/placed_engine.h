// SPDX-License-Identifier: MIT
//
// The unruly engine in the place of the one that moves the data of a union. The linker leads
// io::open_engine() here (meson.build), so nothing in src/ knows of it.

#ifndef OVERPASS_TESTS_UNIT_OVERLAY_OPEN_PLACED_ENGINE_H_
#define OVERPASS_TESTS_UNIT_OVERLAY_OPEN_PLACED_ENGINE_H_

#include "../../io/unruly_engine.h"

namespace overpass::unit {

/// While this lives, the first union that moves data does it by an engine that is as bad as `ways`.
class PlacedEngine {
 public:
  explicit PlacedEngine(Ways ways);
  PlacedEngine(const PlacedEngine&) = delete;
  PlacedEngine& operator=(const PlacedEngine&) = delete;
  ~PlacedEngine();

  /// That engine. REQUIRES: the union has moved data, and lives.
  UnrulyEngine& get() const;
};

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_OVERLAY_OPEN_PLACED_ENGINE_H_
