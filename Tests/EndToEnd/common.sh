# What the end-to-end scripts share: where things are, how a check is counted, how both sides run.
# Environment: SANDBOX (the binary), OUT (where to work), FILTER (a regular expression of check names).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SANDBOX=${SANDBOX:-$root/.build/release/sandbox}
OUT=${OUT:-$root/out/end-to-end}
FILTER=${FILTER:-.}
LIMIT=${LIMIT:-120}
passed=0
failed=0
mkdir -p "$OUT"

clean=(env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp LANG=C.UTF-8 TERM=dumb)

pass() { passed=$((passed + 1)); echo "ok    $1"; }
fail() {
    failed=$((failed + 1))
    echo "FAIL  $1"
    shift
    for line in "$@"; do printf '      %s\n' "$line"; done
}
wanted() { [[ $1 =~ $FILTER ]]; }
# check NAME CONDITION…: runs the words as a command; its success is the check's.
check() {
    local name=$1
    shift
    if "$@"; then pass "$name"; else fail "$name" "not so: $*"; fi
}

# Descriptors of whoever calls this script must not be seen by what it runs.
for descriptor in /proc/self/fd/*; do
    descriptor=${descriptor##*/}
    [ "$descriptor" -le 2 ] || eval "exec $descriptor>&-"
done 2>/dev/null

# Natively, in a directory, with the environment that the sandbox passes; what it prints goes to FILE, its status to FILE.status.
natively() {
    local directory=$1 file=$2
    shift 2
    (cd "$directory" && timeout "$LIMIT" "${clean[@]}" "$@" </dev/null >"$file" 2>"$file.err")
    echo "exit $?" >"$file.status"
}
inside() {
    local directory=$1 file=$2
    shift 2
    (cd "$directory" && timeout $((LIMIT + 10)) "${clean[@]}" "$SANDBOX" run --timeout "$LIMIT" ${EXTRA[@]+"${EXTRA[@]}"} -- "$@" </dev/null >"$file" 2>"$file.err")
    echo "exit $?" >"$file.status"
}

# same NAME COMMAND…: output and exit status are those they have natively. The command runs in a copy of $FILES (if set) on each side, under
# the same path one after the other, so that paths in its output agree.
same() {
    local name=$1 work=$OUT/work/$1
    wanted "$name" || return 0
    shift
    local side
    for side in native inside; do
        rm -rf "$work"
        mkdir -p "$work"
        [ -z "${FILES:-}" ] || cp -r "$FILES"/. "$work"
        if [ $side = native ]; then natively "$work" "$OUT/$name.native" "$@"; else inside "$work" "$OUT/$name.inside" "$@"; fi
    done
    local what=""
    cmp -s "$OUT/$name.native" "$OUT/$name.inside" || what="output"
    cmp -s "$OUT/$name.native.status" "$OUT/$name.inside.status" || what="$what status"
    if [ "${COMPARE_ERRORS:-yes}" = yes ]; then cmp -s "$OUT/$name.native.err" "$OUT/$name.inside.err" || what="$what errors"; fi
    rm -rf "$work"
    if [ -z "$what" ]; then
        pass "$name"
    else
        local text
        text=$(for suffix in "" .err .status; do diff "$OUT/$name.native$suffix" "$OUT/$name.inside$suffix"; done | head -12)
        fail "$name" "differs: $what" "$text"
    fi
}

finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
