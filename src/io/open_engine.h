// SPDX-License-Identifier: MIT
//
// The choice between the kinds of engines.

#ifndef OVERPASS_IO_OPEN_ENGINE_H_
#define OVERPASS_IO_OPEN_ENGINE_H_

#include <memory>

#include "io/engine.h"

namespace overpass::io {

/// The best engine available here, found by trying. Throws what std::thread throws if no thread can
/// be started either.
std::unique_ptr<Engine> open_engine(const Limits& limits = {});

/// An engine of its own for files of file servers, with many threads: an operation whose server
/// does not answer keeps one for as long. A ring is not for these: the kernel asks a FUSE server
/// whether a file is ready (poll) on the thread that submits for all.
std::unique_ptr<Engine> open_engine_for_servers();

}  // namespace overpass::io

#endif  // OVERPASS_IO_OPEN_ENGINE_H_
