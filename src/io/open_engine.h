// SPDX-License-Identifier: MIT
//
// The choice between the kinds of engines.

#ifndef OVERPASS_IO_OPEN_ENGINE_H_
#define OVERPASS_IO_OPEN_ENGINE_H_

#include <memory>

#include "io/engine.h"

namespace overpass::io {

/// The best engine that can be had here, found out by trying. Throws what std::thread throws when
/// not even threads are to be had.
std::unique_ptr<Engine> open_engine(const Limits& limits = {});

}  // namespace overpass::io

#endif  // OVERPASS_IO_OPEN_ENGINE_H_
