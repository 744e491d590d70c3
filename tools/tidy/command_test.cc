#include "tools/tidy/command.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "tools/tidy/parallel.h"

namespace flywheel::tidy {
namespace {

Outcome Shell(const std::string& script, std::string_view input = {}, const std::string& directory = {}) {
  return RunCommand({.arguments = {"sh", "-c", script}, .input = input, .directory = directory});
}

TEST(CommandTest, BothOutputsAreCollectedInOrder) {
  const Outcome outcome = Shell("echo out; echo err >&2; echo end; exit 3");
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.output, "out\nerr\nend\n");
}

TEST(CommandTest, ErrorsCanBeDropped) {
  EXPECT_EQ(
      RunCommand(
          {.arguments = {"sh", "-c", "echo out; echo err >&2"}, .input = {}, .directory = {}, .keep_errors = false})
          .output,
      "out\n");
}

TEST(CommandTest, ArgumentsInputAndDirectoryArrive) {
  EXPECT_EQ(RunCommand({.arguments = {"printf", "%s|", "a b", "", "c'd"}, .input = {}, .directory = {}}).output,
            "a b||c'd|");
  EXPECT_EQ(Shell("cat", "some\ninput").output, "some\ninput");
  EXPECT_EQ(Shell("cat").output, "") << "an empty input ends";
  EXPECT_EQ(Shell("pwd", {}, "/").output, "/\n");
}

TEST(CommandTest, AProgramThatIgnoresItsInputIsFine) {
  EXPECT_EQ(Shell("exit 0", std::string(kInputBytesMax, 'x')).exit_code, 0);
  EXPECT_EQ(Shell("cat", std::string(kInputBytesMax + 1, 'x')).exit_code, 127);
}

TEST(CommandTest, MoreOutputThanAPipeHolds) { EXPECT_EQ(Shell("head -c 300000 /dev/zero").output.size(), 300'000U); }

TEST(CommandTest, WhatCannotStartSaysWhy) {
  const Outcome outcome = RunCommand({.arguments = {"no-such-program-at-all"}, .input = {}, .directory = {}});
  EXPECT_EQ(outcome.exit_code, 127);
  EXPECT_TRUE(outcome.output.contains("no-such-program-at-all")) << outcome.output;
}

TEST(CommandTest, ASignalIsNoExit) { EXPECT_EQ(Shell("kill -9 $$").exit_code, 137); }

TEST(ParallelTest, EachIndexOnceWhateverTheNumberOfThreads) {
  for (const int threads : {1, 2, 7}) {
    std::vector<std::atomic<int>> calls(100);
    ForEachIndex(calls.size(), threads, [&](std::size_t i) { calls[i].fetch_add(1); });
    for (const std::atomic<int>& count : calls) EXPECT_EQ(count.load(), 1);
  }
  ForEachIndex(0, 2, [](std::size_t) { FAIL(); });
}

TEST(ParallelTest, CommandsMayRunSideBySide) {
  std::vector<std::string> outputs(8);
  ForEachIndex(outputs.size(), 4, [&](std::size_t i) { outputs[i] = Shell("cat", std::to_string(i)).output; });
  for (std::size_t i = 0; i < outputs.size(); ++i) EXPECT_EQ(outputs[i], std::to_string(i));
}

}  // namespace
}  // namespace flywheel::tidy
