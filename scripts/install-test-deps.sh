#!/bin/sh
# Installs the Debian packages whose programs the tests run, natively and inside.
set -eu
exec "$(dirname "$0")/install-deps.sh" busybox-static make git sqlite3 perl python3 xz-utils gzip bzip2 tar gawk sed grep coreutils bash \
    findutils util-linux procps libc6-dev
