#!/bin/bash
# The hard flows, inside, each checking itself: free, pinned to one core, and with a tenth of the CPU. stress.sh [SECONDS]: how long each
# goes on (3; `make soak`: 60). No process may be killed, and no check may fail.
set -u
. "$(dirname "$0")/common.sh"
each=${1:-${SECONDS_EACH:-3}}
bin=$OUT/stress
mkdir -p "$bin"
for source in "$root"/conformance/stress/*.c; do
    gcc -O2 -w -pthread -o "$bin/$(basename "$source" .c)" "$source" || exit 2
done
cd "$bin" || exit 2

# A group of the processor controller with a tenth of one core: cgroup v1 or v2. Prints its path, or nothing when there is none.
make_group() {
    local base
    if [ -w /sys/fs/cgroup/cgroup.subtree_control ]; then
        echo +cpu >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null
        base=/sys/fs/cgroup/palisade-test-$$
        mkdir "$base" 2>/dev/null && echo "10000 100000" >"$base/cpu.max" 2>/dev/null && echo "$base"
    elif [ -w /sys/fs/cgroup/cpu ]; then
        base=/sys/fs/cgroup/cpu/palisade-test-$$
        mkdir "$base" 2>/dev/null && echo 100000 >"$base/cpu.cfs_period_us" && echo 10000 >"$base/cpu.cfs_quota_us" && echo "$base"
    fi
}
group=$(make_group)
[ -z "$group" ] || trap 'rmdir "$group" 2>/dev/null' EXIT

free() { "$@"; }
one_core() { taskset -c 0 "$@"; }
tenth() { (echo $BASHPID >"$group/cgroup.procs" && exec "$@"); }

# flow NAME HOW SECONDS PROGRAM…
flow() {
    local name=$1_$2 how=$2 seconds=$3 begin status
    shift 3
    wanted "$name" || return 0
    begin=$SECONDS
    $how timeout $((seconds * 4 + 240)) "${clean[@]}" "$SANDBOX" run -- "$@" </dev/null >"$name.out" 2>"$name.err"
    status=$?
    if [ $status -eq 0 ] && [ "$(tail -1 "$name.out")" = ok ]; then
        pass "$name ($((SECONDS - begin)) s; $(tail -1 "$name.err" | cut -c1-90))"
    else
        fail "$name" "status $status after $((SECONDS - begin)) s" "$(tail -3 "$name.out")" "$(tail -3 "$name.err")"
    fi
}

for how in free one_core tenth; do
    if [ $how = tenth ] && [ -z "$group" ]; then
        echo "skip  the flows with a tenth of the CPU: no writable cpu cgroup"
        continue
    fi
    flow map_check $how "$each" ./map_check "$each"
    flow fork_map $how "$each" ./fork_map "$each"
    flow reuse_fd $how "$each" ./reuse_fd "$each"
    flow signal_storm $how "$each" ./signal_storm "$each"
done
flow sleepers_2000 free "$each" ./sleepers "$each" 2000 1.2
flow sleepers_2000 one_core "$each" ./sleepers "$each" 2000 1.2
# With a tenth of the CPU a run is cut by throttling, and the figure says nothing: that all threads start and end is what is checked.
[ -z "$group" ] || flow sleepers_2000 tenth "$each" ./sleepers "$each" 2000 1000
if [ "$each" -gt 10 ] || [ -n "${SOAK:-}" ]; then flow sleepers_10000 free "$each" ./sleepers "$each" 10000 1.2; fi
if [ "$each" -gt 10 ] || [ -n "${SOAK:-}" ]; then flow sleepers_10000 one_core "$each" ./sleepers "$each" 10000 1.2; fi
finish
