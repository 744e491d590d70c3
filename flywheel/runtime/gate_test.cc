#include "flywheel/runtime/gate.h"

#include <gtest/gtest.h>

#include <optional>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;
using namespace std::chrono_literals;

TEST(GateTest, CloseWaitsForTheLastAndRefusesNewcomers) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Gate gate;
    const auto inside = [](Gate& owner, Duration length) -> Task<void> {
      const auto pass = owner.Enter();
      EXPECT_TRUE(pass.ok());
      EXPECT_EQ(co_await Sleep(length), Status::Ok());
    };
    TaskGroup group;
    for (int i = 1; i <= 3; ++i) group.Spawn(inside(gate, i * 10ms));
    EXPECT_EQ(co_await Yield(), Status::Ok());
    EXPECT_EQ(gate.inside(), 3u);
    const Instant before = Loop::current()->now();
    co_await gate.Close();
    EXPECT_GE(Loop::current()->now() - before, 29ms);
    EXPECT_EQ(gate.inside(), 0u);
    EXPECT_TRUE(gate.closed());
    EXPECT_EQ(gate.Enter().status().code(), StatusCode::kUnavailable);
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    co_await gate.Close();  // a second time ends at once
  };
  sim.Run(test());
}

TEST(GateTest, CloseRefusesFromTheCallOn) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Gate gate;
    std::optional<Gate::Pass> pass(*gate.Enter());
    Gate::Pass moved = *std::move(pass);
    pass.reset();  // NOLINT(bugprone-use-after-move): that it gives nothing back is what is tested
    EXPECT_EQ(gate.inside(), 1u);
    TaskGroup group;
    const auto close = [](Gate& closed) -> Task<void> { co_await closed.Close(); };
    group.Spawn(close(gate));
    group.Spawn(close(gate));
    EXPECT_EQ(co_await Yield(), Status::Ok());
    EXPECT_FALSE(gate.Enter().ok());
    EXPECT_EQ(group.size(), 2u);
    {
      const Gate::Pass last = std::move(moved);
    }
    EXPECT_EQ(co_await group.Join(), Status::Ok());
  };
  sim.Run(test());
}

TEST(GateTest, CloseIsNotCutByCancellation) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Gate gate;
    const auto inside = [](Gate& owner) -> Task<void> {
      const auto pass = owner.Enter();
      EXPECT_EQ(co_await Sleep(10ms), Status::Ok());
    };
    TaskGroup group;
    group.Spawn(inside(gate));
    EXPECT_EQ(co_await Yield(), Status::Ok());
    const auto close = [](Gate& closed) -> Task<void> { co_await closed.Close(); };
    co_await Timeout(1ms, close(gate));
    EXPECT_EQ(gate.inside(), 0u);
    EXPECT_EQ(co_await group.Join(), Status::Ok());
  };
  sim.Run(test());
}

TEST(GateDeathTest, DestroyedWithSomebodyInside) {
  EXPECT_DEATH(
      {
        std::optional<Gate> gate(std::in_place);
        const auto pass = gate->Enter();
        gate.reset();
      },
      "gate destroyed with 1 still inside; co_await Close\\(\\) first");
}

}  // namespace
}  // namespace flywheel::inline v0
