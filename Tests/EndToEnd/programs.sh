#!/bin/bash
# Unmodified programs with the output and exit status that they have natively.
set -u
. "$(dirname "$0")/common.sh"
fixtures=$OUT/fixtures
rm -rf "$fixtures"
mkdir -p "$fixtures/tree/a/b/c"

# What the programs work on: the same bytes each time.
for i in $(seq 1 60); do echo "line $i: the quick brown fox $((i * i % 97)) jumps" >>"$fixtures/text"; done
for i in $(seq 1 40); do head -c $((i * 1000)) /dev/zero | tr '\0' "$(printf '%x' $((i % 16)))" >"$fixtures/tree/a/b/file-$i"; done
echo deep >"$fixtures/tree/a/b/c/leaf"
ln -s a/b/c/leaf "$fixtures/tree/link"
find "$fixtures/tree" -exec touch -h -d '2024-01-02 03:04:05' {} +
touch -d '2024-01-02 03:04:05' "$fixtures/text"
FILES=$fixtures

# The shell
same ls_root bash -c 'ls -d /bin /etc /usr /usr/bin/env /proc/self /dev/null; ls -ld /usr /usr/lib | cut -c1-10'
same ls_tree bash -c 'ls -laR tree | grep -v "^total" | grep -v " \.\.\?$"'
same shell_pipeline bash -c 'cat text | grep -v 7 | sort -k3 | uniq | head -20 | tr a-z A-Z; echo "${PIPESTATUS[@]}"'
same shell_pipefail bash -c 'set -o pipefail; false | true; echo $?; true | (exit 3) | cat; echo $?; exit 5'
same shell_here_document bash -c 'cat <<END; wc -c <<<"a here string"
one $((1 + 2)) two
  $(echo three)
END'
same shell_background bash -c 'for i in 1 2 3 4 5; do (sleep 0.0$i; exit $i) & done; wait -n; for j in $(jobs -p); do wait $j; echo $?; done; wait; echo done'
same shell_trap bash -c 'trap "echo got usr1" USR1; trap "echo leaving" EXIT; kill -USR1 $$; (trap - EXIT; kill -TERM $BASHPID); echo "status $?"; sleep 30 & kill -9 $!; wait $! 2>/dev/null; echo "status $?"; exit 7'
same shell_trap_in_wait bash -c 'trap "echo alarm" ALRM; (sleep 0.1; kill -ALRM $$) & sleep 1 & wait %2; echo "status $((  $? > 128 ))"'
same shell_process_substitution bash -c 'diff <(sort text) <(sort -r text) | head -3; echo $?; tee >(wc -l >count) <text >/dev/null; sleep 0.2; cat count'
same shell_subshells bash -c 'x=1; (x=2; echo $x); echo $x; f() { local y=$1; [ $y -gt 0 ] && f $((y - 1)); echo $y; }; f 20 | tail -1; echo $(echo $(echo $(echo nested)))'
same shell_redirections bash -c 'exec 3>out 4<text; echo to three >&3; read -u 4 line; echo "$line"; exec 3>&-; cat out; { echo o; echo e >&2; } 2>&1 | sort; echo append >>out; cat out; set -C; echo no >out || echo refused' 
same shell_loop_of_programs bash -c 'n=0; for i in $(seq 1 100); do /bin/true && n=$((n + 1)); done; echo $n'
same shell_read_write bash -c 'while read -r a b rest; do echo "$b"; done <text | sort -n | tail -1; mkfifo p; (echo through a fifo >p) & cat p; rm p; ls p 2>&1'
same shell_coprocess bash -c 'coproc { while read l; do echo "[$l]"; done; }; echo one >&${COPROC[1]}; read -u ${COPROC[0]} answer; echo "$answer"'
same dash_script sh -c 'i=0; while [ $i -lt 50 ]; do i=$((i + 1)); done; echo $i; kill -TERM $$'
same exit_by_signal sh -c 'kill -KILL $$'
same exit_status sh -c 'exit 42'

# Coreutils and friends
same coreutils bash -c 'mkdir -p x/y; cp text x; mv x/text x/y/t; ln x/y/t x/hard; ln -s y/t x/soft; stat -c "%n %s %h %F" x/hard x/soft; cat x/soft | md5sum; touch -d 2020-01-01 x/hard; stat -c %Y x/y/t; rm -r x; ls; dd if=text bs=100 skip=2 count=3 2>/dev/null | cksum; head -c 20 text; tail -n 2 text; cut -d" " -f2 text | paste -sd+ | cut -c1-40; split -l 10 text part-; ls part-*; comm -12 text text | wc -l; join text text | head -1; seq 5 | shuf --random-source=text | sort; du -a --apparent-size -b tree/a/b/c | cut -f1 | tail -2; realpath --relative-to=. tree/link; basename /a/b/c.d .d; expr 6 \* 7; factor 360; nproc >/dev/null; date -d @0 -u; printf "%05.1f\n" 3.14159; test -x /bin/ls && echo executable; install -m 640 text inst; stat -c %a inst; chmod u=rwx,go= inst; stat -c %A inst; sha256sum text; base64 text | tail -1; od -c text | head -2; tac text | head -1; yes | head -1000 | wc; truncate -s 1M sparse; stat -c %s sparse; sync; timeout 0.2 sleep 5; echo $?; nice -n 5 nice; env -i A=b env; id -u; whoami; tty; sleep 0.01'
same grep bash -c 'grep -rn leaf tree; grep -c fox text; grep -E "(1|2)[0-9]:" text | wc -l; grep -q nothing text; echo $?; grep x absent; echo $?; grep -rl 5 tree | sort'
same sed bash -c 'sed -n "3,5p" text; sed -i.bak "s/fox/cat/g" text; grep -c cat text; ls text*; sed -e "1d;\$d" -e "s/line \([0-9]*\)/\1/" text | head -2'
same awk bash -c "awk '{s += \$7; n[\$7 % 5]++} END {print s; for (i = 0; i < 5; i++) print i, n[i]}' text; awk 'BEGIN {while ((\"echo from a pipe\" | getline l) > 0) print l; print \"sorted\" | \"sort\"; close(\"sort\"); exit 3}'"
same find_xargs bash -c 'find tree -type f -size +20k | sort | xargs ls | wc -l; find tree -name "*3*" -print0 | sort -z | xargs -0 -n 2 echo | head -4; find tree -newermt 2024-01-01 -type l; find tree -type f -exec cat {} + | wc -c; find . -mindepth 1 -maxdepth 1 -printf "%f %y\n" | sort; seq 20 | xargs -P 4 -n 5 echo | sort -n'
same tar_gzip bash -c 'tar czf t.tgz tree && tar tzf t.tgz | sort | head -5 && mkdir o && tar xzf t.tgz -C o && diff -r tree o/tree && stat -c "%Y %a" o/tree/a/b/file-3 && echo same; gzip -t t.tgz; echo $?; echo bad >b.gz; gzip -d b.gz; echo $?'
same tar_xz bash -c 'tar cJf t.txz tree && mkdir o && tar xJf t.txz -C o && diff -r tree o/tree && echo same; xz -9 -T2 -k text && xz -dc text.xz | cmp - text && echo equal; xz -l text.xz | wc -l'
same cpio_bzip2 bash -c 'command -v bzip2 >/dev/null && bzip2 -k text && bzip2 -dc text.bz2 | cmp - text && echo equal; true'

# Languages
same python_basics /usr/bin/python3 -c 'import sys, os, json, re, math, hashlib, collections
print(json.dumps({"a": [1, 2.5, None]}), re.sub("o", "0", "foo"), math.pi, hashlib.sha256(b"x").hexdigest())
print(sorted(os.listdir(".")), os.getcwd() != "", sys.version_info >= (3, 9)); sys.exit(9)'
same python_threads /usr/bin/python3 -c 'import threading, queue, time
q = queue.Queue(); total = []
lock = threading.Lock()
def work():
    while True:
        n = q.get()
        if n is None: return
        with lock: total.append(n * n)
        q.task_done()
ts = [threading.Thread(target=work) for _ in range(8)]
[t.start() for t in ts]
[q.put(i) for i in range(2000)]
q.join(); [q.put(None) for _ in ts]; [t.join() for t in ts]
e = threading.Event(); t = threading.Timer(0.05, e.set); t.start()
print(sum(total), len(total), e.wait(5), e.wait(0))'
same python_subprocess /usr/bin/python3 -c 'import subprocess, sys, signal
print(subprocess.run(["cat"], input=b"through", capture_output=True).stdout)
print(subprocess.run("echo out; echo err >&2; exit 4", shell=True, capture_output=True, text=True))
p = subprocess.Popen(["sleep", "50"]); p.terminate(); print(p.wait())
try: subprocess.run(["sleep", "5"], timeout=0.1)
except subprocess.TimeoutExpired: print("timed out")
try: subprocess.run(["/absent"])
except FileNotFoundError as e: print(e.errno)
ps = [subprocess.Popen(["sh", "-c", f"exit {i}"]) for i in range(20)]
print([p.wait() for p in ps])
big = subprocess.run(["head", "-c", "3000000", "/dev/zero"], capture_output=True).stdout; print(len(big))
print(subprocess.check_output("sort | uniq -c | head -2", shell=True, input=b"b\na\nb\n"))'
same python_multiprocessing /usr/bin/python3 -c 'import os, mmap, signal, select, tempfile, fcntl
m = mmap.mmap(-1, 4096)
pids = []
for i in range(8):
    pid = os.fork()
    if pid == 0:
        m[i] = i + 1; os._exit(i)
    pids.append(pid)
print([os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]) for p in pids], sum(m[:8]))
r, w = os.pipe(); print(select.select([r], [w], [], 0)[1] == [w]); os.write(w, b"x"); print(select.select([r], [], [], 1)[0] == [r])
ep = select.epoll(); ep.register(r, select.EPOLLIN); print(ep.poll(1) == [(r, select.EPOLLIN)])
with tempfile.TemporaryDirectory() as d:
    f = open(d + "/f", "w+"); f.write("x" * 10000); f.flush(); fcntl.flock(f, fcntl.LOCK_EX); print(os.stat(f.name).st_size)
signal.signal(signal.SIGALRM, lambda s, f: print("alarm")); signal.setitimer(signal.ITIMER_REAL, 0.05); signal.pause()'
same perl perl -e 'use strict; my %h; open(my $f, "<", "text") or die; while (<$f>) { $h{$1}++ if /(\d)\d* jumps/ } print join(",", map {"$_=$h{$_}"} sort keys %h), "\n"; my $o = `echo back; exit 3`; print $o, $? >> 8, "\n"; local $SIG{ALRM} = sub { print "alarm\n" }; alarm 1; select(undef, undef, undef, 3); my $p = fork; if (!$p) { exit 6 } waitpid $p, 0; print $? >> 8, "\n"; open(my $w, "|-", "sort") or die; print $w "b\na\n"; close $w; die "dying\n"'
same gcc bash -c 'cat >m.c <<END
#include <stdio.h>
#include <math.h>
#include "m.h"
int main(int c, char **v) { printf("%s %d %.3f\n", HELLO, twice(21), sqrt(2)); return c + 4; }
END
echo "#define HELLO \"hello\"
int twice(int);" >m.h; echo "int twice(int x) { return 2 * x; }" >t.c
gcc -O2 -Wall -c m.c && gcc -O2 -c t.c && gcc -o m m.o t.o -lm && ./m a b; echo $?; gcc -static -o s m.o t.o -lm && ./s; echo $?; gcc -c absent.c 2>/dev/null; echo $?; echo "int main( {" >bad.c; gcc bad.c 2>&1 | grep -c error; ar rcs l.a t.o && ranlib l.a && nm l.a | grep twice; g++ -x c++ - -o p <<END && ./p
#include <iostream>
#include <thread>
#include <stdexcept>
int main() { int n = 0; std::thread t([&] { n = 5; }); t.join(); try { throw std::runtime_error("thrown"); } catch (std::exception &e) { std::cout << e.what() << n << std::endl; } }
END'
same make bash -c 'command -v make >/dev/null || exit 0; printf "all: a b c\n\techo linked\n%%: %%.in\n\tcp \$< \$@\n" >Makefile; touch a.in b.in c.in; make -j3 2>&1 | sort; make -s; make none; echo $?'

# Git, databases, static binaries
same git bash -c 'export GIT_AUTHOR_DATE="2024-01-01T00:00:00Z" GIT_COMMITTER_DATE="2024-01-01T00:00:00Z" GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 HOME=$PWD
git init -q -b main r && cd r && git config user.name N && git config user.email e@x && cp -r ../tree ../text . && git add -A && git commit -q -m first && echo more >>text && git commit -qam second && git log --oneline && git status --short && git diff HEAD~1 --stat && git branch side && git checkout -q side && echo side >s && git add s && git commit -qm side && git checkout -q main && git merge -q --no-edit side && git log --format=%s && cd .. && git clone -q r c && cd c && git log --oneline | wc -l && git fsck --strict && git gc -q && git stash list && git rev-parse HEAD && git archive HEAD | tar t | wc -l && git blame text | tail -1 | cut -c1-8 && git grep -c fox'
same sqlite bash -c 'command -v sqlite3 >/dev/null || exit 0; { echo "create table t(i integer primary key, v text, w real); begin;"; for i in $(seq 1 10000); do echo "insert into t values($i, '\''value $((i * 7919 % 10007))'\'', $i.5);"; done; echo "commit; create index x on t(v); select count(*), sum(i), max(v), min(w) from t; pragma integrity_check; delete from t where i % 3 = 0; vacuum; select count(*) from t;"; } | sqlite3 db; sqlite3 db "select v from t order by v limit 3"; sqlite3 db "pragma journal_mode=wal; insert into t values(99999, '\''wal'\'', 1); select count(*) from t;"; ls db*'
same sqlite_inserts bash -c 'command -v sqlite3 >/dev/null || exit 0; (echo "create table t(i);"; for i in $(seq 1 200); do echo "insert into t values($i);"; done; echo "select sum(i) from t;") | sqlite3 db'
same busybox_static bash -c 'b=/bin/busybox; [ -x $b ] || exit 0; $b echo static; $b sh -c "for i in 1 2 3; do echo \$i; done | $b wc -l; exit 5"; echo $?; $b ls tree | $b sort -r; $b tar cf - tree | $b tar tf - | $b wc -l; $b find tree | $b wc -l; $b sed -n 1p text; $b awk "{n++} END {print n}" text; $b vi --help 2>/dev/null | head -1'
same dynamic_loader bash -c '/lib64/ld-linux-x86-64.so.2 /bin/echo by the loader; ldd /bin/ls | grep -vc vdso; LD_PRELOAD=/absent /bin/true; LD_TRACE_LOADED_OBJECTS=1 /bin/true | grep -vc vdso'
same strings_of_locale bash -c 'LC_ALL=C.UTF-8 printf "%s\n" é | wc -m; iconv -f utf8 -t latin1 <<<é | od -An -tx1; date -u -d @86400 +%F'
same many_processes bash -c 'for i in $(seq 1 60); do (exit $((i % 7))) & pids="$pids $!"; done; n=0; for p in $pids; do wait $p; n=$((n + $?)); done; echo $n'
same deep_pipeline bash -c 'seq 1000 | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat | md5sum'
same large_data bash -c 'head -c 30000000 /dev/zero | tee copy | md5sum; md5sum <copy; cmp copy <(head -c 30000000 /dev/zero) && echo equal'
same file_descriptors bash -c 'for i in $(seq 3 100); do eval "exec $i</dev/null"; done; ls /proc/self/fd | wc -l; ulimit -n 50; cat text >/dev/null; echo $?'
same large_environment bash -c 'export X=$(head -c 100000 /dev/zero | tr "\0" x); env | wc -c | awk "{print (\$1 > 100000)}"; /bin/echo $(seq 1 20000) | wc -w'
finish
