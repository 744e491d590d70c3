#include "bench/report.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <ranges>
#include <set>
#include <sstream>

#include "bench/allocations.h"

namespace flywheel::bench {
namespace {

std::string Quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      out += '\\';
      out += letter;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += letter;
    }
  }
  return out + "\"";
}

std::string Number(double value) {
  if (!std::isfinite(value)) return "null";
  constexpr int kDigits = 6;  // more than any measurement here is good for
  std::array<char, 32> buffer;
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general, kDigits);
  return {buffer.data(), end};
}

std::string Pair(const Spread& spread) { return "[" + Number(spread.min) + ", " + Number(spread.max) + "]"; }

// Everything up to the unit names the row; MergeJson relies on it.
constexpr std::string_view kEndOfName = ", \"unit\": ";

std::string RowJson(const Row& row) {
  const auto& peer = row.peer;
  std::string spread = "{\"ours\": " + Pair(row.spread);
  if (peer) spread += std::string(peer->ratio ? ", \"ratio\": " : ", \"peer\": ") + Pair(peer->spread);
  return "{\"id\": " + Quoted(row.id) + ", \"case\": " + Quoted(row.scenario) + ", \"metric\": " + Quoted(row.metric) +
         ", \"peer\": " + (peer ? Quoted(peer->name) : "null") + std::string(kEndOfName) + Quoted(row.unit) +
         ", \"ours\": " + Number(row.ours) + ", \"peer_version\": " + (peer ? Quoted(peer->version) : "null") +
         ", \"peer_value\": " + (peer ? Number(peer->value) : "null") +
         ", \"ratio\": " + (peer && peer->ratio ? Number(*peer->ratio) : "null") +
         ", \"rounds\": " + std::to_string(row.rounds) + ", \"spread\": " + spread + "}}";
}

std::string Origin(const RunInfo& info) {
  return "\"revision\": " + Quoted(info.revision) + ", \"date\": " + Quoted(info.date) + ",";
}

constexpr std::string_view kMachine = "\"machine\": {";
constexpr std::string_view kRows = "\"rows\": [";

std::string Document(const RunInfo& info, const std::vector<std::string>& rows) {
  std::string out = "{\n" + Origin(info) + "\n" + std::string(kMachine) + "\"cpu\": " + Quoted(info.cpu) +
                    ", \"cpus\": " + std::to_string(info.cpus) + ", \"kernel\": " + Quoted(info.kernel) +
                    ", \"compiler\": " + Quoted(info.compiler) + ", \"build\": " + Quoted(info.build) +
                    ", \"load\": " + Number(info.load) + "},\n" + std::string(kRows) + "\n";
  for (std::size_t i = 0; i < rows.size(); ++i) out += rows[i] + (i + 1 < rows.size() ? ",\n" : "\n");
  return out + "]\n}\n";
}

std::string_view NameOf(std::string_view row_json) { return row_json.substr(0, row_json.find(kEndOfName)); }

// The row lines of a document in Document()'s layout.
StatusOr<std::vector<std::string>> RowsOf(std::string_view document, const RunInfo& info) {
  std::vector<std::string_view> lines;
  for (const auto line : document | std::views::split('\n')) lines.emplace_back(line.begin(), line.end());
  const std::size_t count = lines.size();
  if (count < 7 || lines[0] != "{" || !lines[1].starts_with("\"revision\": ") || !lines[2].starts_with(kMachine) ||
      lines[3] != kRows || lines[count - 3] != "]" || lines[count - 2] != "}" || !lines[count - 1].empty()) {
    return InvalidArgument("this is not a file that a benchmark wrote; remove it or write to another one");
  }
  if (lines[1] != Origin(info)) {
    return FailedPrecondition("the file holds rows of " + std::string(lines[1]) + " these are of " + Origin(info) +
                              " start anew with --out instead of --append");
  }
  std::vector<std::string> rows;
  for (std::string_view line : lines | std::views::drop(4) | std::views::take(count - 7)) {
    if (line.ends_with(',')) line.remove_suffix(1);
    if (!line.starts_with("{\"id\": ") || !line.ends_with('}') || !line.contains(kEndOfName)) {
      return InvalidArgument("a row is not as a benchmark writes it: " + std::string(line));
    }
    rows.emplace_back(line);
  }
  return rows;
}

// Three or four digits: what a person compares.
std::string Readable(double value) {
  if (value == 0) return "0";
  const double size = std::abs(value);
  std::array<char, 64> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed,
                                          size >= 1000  ? 0
                                          : size >= 100 ? 1
                                          : size >= 1   ? 2
                                                        : 4);
  return {buffer.data(), end};
}

std::string Range(const Spread& spread) { return "[" + Readable(spread.min) + ".." + Readable(spread.max) + "]"; }

using TableLine = std::array<std::string, 8>;

TableLine Cells(const Row& row) {
  TableLine cells = {row.id, row.scenario, row.metric, Readable(row.ours) + " " + row.unit, "-", "", "", ""};
  cells[7] = "ours " + Range(row.spread);
  if (row.peer) {
    cells[4] = row.peer->name + " " + row.peer->version;
    cells[5] = Readable(row.peer->value) + " " + row.unit;
    cells[6] = row.peer->ratio ? Readable(*row.peer->ratio) : "-";
    cells[7] += (row.peer->ratio ? " ratio " : " peer ") + Range(row.peer->spread);
  }
  return cells;
}

}  // namespace

RunInfo DescribeMachine() {
  RunInfo info;
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (!line.starts_with("model name")) continue;
    info.cpu = line.substr(line.find(':') + 2);
    break;
  }
  if (utsname name{}; uname(&name) == 0) info.kernel = std::string(name.sysname) + " " + name.release;
  std::ifstream("/proc/loadavg") >> info.load;
  info.cpus = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  info.compiler = __VERSION__;
#ifdef FW_BENCH_SANITIZED
  info.build = "sanitized";
#elif defined(__OPTIMIZE__)
  info.build = "optimized";
#else
  info.build = "unoptimized";
#endif
  return info;
}

std::string ToJson(const RunInfo& info, const std::vector<Row>& rows) {
  std::vector<std::string> lines;
  for (const Row& row : rows) lines.push_back(RowJson(row));
  return Document(info, lines);
}

StatusOr<std::string> MergeJson(std::string_view document, const RunInfo& info, const std::vector<Row>& rows) {
  FW_ASSIGN_OR_RETURN(std::vector<std::string> lines, RowsOf(document, info));
  for (const Row& row : rows) {
    std::string json = RowJson(row);
    const auto same = std::ranges::find(lines, NameOf(json), [](const std::string& line) { return NameOf(line); });
    if (same != lines.end()) {
      *same = std::move(json);
    } else {
      lines.push_back(std::move(json));
    }
  }
  return Document(info, lines);
}

Status WriteJson(const std::string& path, WriteMode mode, const RunInfo& info, const std::vector<Row>& rows) {
  std::string document = ToJson(info, rows);
  if (mode == WriteMode::kAppend && std::filesystem::exists(path)) {
    std::ostringstream existing;
    existing << std::ifstream(path).rdbuf();
    StatusOr<std::string> merged = MergeJson(existing.view(), info, rows);
    if (!merged.ok()) return merged.status().Annotate(path);
    document = *std::move(merged);
  }
  std::error_code error;
  if (const auto folder = std::filesystem::path(path).parent_path(); !folder.empty()) {
    std::filesystem::create_directories(folder, error);
    if (error) return ErrnoStatus(error.value(), "mkdir " + folder.string());
  }
  const std::string half_written = path + ".part";
  std::ofstream file(half_written, std::ios::trunc);
  file << document;
  file.close();
  if (!file) return Unavailable("writing " + half_written + " failed; is the disk full or the folder read-only?");
  std::filesystem::rename(half_written, path, error);
  return error ? ErrnoStatus(error.value(), "rename " + half_written) : Status::Ok();
}

std::string ToTable(const std::vector<Row>& rows, const Goals& goals) {
  std::vector<TableLine> lines = {{"id", "case", "metric", "ours", "peer", "peer value", "ours/peer", "spread"}};
  for (const Row& row : rows) lines.push_back(Cells(row));
  std::array<std::size_t, 8> widths{};
  for (const TableLine& line : lines) {
    for (std::size_t i = 0; i + 1 < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size() + 2);
  }

  std::string out;
  std::set<const Goal*> answered;
  std::set<std::string> said;  // a goal about ours alone applies to the row of every peer; once is enough
  std::set<std::string_view> measured;
  for (std::size_t n = 0; n < lines.size(); ++n) {
    std::string text;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      text += lines[n][i];
      if (widths[i] > lines[n][i].size()) text.append(widths[i] - lines[n][i].size(), ' ');
    }
    out += text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
    if (n == 0) continue;
    measured.insert(rows[n - 1].id);
    for (const Verdict& verdict : goals.Judge(rows[n - 1])) {
      answered.insert(verdict.goal);
      const std::string line = "    goal " + verdict.ToString() + "\n";
      if (said.insert(rows[n - 1].id + rows[n - 1].scenario + line).second) out += line;
    }
  }
  for (const Goal& goal : goals.all()) {
    if (!measured.contains(goal.id) || answered.contains(&goal)) continue;
    out += "goal without a row: " + goal.id + " " + goal.scenario + " " + goal.metric + " " + goal.subject + "\n";
  }
  return out;
}

}  // namespace flywheel::bench
