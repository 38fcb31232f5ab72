// SPDX-License-Identifier: MIT
//
// The handlers, as libfuse calls them. Each unpacks its request, calls one function of the overlay
// and replies; the files *_ops.cpp have them by subject.

#ifndef OVERPASS_FUSE_OPERATIONS_H_
#define OVERPASS_FUSE_OPERATIONS_H_

#include <exception>

#include "base/log.h"
#include "fuse/gate.h"
#include "fuse/handler_thread.h"
#include "fuse/libfuse.h"

namespace overpass::fuse {

/// `kHandler` as libfuse may call it: nothing unwinds through C. What a handler throws before its
/// work runs (there is no memory for a name, say) has destroyed its reply, which has answered.
template <auto kHandler>
struct Guarded;
template <class... Arguments, void (*kHandler)(fuse_req_t, Arguments...)>
struct Guarded<kHandler> {
  static void call(fuse_req_t request, Arguments... arguments) {
    enter_handler_thread(request);
    try {
      const Gate::Pass pass(gate_of(request));
      kHandler(request, arguments...);
    } catch (const std::exception& problem) {
      log::error("a request failed: %s", problem.what());
    }
  }
};
template <auto kHandler>
inline constexpr auto guarded = &Guarded<kHandler>::call;

/// All handlers.
fuse_lowlevel_ops operations();

// Each file's share.
void add_lookup_operations(fuse_lowlevel_ops& table);
void add_attribute_operations(fuse_lowlevel_ops& table);
void add_namespace_operations(fuse_lowlevel_ops& table);
void add_directory_operations(fuse_lowlevel_ops& table);
void add_xattr_operations(fuse_lowlevel_ops& table);
void add_open_operations(fuse_lowlevel_ops& table);
void add_file_operations(fuse_lowlevel_ops& table);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_OPERATIONS_H_
