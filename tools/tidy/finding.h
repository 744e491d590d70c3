// Finding: one broken rule at one place.
//
// A rule is only worth having if the person who breaks it can go on without asking: so a finding always says what is
// there, why that is not wanted, and what to write instead. Lines count from 1; a finding about a whole file says 1.
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace flywheel::tidy {

struct Finding {
  std::string path;  // relative to the root of the tree
  int line = 1;
  std::string_view rule;  // of static storage: the names of rules are literals
  std::string what;
  std::string why;
  std::string instead;

  // The order in which a person reads: by place.
  friend bool operator<(const Finding& a, const Finding& b) {
    return std::tie(a.path, a.line, a.rule, a.what) < std::tie(b.path, b.line, b.rule, b.what);
  }
};

using Findings = std::vector<Finding>;

// What a check that asks another program came to.
struct Report {
  Findings findings;
  std::string error;    // why it could not be made; then the findings mean nothing
  std::string summary;  // what it looked at
};

// "path:line: rule: what; why; instead", the form that editors jump to.
inline std::string ToString(const Finding& finding) {
  std::string text = finding.path;
  text.append(":").append(std::to_string(finding.line)).append(": ").append(finding.rule).append(": ");
  text.append(finding.what);
  if (!finding.why.empty()) text.append("; ").append(finding.why);
  if (!finding.instead.empty()) text.append("; ").append(finding.instead);
  return text;
}

}  // namespace flywheel::tidy
