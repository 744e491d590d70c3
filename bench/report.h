// Rows, and what becomes of them: a table for a person and build/bench/<room>.json for a program.
//
// The JSON has one row a line in a fixed layout, which is what lets several executables write into one file (--append)
// without a JSON parser: a file that is not in this layout, or is of another revision or date, is refused and stays
// as it is. Rows replace rows of the same id, case, metric and peer. The file appears under its name only when whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/goals.h"
#include "flywheel/base/status.h"
#include "flywheel/base/status_or.h"

namespace flywheel::bench {

// The lowest and highest of the per-round values. With nine rounds anything finer would pretend.
struct Spread {
  double min = 0;
  double max = 0;
  bool operator==(const Spread&) const = default;
};

// The other side of a row.
struct PeerValue {
  std::string name;
  std::string version;
  double value = 0;             // median over rounds
  std::optional<double> ratio;  // median of the per-round ours/peer; none where a peer's value is 0
  Spread spread;                // of the ratio where there is one, else of the value
  bool operator==(const PeerValue&) const = default;
};

struct Row {
  std::string id;
  std::string scenario;  // "case" in JSON
  std::string metric;
  std::string unit;
  double ours = 0;  // median over rounds
  Spread spread;    // of ours
  int rounds = 0;
  std::optional<PeerValue> peer;
  bool operator==(const Row&) const = default;
};

// Where and of what the rows are. Revision and date come from outside: a benchmark knows neither.
struct RunInfo {
  std::string revision;
  std::string date;
  std::string cpu;
  std::string kernel;
  std::string compiler;
  std::string build;  // "optimized", "unoptimized" or "sanitized"
  int cpus = 0;
  double load = 0;  // 1-minute load average before the run: what neighbours were doing
};

// Fills in everything but revision and date.
RunInfo DescribeMachine();

// The whole document.
std::string ToJson(const RunInfo& info, const std::vector<Row>& rows);

// `document` with `rows` added or replaced. INVALID_ARGUMENT if `document` is not ToJson's layout,
// FAILED_PRECONDITION if it is of another revision or date.
StatusOr<std::string> MergeJson(std::string_view document, const RunInfo& info, const std::vector<Row>& rows);

enum class WriteMode { kReplace, kAppend };
// Writes the document to `path`, making its directory if missing. kAppend merges into an existing file.
Status WriteJson(const std::string& path, WriteMode mode, const RunInfo& info, const std::vector<Row>& rows);

// The aligned table, each row followed by the verdict on each goal that applies to it, and at the end the goals of
// the measured ids that no row answered.
std::string ToTable(const std::vector<Row>& rows, const Goals& goals);

}  // namespace flywheel::bench
