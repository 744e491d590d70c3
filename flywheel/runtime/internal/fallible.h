// FallibleOf<T>: T if a Status can become one, else the smallest type around T that can say why there is none.
//
// What a facility returns that runs somebody's function and may have to refuse: a function that already returns a
// Status or a StatusOr should not make its caller unwrap two.
#pragma once

#include <concepts>

#include "flywheel/base/status_or.h"

namespace flywheel::inline v0::internal {

template <typename T>
struct Fallible {
  using type = StatusOr<T>;
};
template <typename T>
  requires std::constructible_from<T, Status>
struct Fallible<T> {
  using type = T;
};
template <>
struct Fallible<void> {
  using type = Status;
};

template <typename T>
using FallibleOf = Fallible<T>::type;

}  // namespace flywheel::inline v0::internal
