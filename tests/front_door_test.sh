#!/usr/bin/env bash
# The promises of ./run that do not need a compiler: front_door_test.sh SOURCE_DIR SCRATCH_DIR
#
# ./run works in a copied folder, with a PATH whose apt-get, dpkg-query, cmake and ctest are stand-ins that write down
# how they were called. So a test can take packages away, let a build fail and count what is done a second time.
set -euo pipefail
source_dir=$1 scratch=$2
system=$(. /etc/os-release && echo "$ID ${VERSION_ID:-}")
if [[ $system != 'debian 12' ]]; then
  echo "skipped: ./run installs packages on Debian 12 only, and this is $system"
  exit 77
fi
rm -rf "$scratch"
mkdir -p "$scratch/bin" "$scratch/project"
cp "$source_dir"/{run,packages.debian,CMakePresets.json} "$scratch/project/"
export STAGE=$scratch/stage
mkdir "$STAGE"

cat >"$scratch/bin/stand-in" <<'END'
#!/usr/bin/env bash
name=${0##*/}
echo "$name $*" >>"$STAGE/calls"
case $name in
  sudo) exec "$@" ;;
  dpkg-query) cat "$STAGE/installed" ;;
  apt-get) [[ " $* " != *' install '* ]] || printf '%s\n' "$@" | sed '1,/^--no-install-recommends$/d; s/^/ii /' >>"$STAGE/installed" ;;
  cmake)
    [[ $1 != --preset ]] || { mkdir -p "build/$2" && echo 'build all: phony' >"build/$2/build.ninja"; }
    [[ "$*" != *--target*flywheel_sim* ]] || cp "$0" build/release/flywheel_sim
    [[ $1 != --build || ! -e $STAGE/build-fails ]] || { cat "$STAGE/build-fails" && exit 3; }
    ;;
  ctest) [[ ! -e $STAGE/tests-fail ]] || exit 8 ;;
esac
END
chmod +x "$scratch/bin/stand-in"
for name in sudo dpkg-query apt-get cmake ctest; do ln -s stand-in "$scratch/bin/$name"; done
export PATH=$scratch/bin:$PATH

fail() {
  printf 'FAILED: %s\n---- output\n%s\n---- calls\n%s\n' "$1" "$output" "$(cat "$STAGE/calls" 2>/dev/null)" >&2
  exit 1
}
# run ARGUMENT...: leaves status, output and the calls of this run alone
run() {
  : >"$STAGE/calls"
  status=0
  output=$("$scratch/project/run" "$@" 2>&1) || status=$?
}
says() { [[ $output == *"$1"* ]] || fail "the output does not say '$1'"; }
called() { grep -q -- "$1" "$STAGE/calls" || fail "was not called: $1"; }
not_called() { ! grep -q -- "$1" "$STAGE/calls" || fail "was called: $1"; }
succeeds() { ((status == 0)) || fail "$1: status $status"; }
fails() { ((status != 0)) || fail "$1: status 0"; }
all_packages() { sed 's/#.*//; s/ *|.*//; /^$/d' "$source_dir/packages.debian" | sort; }
group() { awk -F'|' -v g="$1" '!/^#/ && ("," $2 "," ~ "[, ]" g "[, ]") { gsub(/ /, "", $1); print $1 }' "$source_dir/packages.debian"; }
installed_by_apt() { sed -n 's/^apt-get .* install .*--no-install-recommends //p' "$STAGE/calls" | tr ' ' '\n' | sort; }

# packages.debian: a name once, known groups, a reason.
output=$(awk -F' *[|] *' '!/^#/ && NF && (NF != 3 || $3 == "" || $2 !~ /^(build|demo|test|sanitize|bench|lint|debug|console)(,(build|demo|test|sanitize|bench|lint|debug|console))* *$/)' "$source_dir/packages.debian")
[[ -z $output ]] || fail 'packages.debian has lines that are not: name | group[,group] | reason'
output=$(all_packages | uniq -d)
[[ -z $output ]] || fail 'packages.debian names a package twice'

# Help teaches every command; an unknown one is refused and leads to the help.
run
succeeds 'no arguments'
for command in setup build test demo bench fmt lint fuzz sim mutants; do
  grep -qE "^  $command .*\./run $command" <<<"$output" || fail "help shows no example of $command"
done
run tset
fails 'an unknown command'
says "tset"
says './run help'

# A bare machine: exactly the packages of the groups are installed, then it configures, builds and goes.
: >"$STAGE/installed"
run test
succeeds 'test on a bare machine'
[[ $(installed_by_apt) == $({ group build && group test; } | sort -u) ]] || fail 'test installs other packages than groups build and test'
called '^cmake --preset release '
called '^cmake --build build/release '
called '^ctest --preset release '

# Once more: nothing is installed or configured again, and packages are asked for once.
run test Status.Code
succeeds 'the second test run'
not_called '^apt-get'
not_called '^cmake --preset'
called '-R Status.Code'
[[ $(grep -c '^dpkg-query' "$STAGE/calls") == 1 ]] || fail 'packages are asked for more than once'

# A package that was removed meanwhile is noticed, also where dpkg still knows its configuration files (rc); changed
# presets configure again.
sed -i '/^ii mold$/d; s/^ii ninja-build$/rc ninja-build/' "$STAGE/installed"
run test
[[ $(installed_by_apt | xargs) == 'mold ninja-build' ]] || fail 'a removed package is not brought back, or others are'
echo >>"$scratch/project/CMakePresets.json"
run test
called '^cmake --preset release '

# The demo needs no test packages, and takes a build with tests as it finds it.
rm -rf "$scratch/project/build"
: >"$STAGE/installed"
run demo
for package in $(group test) $(group bench) $(group lint); do
  { group build && group demo; } | grep -qx "$package" || not_called "install .*$package"
done
called '^cmake --preset release .*FLYWHEEL_TESTS=OFF'
run test
called '^cmake --preset release .*FLYWHEEL_TESTS=ON'
run demo
not_called '^cmake --preset'

# Presets: sanitizers bring their run-time libraries, unknown ones are refused by name.
run test --preset asan
succeeds 'test --preset asan'
called "install .*$(group sanitize)"
called '^ctest --preset asan '
run test --preset fast
fails 'an unknown preset'
says "'fast'"

# A step that fails: which command, the end of its log, where the log is, what to try.
{ echo 'greeter.cc:7: error: boom' && seq 99 && echo 'the end'; } >"$STAGE/build-fails"
run test
fails 'a failing build'
says 'the end'
says 'command: cmake --build build/release'
says 'greeter.cc:7: error: boom'
says 'build/log/build-release.log'
says 'try:'
grep -q boom "$scratch/project/build/log/build-release.log" || fail 'the log does not hold the output'
not_called '^ctest'
echo 'a failure of another form' >"$STAGE/build-fails"
run test
says 'a failure of another form'
says 'try:'
rm "$STAGE/build-fails"

touch "$STAGE/tests-fail"
run test
fails 'failing tests'
says 'tests failed'
rm "$STAGE/tests-fail"

# Simulations get their arguments as they are.
run sim runtime.timers --seeds 7
succeeds 'sim'
called '^flywheel_sim runtime.timers --seeds 7$'
run mutants runtime.timers
called '^flywheel_sim --mutants runtime.timers$'

echo 'front door: all promises kept'
