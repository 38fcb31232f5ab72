// SPDX-License-Identifier: MIT

#include "io/engine.h"

namespace overpass::io {

Engine::Start Engine::start(const OperationRef& operation) {
  if (try_now(*operation, pace_)) {
    operation->complete();
    return Start::Completed;
  }
  operation->own_bytes();
  return submit(operation) ? Start::UnderWay : Start::Refused;
}

}  // namespace overpass::io
