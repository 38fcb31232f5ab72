// SPDX-License-Identifier: MIT

#include "broker/quotas.h"

#include <gtest/gtest.h>

namespace overpass::broker {
namespace {

constexpr Limits kLimits = {.clients = 5,
                            .clients_per_user = 3,
                            .files = 220,
                            .files_per_user = 100,
                            .requests_per_second = 50};

TEST(Quotas, BoundsTheClientsOfOneUser) {
  Quotas quotas(kLimits);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(quotas.admit(1, 0), Refusal::None);
  EXPECT_EQ(quotas.admit(1, 0), Refusal::TooManyClients);
  EXPECT_EQ(quotas.admit(2, 0), Refusal::None);
  quotas.leave(1, 0);
  EXPECT_EQ(quotas.admit(1, 0), Refusal::None);
}

TEST(Quotas, BoundsTheClientsOfAllUsers) {
  Quotas quotas(kLimits);
  for (uid_t uid = 0; uid < 5; ++uid) EXPECT_EQ(quotas.admit(uid, 0), Refusal::None);
  EXPECT_EQ(quotas.admit(9, 0), Refusal::TooManyClients);
  quotas.leave(3, 0);
  EXPECT_EQ(quotas.admit(9, 0), Refusal::None);
}

TEST(Quotas, SharesFilesAmongTheClientsOfAUser) {
  Quotas quotas(kLimits);
  for (const uid_t uid : {1U, 1U, 2U}) ASSERT_EQ(quotas.admit(uid, 0), Refusal::None);
  EXPECT_EQ(quotas.grant_files(1, 64), 64U);
  EXPECT_EQ(quotas.grant_files(1, 64), 36U);
  EXPECT_EQ(quotas.grant_files(1, 64), 0U);
  EXPECT_EQ(quotas.grant_files(2, 64), 64U);
  quotas.give_back_files(1, 10);
  EXPECT_EQ(quotas.grant_files(1, 64), 10U);
  quotas.leave(1, 64);
  EXPECT_EQ(quotas.grant_files(1, 100), 64U);
}

TEST(Quotas, BoundsTheFilesOfAllUsers) {
  Quotas quotas(kLimits);
  for (const uid_t uid : {1U, 2U, 3U}) ASSERT_EQ(quotas.admit(uid, 0), Refusal::None);
  EXPECT_EQ(quotas.grant_files(1, 100), 100U);
  EXPECT_EQ(quotas.grant_files(2, 100), 100U);
  EXPECT_EQ(quotas.grant_files(3, 100), 20U);
  quotas.give_back_files(1, 30);
  EXPECT_EQ(quotas.grant_files(3, 100), 30U);
  quotas.leave(2, 100);
  EXPECT_EQ(quotas.grant_files(3, 100), 50U);
}

TEST(Quotas, GivesNothingForWhatWasNeverGranted) {
  Quotas quotas(kLimits);
  ASSERT_EQ(quotas.admit(1, 0), Refusal::None);
  quotas.give_back_files(1, 1000);
  EXPECT_EQ(quotas.grant_files(1, 1000), 100U);
}

TEST(Quotas, BoundsRequestsByTime) {
  Quotas quotas(kLimits);
  ASSERT_EQ(quotas.admit(1, 1000), Refusal::None);
  EXPECT_EQ(quotas.grant_requests(1, 256, 1000), 49U);
  EXPECT_EQ(quotas.grant_requests(1, 256, 1000), 0U);
  EXPECT_EQ(quotas.grant_requests(1, 256, 1100), 5U);
  EXPECT_EQ(quotas.grant_requests(1, 256, 99000), 50U);
}

TEST(Quotas, DoesNotRenewTheRequestsOfOneWhoComesAgain) {
  Quotas quotas(kLimits);
  ASSERT_EQ(quotas.admit(1, 1000), Refusal::None);
  EXPECT_EQ(quotas.grant_requests(1, 50, 1000), 49U);
  quotas.leave(1, 0);
  EXPECT_EQ(quotas.admit(1, 1010), Refusal::TooFast);
  ASSERT_EQ(quotas.admit(1, 1040), Refusal::None);
  EXPECT_EQ(quotas.grant_requests(1, 50, 1040), 1U);
}

TEST(Quotas, KeepsFilesThatWereLeftBehindOnTheAccount) {
  Quotas quotas(kLimits);
  ASSERT_EQ(quotas.admit(1, 0), Refusal::None);
  EXPECT_EQ(quotas.grant_files(1, 60), 60U);
  quotas.leave(1, 0);
  ASSERT_EQ(quotas.admit(1, 1'000'000), Refusal::None);
  EXPECT_EQ(quotas.grant_files(1, 60), 40U);
}

}  // namespace
}  // namespace overpass::broker
