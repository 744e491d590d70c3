#include "bench/rounds.h"

#include <algorithm>
#include <ranges>

#include "flywheel/base/check.h"

namespace flywheel::bench {
namespace {

Spread SpreadOf(const std::vector<double>& values) {
  const auto [min, max] = std::ranges::minmax(values);
  return {min, max};
}

PeerValue ComparePeer(const SideValues& ours, const SideValues& peer) {
  PeerValue result{.name = peer.name,
                   .version = peer.version,
                   .value = Median(peer.values),
                   .ratio = std::nullopt,
                   .spread = SpreadOf(peer.values)};
  if (std::ranges::none_of(peer.values, [](double value) { return value == 0; })) {
    // Neighbours in time are compared with each other: what slowed a whole round cancels out.
    std::vector<double> ratios;
    for (std::size_t i = 0; i < ours.values.size(); ++i) ratios.push_back(ours.values[i] / peer.values[i]);
    result.ratio = Median(ratios);
    result.spread = SpreadOf(ratios);
  }
  return result;
}

}  // namespace

std::vector<std::size_t> SidesInOrder(int round, std::size_t sides) {
  std::vector<std::size_t> order;
  for (std::size_t side = 0; side < sides; ++side) order.push_back(side);
  if (round % 2 != 0) std::ranges::reverse(order);
  return order;
}

double Median(std::vector<double> values) {
  FW_CHECK(!values.empty()) << "the median of nothing";
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 != 0 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::vector<Row> MakeRows(const Metric& metric, const std::vector<SideValues>& sides) {
  FW_CHECK(!sides.empty()) << metric.id << ": a row needs our side";
  const SideValues& ours = sides.front();
  const Row row{.id = metric.id,
                .scenario = metric.scenario,
                .metric = metric.name,
                .unit = metric.unit,
                .ours = Median(ours.values),
                .spread = SpreadOf(ours.values),
                .rounds = static_cast<int>(ours.values.size()),
                .peer = std::nullopt};
  if (sides.size() == 1) return {row};
  std::vector<Row> rows;
  for (const SideValues& peer : sides | std::views::drop(1)) {
    FW_CHECK(peer.values.size() == ours.values.size()) << metric.id << ": " << peer.name << " missed a round";
    rows.push_back(row);
    rows.back().peer = ComparePeer(ours, peer);
  }
  return rows;
}

}  // namespace flywheel::bench
