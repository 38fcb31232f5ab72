// SPDX-License-Identifier: MIT
//
// The ways a mount is called: by hand, as fuse-overlayfs, by mount.fuse3, by podman.

#include "cli/mount_call.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "cli/commands.h"

namespace overpass::cli {
namespace {

using Paths = std::vector<std::string>;

Expected<config::Options> read(const Arguments& arguments,
                               const std::optional<config::Options>& named = std::nullopt) {
  const auto parsed = command_line::parse(arguments, kMountCommand);
  if (!parsed) return std::unexpected(parsed.error());
  auto options = read_mount_call(*parsed, named);
  if (options) {
    EXPECT_TRUE(resolve_paths(*options));
  }
  return options;
}

std::string here(const std::string& name) {
  return (std::filesystem::current_path() / name).string();
}

TEST(MountCall, TakesFlags) {
  const auto options =
      read({"--lower", "/a", "--lower", "/b:c", "--upper", "/u", "--work", "/w", "-f", "/m"});
  ASSERT_TRUE(options) << options.error().line();
  EXPECT_EQ(options->lower, (Paths{"/a", "/b:c"}));
  EXPECT_EQ(options->upper, "/u");
  EXPECT_EQ(options->work, "/w");
  EXPECT_EQ(options->mountpoint, "/m");
  EXPECT_TRUE(options->foreground);
  EXPECT_FALSE(options->debug);
  EXPECT_FALSE(options->fsname);
}

TEST(MountCall, TakesTheCallOfFuseOverlayfs) {
  const auto options = read({"-o", "lowerdir=/a:/b,upperdir=/u,workdir=/w", "/m"});
  ASSERT_TRUE(options) << options.error().line();
  EXPECT_EQ(options->lower, (Paths{"/a", "/b"}));
  EXPECT_EQ(options->mountpoint, "/m");
  EXPECT_FALSE(options->foreground);
}

TEST(MountCall, TakesOptionsAfterTheMountpoint) {
  const auto options = read({"/m", "-o", "lowerdir=/a", "-f"});
  ASSERT_TRUE(options) << options.error().line();
  EXPECT_EQ(options->mountpoint, "/m");
  EXPECT_TRUE(options->foreground);
}

TEST(MountCall, TakesSeveralOptionArguments) {
  const auto options = read({"-o", "lowerdir=/a", "-oupperdir=/u", "-o", "workdir=/w,ro", "/m"});
  ASSERT_TRUE(options) << options.error().line();
  EXPECT_EQ(options->upper, "/u");
  EXPECT_TRUE(options->read_only);
}

TEST(MountCall, TakesTheCallOfMountFuse) {
  // mount.fuse3 passes the source first, keeps what it does not know, and appends dev,suid.
  const auto options = read({"overlay", "/m", "-o",
                             "rw,lowerdir=/a:/b,upperdir=/u,workdir=/w,x-systemd.automount,"
                             "comment=mine,relatime,dev,suid"});
  ASSERT_TRUE(options) << options.error().line();
  EXPECT_EQ(options->fsname, "overlay");
  EXPECT_EQ(options->mountpoint, "/m");
  EXPECT_TRUE(options->dev && options->suid);
}

TEST(MountCall, PrefersAGivenFsnameToTheSource) {
  EXPECT_EQ(read({"src", "/m", "-o", "lowerdir=/a,fsname=name"})->fsname, "name");
}

TEST(MountCall, TakesTheCallOfPodman) {
  const auto options =
      read({"-o",
            "lowerdir=l/AAA:l/BBB,upperdir=/s/diff,workdir=/s/work,nodev,fsync=0,volatile,"
            "context=\"system_u:object_r:container_file_t:s0:c1,c2\"",
            "/s/merged"});
  ASSERT_TRUE(options) << options.error().line();
  EXPECT_EQ(options->lower, (Paths{here("l/AAA"), here("l/BBB")}));
  EXPECT_TRUE(options->is_volatile);
  EXPECT_FALSE(options->dev);
  EXPECT_EQ(options->context, "system_u:object_r:container_file_t:s0:c1,c2");
}

TEST(MountCall, MakesPathsAbsolute) {
  const auto options =
      read({"--lower", "a", "--lower", "../b", "--upper", "u", "--work", "./w", "m"});
  ASSERT_TRUE(options) << options.error().line();
  EXPECT_EQ(options->lower, (Paths{here("a"), here("../b")}));
  EXPECT_EQ(options->upper, here("u"));
  EXPECT_EQ(options->work, here("./w"));
  EXPECT_EQ(options->mountpoint, here("m"));
}

TEST(MountCall, StaysInTheForegroundToDebug) {
  EXPECT_TRUE(read({"--lower", "/a", "-d", "/m"})->foreground);
  EXPECT_TRUE(read({"--lower", "/a", "-o", "debug", "/m"})->foreground);
}

TEST(MountCall, ServesByOneThreadOnRequest) {
  EXPECT_EQ(read({"--lower", "/a", "-s", "/m"})->threads, 1u);
}

TEST(MountCall, LetsTheCommandLineWinOverTheFile) {
  config::Options named;
  named.lower = {"/a"};
  named.upper = "/u";
  named.mountpoint = "/m";
  const auto options = read({"box", "-o", "ro,upperdir=/v", "--foreground"}, named);
  ASSERT_TRUE(options) << options.error().line();
  EXPECT_EQ(options->lower, Paths{"/a"});
  EXPECT_EQ(options->upper, "/v");
  EXPECT_EQ(options->mountpoint, "/m");
  EXPECT_TRUE(options->read_only && options->foreground);
  EXPECT_EQ(read({"box", "/n"}, named)->mountpoint, "/n");
}

struct NameRow {
  const char* name;
  Arguments arguments;
  std::string found;
};

class MountName : public testing::TestWithParam<NameRow> {};

TEST_P(MountName, IsTheFirstOperandWithoutLowers) {
  const auto parsed = command_line::parse(GetParam().arguments, kMountCommand);
  ASSERT_TRUE(parsed);
  const auto name = find_mount_name(*parsed);
  EXPECT_EQ(name ? name->value_or("(none)") : name.error().line(), GetParam().found);
}

INSTANTIATE_TEST_SUITE_P(
    Calls, MountName,
    testing::Values(NameRow{"Name", {"box"}, "box"},
                    NameRow{"NameWithOptions", {"-o", "ro", "box"}, "box"},
                    NameRow{"NameAndMountpoint", {"box", "/m"}, "box"},
                    NameRow{"Mountpoint", {"--lower", "/a", "box"}, "(none)"},
                    NameRow{"Source", {"box", "/m", "-o", "lowerdir=/a"}, "(none)"},
                    NameRow{"PathWithoutLowers",
                            {"/m"},
                            "no lower directory is given (add --lower DIR or -o lowerdir=DIR)"},
                    NameRow{"RelativePathWithoutLowers",
                            {"./m"},
                            "no lower directory is given (add --lower DIR or -o lowerdir=DIR)"},
                    NameRow{"Nothing",
                            {"-o", "ro"},
                            "no lower directory is given (add --lower DIR or -o lowerdir=DIR)"},
                    NameRow{"WrongOption",
                            {"-o", "lowrdir=/a", "box"},
                            "unknown mount option 'lowrdir' (did you mean 'lowerdir'?)"}),
    [](const auto& row) { return row.param.name; });

struct ErrorRow {
  const char* name;
  Arguments arguments;
  std::string line;
};

class MountCallErrors : public testing::TestWithParam<ErrorRow> {};

TEST_P(MountCallErrors, NameTheCause) {
  const auto options = read(GetParam().arguments);
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().line(), GetParam().line);
}

INSTANTIATE_TEST_SUITE_P(
    Calls, MountCallErrors,
    testing::Values(
        ErrorRow{"TooMany",
                 {"--lower", "/a", "s", "m", "x"},
                 "too many arguments: 'x' (options come after '-o' or begin with '--')"},
        ErrorRow{"UpperTwice",
                 {"--upper", "/u", "-o", "upperdir=/v"},
                 "option 'upperdir' is given twice (give it once)"},
        ErrorRow{"UpperTwiceTheOtherWay",
                 {"-o", "upperdir=/v", "--upper", "/u"},
                 "option '--upper' is given twice (give it once)"},
        ErrorRow{
            "EmptyLower", {"--lower", "", "/m"}, "option '--lower' needs a value (it takes DIR)"},
        ErrorRow{"LowerdirAfterLower",
                 {"--lower", "/a", "-o", "lowerdir=/b", "/m"},
                 "option 'lowerdir' is given after other lower directories (give it once, and more "
                 "with lowerdir+ or --lower after it)"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace overpass::cli
