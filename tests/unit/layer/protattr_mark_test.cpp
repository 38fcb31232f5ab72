// SPDX-License-Identifier: MIT
//
// The letters of the protection mark.

#include "layer/protattr_mark.h"

#include <gtest/gtest.h>

namespace overpass::layer {
namespace {

TEST(ProtectionMark, HasALetterForEachFlag) {
  EXPECT_EQ(decode_protattr("a"), (ProtectionMark{true, false}));
  EXPECT_EQ(decode_protattr("i"), (ProtectionMark{false, true}));
  EXPECT_EQ(decode_protattr("ai"), (ProtectionMark{true, true}));
  EXPECT_EQ(decode_protattr("ia"), (ProtectionMark{true, true}));
}

TEST(ProtectionMark, IsWrittenAsTheKernelWritesIt) {
  EXPECT_EQ(encode_protattr({true, false}), "a");
  EXPECT_EQ(encode_protattr({false, true}), "i");
  EXPECT_EQ(encode_protattr({true, true}), "ai");
  EXPECT_EQ(encode_protattr({}), "");
}

TEST(ProtectionMark, RefusesOtherLettersAndEndlessOnes) {
  for (const std::string& value : {std::string(), std::string("x"), std::string("ax"),
                                   std::string("a\0", 2), std::string(33, 'a')}) {
    EXPECT_FALSE(decode_protattr(value)) << testing::PrintToString(value);
  }
}

}  // namespace
}  // namespace overpass::layer
