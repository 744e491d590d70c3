#include "flywheel/runtime/sim/byte_ring.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace flywheel::inline v0::sim {
namespace {

// Against a string, through any sequence of appending and taking: what comes out is what went in, over all wraps and
// growths.
RC_GTEST_PROP(ByteRingTest, BehavesAsAString, (const std::vector<std::uint16_t>& calls)) {
  ByteRing ring;
  std::string model;
  std::uint64_t taken = 0;
  std::uint8_t next = 0;
  for (const std::uint16_t call : calls) {
    const std::size_t amount = call / 2 % 3000;
    if (call % 2 == 0) {
      std::string text(amount, '\0');
      for (char& c : text) c = static_cast<char>(next++);
      ring.Append(std::as_bytes(std::span(text)));
      model += text;
    } else {
      std::string text(std::min(amount, model.size()), '\0');
      ring.Take(std::as_writable_bytes(std::span(text)));
      RC_ASSERT(text == model.substr(0, text.size()));
      model.erase(0, text.size());
      taken += text.size();
    }
    RC_ASSERT(ring.begin() == taken);
    RC_ASSERT(ring.end() == taken + model.size());
  }
}

TEST(ByteRingTest, GrowsWhileItIsWrapped) {
  ByteRing ring;
  const std::string first(500, 'a');
  std::string out(500, '\0');
  ring.Append(std::as_bytes(std::span(first)));
  ring.Take(std::as_writable_bytes(std::span(out)));
  std::string text;
  for (int i = 0; i < 3000; ++i) text += static_cast<char>('0' + i % 75);
  for (const char c : text) ring.Append(std::as_bytes(std::span(&c, 1)));
  out.resize(text.size());
  ring.Take(std::as_writable_bytes(std::span(out)));
  EXPECT_EQ(out, text);
}

}  // namespace
}  // namespace flywheel::inline v0::sim
