// StatusOr<T>: a value, or the Status that says why there is none.
//
// A class of its own and not an alias of std::expected: it converts implicitly from a failed Status, is [[nodiscard]]
// as a type, and refuses at compile time a T that a Status could itself become, where `return Status` would be
// ambiguous. Building one from an OK status, or taking the value of a failed one, is a bug and aborts.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include "flywheel/base/check.h"
#include "flywheel/base/status.h"

namespace flywheel::inline v0 {

// True if T could be made from a Status. An aggregate that begins with one counts as constructible, too (its members
// may be given in parentheses), but does not convert, so nothing is ambiguous about it.
template <typename T>
inline constexpr bool kBecomesOfStatus =
    std::same_as<std::remove_cv_t<T>, Status> || (std::constructible_from<T, Status> && !std::is_aggregate_v<T>);

// What a StatusOr can hold.
template <typename T>
concept StatusOrValue = std::is_object_v<T> && !std::is_array_v<T> && !kBecomesOfStatus<T>;

template <typename T>
class [[nodiscard]] StatusOr {
  // Assertions instead of a requires clause, so that a function may be declared while T is incomplete.
  static_assert(!std::is_reference_v<T>, "hold a pointer instead of a reference");
  static_assert(std::is_object_v<T> && !std::is_array_v<T>, "hold an object; without one, return a Status");
  static_assert(!kBecomesOfStatus<T>,
                "T can be made from a Status, so a returned Status would be ambiguous; wrap it in a struct");

 public:
  using value_type = T;

  StatusOr(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor): the point of it
    FW_CHECK(!status_.ok()) << "StatusOr made from an OK status; return a value instead";
  }
  template <typename U = T>
    requires(!std::same_as<std::remove_cvref_t<U>, StatusOr> && !std::same_as<std::remove_cvref_t<U>, Status> &&
             std::constructible_from<T, U &&>)
  explicit(!std::convertible_to<U&&, T>) StatusOr(U&& value) {  // NOLINT(google-explicit-constructor): same
    std::construct_at(&value_, std::forward<U>(value));
  }
  template <typename... Args>
    requires std::constructible_from<T, Args...>
  explicit StatusOr(std::in_place_t, Args&&... args) {
    std::construct_at(&value_, std::forward<Args>(args)...);
  }

  StatusOr(const StatusOr& other)
    requires std::copy_constructible<T>
      : status_(other.status_) {
    if (ok()) std::construct_at(&value_, other.value_);
  }
  // A moved-from StatusOr keeps its state: it still has a value, which is moved from, or the failure.
  // A T whose move throws ends the process, as there would be neither a value nor a status.
  StatusOr(StatusOr&& other) noexcept : status_(other.status_) {
    if (ok()) std::construct_at(&value_, std::move(other.value_));
  }
  StatusOr& operator=(const StatusOr& other)
    requires std::copy_constructible<T>
  {
    if (this != &other) *this = StatusOr(other);
    return *this;
  }
  StatusOr& operator=(StatusOr&& other) noexcept {
    if (this == &other) return *this;
    if (ok()) std::destroy_at(&value_);
    status_ = other.status_;
    if (ok()) std::construct_at(&value_, std::move(other.value_));
    return *this;
  }
  ~StatusOr() {
    if (ok()) std::destroy_at(&value_);
  }

  [[nodiscard]] bool ok() const noexcept { return status_.ok(); }
  [[nodiscard]] const Status& status() const& noexcept { return status_; }
  [[nodiscard]] Status status() && noexcept { return status_; }

  T& value() & { return Checked().value_; }
  const T& value() const& { return const_cast<StatusOr*>(this)->Checked().value_; }
  T&& value() && { return std::move(Checked().value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return std::addressof(value()); }
  const T* operator->() const { return std::addressof(value()); }

  template <typename U>
  [[nodiscard]] T value_or(U&& fallback) const& {
    return ok() ? value_ : static_cast<T>(std::forward<U>(fallback));
  }
  template <typename U>
  [[nodiscard]] T value_or(U&& fallback) && {
    return ok() ? std::move(value_) : static_cast<T>(std::forward<U>(fallback));
  }

 private:
  StatusOr& Checked() {
    FW_CHECK(ok()) << "value of a failed StatusOr taken: " << status_;
    return *this;
  }

  Status status_;
  union {
    T value_;
  };
};

}  // namespace flywheel::inline v0

// FW_ASSIGN_OR_RETURN(auto value, Expression()): value on success, else returns the status from the enclosing
// function (FW_CO_ for coroutines). The left side may declare or assign.
#define FW_ASSIGN_OR_RETURN(left, expression) \
  FW_STATUS_ASSIGN_OR_RETURN_(return, FW_STATUS_NAME_(fw_or_, __COUNTER__), left, expression)
#define FW_CO_ASSIGN_OR_RETURN(left, expression) \
  FW_STATUS_ASSIGN_OR_RETURN_(co_return, FW_STATUS_NAME_(fw_or_, __COUNTER__), left, expression)
#define FW_STATUS_ASSIGN_OR_RETURN_(return_, name, left, expression) \
  auto name = (expression);                                          \
  if (!name.ok()) [[unlikely]] {                                     \
    return_ std::move(name).status();                                \
  }                                                                  \
  left = *std::move(name)
#define FW_STATUS_NAME_(a, b) FW_STATUS_NAME_JOIN_(a, b)
#define FW_STATUS_NAME_JOIN_(a, b) a##b
