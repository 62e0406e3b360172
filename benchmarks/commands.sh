#!/bin/bash
# What whole programs cost from inside: commands.sh WORK_DIR TREE.tar. A line each: ROW NANOSECONDS. WORK_DIR is empty and in memory.
set -u
work=$1
tar=$2
mkdir -p "$work" && cd "$work" || exit 1
row() {
    local name=$1 begin end
    shift
    begin=$EPOCHREALTIME
    "$@" >/dev/null 2>&1 </dev/null
    end=$EPOCHREALTIME
    echo "$name $(((${end/./} - ${begin/./}) * 1000))"
}
row tar_x tar xf "$tar"
row find_stat find . -size +1000000k
row grep_r grep -r nothing-has-this .
row rm_rf rm -rf tree
mkdir c
for i in 0 1 2 3 4 5 6 7 8 9; do
    printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nint f%d(int x) { char b[64]; snprintf(b, sizeof b, "%%d", x); return atoi(b) + (int)strlen(b); }\n' $i >c/f$i.c
done
echo 'int f0(int); int main(void) { return f0(1) != 2; }' >c/main.c
compile() { for i in 0 1 2 3 4 5 6 7 8 9; do gcc -O2 -c c/f$i.c -o c/f$i.o || return; done; gcc -o c/main c/main.c c/f*.o; }
row gcc_10_files compile
if command -v sqlite3 >/dev/null; then
    { echo "create table t(i integer primary key, v text); begin;"; for ((i = 0; i < 50000; i++)); do echo "insert into t values($i, 'value $i');"; done; echo "commit;"; } >insert.sql
    { echo "create table u(i integer);"; for ((i = 0; i < 500; i++)); do echo "insert into u values($i);"; done; } >auto.sql
    row sqlite_50000 sqlite3 a.db ".read insert.sql"
    row sqlite_500_autocommits sqlite3 b.db ".read auto.sql"
fi
python_starts() { for i in 1 2 3 4 5 6 7 8 9 10; do /usr/bin/python3 -c pass; done; }
row python_start_10 python_starts
python_imports() { for i in 1 2 3 4 5; do /usr/bin/python3 -c 'import json, re, subprocess, asyncio, http.client, decimal'; done; }
row python_6_imports_5 python_imports
true_loop() { sh -c 'i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i + 1)); done'; }
row sh_100_true true_loop
