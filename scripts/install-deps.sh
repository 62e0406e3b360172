#!/bin/sh
# Installs the Debian packages that a build needs and that are missing. Says nothing when all are there.
#   scripts/install-deps.sh [PACKAGE…]   (further packages: what the caller's tests need)
set -eu

# binutils and gcc: the linker and libc's start files, which the Swift compiler drives. libc6-dev: headers for the C targets.
# git: the package manager fetches swift-argument-parser with it.
wanted="binutils gcc libc6-dev g++ git ca-certificates $*"

missing=""
for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done

if [ -n "$missing" ]; then
    echo "installing:$missing"
    if [ "$(id -u)" -ne 0 ]; then
        echo "install-deps: not root; run: sudo apt-get install$missing" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    apt-get install -y --no-install-recommends $missing >/dev/null 2>&1 || {
        apt-get update >/dev/null
        apt-get install -y --no-install-recommends $missing >/dev/null
    }
fi

command -v swift >/dev/null 2>&1 || {
    echo "install-deps: swift is not on PATH: install the Swift 6.2 toolchain or a newer one (https://swift.org/install)" >&2
    exit 1
}
