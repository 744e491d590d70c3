#include "bench/goals.h"

#include <array>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>

#include "bench/report.h"

namespace flywheel::bench {
namespace {

constexpr std::string_view kOurs = "ours";

// Consumes a plain decimal number from the front of `text`.
std::optional<double> TakeNumber(std::string_view& text) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;  // from_chars knows "nan" and "-1"
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

// "ours/PEER" or "PEER/ours" with a PEER, or "ours".
bool IsSubject(std::string_view subject) {
  if (subject == kOurs) return true;
  const std::size_t slash = subject.find('/');
  if (slash == std::string_view::npos || subject.find('/', slash + 1) != std::string_view::npos) return false;
  const std::string_view left = subject.substr(0, slash);
  const std::string_view right = subject.substr(slash + 1);
  return !left.empty() && !right.empty() && (left == kOurs) != (right == kOurs);
}

StatusOr<Goal> ParseLine(const std::string& line) {
  std::istringstream words(line);
  std::array<std::string, 6> columns;
  for (std::string& column : columns) {
    if (!(words >> column)) return InvalidArgument("fewer than 6 columns (id case metric subject must aim)");
  }
  if (std::string rest; words >> rest) return InvalidArgument("'" + rest + "' after the 6 columns");
  auto& [id, scenario, metric, subject, must, aim] = columns;
  if (!IsSubject(subject)) {
    return InvalidArgument("subject '" + subject + "' is not one of ours, ours/PEER, PEER/ours");
  }
  Goal goal{.id = id, .scenario = scenario, .metric = metric, .subject = subject, .must = {}, .aim = std::nullopt};
  FW_ASSIGN_OR_RETURN(goal.must, Bound::Parse(must));
  if (aim != "-") {
    FW_ASSIGN_OR_RETURN(goal.aim, Bound::Parse(aim));
    const bool easier = goal.aim->at_most ? goal.aim->value > goal.must.value : goal.aim->value < goal.must.value;
    if (goal.aim->at_most != goal.must.at_most || goal.aim->unit != goal.must.unit || easier) {
      return InvalidArgument("the aim " + aim + " is not a stricter form of the must " + must);
    }
  }
  return goal;
}

// What the goal's subject is in this row; nothing if the goal is about another peer.
std::optional<double> SubjectIn(const Goal& goal, const Row& row) {
  if (goal.subject == kOurs) return row.ours;
  if (!row.peer || !row.peer->ratio) return std::nullopt;
  if (goal.subject == "ours/" + row.peer->name) return row.peer->ratio;
  if (goal.subject == row.peer->name + "/ours" && *row.peer->ratio > 0) return 1 / *row.peer->ratio;
  return std::nullopt;
}

std::string Short(double value) {
  std::array<char, 32> buffer;
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, value < 10 ? 2 : 1);
  return {buffer.data(), end};
}

}  // namespace

StatusOr<Bound> Bound::Parse(std::string_view text) {
  Bound bound;
  bound.text = text;
  std::string_view rest = text;
  if (!rest.starts_with("<=") && !rest.starts_with(">=")) {
    return InvalidArgument("bound '" + bound.text + "' does not begin with <= or >=");
  }
  bound.at_most = rest.starts_with('<');
  rest.remove_prefix(2);
  const std::optional<double> numerator = TakeNumber(rest);
  if (!numerator) return InvalidArgument("bound '" + bound.text + "' has no number");
  bound.value = *numerator;
  if (rest.starts_with('/')) {
    rest.remove_prefix(1);
    const std::optional<double> denominator = TakeNumber(rest);
    if (!denominator || *denominator == 0) return InvalidArgument("bound '" + bound.text + "' has a bad fraction");
    bound.value /= *denominator;
  }
  bound.unit = rest == "x" ? "" : rest;
  for (const char letter : bound.unit) {
    if ((letter < 'a' || letter > 'z') && (letter < 'A' || letter > 'Z') && letter != '/') {
      return InvalidArgument("bound '" + bound.text + "' has the unit '" + bound.unit + "'");
    }
  }
  return bound;
}

StatusOr<Goals> Goals::Parse(std::string_view text, std::string_view name) {
  Goals goals;
  std::set<std::string> seen;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (const std::size_t first = line.find_first_not_of(" \t"); first == std::string::npos || line[first] == '#') {
      continue;
    }
    const std::string where = std::string(name) + ":" + std::to_string(number);
    StatusOr<Goal> goal = ParseLine(line);
    if (!goal.ok()) return goal.status().Annotate(where);
    if (!seen.insert(goal->id + " " + goal->scenario + " " + goal->metric + " " + goal->subject).second) {
      return InvalidArgument(where + ": " + goal->id + " has this case, metric and subject twice; keep one");
    }
    goals.goals_.push_back(*std::move(goal));
  }
  return goals;
}

StatusOr<Goals> Goals::Load(const std::string& path) {
  std::ifstream file(path);
  if (!file) return NotFound("goals file " + path + " cannot be read; run from the project root or pass --goals FILE");
  std::ostringstream text;
  text << file.rdbuf();
  return Parse(text.view(), path);
}

std::vector<Verdict> Goals::Judge(const Row& row) const {
  std::vector<Verdict> verdicts;
  for (const Goal& goal : goals_) {
    if (goal.id != row.id || goal.metric != row.metric) continue;
    if (goal.scenario != "*" && goal.scenario != row.scenario) continue;
    const std::optional<double> measured = SubjectIn(goal, row);
    if (!measured) continue;
    Verdict verdict{.goal = &goal, .measured = *measured};
    const std::string_view unit = goal.subject == kOurs ? std::string_view(row.unit) : "";
    if (goal.must.unit != unit) {
      verdict.outcome = Outcome::kWrongUnit;
    } else if (!goal.must.Holds(*measured)) {
      verdict.outcome = Outcome::kMissed;
    } else {
      verdict.outcome = goal.aim && goal.aim->Holds(*measured) ? Outcome::kAimReached : Outcome::kMet;
    }
    verdicts.push_back(verdict);
  }
  return verdicts;
}

std::string Verdict::ToString() const {
  std::string text = goal->subject + " " + Short(measured) + goal->must.unit + ": must " + goal->must.text;
  switch (outcome) {
    case Outcome::kWrongUnit:
      return text + " is in another unit than the row; correct goals.txt";
    case Outcome::kMissed:
      return text + " MISSED";
    case Outcome::kMet:
      return text + " met" + (goal->aim ? ", aim " + goal->aim->text + " not yet" : "");
    case Outcome::kAimReached:
      return text + " met, aim " + goal->aim->text + " REACHED";
  }
  return text;
}

}  // namespace flywheel::bench
