// SPDX-License-Identifier: MIT
//
// What is read out of AppArmor's profile of fusermount3. The lines are in the forms of AppArmor 4.1
// and 5.0.

#include "fuse/helper_profile.h"

#include <gtest/gtest.h>

namespace overpass::fuse {
namespace {

using Places = std::vector<std::string>;

TEST(AllowedPlaces, AreThoseOfTheRulesForAnyFuseMount) {
  EXPECT_EQ(allowed_places(R"(
@{fuse_types} = {fuse,fuse.*,fuseblk,fusectl}
profile fusermount3 /usr/bin/fusermount3 {
  capability sys_admin,
  mount fstype=@{fuse_types} options=(nosuid,nodev) options in (ro,rw,noatime) -> @{HOME}/**/,
  mount fstype=@{fuse_types} options=(nosuid,nodev) options in (ro,rw,noatime) -> /mnt/{,**/},
  mount fstype=@{fuse_types} options=(nosuid,nodev) options in (ro,rw) -> @{run}/user/@{uid}/**/,
  umount /media/**/,
  # mount fstype=@{fuse_types} -> /old/**/,
  /dev/fuse rw,
})"),
            (Places{"$HOME", "/mnt", "/run/user/UID"}));
}

TEST(AllowedPlaces, LeaveOutRulesForOtherFileSystems) {
  EXPECT_EQ(allowed_places(
                "mount fstype=fuse.revokefs-fuse options=(nosuid,nodev,rw) revokefs-fuse -> "
                "/var/tmp/flatpak-cache-*/**/,\n"
                "mount fstype=fuse options=(nosuid,nodev,rw) /dev/fuse -> /var/tmp/x-*/**/,\n"),
            Places{});
}

TEST(AllowedPlaces, SayWhereOnlyReadOnlyMountsAreAllowed) {
  EXPECT_EQ(
      allowed_places("mount fstype=@{fuse_types} options=(nosuid,nodev,ro) -> /cvmfs/**/,\n"
                     "mount fstype=@{fuse_types} options=(nosuid,nodev,ro) -> /mnt/{,**/},\n"
                     "mount fstype=@{fuse_types} options=(nosuid,nodev,rw) -> /mnt/{,**/},\n"),
      (Places{"/mnt", "/cvmfs (read-only unions)"}));
}

TEST(AllowedPlaces, TakeLocalRulesInTheirOtherForms) {
  EXPECT_EQ(allowed_places("  mount fstype=fuse.overpass -> \"/srv/unions/**/\",\n"
                           "\tmount -> /data/*/merged/,   # mine\n"
                           "mount fstype={fuse,fuse.*} -> /scratch/**,"),
            (Places{"/srv/unions", "/data", "/scratch"}));
}

TEST(AllowedPlaces, MakeNothingOfOtherText) {
  for (const char* text :
       {"", "\n\n", "mount", "mount ->", "mount -> ,", "mount -> \"", "-> /a/**/,",
        "mount fstype=@{fuse_types} -> /**/,", "mount -> relative"}) {
    EXPECT_LE(allowed_places(text).size(), 1U) << text;
  }
  EXPECT_EQ(allowed_places("mount ->"), Places{});
}

}  // namespace
}  // namespace overpass::fuse
