#include "flywheel/base/status.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <coroutine>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "flywheel/base/internal/allocation_count.h"

namespace flywheel::inline v0 {
namespace {

static_assert(sizeof(Status) == sizeof(void*));
static_assert(std::is_nothrow_move_constructible_v<Status> && std::is_nothrow_copy_assignable_v<Status>);

struct Named {
  int number;
  std::string_view name;
  Status (*make)(std::string message);
};
// The numbers and names that travel on the wire, from grpc/doc/statuscodes.md.
constexpr std::array<Named, 16> kFailures{{
    {1, "CANCELLED", &Cancelled},
    {2, "UNKNOWN", &Unknown},
    {3, "INVALID_ARGUMENT", &InvalidArgument},
    {4, "DEADLINE_EXCEEDED", &DeadlineExceeded},
    {5, "NOT_FOUND", &NotFound},
    {6, "ALREADY_EXISTS", &AlreadyExists},
    {7, "PERMISSION_DENIED", &PermissionDenied},
    {8, "RESOURCE_EXHAUSTED", &ResourceExhausted},
    {9, "FAILED_PRECONDITION", &FailedPrecondition},
    {10, "ABORTED", &Aborted},
    {11, "OUT_OF_RANGE", &OutOfRange},
    {12, "UNIMPLEMENTED", &Unimplemented},
    {13, "INTERNAL", &Internal},
    {14, "UNAVAILABLE", &Unavailable},
    {15, "DATA_LOSS", &DataLoss},
    {16, "UNAUTHENTICATED", &Unauthenticated},
}};

TEST(StatusTest, EachKindHasTheCodeAndNameOfTheWire) {
  for (const Named& kind : kFailures) {
    const Status status = kind.make("why");
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(static_cast<int>(status.code()), kind.number);
    EXPECT_EQ(status.message(), "why");
    EXPECT_EQ(StatusCodeName(status.code()), kind.name);
    EXPECT_EQ(status.ToString(), std::string(kind.name) + ": why");
    EXPECT_EQ(status, Status(static_cast<StatusCode>(kind.number), "why"));
  }
}

TEST(StatusTest, OkIsFreeAndEmpty) {
  const std::uint64_t before = internal::AllocationCount();
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kOk);
  EXPECT_EQ(status.message(), "");
  EXPECT_TRUE(status.details().empty());
  EXPECT_EQ(status, Status::Ok());
  EXPECT_EQ(internal::AllocationCount(), before);
  EXPECT_EQ(status.ToString(), "OK");
  EXPECT_EQ(StatusCodeName(StatusCode::kOk), "OK");
}

TEST(StatusTest, OkWithAMessageIsStillOk) {
  const Status status(StatusCode::kOk, "ignored");
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.message(), "");
  EXPECT_EQ(status, Status::Ok());
}

TEST(StatusTest, ACodeOutsideTheTableIsAFailureCalledUnknown) {
  const Status status(static_cast<StatusCode>(17), "from a peer");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(static_cast<int>(status.code()), 17);
  EXPECT_EQ(status.ToString(), "UNKNOWN: from a peer");
  EXPECT_EQ(StatusCodeName(static_cast<StatusCode>(255)), "UNKNOWN");
}

TEST(StatusTest, AFailureWithoutAMessageSaysItsName) { EXPECT_EQ(Aborted("").ToString(), "ABORTED"); }

TEST(StatusTest, CopiesShareOneBlockAndOutliveTheOriginal) {
  std::string_view message;
  Status copy;
  {
    const Status original = NotFound(std::string(100, 'm'));
    message = original.message();
    const std::uint64_t before = internal::AllocationCount();
    copy = original;
    const Status another = copy;
    EXPECT_EQ(internal::AllocationCount(), before);
    EXPECT_EQ(another.message().data(), message.data());
  }
  EXPECT_EQ(copy.message().data(), message.data());
  EXPECT_EQ(copy.message(), std::string(100, 'm'));
}

TEST(StatusTest, MovedFromIsOk) {
  Status from = NotFound("x");
  Status to = std::move(from);
  EXPECT_TRUE(from.ok());  // NOLINT(bugprone-use-after-move): the state is promised
  EXPECT_EQ(to, NotFound("x"));
  from = std::move(to);
  EXPECT_TRUE(to.ok());  // NOLINT(bugprone-use-after-move): the state is promised
  EXPECT_EQ(from, NotFound("x"));
}

TEST(StatusTest, SelfAssignmentKeepsIt) {
  Status status = NotFound("x");
  Status& same = status;
  status = same;
  EXPECT_EQ(status, NotFound("x"));
  status = std::move(same);
  EXPECT_EQ(status, NotFound("x"));
}

TEST(StatusTest, EqualityLooksAtCodeMessageAndDetails) {
  const Status status = NotFound("x");
  EXPECT_EQ(status, NotFound("x"));
  EXPECT_NE(status, NotFound("y"));
  EXPECT_NE(status, Aborted("x"));
  EXPECT_NE(status, Status::Ok());
  EXPECT_NE(Status::Ok(), status);
  EXPECT_NE(status, status.WithDetail({"url", "value"}));
  EXPECT_EQ(status.WithDetail({"url", "value"}), status.WithDetail({"url", "value"}));
  EXPECT_NE(status.WithDetail({"url", "value"}), status.WithDetail({"url", "other"}));
}

TEST(StatusTest, DetailsAreAddedToACopy) {
  const Status plain = NotFound("x");
  const Status one = plain.WithDetail({"type/a", std::string("\0\1", 2)});
  const Status two = one.WithDetail({"type/b", "b"});
  EXPECT_TRUE(plain.details().empty());
  ASSERT_EQ(one.details().size(), 1);
  ASSERT_EQ(two.details().size(), 2);
  EXPECT_EQ(two.details()[0], (StatusDetail{"type/a", std::string("\0\1", 2)}));
  EXPECT_EQ(two.details()[1], (StatusDetail{"type/b", "b"}));
  EXPECT_EQ(two.message(), "x");
  EXPECT_TRUE(Status::Ok().WithDetail({"type/a", ""}).ok());
}

TEST(StatusTest, AnnotateSaysFirstWhereAndKeepsTheRest) {
  const Status status = NotFound("no such file").WithDetail({"t", "v"});
  const Status annotated = status.Annotate("reading shop.yaml");
  EXPECT_EQ(annotated.ToString(), "NOT_FOUND: reading shop.yaml: no such file");
  EXPECT_EQ(annotated.details().size(), 1);
  EXPECT_EQ(status.message(), "no such file");
  EXPECT_TRUE(Status::Ok().Annotate("x").ok());
}

TEST(StatusTest, MayBeDroppedKnowingly) { NotFound("x").IgnoreError(); }

TEST(StatusTest, ErrnoSaysWhatTheDescriptionAndTheName) {
  EXPECT_EQ(ErrnoStatus(EACCES, "bind 127.0.0.1:80").ToString(),
            "PERMISSION_DENIED: bind 127.0.0.1:80: Permission denied (EACCES)");
  EXPECT_EQ(ErrnoStatus(98765, "x").ToString(), "UNKNOWN: x: unknown error (errno 98765)");
  EXPECT_EQ(ErrnoStatus(-1, "x").code(), StatusCode::kUnknown);
  EXPECT_TRUE(ErrnoStatus(0, "x").ok());
}

TEST(StatusTest, ErrnoBecomesTheCodeThatCallersActOn) {
  EXPECT_EQ(ErrnoStatus(EINVAL, "").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrnoStatus(ETIMEDOUT, "").code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ErrnoStatus(ENOENT, "").code(), StatusCode::kNotFound);
  EXPECT_EQ(ErrnoStatus(EEXIST, "").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(ErrnoStatus(EROFS, "").code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrnoStatus(ENOSPC, "").code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrnoStatus(EMFILE, "").code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrnoStatus(EADDRINUSE, "").code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrnoStatus(EPIPE, "").code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrnoStatus(EOVERFLOW, "").code(), StatusCode::kOutOfRange);
  EXPECT_EQ(ErrnoStatus(ENOSYS, "").code(), StatusCode::kUnimplemented);
  EXPECT_EQ(ErrnoStatus(ECONNREFUSED, "").code(), StatusCode::kUnavailable);
  EXPECT_EQ(ErrnoStatus(EINTR, "").code(), StatusCode::kUnavailable);
  EXPECT_EQ(ErrnoStatus(ESTALE, "").code(), StatusCode::kAborted);
  EXPECT_EQ(ErrnoStatus(ECANCELED, "").code(), StatusCode::kCancelled);
  EXPECT_EQ(ErrnoStatus(EIO, "").code(), StatusCode::kDataLoss);
}

TEST(StatusTest, CopiesMayBeMadeAndDroppedOnSeveralThreads) {
  const Status shared = Unavailable("shared").WithDetail({"t", "v"});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([copy = shared] {
      for (int round = 0; round < 1000; ++round) {
        Status another = Aborted("replaced");
        another = copy;
        ASSERT_EQ(another.message(), "shared");
        ASSERT_EQ(another.details().size(), 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(shared.message(), "shared");
}

Status Count(int& calls, Status result) {
  ++calls;
  return result;
}

Status ReturnIfError(int& calls, Status result, bool& after) {
  FW_RETURN_IF_ERROR(Count(calls, std::move(result)));
  after = true;
  return Aborted("after");
}

TEST(StatusMacroTest, ReturnsAFailureAndGoesOnAfterOk) {
  int calls = 0;
  bool after = false;
  EXPECT_EQ(ReturnIfError(calls, NotFound("x"), after), NotFound("x"));
  EXPECT_FALSE(after);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(ReturnIfError(calls, Status::Ok(), after), Aborted("after"));
  EXPECT_TRUE(after);
  EXPECT_EQ(calls, 2);
}

TEST(StatusMacroTest, IsOneStatementAndMayContainItself) {
  const auto run = [](bool outer, Status inner) -> Status {
    if (outer)
      FW_RETURN_IF_ERROR([&]() -> Status {
        FW_RETURN_IF_ERROR(inner);
        return Aborted("inner went on");
      }());
    else
      return Cancelled("else");
    return Internal("outer went on");
  };
  EXPECT_EQ(run(true, NotFound("x")), NotFound("x"));
  EXPECT_EQ(run(true, Status::Ok()), Aborted("inner went on"));
  EXPECT_EQ(run(false, Status::Ok()), Cancelled("else"));
}

// The smallest coroutine that returns a Status: it starts at once and never suspends for long.
struct StatusCoroutine {
  struct promise_type {
    Status* result = nullptr;
    StatusCoroutine get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void unhandled_exception() { std::terminate(); }
    void return_value(Status status) { *result = std::move(status); }
  };
  std::coroutine_handle<promise_type> handle;

  Status Run() && {
    Status result = Internal("never returned");
    handle.promise().result = &result;
    handle.resume();
    handle.destroy();
    return result;
  }
};

struct AwaitStatus {
  Status status;
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  Status await_resume() { return std::move(status); }
};

StatusCoroutine CoReturnIfError(int& awaits, Status status) {
  FW_CO_RETURN_IF_ERROR(co_await AwaitStatus{Count(awaits, std::move(status))});
  co_return Aborted("after");
}

TEST(StatusMacroTest, WorksInCoroutinesAroundAnAwait) {
  int awaits = 0;
  EXPECT_EQ(CoReturnIfError(awaits, NotFound("x")).Run(), NotFound("x"));
  EXPECT_EQ(awaits, 1);
  EXPECT_EQ(CoReturnIfError(awaits, Status::Ok()).Run(), Aborted("after"));
  EXPECT_EQ(awaits, 2);
}

}  // namespace
}  // namespace flywheel::inline v0
