// Runtime::Main and its signals, each in a process of its own, which sends the signals to itself.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <string>

#include "flywheel/runtime/drain.h"
#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/runtime.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0 {
namespace {

using internal::ReportLog;
using testing::ExitedWithCode;
using namespace std::chrono_literals;

int RunMain(Task<Status> main) { return (*Runtime::Create({.name = "program", .loops = 2}))->Main(std::move(main)); }

void Raise(int signal) { FW_CHECK(::kill(::getpid(), signal) == 0); }

TEST(MainDeathTest, ExitCodeTellsHowTheTaskEnded) {
  const auto returns = [](Status status) -> Task<Status> { co_return status; };
  const auto throws = [](bool standard) -> Task<Status> {
    if (standard) throw std::runtime_error("broken");
    throw 5;
    co_return Status::Ok();
  };
  EXPECT_EXIT(std::_Exit(RunMain(returns(Status::Ok()))), ExitedWithCode(0), "^$");
  EXPECT_EXIT(std::_Exit(RunMain(returns(NotFound("no file")))), ExitedWithCode(1), "^program: NOT_FOUND: no file\n$");
  EXPECT_EXIT(std::_Exit(RunMain(throws(true))), ExitedWithCode(1),
              "^program: INTERNAL: the main task threw: broken\n$");
  EXPECT_EXIT(std::_Exit(RunMain(throws(false))), ExitedWithCode(1),
              "program: INTERNAL: the main task threw something");
}

TEST(MainDeathTest, FirstSignalDrainsAndTheProcessEndsInOrder) {
  const auto serve = [](int signal) -> Task<Status> {
    Raise(signal);
    EXPECT_EQ(co_await Context::current().draining()->Wait(), Status::Ok());
    EXPECT_FALSE(Context::current().cancelled());
    co_return co_await Sleep(1ms);  // what is left to do
  };
  EXPECT_EXIT(std::_Exit(RunMain(serve(SIGTERM))), ExitedWithCode(0),
              "^flywheel: signal: SIGTERM: draining; a second one ends the process at once\n$");
  EXPECT_EXIT(std::_Exit(RunMain(serve(SIGINT))), ExitedWithCode(0), "flywheel: signal: SIGINT: draining");
}

TEST(MainDeathTest, SecondSignalEndsAtOnce) {
  const auto ignores = []() -> Task<Status> {
    Raise(SIGTERM);
    EXPECT_EQ(co_await Context::current().draining()->Wait(), Status::Ok());
    Raise(SIGINT);
    co_return co_await Sleep(1h);
  };
  EXPECT_EXIT(std::_Exit(RunMain(ignores())), ExitedWithCode(128 + SIGTERM),
              "SIGINT again: ending at once; work in flight is lost");
}

TEST(MainDeathTest, SignalsAreHeardWhileALoopHangs) {
  const auto run = [] {
    ReportLog log;
    Host::Parts parts = Host::SystemParts("program");
    parts.reports = log.Sink();
    const auto runtime = *Runtime::Create({.name = "program", .loops = 1}, std::move(parts));
    const auto hangs = [](ReportLog& reports) -> Task<Status> {
      Raise(SIGTERM);
      reports.Await(ReportKind::kSignal, "draining");
      Raise(SIGTERM);
      reports.Await(ReportKind::kSignal, "what never comes");
      co_return Status::Ok();
    };
    return runtime->Main(hangs(log));
  };
  EXPECT_EXIT(std::_Exit(run()), ExitedWithCode(128 + SIGTERM), "");
}

TEST(MainDeathTest, HangupReloadsOnTheLoopThatAskedAndEndsNothing) {
  const auto reloads = []() -> Task<Status> {
    Event reloaded;
    int count = 0;
    Loop& home = *Loop::current();
    home.host().signals().OnReload(home, [&] {
      EXPECT_EQ(Loop::current(), &home);
      ++count;
      reloaded.Set();
    });
    for (int round = 1; round <= 2; ++round) {
      Raise(SIGHUP);
      EXPECT_EQ(co_await reloaded.Wait(), Status::Ok());
      reloaded.Reset();
      EXPECT_EQ(count, round);
    }
    EXPECT_FALSE(Context::current().draining()->is_set());
    co_return count == 2 ? Status::Ok() : Internal("not reloaded");
  };
  EXPECT_EXIT(std::_Exit(RunMain(reloads())), ExitedWithCode(0),
              "^flywheel: signal: SIGHUP: reloading\nflywheel: signal: SIGHUP: reloading\n$");
}

TEST(MainDeathTest, LoopsAndJobsLeaveSignalsToTheMainThread) {
  const auto check = []() -> Task<Status> {
    const auto blocked = [] {
      sigset_t mask;
      ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
      return sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGHUP) == 1 && sigismember(&mask, SIGINT) == 1 &&
             sigismember(&mask, SIGSEGV) == 0;
    };
    if (!blocked()) co_return Internal("on a loop");
    if (!*co_await Offload(blocked)) co_return Internal("in a job");
    co_return Status::Ok();
  };
  EXPECT_EXIT(std::_Exit(RunMain(check())), ExitedWithCode(0), "^$");
}

}  // namespace
}  // namespace flywheel::inline v0
