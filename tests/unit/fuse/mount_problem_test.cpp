// SPDX-License-Identifier: MIT
//
// What fusermount3, libfuse and the kernel say, and the remedy that fits each.

#include "fuse/mount_problem.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace overpass::fuse {
namespace {

struct Row {
  const char* name;
  const char* complaint;  ///< libfuse's.
  const char* helper;     ///< fusermount3's.
  bool is_root;
  const char* cause;   ///< After "cannot mount at '/m'".
  const char* remedy;  ///< A part of it.
};

class Explained : public testing::TestWithParam<Row> {};

TEST_P(Explained, NamesTheCauseAndItsOwnRemedy) {
  const Row& row = GetParam();
  const Problem problem = explain({"/m", row.complaint, row.helper, row.is_root});
  EXPECT_EQ(problem.cause, std::string("cannot mount at '/m'") + row.cause);
  EXPECT_NE(problem.remedy.find(row.remedy), std::string::npos) << problem.remedy;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Explained,
    testing::Values(
        Row{"AllowOther", "",
            "fusermount3: option allow_other only allowed if 'user_allow_other' is set in "
            "/etc/fuse.conf\n",
            false,
            ": option allow_other only allowed if 'user_allow_other' is set in /etc/fuse.conf",
            "put user_allow_other"},
        Row{"TooMany", "",
            "fusermount3: note: x\nfusermount3: too many FUSE filesystems mounted; mount_max=N can "
            "be set in /etc/fuse.conf\n",
            false, ": too many FUSE filesystems mounted; mount_max=N can be set in /etc/fuse.conf",
            "raise mount_max"},
        Row{"Sticky", "", "fusermount3: mountpoint /m not owned by user\n", false,
            ": mountpoint /m not owned by user", "sticky"},
        Row{"NotWritable", "", "fusermount3: user has no write access to mountpoint /m\n", false,
            ": user has no write access to mountpoint /m", "with write permission"},
        Row{"WrongFileSystem", "",
            "fusermount3: mounting over filesystem type 0x01021994 is forbidden\n", false,
            ": mounting over filesystem type 0x01021994 is forbidden", "another file system"},
        Row{"NoHelper", "posix_spawn(p)() for fusermount3 failed: No such file or directory", "",
            false, ": fusermount3 is not installed", "package fuse3"},
        Row{"HelperForbidden", "posix_spawn(p)() for fusermount3 failed: Permission denied", "",
            false, ": fusermount3 cannot be run: Permission denied", "who may run it"},
        Row{"HelperWithoutRight", "", "fusermount3: mount failed: Operation not permitted\n", false,
            ": mount failed: Operation not permitted", "set-user-ID root"},
        Row{"RootWithoutRight", "", "fusermount3: mount failed: Operation not permitted\n", true,
            ": mount failed: Operation not permitted", "CAP_SYS_ADMIN"},
        Row{"RootInAnothersMount", "fuse: failed to access mountpoint /m: Permission denied", "",
            true, ": failed to access mountpoint /m: Permission denied", "another user's"},
        Row{"Closed", "fuse: failed to access mountpoint /m: Permission denied", "", false,
            ": failed to access mountpoint /m: Permission denied", "directory above it"},
        Row{"Dead", "fuse: failed to access mountpoint /m: Transport endpoint is not connected", "",
            true, ": a mount is left there whose daemon is dead", "overpass umount '/m'"},
        Row{"TooManyMounts", "fuse: mount failed: No space left on device", "", true,
            ": mount failed: No space left on device", "mount-max"},
        Row{"Busy", "fuse: mount failed: Device or resource busy", "", true,
            ": mount failed: Device or resource busy", "unmount what is mounted there"},
        Row{"NoModule", "fuse: mount failed: No such device", "", true,
            ": mount failed: No such device", "modprobe"},
        Row{"Unknown", "fuse: mount failed: Invalid argument", "", true,
            ": mount failed: Invalid argument", ""},
        Row{"Silent", "", "", false, ", for a reason that is not told", "-d"}),
    [](const auto& row) { return row.param.name; });

TEST(Explain, SpeaksOfTheMountpointsOwnerOnlyWhenThatIsTheCause) {
  const Problem problem = explain({"/m", "fuse: mount failed: Invalid argument", "", false});
  EXPECT_EQ(problem.remedy, "");
}

constexpr char kRefused[] = "fusermount3: mount failed: Permission denied\n";
const HelperProfile kShipped{.is_enabled = true, .path = "/p", .places = {"$HOME", "/mnt"}};

TEST(Explain, NamesThePlacesThatAppArmorAllows) {
  const Problem problem = explain({"/m", "", kRefused, false, kShipped});
  EXPECT_EQ(problem.cause, "cannot mount at '/m': mount failed: Permission denied");
  EXPECT_NE(problem.remedy.find("below these alone: $HOME, /mnt;"), std::string::npos);
  EXPECT_NE(problem.remedy.find("/etc/apparmor.d/local/fusermount3"), std::string::npos);
}

TEST(Explain, SpeaksOfAppArmorOnlyWhereItCanBeTheCause) {
  const auto speaks = [](const FailedMount& failed) {
    return explain(failed).remedy.find("AppArmor") != std::string::npos;
  };
  EXPECT_TRUE(speaks({"/m", "", kRefused, false, {true, "/p", {}}}));
  EXPECT_TRUE(speaks({"/m", "", kRefused, false, {true, "", {}}}));
  EXPECT_FALSE(speaks({"/m", "", kRefused, false, {}}));
  EXPECT_FALSE(speaks({"/m", "", kRefused, true, kShipped}));
  EXPECT_FALSE(speaks({"/m", "", "fusermount3: mount failed: No such device\n", false, kShipped}));
  EXPECT_FALSE(speaks({"/m", "", "fusermount3: failed to access mountpoint /m: Permission denied\n",
                       false, kShipped}));
}

TEST(MountpointProblem, FitsTheErrno) {
  EXPECT_EQ(mountpoint_problem("/m", Errno{ENOENT}).line(),
            "mountpoint '/m': No such file or directory (create the directory first)");
  EXPECT_EQ(mountpoint_problem("/m", Errno{ENOTDIR}).remedy, "it has to be a directory");
  EXPECT_NE(mountpoint_problem("/m", Errno{EACCES}).remedy.find("search"), std::string::npos);
  EXPECT_NE(mountpoint_problem("/m", Errno{ENOTCONN}).remedy.find("umount"), std::string::npos);
  EXPECT_EQ(mountpoint_problem("/m", Errno{EIO}).remedy, "");
}

}  // namespace
}  // namespace overpass::fuse
