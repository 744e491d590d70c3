#!/usr/bin/env bash
# clang-tidy over the project in bounded time: tools/lint/clang_tidy.sh BUILD_DIR SECONDS FILE.cc...
#
# A clean result is remembered in BUILD_DIR/clean under a digest of the file, of every header of the project and of
# .clang-tidy, so that only what may have changed is looked at again. Files that were changed last come first: a run
# that stops for time has looked at what matters, and names the rest as "not reached". Ends with 1 if anything was
# found. BUILD_DIR holds compile commands without precompiled headers, which also shows includes that are missing.
set -euo pipefail
build=$1 deadline=$(($(date +%s) + $2))
shift 2
context=$( (git ls-files -co --exclude-standard -- '*.h' 2>/dev/null || find . -name '*.h' -not -path './build/*') |
  sort | cat - <(echo .clang-tidy) | xargs sha256sum | sha256sum)

check() {  # BUILD_DIR DEADLINE CONTEXT FILE
  local clean
  clean=$1/clean/$({ echo "$3" && sha256sum "$4"; } | sha256sum | cut -c 1-32)
  [[ ! -e $clean ]] || return 0
  (($(date +%s) < $2)) || { echo "not reached: $4" && return 0; }
  echo "clang-tidy $4"
  clang-tidy-19 --quiet -p "$1" "$4" 2> >(grep -v 'warnings\? .*generated\.$') && touch "$clean"
}
export -f check

mkdir -p "$build/clean"
ls -t "$@" | xargs -P "$(nproc)" -n 1 bash -c 'check "$@"' check "$build" "$deadline" "$context"
