// SPDX-License-Identifier: MIT
//
// In which order a file system's changes reach the disk, so that it can be told what a crash of the
// machine may show. docs/architecture.md ("The order of a copy-up") says where each rule is from.

#ifndef OVERPASS_LAYER_WRITE_ORDER_H_
#define OVERPASS_LAYER_WRITE_ORDER_H_

#include <string_view>

#include "base/unique_fd.h"

namespace overpass::layer {

struct WriteOrder {
  /// There is no disk to wait for.
  bool in_memory = false;
  /// A crash of the machine takes back the latest changes of metadata first: what was set on an
  /// object before it was published is not lost when the publication is not.
  bool metadata = false;
  /// A name or a mark that a file gets after its data have been written out
  /// (sys::write_out_file()) reaches the disk no earlier than the data and the file's size.
  bool names_after_data = false;
};

/// The order of the file system of `directory`, as far as known; else none. Reads /proc, so call it
/// before a mount may cover that.
WriteOrder write_order_of(BorrowedFd directory);

/// Whether ext4 with the options `options` (/proc/fs/ext4/DEVICE/options) orders names after data:
/// with a journal, and data=ordered.
bool ext4_orders_names(std::string_view options);

/// Whether xfs with the options `options` (of a mount table) does: without a real-time device,
/// since its log does not flush that device's cache.
bool xfs_orders_names(std::string_view options);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_WRITE_ORDER_H_
