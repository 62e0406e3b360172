#!/usr/bin/env bash
# The checks that take their time, at full size; called by `make soak`. SOAK_SECONDS: how long each hard flow goes on.
set -uo pipefail
cd "$(dirname "$0")/.."
seconds=${SOAK_SECONDS:-60}
status=0
SOAK=1 Tests/EndToEnd/stress.sh "$seconds" || status=1
SECONDS_EACH=10 Tests/EndToEnd/properties.sh || status=1
swift build --product Conformance || exit 1
.build/debug/Conformance --repeat 5 || status=1
exit $status
