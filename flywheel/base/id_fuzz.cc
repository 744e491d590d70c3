#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "flywheel/base/check.h"
#include "flywheel/base/id.h"
#include "flywheel/base/instance_id.h"

namespace {

// Whatever is accepted is printed as it was written, up to what the parser says it forgives.
template <typename Id>
void CheckHex(std::string_view text) {
  const flywheel::StatusOr<Id> strict = Id::Parse(text);
  const flywheel::StatusOr<Id> loose = Id::ParseAnyCase(text);
  if (strict.ok()) {
    FW_CHECK(strict->valid() && strict->ToString() == text) << strict->ToString();
    FW_CHECK(loose.ok() && *loose == *strict) << strict->ToString();
  }
  if (loose.ok()) {
    std::string lower(text);
    for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    FW_CHECK(loose->ToString() == lower) << loose->ToString();
    FW_CHECK(strict.ok() == (lower == text)) << lower;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckHex<flywheel::Id64>(text);
  CheckHex<flywheel::Id128>(text);
  if (const auto id = flywheel::InstanceId::Parse(text); id.ok()) {
    FW_CHECK(*flywheel::InstanceId::Parse(id->text()) == *id) << id->text();
  }
  return 0;
}
