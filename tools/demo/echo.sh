#!/usr/bin/env bash
# tools/demo/echo.sh ECHO LOAD SECONDS: the echo example under real load, in two acts, with what really happened.
#
# Act 1: 1,000 connections for SECONDS, a tenth of which keep resetting in the middle of a message. Act 2: the server is
# told to stop while 1,000 connections are busy; they then half-close wherever they stand, and all that was sent must
# still come back. The load compares every byte; one that is wrong or missing fails the demo. Results: build/demo/.
set -euo pipefail
echo=$1 load=$2 seconds=$3 connections=1000
out=build/demo
mkdir -p "$out"
ulimit -Sn "$(ulimit -Hn)" 2>/dev/null || true  # both ends hold 1,000 descriptors and some

fail() {
  printf 'demo: %s\n' "$@" >&2
  sed 's/^/  | /' "$out"/*.err >&2
  exit 1
}
field() { sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p" "$2"; }
cpu_ns() { cat "/proc/$server/task/"*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'; }
now_ms() { date +%s%3N; }
grouped() { sed ':a;s/^\([0-9]*[0-9]\)\([0-9]\{3\}\)/\1,\2/;ta' <<<"${1%.*}"; }  # 1,234,567
ms() { awk -v us="$(field "$1" "$out/load.json")" 'BEGIN { printf "%.1f ms", us / 1000 }'; }
row() { printf '  %-12s %s\n' "$@"; }
trap 'kill -KILL $(jobs -p) 2>/dev/null || true' EXIT
wait_for() {  # FILE TEXT PID: until FILE holds TEXT
  while ! grep -q "$2" "$1" 2>/dev/null; do
    kill -0 "$3" 2>/dev/null || fail "$4 ended before it was ready"
    read -rt 0.02 -u "$pause" || true
  done
}
exec {pause}<> <(:)

rm -f "$out"/*
"$echo" --listen 127.0.0.1:0 >"$out/echo.out" 2>"$out/echo.err" &
server=$!
wait_for "$out/echo.out" 'listening on' "$server" "$echo"
address=$(sed -n 's/.*listening on //p' "$out/echo.out")

printf '\necho: %s, pid %s\n\n' "$address" "$server"
printf 'Act 1: %s connections for %s s, 64 B messages; every tenth connection keeps resetting in mid-message\n' \
  "$connections" "$seconds"
before=$(cpu_ns)
"$load" --connect "$address" --connections "$connections" --seconds "$seconds" --reset 0.1 \
  >"$out/load.json" 2>"$out/load.err" || fail "the load under way found faults: $(cat "$out/load.json")"
messages=$(field messages "$out/load.json")
row messages "$(grouped "$messages"), $(grouped "$(field messages_per_second "$out/load.json")") a second"
row latency "p50 $(ms p50), p99 $(ms p99), max $(ms max)"
row server "$(awk -v ns=$(($(cpu_ns) - before)) -v n="$messages" 'BEGIN { printf "%.2f µs CPU a message", ns / n / 1000 }'), \
$(awk '/VmHWM/ { printf "%.1f MB at most", $2 / 1024 }' "/proc/$server/status")"
row faults "$(field cuts "$out/load.json") cut, $(field mismatches "$out/load.json") wrong, $(field resets "$out/load.json") resets made by the load"

printf '\nAct 2: SIGTERM while %s connections are busy\n' "$connections"
"$load" --connect "$address" --connections "$connections" --until-stopped-then-half-close \
  >"$out/stop.json" 2>"$out/stop.err" &
client=$!
wait_for "$out/stop.err" 'connections to' "$client" "$load"
read -rt 1 -u "$pause" || true  # let them get busy
kill -TERM "$server" 2>/dev/null || fail "the server died under load"
read -rt 0.5 -u "$pause" || true  # the server must go on serving those it has
kill -USR1 "$client" 2>/dev/null || true  # it has ended already if it was cut
stop=$(now_ms)
wait "$client" || fail "connections were cut by the stop: $(cat "$out/stop.json")"
code=0
wait "$server" || code=$?
((code == 0)) || fail "the server ended with $code instead of 0"
row messages "$(grouped "$(field messages "$out/stop.json")"), the last ones after SIGTERM"
row faults "$(field cuts "$out/stop.json") cut, $(field mismatches "$out/stop.json") wrong"
row stop "exit code 0, $(($(now_ms) - stop)) ms after its clients began to close"
printf '\n{"demo": "echo", "act1": %s, "act2": %s}\n' "$(cat "$out/load.json")" "$(cat "$out/stop.json")" | tee "$out/demo.json"
