// SPDX-License-Identifier: MIT

#include "layer/write_order.h"

#include <gtest/gtest.h>

#include "../sys/scratch.h"
#include "sys/open.h"

namespace overpass::layer {
namespace {

TEST(WriteOrder, OfExt4NeedsAJournalThatOrdersData) {
  EXPECT_TRUE(ext4_orders_names("rw\ndelalloc\nbarrier\ndata=ordered\nerrors=continue\n"));
  EXPECT_FALSE(ext4_orders_names("rw\ndelalloc\nnojournal_checksum\nbarrier\n"));
  EXPECT_FALSE(ext4_orders_names("rw\nbarrier\ndata=writeback\n"));
  EXPECT_FALSE(ext4_orders_names("rw\nbarrier\ndata=journal\n"));
  EXPECT_FALSE(ext4_orders_names("rw\nnobarrier\ndata=ordered\n"));
  EXPECT_FALSE(ext4_orders_names("rw\nx_data=ordered\n"));
  EXPECT_FALSE(ext4_orders_names(""));
}

TEST(WriteOrder, OfXfsNeedsNoRealTimeDevice) {
  EXPECT_TRUE(xfs_orders_names("rw,attr2,inode64,logbufs=8,logbsize=32k,noquota"));
  EXPECT_FALSE(xfs_orders_names("rw,attr2,rtdev=/dev/sdb,noquota"));
}

TEST(WriteOrder, IsNoneForUnknownFileSystems) {
  const UniqueFd proc = unit::must(sys::open_at(BorrowedFd{-1}, "/proc", O_PATH | O_DIRECTORY));
  const WriteOrder order = write_order_of(proc);
  EXPECT_FALSE(order.metadata);
  EXPECT_FALSE(order.names_after_data);
}

}  // namespace
}  // namespace overpass::layer
