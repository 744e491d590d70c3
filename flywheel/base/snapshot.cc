#include "flywheel/base/snapshot.h"

#include <string_view>

#include "flywheel/base/check.h"

namespace flywheel::inline v0::internal {

void RefuseRead(const QuiescentParticipant* reader) {
  FW_CHECK(reader != nullptr) << "Snapshot::Read() on a thread that is in no turn of a loop; use Hold() there";
  FW_CHECK(false) << "Snapshot::Read() on '" << reader->name()
                  << "', which belongs to another QuiescentDomain; use Hold() there";
  __builtin_unreachable();
}

void RefuseBorrow(const QuiescentParticipant* reader) {
  FW_CHECK(false) << "a Borrowed value is used after its turn (kept across co_await?) or on another thread; this is "
                  << (reader == nullptr ? std::string_view("a thread in no turn") : std::string_view(reader->name()))
                  << "; Hold() what must live longer";
  __builtin_unreachable();
}

void RefuseNull() {
  FW_CHECK(false) << "a Snapshot is given a null pointer; publish an object, for example one that says \"nothing\"";
  __builtin_unreachable();
}

}  // namespace flywheel::inline v0::internal
