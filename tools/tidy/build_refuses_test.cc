// What the compiler is relied on to refuse, tried with the flags of the build: state without its lock, dropped results.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/tidy/command.h"
#include "tools/tidy/compile_commands.h"
#include "tools/tidy/scratch_test.h"

namespace flywheel::tidy {
namespace {

class BuildTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string error;
    const auto commands = ReadCompileCommands(FromBuild("compile_commands.json"), SourceDir(), error);
    ASSERT_EQ(error, "");
    directory_ = commands.front().directory;
    arguments_ = FlagsFor(commands, "flywheel/base");
    arguments_.insert(arguments_.end(), {"-I" + SourceDir(), "-ferror-limit=0", "-fsyntax-only", "-x", "c++", "-"});
  }

  Outcome Compile(const std::string& code) {
    return RunCommand({.arguments = arguments_, .input = code, .directory = directory_});
  }

 private:
  std::string directory_;
  std::vector<std::string> arguments_;
};

// The rule that bans std::mutex promises that the compiler watches over Mutex.
TEST_F(BuildTest, AGuardedMemberNeedsItsLock) {
  const auto compile = [&](const std::string& body) {
    return Compile(
        "#include \"flywheel/base/mutex.h\"\n"
        "class A {\n"
        " public:\n"
        "  int F() { " +
        body +
        " }\n"
        "  int Locked() FW_REQUIRES(mutex_) { return value_; }\n"
        " private:\n"
        "  flywheel::Mutex mutex_;\n"
        "  int value_ FW_GUARDED_BY(mutex_) = 0;\n"
        "};\n");
  };
  const Outcome good = compile("flywheel::MutexLock lock(mutex_); return Locked() + value_;");
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_EQ(good.output, "");
  for (const char* const body : {"return value_;", "return Locked();", "mutex_.Lock(); return 1;",
                                 "{ flywheel::MutexLock lock(mutex_); } return value_;", "mutex_.Unlock(); return 1;",
                                 "flywheel::CondVar changed; changed.Wait(mutex_); return 1;"}) {
    // A warning where the build was told not to make errors of them.
    const Outcome bad = compile(body);
    EXPECT_TRUE(bad.output.contains("-Wthread-safety")) << body << bad.output;
  }
}

// A wait may end because of a cancellation, and a call because of anything; whoever does not look must say so. All of
// them in one translation unit, which costs seconds to compile: a warning each, by its line.
TEST_F(BuildTest, NoResultCanBeDropped) {
  const std::vector<std::string> statements = {
      "flywheel::Cancelled(\"x\")",
      "Give()",
      "Do()",  // a task that nobody awaits
      "co_await Do()",
      "co_await Take()",
      "co_await event.Wait()",
      "co_await semaphore.Acquire()",
      "co_await queue.Push(1)",
      "co_await queue.Pop()",
      "gate.Enter()",
      "co_await group.Join()",
      "co_await group.Drain({})",
      "co_await flywheel::Sleep({})",
      "co_await flywheel::Yield()",
      "co_await flywheel::Offload([] { return 1; })",
      "co_await flywheel::Timeout({}, Do())",
      "co_await flywheel::WhenAll(Do(), Do())",
      "co_await flywheel::WhenAny(Do(), Do())",
      "co_await flywheel::UntilDraining(Do())",
      "co_await readiness.Readable()",
      "co_await socket.Read({})",
      "co_await socket.WriteAll({})",
      "co_await listener.Accept()",
      "co_await file.Sync()",
      "flywheel::Context::current().Child()",
  };
  std::string code;
  for (const char* const header : {"drain", "event", "file", "gate", "network", "offload", "queue", "semaphore",
                                   "sleep", "task_group", "timeout", "when"}) {
    code += std::string("#include \"flywheel/runtime/") + header + ".h\"\n";
  }
  code +=
      "using flywheel::Task, flywheel::Status, flywheel::StatusOr;\n"
      "StatusOr<int> Give(); Task<Status> Do(); Task<StatusOr<int>> Take();\n"
      "Task<void> F(flywheel::Event& event, flywheel::Semaphore& semaphore, flywheel::Queue<int>& queue,\n"
      "             flywheel::Gate& gate, flywheel::TaskGroup& group, flywheel::Readiness& readiness,\n"
      "             flywheel::Socket& socket, flywheel::Listener& listener, flywheel::File& file) {\n"
      "#line 1 \"dropped\"\n";
  for (const std::string& statement : statements) code += "  " + statement + ";\n";
  code += "#line 1 \"looked_at\"\n";
  for (const std::string& statement : statements) code += "  (void)(" + statement + ");\n";
  code += "}\n";
  const Outcome outcome = Compile(code);
  for (std::size_t line = 1; line <= statements.size(); ++line) {
    const std::size_t found = outcome.output.find("dropped:" + std::to_string(line) + ":");
    ASSERT_NE(found, std::string::npos) << statements[line - 1] << '\n' << outcome.output;
    const std::string message = outcome.output.substr(found, outcome.output.find('\n', found) - found);
    EXPECT_TRUE(message.contains("[-Wunused-") || message.contains("nodiscard")) << message;
  }
  EXPECT_FALSE(outcome.output.contains("looked_at")) << outcome.output;
}

}  // namespace
}  // namespace flywheel::tidy
