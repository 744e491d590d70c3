#include <cstddef>
#include <cstdint>
#include <string>

#include "flywheel/base/check.h"
#include "flywheel/base/internal/bytes_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string failure = flywheel::internal::BytesModel({data, size}).Run();
  FW_CHECK(failure.empty()) << failure;
  return 0;
}
