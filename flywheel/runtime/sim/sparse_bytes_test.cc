#include "flywheel/runtime/sim/sparse_bytes.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

namespace flywheel::inline v0::sim {
namespace {

std::string ReadText(const SparseBytes& bytes, std::uint64_t offset, std::size_t size) {
  std::string text(size, 'x');
  bytes.Read(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

TEST(SparseBytesTest, AreZeroUntilWritten) {
  SparseBytes bytes;
  EXPECT_EQ(ReadText(bytes, 1'000'000'000'000, 10'000), std::string(10'000, '\0'));
}

TEST(SparseBytesTest, KeepWhatIsFarAway) {
  SparseBytes bytes;
  const std::uint64_t far = (std::uint64_t{1} << 60) + 4095;
  const std::string text = "far";
  bytes.Write(far, std::as_bytes(std::span(text)));
  EXPECT_EQ(ReadText(bytes, far - 1, 5), std::string("\0far\0", 5));
  const SparseBytes copy = bytes;
  bytes.ZeroFrom(far + 1);
  EXPECT_EQ(ReadText(bytes, far - 1, 5), std::string("\0f\0\0\0", 5));
  EXPECT_EQ(ReadText(copy, far - 1, 5), std::string("\0far\0", 5));
}

// Against a flat array, through any sequence of writes and cuts.
RC_GTEST_PROP(SparseBytesTest, BehaveAsAnArray,
              (const std::vector<std::tuple<bool, std::uint16_t, std::uint16_t>>& calls)) {
  constexpr std::size_t kSize = 70'000;
  SparseBytes bytes;
  std::string model(kSize, '\0');
  char next = 0;
  for (const auto& [cut, offset, length] : calls) {
    if (cut) {
      bytes.ZeroFrom(offset);
      std::fill(model.begin() + offset, model.end(), '\0');
    } else {
      const std::string text(std::min<std::size_t>(length % 9000, kSize - offset), ++next);
      bytes.Write(offset, std::as_bytes(std::span(text)));
      model.replace(offset, text.size(), text);
    }
    RC_ASSERT(ReadText(bytes, offset / 2, 20'000) == model.substr(offset / 2, 20'000));
  }
  RC_ASSERT(ReadText(bytes, 0, kSize) == model);
}

}  // namespace
}  // namespace flywheel::inline v0::sim
