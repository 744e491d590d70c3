// The goals of the rows: read from one file, printed beside results, never written.
//
// A line of bench/goals.txt is `id case metric subject must aim`. The subject is what the bound is about: `ours` (in
// the row's unit), `ours/PEER` or `PEER/ours` for the ratio against the peer of that name; so "at least 3 times
// cheaper" and "at most half" are both written the way they are said. `*` is any case, `-` no aim. A malformed line
// is an error, not a skipped goal, and a goal whose unit is not the row's is reported as such.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flywheel/base/status_or.h"

namespace flywheel::bench {

struct Row;

// "<=25ns", ">=3x", "<=1/2": a comparison, a number or fraction, and a unit ("x" or none for ratios).
struct Bound {
  bool at_most = true;
  double value = 0;
  std::string unit;
  std::string text;

  static StatusOr<Bound> Parse(std::string_view text);
  [[nodiscard]] bool Holds(double measured) const { return at_most ? measured <= value : measured >= value; }
};

struct Goal {
  std::string id;
  std::string scenario;  // "*": any
  std::string metric;
  std::string subject;
  Bound must;
  std::optional<Bound> aim;
};

enum class Outcome { kMissed, kMet, kAimReached, kWrongUnit };

struct Verdict {
  const Goal* goal = nullptr;
  Outcome outcome = Outcome::kMissed;
  double measured = 0;

  // "flywheel: <=25ns met, aim <=15ns not yet" and the like.
  [[nodiscard]] std::string ToString() const;
};

class Goals {
 public:
  Goals() = default;
  // `name` is what errors call the text.
  static StatusOr<Goals> Parse(std::string_view text, std::string_view name);
  static StatusOr<Goals> Load(const std::string& path);

  [[nodiscard]] const std::vector<Goal>& all() const { return goals_; }
  // One verdict for each goal that applies to the row; they point into this object.
  [[nodiscard]] std::vector<Verdict> Judge(const Row& row) const;

 private:
  std::vector<Goal> goals_;
};

}  // namespace flywheel::bench
