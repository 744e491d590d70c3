// echo_load --connect HOST:PORT [...]: puts an echo server under load and checks every byte that comes back.
//
// Prints one line of JSON on stdout, and on stderr `echo_load: N connections to HOST:PORT` once all are open. Ends with
// 0 only if every connection got back exactly what it sent; 1 if one was cut or got wrong bytes, or the run as a whole
// failed; 2 for a wrong command line.
#include <signal.h>
#include <sys/signalfd.h>

#include <cstdio>
#include <string>

#include "bench/clocks.h"
#include "bench/echo/arguments.h"
#include "bench/echo/load.h"

namespace flywheel::bench::echo {
namespace {

constexpr const char* kHelp =
    "echo_load --connect HOST:PORT [options]\n"
    "  --connections N    (1)\n"
    "  --size BYTES       of a message (64)\n"
    "  --window N         messages that a connection may have unanswered (1)\n"
    "  --reset SHARE      this share of the connections keeps resetting in mid-message and connecting anew (0)\n"
    "  --timeout SECONDS  give up when no byte has come for so long (30)\n"
    "what to do, one of:\n"
    "  --seconds S        exchange messages for so long, await all answers, half-close, read to the end (1)\n"
    "  --messages N       the same for so many messages in all\n"
    "  --half-close       send --bytes N (1048576) on each connection without waiting, half-close, read to the end\n"
    "  --until-stopped-then-half-close\n"
    "                     exchange until SIGUSR1 (or for --seconds), then stop sending in the middle of everything,\n"
    "                     half-close, read to the end\n";

struct Task {
  LoadOptions load;
  bool half_close = false;
  bool until_stopped = false;
  std::uint64_t bytes = 0;
  std::uint64_t messages = 0;  // 0: by time
  Duration time{};             // zero: until stopped
};

Duration Seconds(double seconds) { return Duration(static_cast<Duration::rep>(seconds * 1e9)); }

StatusOr<Task> ParseTask(int argc, char** argv) {
  constexpr double kSecondsMax = 1e6;
  Arguments arguments(argc, argv);
  Task task;
  task.load.address = arguments.Text("--connect", "");
  task.load.connections = arguments.Number("--connections", 1, 1, kConnectionsMax);
  task.load.size = arguments.Number("--size", 64, 1, kMessageBytesMax);
  task.load.window = arguments.Number("--window", 1, 1, kWindowMax);
  task.load.reset_share = arguments.Decimal("--reset", 0, 0, 1);
  task.load.timeout = Seconds(arguments.Decimal("--timeout", 30, 0.001, kSecondsMax));
  task.half_close = arguments.Flag("--half-close");
  task.until_stopped = arguments.Flag("--until-stopped-then-half-close");
  const bool by_time = arguments.Has("--seconds");
  task.time = Seconds(arguments.Decimal("--seconds", task.until_stopped ? 0 : 1, 0.001, kSecondsMax));
  task.messages = arguments.Number("--messages", 0, 1, 1'000'000'000'000);
  const bool by_bytes = arguments.Has("--bytes");
  task.bytes = arguments.Number("--bytes", 1 << 20, 0, std::uint64_t{1} << 40);
  FW_RETURN_IF_ERROR(arguments.status());
  if (task.load.address.empty()) return InvalidArgument("--connect HOST:PORT is missing");
  const bool by_messages = task.messages > 0;
  if (task.half_close + by_messages + (by_time || task.until_stopped) > 1 || (by_messages && task.until_stopped)) {
    return InvalidArgument("more than one thing to do: --seconds, --messages, --half-close, --until-stopped-...");
  }
  if (by_bytes && !task.half_close) return InvalidArgument("--bytes goes with --half-close");
  return task;
}

// `exchange` becomes the time from the last connection to the last answer, or to the stop.
Status RunTask(const Task& task, Load& load, Duration& exchange) {
  FW_RETURN_IF_ERROR(load.Connect());
  const Instant start = MonotonicTime();
  std::fprintf(stderr, "echo_load: %zu connections to %s\n", task.load.connections, task.load.address.c_str());
  if (task.half_close) {
    const Status status = load.StreamAndFinish(task.bytes);
    exchange = MonotonicTime() - start;
    return status;
  }
  if (task.messages > 0) {
    FW_RETURN_IF_ERROR(load.Exchange(task.messages));
  } else {
    const Instant end = task.time == Duration::zero() ? kNever : SaturatingAdd(start, task.time);
    FW_RETURN_IF_ERROR(load.ExchangeUntil(end));
    if (!task.until_stopped) FW_RETURN_IF_ERROR(load.Settle());
  }
  exchange = MonotonicTime() - start;
  return load.Finish();
}

void PrintReport(const Task& task, const LoadReport& report, Duration elapsed) {
  const double seconds = static_cast<double>(elapsed.count()) / 1e9;
  const Latencies& latencies = report.latencies;
  std::printf(
      "{\"connections\": %zu, \"size\": %zu, \"messages\": %llu, \"bytes\": %llu, \"seconds\": %.6f, "
      "\"messages_per_second\": %.1f, \"latency_us\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"p999\": %.1f, "
      "\"max\": %.1f}, \"finished\": %llu, \"resets\": %llu, \"mismatches\": %llu, \"cuts\": %llu}\n",
      task.load.connections, task.load.size, static_cast<unsigned long long>(report.messages),
      static_cast<unsigned long long>(report.bytes), seconds, static_cast<double>(report.messages) / seconds,
      latencies.PercentileUs(0.5), latencies.PercentileUs(0.9), latencies.PercentileUs(0.99),
      latencies.PercentileUs(0.999), latencies.max_us(), static_cast<unsigned long long>(report.finished),
      static_cast<unsigned long long>(report.resets), static_cast<unsigned long long>(report.mismatches),
      static_cast<unsigned long long>(report.cuts));
}

int Main(int argc, char** argv) {
  const StatusOr<Task> task = ParseTask(argc, argv);
  if (!task.ok()) {
    std::fprintf(stderr, "echo_load: %s\n%s", task.status().ToString().c_str(), kHelp);
    return 2;
  }
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  const Fd stop(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));

  Load load(task->load, stop.get());
  Duration exchange(1);
  const Status status = RunTask(*task, load, exchange);
  PrintReport(*task, load.report(), exchange);
  for (const std::string& problem : load.report().problems) std::fprintf(stderr, "echo_load: %s\n", problem.c_str());
  if (!status.ok()) std::fprintf(stderr, "echo_load: %s\n", status.ToString().c_str());
  return status.ok() && load.report().Verdict().ok() ? 0 : 1;
}

}  // namespace
}  // namespace flywheel::bench::echo

int main(int argc, char** argv) { return flywheel::bench::echo::Main(argc, argv); }
