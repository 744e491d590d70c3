// main() of every <room>_bench: runs what FW_BENCHMARK has put into the linker section, in the order of ids.
#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "bench/options.h"

// The linker defines both for a section whose name is a C identifier; weak, because a program may have no benchmark.
extern "C" {
[[gnu::weak]] extern const flywheel::bench::Registration __start_flywheel_bench[];
[[gnu::weak]] extern const flywheel::bench::Registration __stop_flywheel_bench[];
}

namespace flywheel::bench {
namespace {

std::vector<Registration> Registered() {
  if (&__start_flywheel_bench[0] == nullptr) return {};
  std::vector<Registration> all(&__start_flywheel_bench[0], &__stop_flywheel_bench[0]);
  std::ranges::sort(
      all, {}, [](const Registration& one) { return std::pair<std::string_view, std::string_view>(one.id, one.name); });
  return all;
}

int Main(const std::vector<std::string>& arguments) {
  const StatusOr<Options> options = ParseOptions(arguments);
  if (!options.ok() || !options->rest.empty() || options->help) {
    if (!options.ok()) std::fprintf(stderr, "%s\n", options.status().ToString().c_str());
    for (const std::string& unknown : options.ok() ? options->rest : std::vector<std::string>()) {
      std::fprintf(stderr, "unknown argument %s\n", unknown.c_str());
    }
    std::fprintf(stderr, "options:\n%s", std::string(OptionsHelp()).c_str());
    return options.ok() && options->help ? 0 : 2;
  }
  RunInfo info = DescribeMachine();
  std::vector<Row> rows;
  std::vector<Status> failures;
  const std::vector<Registration> registered = Registered();
  if (registered.empty()) failures.push_back(Internal("no benchmark is linked into this program"));
  bool any = false;
  for (const Registration& benchmark : registered) {
    if (!options->Wants(benchmark.id)) continue;
    any = true;
    if (options->list) {
      std::printf("%s %s\n", benchmark.id, benchmark.name);
      continue;
    }
    std::fprintf(stderr, "%s %s ...\n", benchmark.id, benchmark.name);
    Bench bench(benchmark.id, options->measure, rows, failures);
    benchmark.run(bench);
    if (bench.comparisons() == 0) {
      failures.push_back(Internal(std::string(benchmark.id) + " " + benchmark.name + " compared nothing"));
    }
  }
  // Not a failure: ./run passes the same --only to the programs of all rooms.
  if (!any) std::fprintf(stderr, "nothing to do: no benchmark here has an id that begins as --only asks; see --list\n");
  return options->list ? 0 : Finish(*options, std::move(info), rows, failures);
}

}  // namespace
}  // namespace flywheel::bench

int main(int argc, char** argv) { return flywheel::bench::Main(std::vector<std::string>(argv + 1, argv + argc)); }
