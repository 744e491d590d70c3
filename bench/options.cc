#include "bench/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace flywheel::bench {
namespace {

constexpr int kRoundsMax = 1000;
constexpr int kSliceMsMax = 10'000;

void Print(std::FILE* stream, const std::string& text) { std::fputs(text.c_str(), stream); }

StatusOr<int> ParseInt(const std::string& option, const std::string& value, int min, int max) {
  int number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < min || number > max) {
    return InvalidArgument(option + " " + value + ": give a number from " + std::to_string(min) + " to " +
                           std::to_string(max));
  }
  return number;
}

std::string Load(double load) {
  std::array<char, 32> buffer;
  return {buffer.data(),
          std::to_chars(buffer.data(), buffer.data() + buffer.size(), load, std::chars_format::fixed, 1).ptr};
}

// Takes the option at the front of `arguments` into `options`; false if it is not one of ours.
StatusOr<bool> Take(const std::string& name, const std::string& value, Options& options) {
  if (name == "--only") {
    options.only.push_back(value);
  } else if (name == "--rounds") {
    FW_ASSIGN_OR_RETURN(options.measure.rounds, ParseInt(name, value, kMinRounds, kRoundsMax));
  } else if (name == "--slice-ms") {
    FW_ASSIGN_OR_RETURN(const int slice_ms, ParseInt(name, value, 1, kSliceMsMax));
    options.measure.slice = std::chrono::milliseconds(slice_ms);
  } else if (name == "--goals") {
    options.goals = value;
  } else if (name == "--out" || name == "--append") {
    if (!options.out.empty()) return InvalidArgument(name + " " + value + ": " + options.out + " is already given");
    options.out = value;
    options.mode = name == "--out" ? WriteMode::kReplace : WriteMode::kAppend;
  } else if (name == "--revision") {
    options.revision = value;
  } else if (name == "--date") {
    options.date = value;
  } else {
    return false;
  }
  return true;
}

}  // namespace

bool Options::Wants(std::string_view id) const {
  return only.empty() || std::ranges::any_of(only, [id](const std::string& wanted) { return id.starts_with(wanted); });
}

std::string_view OptionsHelp() {
  return "  --only ID        measure rows whose id begins with ID (may be repeated)\n"
         "  --rounds N       rounds per comparison, at least 7 (9)\n"
         "  --slice-ms N     how long one side runs at a time (60)\n"
         "  --check          run each side once and check that it does the work; measure nothing\n"
         "  --list           print the benchmarks and stop\n"
         "  --goals FILE     goals to print beside the results (bench/goals.txt)\n"
         "  --out FILE       write the rows to FILE as JSON\n"
         "  --append FILE    add the rows to FILE, which is of the same revision and date, or start it\n"
         "  --revision REV   what is measured, for the JSON\n"
         "  --date DATE      when, for the JSON\n";
}

StatusOr<Options> ParseOptions(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (name == "--check") {
      options.measure.only_check = true;
    } else if (name == "--list") {
      options.list = true;
    } else if (name == "--help") {
      options.help = true;
    } else {
      const bool has_value = i + 1 < arguments.size();
      FW_ASSIGN_OR_RETURN(const bool taken, Take(name, has_value ? arguments[i + 1] : "", options));
      if (taken && !has_value) return InvalidArgument(name + " needs a value");
      if (taken) {
        ++i;
      } else {
        options.rest.push_back(name);
      }
    }
  }
  return options;
}

int Finish(const Options& options, RunInfo info, const std::vector<Row>& rows, const std::vector<Status>& failures) {
  int exit_code = 0;
  info.revision = options.revision;
  info.date = options.date;
  if (!rows.empty()) {
    StatusOr<Goals> goals = Goals::Load(options.goals);
    if (!goals.ok()) {
      exit_code = 1;
      Print(stderr, goals.status().ToString() + "\n");
    }
    Print(stdout, info.cpu + ", " + std::to_string(info.cpus) + " cpus, load " + Load(info.load) + ", " + info.kernel +
                      ", " + info.compiler + ", " + info.build + "\n");
    if (info.build != "optimized") Print(stdout, "NOT A RESULT: this build is " + info.build + "\n");
    Print(stdout, ToTable(rows, goals.value_or(Goals())));
  }
  for (const Status& failure : failures) Print(stderr, "not measured: " + failure.ToString() + "\n");
  if (!options.out.empty() && !options.measure.only_check) {
    if (const Status status = WriteJson(options.out, options.mode, info, rows); !status.ok()) {
      exit_code = 1;
      Print(stderr, status.ToString() + "\n");
    }
  }
  return failures.empty() ? exit_code : 1;
}

}  // namespace flywheel::bench
