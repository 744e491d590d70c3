#include "flywheel/runtime/internal/holders.h"

#include <algorithm>
#include <string_view>
#include <tuple>

namespace flywheel::inline v0::internal {

void Holders::Add(const void* reference, std::source_location where) {
  const MutexLock lock(mutex_);
  places_.insert_or_assign(reference, where);
}

void Holders::Remove(const void* reference) noexcept {
  const MutexLock lock(mutex_);
  places_.erase(reference);
}

void Holders::Move(const void* from, const void* to) {
  const MutexLock lock(mutex_);
  const auto found = places_.find(from);
  if (found == places_.end()) return;
  const std::source_location where = found->second;
  places_.erase(found);
  places_.insert_or_assign(to, where);
}

std::vector<std::source_location> Holders::List() const {
  std::vector<std::source_location> places;
  {
    const MutexLock lock(mutex_);
    for (const auto& [reference, where] : places_) places.push_back(where);
  }
  std::ranges::sort(places, {}, [](const std::source_location& where) {
    return std::tuple(std::string_view(where.file_name()), where.line(), where.column());
  });
  return places;
}

}  // namespace flywheel::inline v0::internal
