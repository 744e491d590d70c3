// The programs together: load and echo_load against raw_epoll_echo and the echo example, in every mode.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "bench/allocation_meter.h"
#include "bench/clocks.h"
#include "bench/echo/load.h"
#include "bench/echo/server_process.h"

namespace flywheel::bench::echo {
namespace {

std::string Beside(const std::string& program) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / program;
}

ServerProcess Start(const std::string& program, const LaunchOptions& options = {}) {
  return ServerProcess::Start({Beside(program), "--listen", "127.0.0.1:0"}, options).value();
}

struct Server {
  const char* name;
  const char* program;     // from the folder of this one
  int second_signal_code;  // with which it ends when it is told twice
};

void PrintTo(const Server& server, std::ostream* out) { *out << server.name; }

class EchoServersTest : public testing::TestWithParam<Server> {
 protected:
  static ServerProcess StartServer(const LaunchOptions& options = {}) { return Start(GetParam().program, options); }
};

INSTANTIATE_TEST_SUITE_P(Servers, EchoServersTest,
                         testing::Values(Server{"raw_epoll", "raw_epoll_echo", 0},
                                         Server{"example", "../../examples/echo/echo", 128 + SIGTERM}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(EchoServersTest, ServesAThousandConnections) {
  ServerProcess server = StartServer();
  Load load({.address = server.address(), .connections = 1000});
  ASSERT_TRUE(load.Connect().ok());
  ASSERT_TRUE(load.Exchange(20'000).ok());
  ASSERT_TRUE(load.Finish().ok());
  EXPECT_TRUE(load.report().Verdict().ok()) << load.report().Verdict().ToString();
  EXPECT_EQ(load.report().messages, 20'000U);
  EXPECT_EQ(load.report().bytes, 20'000U * 64);
  EXPECT_EQ(load.report().finished, 1000U);
  EXPECT_TRUE(server.Stop().ok());
}

TEST_P(EchoServersTest, HalfClosedPeersGetEverythingBack) {
  ServerProcess server = StartServer();
  constexpr std::uint64_t kBytes = (1 << 20) + 12'345;
  Load load({.address = server.address(), .connections = 20});
  ASSERT_TRUE(load.Connect().ok());
  ASSERT_TRUE(load.StreamAndFinish(kBytes).ok());
  EXPECT_TRUE(load.report().Verdict().ok()) << load.report().Verdict().ToString();
  EXPECT_EQ(load.report().bytes, 20 * kBytes);
  EXPECT_EQ(load.report().finished, 20U);
  EXPECT_TRUE(server.Stop().ok());
}

TEST_P(EchoServersTest, ResetsInMidMessageHarmNoOneElse) {
  ServerProcess server = StartServer();
  Load load({.address = server.address(), .connections = 100, .size = 1000, .reset_share = 0.2});
  ASSERT_TRUE(load.Connect().ok());
  ASSERT_TRUE(load.Exchange(20'000).ok());
  ASSERT_TRUE(load.Finish().ok());
  EXPECT_TRUE(load.report().Verdict().ok()) << load.report().Verdict().ToString();
  EXPECT_GT(load.report().resets, 20U) << "each of the 20 comes back and resets again";
  EXPECT_EQ(load.report().finished, 100U);
  EXPECT_EQ(load.report().messages + load.report().resets, 20'000U) << "a reset loses the message it is in";
  EXPECT_TRUE(server.Stop().ok());
}

TEST_P(EchoServersTest, StoppedUnderLoadItCutsNothing) {
  ServerProcess server = StartServer();
  Load load({.address = server.address(), .connections = 10, .size = 12 << 20});
  ASSERT_TRUE(load.Connect().ok());
  ASSERT_TRUE(load.ExchangeUntil(MonotonicTime() + std::chrono::milliseconds(50)).ok());
  server.Signal(SIGTERM);
  ASSERT_TRUE(load.ExchangeUntil(MonotonicTime() + std::chrono::milliseconds(50)).ok());
  ASSERT_TRUE(load.Finish().ok());
  EXPECT_TRUE(load.report().Verdict().ok()) << load.report().Verdict().ToString();
  EXPECT_EQ(load.report().finished, 10U);
  EXPECT_GT(load.report().bytes, load.report().messages * (12 << 20)) << "it stopped in the middle of messages";
  const StatusOr<int> code = server.Wait();
  ASSERT_TRUE(code.ok()) << code.status().ToString();
  EXPECT_EQ(*code, 0);
}

TEST_P(EchoServersTest, ASecondSignalEndsItAlthoughConnectionsAreOpen) {
  ServerProcess server = StartServer();
  Load load({.address = server.address(), .connections = 3});
  ASSERT_TRUE(load.Connect().ok());
  ASSERT_TRUE(load.Exchange(3).ok());
  server.Signal(SIGTERM);
  while (Load({.address = server.address()}).Connect().ok()) {
    // Until the first signal has been taken: pending signals of one kind are merged.
  }
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait().value_or(-1), GetParam().second_signal_code);
  ASSERT_TRUE(load.Finish().ok());
  EXPECT_EQ(load.report().cuts, 3U) << "and the load sees it";
}

#ifndef FW_BENCH_SANITIZED
TEST_P(EchoServersTest, AllocatesNothingPerMessage) {
  const AllocationMeter meter = AllocationMeter::Create(Beside("../libflywheel_bench_allocations.so")).value();
  ServerProcess server = StartServer({.environment = meter.environment()});
  Load load({.address = server.address(), .connections = 10});
  ASSERT_TRUE(load.Connect().ok());
  ASSERT_TRUE(load.Exchange(100).ok());
  const Allocations before = meter.Read().value();
  EXPECT_GT(before.calls, 0U) << "its start";
  ASSERT_TRUE(load.Exchange(5000).ok());
  // None a message; now and then something grows once.
  EXPECT_LE((meter.Read().value() - before).calls, 5U);
  ASSERT_TRUE(load.Finish().ok());
  EXPECT_TRUE(server.Stop().ok());
}
#endif

TEST(ServerProcessTest, PutsTheProgramOnOneCpuAndAddsToItsEnvironment) {
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  int cpu = CPU_SETSIZE - 1;
  while (!CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) --cpu;
  const ServerProcess shell =
      ServerProcess::Start({"/bin/sh", "-c", "echo sh: listening on $(nproc) $FLYWHEEL_TEST; exec tail -f /dev/null"},
                           {.cpu = cpu, .environment = {"FLYWHEEL_TEST=here"}})
          .value();
  EXPECT_EQ(shell.address(), "1 here");
  cpu_set_t only;
  ASSERT_EQ(sched_getaffinity(shell.pid(), sizeof only, &only), 0);
  EXPECT_EQ(CPU_COUNT(&only), 1);
  EXPECT_TRUE(CPU_ISSET(static_cast<std::size_t>(cpu), &only));
}

TEST(ServerProcessTest, SaysWhatAProgramDidInsteadOfListening) {
  const auto failure = [](const std::vector<std::string>& command) {
    return ServerProcess::Start(command, {.patience = std::chrono::milliseconds(200)}).status().ToString();
  };
  EXPECT_TRUE(failure({"/no/such/program"}).contains("program ended"));
  EXPECT_TRUE(failure({"/bin/echo", "hello"}).contains("printed 'hello' instead"));
  EXPECT_TRUE(failure({"/bin/cat", "/dev/tty0/none"}).contains("cat ended"));
  EXPECT_TRUE(failure({"/usr/bin/tail", "-f", "/dev/null"}).contains("tail did not print its address within 200 ms"));
}

// Runs a shell command in which $LOAD is echo_load and $AT the server's address.
struct Result {
  int exit_code;
  std::string output;
};
Result Shell(const std::string& command, const std::string& address) {
  const std::string all = "LOAD='" + Beside("echo_load") + "'; AT=" + address + "; " + command;
  Result result{};
  std::FILE* const pipe = popen(all.c_str(), "r");
  std::array<char, 4096> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    result.output.append(buffer.data(), got);
  }
  result.exit_code = WEXITSTATUS(pclose(pipe));
  return result;
}

TEST(EchoLoadTest, PrintsOneLineOfJsonAndEndsWithZero) {
  ServerProcess server = Start("raw_epoll_echo");
  const Result run =
      Shell("$LOAD --connect $AT --connections 5 --messages 500 --size 100 2>/dev/null", server.address());
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_TRUE(run.output.starts_with(R"({"connections": 5, "size": 100, "messages": 500, "bytes": 50000, "seconds": )"))
      << run.output;
  EXPECT_TRUE(run.output.ends_with(R"("finished": 5, "resets": 0, "mismatches": 0, "cuts": 0})"
                                   "\n"))
      << run.output;
  EXPECT_TRUE(server.Stop().ok());
}

TEST(EchoLoadTest, EveryModeEndsWithZeroOnAnHonestServer) {
  ServerProcess server = Start("raw_epoll_echo");
  for (const char* mode :
       {"--seconds 0.05", "--half-close --bytes 100000", "--half-close --bytes 0", "--messages 1000 --reset 0.5",
        "--seconds 0.05 --window 16 --size 5000", "--until-stopped-then-half-close --seconds 0.05"}) {
    const Result run = Shell(std::string("$LOAD --connect $AT --connections 10 ") + mode + " 2>&1", server.address());
    EXPECT_EQ(run.exit_code, 0) << mode << "\n" << run.output;
    EXPECT_TRUE(run.output.contains("\"finished\": 10, ")) << mode << "\n" << run.output;
  }
  EXPECT_TRUE(server.Stop().ok());
}

TEST(EchoLoadTest, StopsOnSigusr1InTheMiddleAndStillGetsEverythingBack) {
  ServerProcess server = Start("raw_epoll_echo");
  const std::string log = testing::TempDir() + "/echo_load_" + std::to_string(server.pid());
  const Result run =
      Shell("$LOAD --connect $AT --connections 50 --size 30000 --window 4 --until-stopped-then-half-close 2>" + log +
                " & P=$!; while ! grep -q '50 connections' " + log + "; do :; done; kill -USR1 $P; wait $P",
            server.address());
  EXPECT_EQ(run.exit_code, 0) << run.output;
  EXPECT_TRUE(run.output.contains(R"("finished": 50, "resets": 0, "mismatches": 0, "cuts": 0)")) << run.output;
  EXPECT_TRUE(server.Stop().ok());
  std::filesystem::remove(log);
}

TEST(EchoLoadTest, AKilledServerIsAFailure) {
  ServerProcess server = Start("raw_epoll_echo");
  const Result run = Shell("( $LOAD --connect $AT --connections 9 --seconds 100 2>&1; echo code=$? ) & kill -9 " +
                               std::to_string(server.pid()) + "; wait",
                           server.address());
  EXPECT_TRUE(run.output.contains("code=1")) << run.output;
  EXPECT_EQ(server.Wait().value_or(-1), 128 + SIGKILL);
}

TEST(EchoLoadTest, RefusesACommandLineItDoesNotUnderstand) {
  for (const char* bad : {"", "--connect $AT --frobnicate", "--connect $AT --connections 0", "--connect",
                          "--connect $AT --seconds 1 --messages 5", "--connect $AT --half-close --seconds 1",
                          "--connect $AT --half-close --until-stopped-then-half-close", "--connect $AT --bytes 5",
                          "--connect $AT --size 10 --size 20", "--connect $AT --reset 2", "--connect $AT --seconds nan",
                          "--connect $AT --messages 5 --until-stopped-then-half-close"}) {
    const Result run = Shell(std::string("$LOAD ") + bad + " 2>&1", "127.0.0.1:1");
    EXPECT_EQ(run.exit_code, 2) << bad << "\n" << run.output;
    EXPECT_TRUE(run.output.contains("--connect HOST:PORT [options]")) << "the options are printed";
  }
}

}  // namespace
}  // namespace flywheel::bench::echo
