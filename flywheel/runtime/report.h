// Reports: what the runtime has to tell a person, outside of any request.
//
// They are rare and each names what happened, where, and the next step. A Host owns the sink: the default writes a line
// to stderr, telemetry and the admin page install theirs. A sink must not block, because loops call it.
#pragma once

#include <memory>
#include <source_location>
#include <string>
#include <string_view>

#include "flywheel/base/time.h"

namespace flywheel::inline v0 {

enum class ReportKind : unsigned char {
  kLongTurn,       // a turn of a loop took, or already takes, 50 ms or more
  kStalledReader,  // retired snapshot values wait for a loop that does not turn
  kStuckTasks,     // children of a cancelled group do not end
  kHeldContext,    // a Context is held long after its work has ended
  kException,      // an exception left a spawned task
  kSignal,         // an orderly stop or a reload was asked for
};

class ReportSink {
 public:
  virtual ~ReportSink() = default;
  // Any thread; must not block. `text` says what, where, and the next step.
  virtual void Report(ReportKind kind, std::string_view text) = 0;
};

std::unique_ptr<ReportSink> MakeStderrReportSink();

std::string_view ReportKindName(ReportKind kind) noexcept;
// "123.4 ms"
std::string MillisecondsText(Duration duration);
// "shop/orders.cc:31 (Task<void> Serve(Socket))", or "(no task)".
std::string LocationText(std::source_location location);

}  // namespace flywheel::inline v0
