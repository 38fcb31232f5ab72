// SPDX-License-Identifier: MIT
//
// Whole command lines, in this process, with a daemon that only notes what it is asked for.

#include "cli/command.h"

#include <gtest/gtest.h>

#include "cli/commands.h"
#include "config/option_table.h"
#include "scratch.h"

namespace overpass::cli {
namespace {

class CommandLine : public testing::Test {
 protected:
  int run(const Arguments& arguments) {
    Context context = world_.context();
    return cli::run(context, arguments);
  }
  std::string err() const { return world_.err.str(); }
  std::string out() const { return world_.out.str(); }

  FakeWorld world_;
};

TEST_F(CommandLine, MountsByTheSubcommand) {
  EXPECT_EQ(run({"mount", "-f", "--lower", "/a", "/m"}), kSuccess);
  ASSERT_EQ(world_.served.size(), 1u);
  EXPECT_EQ(world_.served[0].mountpoint, "/m");
  EXPECT_EQ(err(), "");
}

TEST_F(CommandLine, MountsWithoutASubcommand) {
  EXPECT_EQ(run({"-f", "-o", "lowerdir=/a:/b,upperdir=/u,workdir=/w", "/m"}), kSuccess);
  EXPECT_EQ(run({"source", "/m", "-f", "-o", "rw,lowerdir=/a,dev,suid"}), kSuccess);
  EXPECT_EQ(run({"/m", "-o", "lowerdir=/a", "-f"}), kSuccess);
  ASSERT_EQ(world_.served.size(), 3u);
  EXPECT_EQ(world_.served[1].fsname, "source");
}

TEST_F(CommandLine, TakesAMountpointCalledLikeASubcommandWithASlash) {
  EXPECT_EQ(run({"./status", "-f", "-o", "lowerdir=/a"}), kSuccess);
  ASSERT_EQ(world_.served.size(), 1u);
  EXPECT_TRUE(world_.served[0].mountpoint.ends_with("/status"));
  EXPECT_EQ(run({"mount", "-f", "-o", "lowerdir=/a", "status"}), kSuccess);
  EXPECT_EQ(world_.served.size(), 2u);
}

TEST_F(CommandLine, MountsByName) {
  world_.scratch.write("system.toml", "[mount.box]\nlower = '/a'\nmountpoint = '/m'\n");
  EXPECT_EQ(run({"mount", "-f", "box"}), kSuccess);
  EXPECT_EQ(run({"box", "/n", "-f", "-o", "rw"}), kSuccess);
  EXPECT_EQ(run({"box", "-f"}), kSuccess);
  ASSERT_EQ(world_.served.size(), 3u);
  EXPECT_EQ(world_.served[2].mountpoint, "/m");
  EXPECT_EQ(world_.served[0].mountpoint, "/m");
  EXPECT_EQ(world_.served[1].mountpoint, "/n");
}

TEST_F(CommandLine, PrefersTheUsersFile) {
  world_.scratch.write("user.toml", "[mount.box]\nlower = '/mine'\nmountpoint = '/m'\n");
  world_.scratch.write("system.toml", "[mount.box]\nlower = '/a'\nmountpoint = '/m'\n");
  EXPECT_EQ(run({"mount", "-f", "box"}), kSuccess);
  EXPECT_EQ(world_.served.at(0).lower, std::vector<std::string>{"/mine"});
}

TEST_F(CommandLine, NamesTheNearestMount) {
  world_.scratch.write("user.toml", "[mount.sandbox]\nlower = '/a'\n");
  EXPECT_EQ(run({"mount", "sandbax"}), kFailure);
  EXPECT_EQ(err(), "overpass: no mount is called 'sandbax' (did you mean 'sandbox'?)\n");
}

TEST_F(CommandLine, SaysWhereItSearched) {
  EXPECT_EQ(run({"mount", "box"}), kFailure);
  EXPECT_EQ(err(),
            "overpass: no mount is called 'box' (searched: " + world_.scratch.path("user.toml") +
                ", " + world_.scratch.path("system.toml") + ")\n");
}

TEST_F(CommandLine, NamesTheFaultInAFile) {
  const std::string file = world_.scratch.write("user.toml", "[mount.box]\nlowr = '/a'\n");
  EXPECT_EQ(run({"mount", "box"}), kFailure);
  EXPECT_EQ(err(), "overpass: " + file + ":2:1: unknown key 'lowr' (did you mean 'lower'?)\n");
}

TEST_F(CommandLine, TellsThatAFileCannotBeRead) {
  std::filesystem::create_directory(world_.scratch.path("user.toml"));
  EXPECT_EQ(run({"mount", "box"}), kFailure);
  EXPECT_NE(err().find("user.toml cannot be read: Is a directory"), std::string::npos);
}

TEST_F(CommandLine, PrintsTheProblemOfTheMountAsOneLine) {
  world_.outcome = problem("lower directory '/a\nb' does not exist", "create it");
  EXPECT_EQ(run({"mount", "-f", "--lower", "/a\nb", "/m"}), kFailure);
  EXPECT_EQ(err(), "overpass: lower directory '/a?b' does not exist (create it)\n");
}

TEST_F(CommandLine, PrintsHelpAndVersion) {
  for (const Arguments& arguments :
       {Arguments{"help"}, Arguments{"--help"}, Arguments{"-h"}, Arguments{"help", "mount"},
        Arguments{"mount", "--help"}, Arguments{"umount", "-h"}, Arguments{"status", "--help"}}) {
    world_.out.str("");
    EXPECT_EQ(run(arguments), kSuccess);
    EXPECT_NE(out().find("overpass"), std::string::npos);
  }
  for (const Arguments& arguments :
       {Arguments{"--version"}, Arguments{"-V"}, Arguments{"mount", "--version"}}) {
    world_.out.str("");
    EXPECT_EQ(run(arguments), kSuccess);
    EXPECT_EQ(out(), "overpass " OVERPASS_VERSION "\n");
  }
  EXPECT_EQ(err(), "");
  EXPECT_TRUE(world_.served.empty());
}

TEST_F(CommandLine, ExplainsEveryOptionInTheHelpOfMount) {
  run({"mount", "--help"});
  for (const config::OptionEntry& entry : config::option_table()) {
    EXPECT_NE(out().find(entry.name), std::string::npos) << entry.name;
    EXPECT_NE(out().find(entry.negation), std::string::npos) << entry.negation;
  }
}

struct UsageRow {
  const char* name;
  Arguments arguments;
  std::string line;
};

class UsageErrors : public testing::TestWithParam<UsageRow> {};

TEST_P(UsageErrors, ExitWithTwoAndOneLine) {
  FakeWorld world;
  Context context = world.context();
  EXPECT_EQ(cli::run(context, GetParam().arguments), kUsage);
  EXPECT_EQ(world.err.str(), "overpass: " + GetParam().line + "\n");
  EXPECT_EQ(world.out.str(), "");
  EXPECT_TRUE(world.served.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Lines, UsageErrors,
    testing::Values(
        UsageRow{"Nothing", {}, "no arguments are given ('overpass help' shows the commands)"},
        UsageRow{"MisspeltCommand",
                 {"stauts"},
                 "no command and no mount is called 'stauts' (did you mean 'status'?)"},
        UsageRow{"MisspeltCommandWithMountpoint",
                 {"unmount", "/m"},
                 "no command and no mount is called 'unmount' (did you mean 'umount'?)"},
        UsageRow{"MisspeltCommandWithItsOption",
                 {"stauts", "/m", "--json"},
                 "no command and no mount is called 'stauts' (did you mean 'status'?)"},
        UsageRow{"PlannedCommand",
                 {"shell", "/m"},
                 "this version has no command 'shell' ('overpass help' shows those it has; for a "
                 "mount of this name: overpass mount shell)"},
        UsageRow{"HelpOfPlannedCommand",
                 {"help", "shell"},
                 "this version has no command 'shell' ('overpass help' shows those it has)"},
        UsageRow{
            "ContradictingFormat",
            {"mount", "--lower", "/a", "-o", "metacopy=on,redirect_dir=off", "--upper", "/u",
             "--work", "/w", "/m"},
            "metacopy=on and redirect_dir=off exclude each other: a renamed metacopy finds its "
            "data by a redirect (leave out one of them, or use redirect_dir=on)"},
        UsageRow{"UnknownCommand",
                 {"zzzzz"},
                 "no command and no mount is called 'zzzzz' ('overpass help' shows the commands)"},
        UsageRow{"HelpOfUnknown",
                 {"help", "umuont"},
                 "unknown command 'umuont' (did you mean 'umount'?)"},
        UsageRow{"UnknownFlag",
                 {"mount", "--uper", "/u"},
                 "unknown option '--uper' (did you mean '--upper'?)"},
        UsageRow{"UnknownMountOption",
                 {"-o", "lowerdir=/a,uperdir=/u", "/m"},
                 "unknown mount option 'uperdir' (did you mean 'upperdir'?)"},
        UsageRow{"NoLower",
                 {"mount", "/m"},
                 "no lower directory is given (add --lower DIR or -o lowerdir=DIR)"},
        UsageRow{"NoMountpoint",
                 {"mount", "--lower", "/a"},
                 "no mountpoint is given (name a directory as the last argument)"},
        UsageRow{"NoWorkdir",
                 {"mount", "--lower", "/a", "--upper", "/u", "/m"},
                 "an upper directory needs a workdir (add --work DIR, an empty directory on the "
                 "file system of the upper)"},
        UsageRow{"CompletionOfNoShell",
                 {"completion"},
                 "completion needs a shell (overpass completion bash|zsh|fish)"},
        UsageRow{"CompletionOfAnotherShell",
                 {"completion", "bsh"},
                 "there is no completion for 'bsh' (did you mean 'bash'?)"},
        UsageRow{"UmountOfNothing",
                 {"umount"},
                 "umount needs a mountpoint or a NAME (overpass umount MOUNTPOINT)"},
        UsageRow{"UmountWithUnknownFlag",
                 {"umount", "--layz", "/m"},
                 "unknown option '--layz' (did you mean '--lazy'?)"},
        UsageRow{"StatusOfTwo",
                 {"status", "/a", "/b"},
                 "status takes one mountpoint (without any, 'overpass status' lists all)"}),
    [](const auto& row) { return row.param.name; });

TEST_F(CommandLine, RefusesToUnmountForeignMounts) {
  EXPECT_EQ(run({"umount", "/proc"}), kFailure);
  EXPECT_EQ(err(),
            "overpass: '/proc' is a mount of type proc, not of overpass (use umount(8) or the "
            "program that mounted it)\n");
}

TEST_F(CommandLine, RefusesToShowTheStatusOfForeignMounts) {
  EXPECT_EQ(run({"status", world_.scratch.path(".")}), kFailure);
  // It lies in a mount of its own on some machines.
  const bool is_refused = err().find("is not a mountpoint of overpass") != std::string::npos ||
                          err().find("is not of overpass, but of a mount") != std::string::npos;
  EXPECT_TRUE(is_refused) << err();
}

TEST_F(CommandLine, UnmountsTheOthersAfterAFailure) {
  EXPECT_EQ(run({"umount", "/nothing/here", "/proc"}), kFailure);
  EXPECT_NE(err().find("'/nothing/here': No such file"), std::string::npos);
  EXPECT_NE(err().find("'/proc' is a mount of type proc"), std::string::npos);
}

TEST_F(CommandLine, FindsAMountThatIsNamedAndSaysThatItIsNotMounted) {
  const std::string point = world_.scratch.path("point");
  world_.scratch.write("user.toml", "[mount.box]\nlower = '/a'\nmountpoint = '" + point + "'\n");
  EXPECT_EQ(run({"status", "box"}), kFailure);
  EXPECT_EQ(run({"umount", "box"}), kFailure);
  const std::string line = "overpass: the mount 'box' is not mounted at '" + point +
                           "' ('overpass status' lists what is mounted)\n";
  EXPECT_EQ(err(), line + line);
  world_.err.str("");
  EXPECT_EQ(run({"umount", "bix"}), kFailure);
  EXPECT_EQ(err(),
            "overpass: 'bix' is neither a path here nor the NAME of a mount (did you mean "
            "'box'?)\n");
}

TEST_F(CommandLine, TellsProblemsOfANamedMountInTheWordsOfItsFile) {
  const std::string file =
      world_.scratch.write("user.toml",
                           "[mount.box]\nlower = '/a'\nupper = '/u'\nmountpoint = '/m'\n"
                           "[mount.good]\nlower = '/lowerdir'\nmountpoint = '/m'\n");
  EXPECT_EQ(run({"mount", "box"}), kFailure);
  EXPECT_EQ(err(), "overpass: mount 'box' of " + file +
                       ": an upper directory needs a workdir (add the key work with an empty "
                       "directory on the file system of the upper)\n");
  world_.err.str("");
  world_.outcome = problem("lowerdir directory '/lowerdir': gone", "create it or correct lowerdir");
  EXPECT_EQ(run({"mount", "-f", "good"}), kFailure);
  EXPECT_EQ(err(), "overpass: mount 'good' of " + file +
                       ": lower directory '/lowerdir': gone (create it or correct lower)\n");
}

TEST_F(CommandLine, BlamesTheCommandLineForItsAdditionsToANamedMount) {
  world_.scratch.write("user.toml", "[mount.box]\nlower = '/a'\n");
  EXPECT_EQ(run({"mount", "box", "/m", "--upper", "/u"}), kUsage);
  EXPECT_EQ(run({"mount", "box"}), kFailure);
}

TEST_F(CommandLine, CompletesCommandsNamesAndMountOptions) {
  world_.scratch.write("user.toml", "[mount.sandbox]\nlower = '/a'\n");
  EXPECT_EQ(run({"__complete", "s"}), kSuccess);
  EXPECT_EQ(out(),
            "directories 0\nsandbox\tmount of overpass.toml\n"
            "status\tlist all mounts, or show what one does and why not more\n"
            "snapshot\tfreeze what was changed in a sandbox, to return to it\n"
            "squash\tmake one snapshot of all that a sandbox has\n");
  const std::pair<Arguments, std::string> rows[] = {
      {{"umount", "sand"}, "directories 0\nsandbox\tmount of overpass.toml\n"},
      {{"mount", "-o", "ro,index="}, "none 0\nro,index=on\t\nro,index=off\t\n"},
      {{"mount", "-oro,lowerdir=/a:/b"}, "directories 17\n"},
      {{"mount", "-o", "upperdir=/u"}, "directories 9\n"},
      {{"mount", "-o", "threads=1"}, "none 0\n"},
      {{"mount", "-o", "nonsense=1"}, "none 0\n"},
      {{"completion", "f"}, "none 0\nfish\t\n"},
      {{"help", "um"}, "none 0\numount\tunmount unions and wait for their daemons to end\n"},
  };
  for (auto [words, expected] : rows) {
    world_.out.str("");
    words.insert(words.begin(), "__complete");
    EXPECT_EQ(run(words), kSuccess);
    EXPECT_EQ(out(), expected);
  }
}

TEST_F(CommandLine, MakesDirectoriesOnDemandAndNeverALower) {
  const std::string root = world_.scratch.path("");
  std::filesystem::create_directory(root + "low");
  const std::string rest = "upper = '" + root + "%i/deep/upper'\nwork = '" + root +
                           "%i/deep/work'\nmountpoint = '" + root + "%i/root'\nmake_dirs = true\n";
  world_.scratch.write("user.toml", "[mount.'b@']\nlower = '" + root + "low'\n" + rest +
                                        "[mount.'c@']\nlower = '" + root + "gone'\n" + rest);
  EXPECT_EQ(run({"mount", "-f", "b@x"}), kSuccess) << err();
  EXPECT_TRUE(std::filesystem::is_directory(root + "x/deep/upper"));
  EXPECT_TRUE(std::filesystem::is_directory(root + "x/root"));
  EXPECT_EQ(std::filesystem::status(root + "x/deep/work").permissions(),
            std::filesystem::perms::owner_all);
  EXPECT_EQ(run({"mount", "-f", "c@y"}), kFailure);
  EXPECT_NE(err().find("gone': No such file or directory"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(root + "gone"));
  EXPECT_FALSE(std::filesystem::exists(root + "y"));
  world_.outcome = problem("it fails", "");
  EXPECT_EQ(run({"mount", "-f", "b@z"}), kFailure);
  EXPECT_FALSE(std::filesystem::exists(root + "z"));
}

TEST_F(CommandLine, AsksForTheInstanceOfATemplate) {
  world_.scratch.write("user.toml", "[mount.'b@']\nlower = '/a'\nmountpoint = '/m'\n");
  EXPECT_EQ(run({"mount", "b@"}), kFailure);
  EXPECT_EQ(err(), "overpass: 'b@' is a template of mounts (name a mount: b@INSTANCE)\n");
}

TEST_F(CommandLine, PrintsFindingsAsJson) {
  EXPECT_EQ(run({"--version", "--json"}), kSuccess);
  for (const char* key :
       {"\"format\":1", "\"version\":\"" OVERPASS_VERSION "\"", "\"libfuse\":\"3.",
        "\"fuse_protocol\":\"7.", "\"passthrough\"", "\"io_uring\"", "\"broker\""}) {
    EXPECT_NE(out().find(key), std::string::npos) << key;
  }
}

TEST_F(CommandLine, GroupsEveryMountOption) {
  size_t count = 0;
  for (const config::OptionGroup& group : config::option_groups()) count += group.options.size();
  EXPECT_EQ(count, config::option_table().size());
}

TEST_F(CommandLine, AcceptsTheArgumentsOfMountHelpers) {
  EXPECT_EQ(run({"source", "/m", "-f", "-n", "-v", "-s", "-o", "rw,lowerdir=/a"}), kSuccess);
  EXPECT_EQ(world_.served.at(0).mountpoint, "/m");
}

TEST_F(CommandLine, CheckTellsAWrongCallFromAnUncheckableUnion) {
  world_.scratch.write("user.toml", "[mount.box]\nlower = '/a'\n");
  EXPECT_EQ(run({"check", "--lower", "/a"}), 2);
  EXPECT_EQ(run({"check", "--lower", "/a", "--upper", "/u"}), 2);
  EXPECT_EQ(run({"check", "/nothing/here"}), 2);
  EXPECT_EQ(run({"check", "nosuch"}), 3);
  EXPECT_EQ(run({"check", "box"}), 3);
}

TEST_F(CommandLine, FailsWhenItsOutputDoesNotArrive) {
  std::ofstream full("/dev/full");
  Context context = {full, world_.err, {}, {}, ""};
  for (const Arguments& arguments :
       {Arguments{"--help"}, Arguments{"help", "mount"}, Arguments{"--version"},
        Arguments{"status", "--json"}, Arguments{"check", "--help"},
        Arguments{"completion", "bash"}}) {
    full.clear();
    EXPECT_EQ(cli::run(context, arguments), kFailure);
  }
  EXPECT_NE(err().find("standard output cannot be written"), std::string::npos);
}

TEST(PlannedCommands, AreNotAmongTheExistingCommands) {
  for (const Command& command : commands()) EXPECT_FALSE(is_planned_command(command.table->name));
  EXPECT_TRUE(is_planned_command("shell"));
  EXPECT_FALSE(is_planned_command("overlay"));
}

}  // namespace
}  // namespace overpass::cli
