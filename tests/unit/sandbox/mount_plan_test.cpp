// SPDX-License-Identifier: MIT

#include "sandbox/mount_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace overpass::sandbox {
namespace {

constexpr char kMachine[] =
    "20 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
    "21 20 0:20 / /proc rw - proc proc rw\n"
    "22 20 0:21 / /sys rw - sysfs sysfs rw\n"
    "23 20 0:22 / /dev rw - devtmpfs udev rw\n"
    "24 23 0:23 / /dev/pts rw - devpts devpts rw\n"
    "25 20 8:2 / /home rw - ext4 /dev/sda2 rw\n"
    "26 20 0:30 / /run rw - tmpfs tmpfs rw\n"
    "27 20 7:1 / /snap/core ro - squashfs /dev/loop1 ro\n"
    "28 20 8:3 / /srv ro - ext4 /dev/sda3 rw\n"
    "29 20 0:40 / /misc rw - autofs systemd-1 rw\n";

/// All mounts can be seen; those with a dot in their names are files.
Mounted look(const std::string& path, std::string_view) {
  return path.find('.') == std::string::npos ? Mounted::Directory : Mounted::File;
}

std::map<std::string, PlannedMount> plan_of(const std::string& mountinfo, const Scope& scope = {},
                                            const std::string& store = "/home/u/store",
                                            const LookAt& look_at = look) {
  std::map<std::string, PlannedMount> planned;
  for (PlannedMount& mount : plan_mounts(mountinfo, scope, store, look_at)) {
    planned.emplace(mount.path, std::move(mount));
  }
  return planned;
}

using Rules = std::vector<std::string>;

TEST(MountPlan, MakesUnionsOfWhatCanBeWritten) {
  auto plan = plan_of(kMachine);
  EXPECT_EQ(plan.at("/").shown, Shown::Union);
  EXPECT_EQ(plan.at("/home").shown, Shown::Union);
  EXPECT_EQ(plan.at("/run").shown, Shown::Union);
  EXPECT_EQ(plan.at("/snap/core").shown, Shown::Bind);
  EXPECT_EQ(plan.at("/srv").shown, Shown::ReadOnlyUnion);
  EXPECT_EQ(plan.at("/misc").shown, Shown::Empty);
  EXPECT_EQ(plan.size(), 6U);
}

TEST(MountPlan, MountsWhatIsAboveFirst) {
  const auto plan = plan_mounts(kMachine, {}, "/store", look);
  EXPECT_TRUE(std::ranges::is_sorted(plan, {}, &PlannedMount::path));
  EXPECT_EQ(plan.front().path, "/");
}

TEST(MountPlan, LeavesOutWhatAnotherMountHides) {
  const auto plan = plan_of(std::string(kMachine) + "30 25 0:41 / /home rw - tmpfs tmpfs rw\n", {},
                            "/store", [](const std::string& path, std::string_view id) {
                              return id == "25" ? Mounted::Hidden : look(path, id);
                            });
  EXPECT_EQ(plan.count("/home"), 1U);
}

TEST(MountPlan, BindsOnlyWhatWasNeverWritten) {
  const auto plan = plan_of(std::string(kMachine) + "30 20 8:9 / /opt rw - ext4 /dev/sdb1 ro\n");
  EXPECT_EQ(plan.at("/opt").shown, Shown::ReadOnlyUnion);
  EXPECT_EQ(plan.at("/snap/core").shown, Shown::Bind);
}

TEST(MountPlan, BindsSingleFilesAndLeavesOutSockets) {
  const auto plan =
      plan_of(std::string(kMachine) + "30 20 8:3 /r /etc/resolv.conf rw - ext4 /dev/sda3 rw\n" +
                  "31 26 8:3 /s /run/sock.et rw - ext4 /dev/sda3 rw\n",
              {}, "/store", [](const std::string& path, std::string_view id) {
                return id == "31" ? Mounted::Other : look(path, id);
              });
  EXPECT_EQ(plan.at("/etc/resolv.conf").shown, Shown::BindFile);
  EXPECT_EQ(plan.count("/run/sock.et"), 0U);
}

TEST(MountPlan, HidesTheStoreWhereverItCanBeReached) {
  const auto plan = plan_of(std::string(kMachine) +
                            "30 20 8:2 / /mnt/all ro - ext4 /dev/sda2 ro\n"
                            "31 20 8:2 /u /mnt/user rw - ext4 /dev/sda2 rw\n"
                            "32 20 8:2 /u/store/x /mnt/inside rw - ext4 /dev/sda2 rw\n"
                            "33 20 8:2 /v /mnt/other rw - ext4 /dev/sda2 rw\n");
  EXPECT_EQ(plan.at("/").rules, Rules{"hide /home/u/store"});
  EXPECT_EQ(plan.at("/home").rules, Rules{"hide /u/store"});
  EXPECT_EQ(plan.at("/mnt/all").rules, Rules{"hide /u/store"});
  EXPECT_EQ(plan.at("/mnt/all").shown, Shown::ReadOnlyUnion);
  EXPECT_EQ(plan.at("/mnt/user").rules, Rules{"hide /store"});
  EXPECT_EQ(plan.at("/mnt/inside").shown, Shown::Empty);
  EXPECT_TRUE(plan.at("/mnt/other").rules.empty());
}

TEST(MountPlan, KeepsAllButOneDirectoryReadOnly) {
  const auto plan = plan_of(std::string(kMachine) + "30 25 8:4 / /home/p/sub rw - ext4 x rw\n",
                            {.only = "/home/p", .in_memory = {"/tmp"}});
  EXPECT_EQ(plan.at("/").shown, Shown::ReadOnlyUnion);
  EXPECT_EQ(plan.at("/home").shown, Shown::ReadOnlyUnion);
  EXPECT_EQ(plan.at("/home/p").shown, Shown::Union);
  EXPECT_EQ(plan.at("/home/p/sub").shown, Shown::Union);
  EXPECT_EQ(plan.at("/tmp").shown, Shown::Private);
}

TEST(MountPlan, GivesPathsToTheUnionsTheyAreIn) {
  const auto plan = plan_of(kMachine, {.through = {"/home/u/cache"},
                                       .read_only = {"/home/u/p", "/run"},
                                       .hidden = {"/home/u/key [1]", "/srv"},
                                       .rules = {"hide .env", "hide /home/u/x", "@secrets"}});
  EXPECT_EQ(plan.at("/home/u/cache").shown, Shown::Through);
  EXPECT_EQ(plan.at("/run").shown, Shown::ReadOnlyUnion);
  EXPECT_EQ(plan.count("/srv"), 0U);
  const Rules of_home = {"hide .env",     "hide /u/x",           "@secrets",
                         "readonly /u/p", "hide /u/key\\ \\[1]", "hide /u/store"};
  EXPECT_EQ(plan.at("/home").rules, of_home);
  EXPECT_EQ(plan.at("/run").rules, (Rules{"hide .env", "@secrets"}));
}

TEST(MountPlan, DoesNotMountBelowWhatIsWrittenOutside) {
  const auto plan = plan_of(std::string(kMachine) + "30 25 8:4 / /home/c/sub rw - ext4 x rw\n",
                            {.through = {"/home/c"}});
  EXPECT_EQ(plan.count("/home/c/sub"), 0U);
}

TEST(MountPlan, TranslatesRulesForUnionsBelow) {
  EXPECT_EQ(rule_below("hide /home/u/x", "/home"), "hide /u/x");
  EXPECT_EQ(rule_below("hide !home/u/x", "/home"), "hide !/u/x");
  EXPECT_EQ(rule_below("hide /etc/x", "/home"), "");
  EXPECT_EQ(rule_below("hide /home", "/home"), "");
  EXPECT_EQ(rule_below("hide **/a/b", "/home"), "hide **/a/b");
  EXPECT_EQ(rule_below("hide x/", "/home"), "hide x/");
  EXPECT_EQ(rule_below("hide /homes/x", "/home"), "");
}

}  // namespace
}  // namespace overpass::sandbox
