#include "flywheel/runtime/report.h"

#include <unistd.h>

#include <array>
#include <cstdio>

namespace flywheel::inline v0 {
namespace {

class StderrReportSink final : public ReportSink {
 public:
  void Report(ReportKind kind, std::string_view text) override {
    std::string line = "flywheel: ";
    line.append(ReportKindName(kind)).append(": ").append(text).append("\n");
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
  }
};

}  // namespace

std::unique_ptr<ReportSink> MakeStderrReportSink() { return std::make_unique<StderrReportSink>(); }

std::string_view ReportKindName(ReportKind kind) noexcept {
  switch (kind) {
    case ReportKind::kLongTurn:
      return "long turn";
    case ReportKind::kStalledReader:
      return "stalled reader";
    case ReportKind::kStuckTasks:
      return "stuck tasks";
    case ReportKind::kHeldContext:
      return "held context";
    case ReportKind::kException:
      return "exception";
    case ReportKind::kSignal:
      return "signal";
  }
  return "report";
}

std::string MillisecondsText(Duration duration) {
  std::array<char, 40> text;
  const int length =
      std::snprintf(text.data(), text.size(), "%.1f ms", std::chrono::duration<double, std::milli>(duration).count());
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string LocationText(std::source_location location) {
  if (location.line() == 0) return "(no task)";
  return std::string(location.file_name()) + ":" + std::to_string(location.line()) + " (" + location.function_name() +
         ")";
}

}  // namespace flywheel::inline v0
