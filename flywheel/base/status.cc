#include "flywheel/base/status.h"

#include <array>
#include <cerrno>
#include <cstring>

namespace flywheel::inline v0 {
namespace {

constexpr std::array<std::string_view, 17> kNames = {
    "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED",
};

StatusCode CodeOfErrno(int error) noexcept {
  switch (error) {
    case 0:
      return StatusCode::kOk;
    case EINVAL:
    case ENAMETOOLONG:
    case E2BIG:
    case EDESTADDRREQ:
    case EDOM:
    case EFAULT:
    case EILSEQ:
    case ENOPROTOOPT:
    case ENOSTR:
    case ENOTSOCK:
    case ENOTTY:
    case EPROTOTYPE:
    case ESPIPE:
      return StatusCode::kInvalidArgument;
    case ETIMEDOUT:
      return StatusCode::kDeadlineExceeded;
    case ENODEV:
    case ENOENT:
    case ENXIO:
    case ESRCH:
      return StatusCode::kNotFound;
    case EEXIST:
    case EADDRNOTAVAIL:
    case EALREADY:
      return StatusCode::kAlreadyExists;
    case EPERM:
    case EACCES:
    case EROFS:
      return StatusCode::kPermissionDenied;
    case EMFILE:
    case ENFILE:
    case EMLINK:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:
    case EDQUOT:
      return StatusCode::kResourceExhausted;
    case ENOTEMPTY:
    case EISDIR:
    case ENOTDIR:
    case EADDRINUSE:
    case EBADF:
    case EBUSY:
    case ECHILD:
    case EISCONN:
    case ENOTBLK:
    case ENOTCONN:
    case EPIPE:
    case ETXTBSY:
      return StatusCode::kFailedPrecondition;
    case ERANGE:
    case EFBIG:
    case EOVERFLOW:
      return StatusCode::kOutOfRange;
    case ENOSYS:
    case ENOTSUP:
    case EAFNOSUPPORT:
    case EPFNOSUPPORT:
    case EPROTONOSUPPORT:
    case ESOCKTNOSUPPORT:
    case EXDEV:
      return StatusCode::kUnimplemented;
    case EAGAIN:
    case ECONNREFUSED:
    case ECONNABORTED:
    case ECONNRESET:
    case EINTR:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETRESET:
    case ENETUNREACH:
    case ENOLCK:
    case ENOLINK:
      return StatusCode::kUnavailable;
    case EDEADLK:
    case ESTALE:
      return StatusCode::kAborted;
    case ECANCELED:
      return StatusCode::kCancelled;
    case EIO:
      return StatusCode::kDataLoss;
    default:
      return StatusCode::kUnknown;
  }
}

}  // namespace

std::string_view StatusCodeName(StatusCode code) noexcept {
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : std::string_view("UNKNOWN");
}

Status::Status(StatusCode code, std::string message) {
  if (code == StatusCode::kOk) return;
  rep_ = new Rep{.code = code, .message = std::move(message), .details = {}};  // tidy: the reference count owns it
}

void Status::UnrefSlow(Rep* rep) noexcept {
  if (rep->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete rep;  // tidy: owned by its count
}

Status Status::WithDetail(StatusDetail detail) const {
  if (ok()) return {};
  Status copy(code(), rep_->message);
  copy.rep_->details = rep_->details;
  copy.rep_->details.push_back(std::move(detail));
  return copy;
}

Status Status::Annotate(std::string_view where) const {
  if (ok()) return {};
  std::string text(where);
  text.append(": ").append(rep_->message);
  Status copy(code(), std::move(text));
  copy.rep_->details = rep_->details;
  return copy;
}

std::string Status::ToString() const {
  std::string text(StatusCodeName(code()));
  if (!ok() && !rep_->message.empty()) text.append(": ").append(rep_->message);
  return text;
}

bool operator==(const Status& a, const Status& b) noexcept {
  if (a.rep_ == b.rep_) return true;
  if (a.rep_ == nullptr || b.rep_ == nullptr) return false;
  return a.rep_->code == b.rep_->code && a.rep_->message == b.rep_->message && a.rep_->details == b.rep_->details;
}

Status Cancelled(std::string message) { return {StatusCode::kCancelled, std::move(message)}; }
Status Unknown(std::string message) { return {StatusCode::kUnknown, std::move(message)}; }
Status InvalidArgument(std::string message) { return {StatusCode::kInvalidArgument, std::move(message)}; }
Status DeadlineExceeded(std::string message) { return {StatusCode::kDeadlineExceeded, std::move(message)}; }
Status NotFound(std::string message) { return {StatusCode::kNotFound, std::move(message)}; }
Status AlreadyExists(std::string message) { return {StatusCode::kAlreadyExists, std::move(message)}; }
Status PermissionDenied(std::string message) { return {StatusCode::kPermissionDenied, std::move(message)}; }
Status ResourceExhausted(std::string message) { return {StatusCode::kResourceExhausted, std::move(message)}; }
Status FailedPrecondition(std::string message) { return {StatusCode::kFailedPrecondition, std::move(message)}; }
Status Aborted(std::string message) { return {StatusCode::kAborted, std::move(message)}; }
Status OutOfRange(std::string message) { return {StatusCode::kOutOfRange, std::move(message)}; }
Status Unimplemented(std::string message) { return {StatusCode::kUnimplemented, std::move(message)}; }
Status Internal(std::string message) { return {StatusCode::kInternal, std::move(message)}; }
Status Unavailable(std::string message) { return {StatusCode::kUnavailable, std::move(message)}; }
Status DataLoss(std::string message) { return {StatusCode::kDataLoss, std::move(message)}; }
Status Unauthenticated(std::string message) { return {StatusCode::kUnauthenticated, std::move(message)}; }

Status ErrnoStatus(int error, std::string_view what) {
  if (error == 0) return {};
  std::string text(what);
  const char* const name = ::strerrorname_np(error);
  const char* const description = ::strerrordesc_np(error);
  text.append(": ").append(description == nullptr ? "unknown error" : description);
  text.append(" (").append(name == nullptr ? "errno " + std::to_string(error) : std::string(name)).append(")");
  return {CodeOfErrno(error), std::move(text)};
}

}  // namespace flywheel::inline v0
