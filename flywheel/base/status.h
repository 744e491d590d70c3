// Status: the only way to fail.
//
// A gRPC code, a message for a person (what, which one, the limit and the next step) and optional details, which are
// google.protobuf.Any pairs as google.rpc.Status carries them. OK is a null pointer: it costs eight bytes, no branch
// beyond a compare and no allocation. A failure is one shared immutable block, so copies are cheap and may cross
// threads. No exception crosses a room; what is expected to go wrong is one of these and must be looked at.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flywheel::inline v0 {

// The canonical codes, with the numbers that travel in `grpc-status` (grpc/doc/statuscodes.md).
enum class StatusCode : std::uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// "DEADLINE_EXCEEDED"; a number outside the table is "UNKNOWN".
std::string_view StatusCodeName(StatusCode code) noexcept;

// One google.protobuf.Any: a type URL and the serialized message.
struct StatusDetail {
  std::string type_url;
  std::string value;
  bool operator==(const StatusDetail&) const = default;
};

class [[nodiscard]] Status {
 public:
  Status() noexcept = default;
  // A code of kOk gives an OK status whatever the message says.
  Status(StatusCode code, std::string message);
  Status(const Status& other) noexcept : rep_(Ref(other.rep_)) {}
  Status(Status&& other) noexcept : rep_(std::exchange(other.rep_, nullptr)) {}
  Status& operator=(const Status& other) noexcept {
    Rep* const old = std::exchange(rep_, Ref(other.rep_));
    Unref(old);
    return *this;
  }
  Status& operator=(Status&& other) noexcept {
    if (this != &other) {
      Unref(rep_);
      rep_ = std::exchange(other.rep_, nullptr);
    }
    return *this;
  }
  ~Status() { Unref(rep_); }

  static Status Ok() noexcept { return {}; }

  [[nodiscard]] bool ok() const noexcept { return rep_ == nullptr; }
  [[nodiscard]] StatusCode code() const noexcept { return rep_ == nullptr ? StatusCode::kOk : rep_->code; }
  // Valid as long as any copy of this status lives.
  [[nodiscard]] std::string_view message() const noexcept {
    return rep_ == nullptr ? std::string_view() : std::string_view(rep_->message);
  }
  [[nodiscard]] std::span<const StatusDetail> details() const noexcept {
    return rep_ == nullptr ? std::span<const StatusDetail>() : std::span<const StatusDetail>(rep_->details);
  }

  // A copy with one more detail; an OK status stays OK and carries none.
  [[nodiscard]] Status WithDetail(StatusDetail detail) const;
  // A copy whose message says first where it happened: "reading shop.yaml: no such file". OK stays OK.
  [[nodiscard]] Status Annotate(std::string_view where) const;

  // "OK" or "UNAVAILABLE: connection refused 127.0.0.1:2379".
  [[nodiscard]] std::string ToString() const;

  // For a failure that is knowingly dropped; the call says so where it happens.
  void IgnoreError() const noexcept {}

  friend bool operator==(const Status& a, const Status& b) noexcept;

 private:
  struct Rep {
    std::atomic<std::uint32_t> references{1};
    StatusCode code;
    std::string message;
    std::vector<StatusDetail> details;
  };

  static Rep* Ref(Rep* rep) noexcept {
    if (rep != nullptr) rep->references.fetch_add(1, std::memory_order_relaxed);
    return rep;
  }
  static void Unref(Rep* rep) noexcept {
    if (rep != nullptr) UnrefSlow(rep);
  }
  static void UnrefSlow(Rep* rep) noexcept;

  Rep* rep_ = nullptr;
};

Status Cancelled(std::string message);
Status Unknown(std::string message);
Status InvalidArgument(std::string message);
Status DeadlineExceeded(std::string message);
Status NotFound(std::string message);
Status AlreadyExists(std::string message);
Status PermissionDenied(std::string message);
Status ResourceExhausted(std::string message);
Status FailedPrecondition(std::string message);
Status Aborted(std::string message);
Status OutOfRange(std::string message);
Status Unimplemented(std::string message);
Status Internal(std::string message);
Status Unavailable(std::string message);
Status DataLoss(std::string message);
Status Unauthenticated(std::string message);

// The status of a failed system call: "bind 127.0.0.1:80: Permission denied (EACCES)", with the code that gRPC
// implementations use for that errno. An unlisted errno is UNKNOWN.
Status ErrnoStatus(int error, std::string_view what);

}  // namespace flywheel::inline v0

// Returns from the enclosing function with the status of `expression` unless it is OK. The FW_CO_ forms are for
// coroutines. The expression is evaluated once.
#define FW_RETURN_IF_ERROR(expression) FW_STATUS_RETURN_IF_ERROR_(return, expression)
#define FW_CO_RETURN_IF_ERROR(expression) FW_STATUS_RETURN_IF_ERROR_(co_return, expression)
#define FW_STATUS_RETURN_IF_ERROR_(return_, expression)                                \
  do {                                                                                 \
    if (::flywheel::Status fw_status_ = (expression); !fw_status_.ok()) [[unlikely]] { \
      return_ fw_status_;                                                              \
    }                                                                                  \
  } while (false)
