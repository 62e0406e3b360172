#!/usr/bin/env bash
# Runs every check at a bounded size, in order of how fast it fails; called by `make test`. Prints one summary line at the end.
#   scripts/test.sh [STEP…]     only these steps: lint unit conformance programs properties stress
set -uo pipefail
cd "$(dirname "$0")/.."

steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(lint unit conformance programs properties stress)
sandbox=$PWD/.build/release/sandbox
passed=0
failed=()

step() {
    local name=$1
    shift
    printf '=== %s\n' "$name"
    if "$@"; then passed=$((passed + 1)); else failed+=("$name"); fi
}

for name in "${steps[@]}"; do
    case $name in
    lint) step lint swift format lint --strict -r Package.swift Sources Tests ;;
    unit) step unit swift test ;;
    conformance)
        step build-judge swift build --product Conformance
        step conformance .build/debug/Conformance --sandbox "$sandbox"
        ;;
    programs | properties | stress)
        [ -x "Tests/EndToEnd/$name.sh" ] || { echo "test: Tests/EndToEnd/$name.sh is missing" >&2; failed+=("$name"); continue; }
        step "$name" env SANDBOX="$sandbox" "Tests/EndToEnd/$name.sh"
        ;;
    *) echo "test: no step $name" >&2; exit 2 ;;
    esac
done

if [ ${#failed[@]} -gt 0 ]; then printf 'failed: %s\n' "${failed[*]}"; fi
printf '%d passed, %d failed\n' "$passed" "${#failed[@]}"
[ ${#failed[@]} -eq 0 ]
