// What comparisons that take turns have in common, whether a slice is a closure or a server under load.
//
// The order of the sides within a round, and how per-round values become rows: medians, and for the ratio the median of
// the rounds' own ratios, because the two sides of one round have met the same neighbours and the same clock rate.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bench/report.h"

namespace flywheel::bench {

// Sides as they take turns: 0 1 2, then 2 1 0, then 0 1 2 ... (ABBA for two), so that a drift of the machine over time
// falls on all sides alike.
std::vector<std::size_t> SidesInOrder(int round, std::size_t sides);

// The middle value, or the mean of the two in the middle. `values` is not empty.
double Median(std::vector<double> values);

// The values of one metric, one per round.
struct SideValues {
  std::string name;
  std::string version;
  std::vector<double> values;
};

struct Metric {
  std::string id;
  std::string scenario;
  std::string name;
  std::string unit;
};

// `sides[0]` is ours; a row for each other side, or one without a peer. All sides have as many values as rounds.
std::vector<Row> MakeRows(const Metric& metric, const std::vector<SideValues>& sides);

}  // namespace flywheel::bench
