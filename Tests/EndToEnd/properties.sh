#!/bin/bash
# What must hold of every sandbox: nothing of the host is seen or changed, nothing survives the sentry, the sentry survives the workload,
# bad input is answered clearly, no shortcut through the host. SECONDS_EACH sizes the unkind workloads.
set -u
. "$(dirname "$0")/common.sh"
SECONDS_EACH=${SECONDS_EACH:-3}
tools=$OUT/tools
mkdir -p "$tools" "$OUT/p"
for source in "$root"/conformance/stress/*.c "$root"/conformance/tools/*.c; do
    gcc -O2 -w -pthread -o "$tools/$(basename "$source" .c)" "$source" || exit 2
done
cd "$OUT/p" || exit 2
sandbox() { "${clean[@]}" "$SANDBOX" "$@"; }
run() { timeout 60 "${clean[@]}" "$SANDBOX" run --timeout 50 "$@" </dev/null; }
# The processes that belong to the supervisor given: its descendants, by parent numbers.
tree_of() {
    local all=$1 more=$1
    while [ -n "$more" ]; do
        local next="" pid
        for pid in $more; do next="$next $(cat /proc/$pid/task/*/children 2>/dev/null)"; done
        more=$(echo $next)
        all="$all $more"
    done
    echo $all
}
# start NAME COMMAND…: a sandbox in the background; sets sentry and supervisor when it runs.
start() {
    local name=$1 i
    shift
    timeout 120 "${clean[@]}" "$SANDBOX" run --name "$name" "$@" </dev/null >"$OUT/p/$name.out" 2>"$OUT/p/$name.err" &
    starter=$!
    for i in $(seq 200); do
        read -r sentry supervisor < <(sandbox ps --json 2>/dev/null | /usr/bin/python3 -c 'import json, sys
for s in json.load(sys.stdin):
    if s["id"] == sys.argv[1]: print(s["sentry"], s["supervisor"])' "$name" 2>/dev/null)
        [ -z "${sentry:-}" ] || return 0
        sleep 0.05
    done
    return 1
}
is_gone() {
    local i pid alive
    for i in $(seq 100); do
        alive=""
        for pid in "$@"; do
            case $(sed 's/.*) //' /proc/$pid/stat 2>/dev/null) in "" | Z* | X*) ;; *) alive="$alive $pid" ;; esac
        done
        [ -n "$alive" ] || return 0
        sleep 0.05
    done
    echo "      still there: $alive: $(for pid in $alive; do tr '\0' ' ' </proc/$pid/cmdline; done)"
    return 1
}
alive() { case $(sed 's/.*) //' /proc/$1/stat 2>/dev/null) in "" | Z* | X*) return 1 ;; esac; }
stop() {
    sandbox kill "$1" KILL >/dev/null 2>&1
    wait "$starter" 2>/dev/null
}

if wanted own_kernel; then
    check own_kernel test "$(run -- uname -r)" != "$(uname -r)"
fi
if wanted sees_no_host_process; then
    inside=$(run -- sh -c 'ls /proc | grep -c "^[0-9]"; kill -0 '$$' 2>&1 | grep -c "No such"')
    check sees_no_host_process test "$(echo $inside)" = "2 1" -o "$(echo $inside)" = "3 1"
fi
if wanted cannot_change_host_files; then
    rm -rf w && mkdir w && echo before >w/f && chmod 644 w/f && echo before >bound
    before=$(find w bound -printf '%p %m %u %s %T@\n' | sort; cat w/f bound; md5sum /etc/hostname /etc/passwd)
    run --bind "$PWD/bound:/mnt/bound" -- sh -c 'echo after >w/f; rm w/f; mkdir w/d; echo x >w/new; chmod 777 w; mv w v; echo a >/mnt/bound; rm /mnt/bound; echo "root::0:0::/:/bin/sh" >/etc/passwd; rm -rf /usr/bin/perl /etc/hostname; chmod 777 /usr; echo x >/usr/new; ln -s /etc/shadow s; mknod dev b 8 0' >/dev/null 2>&1
    after=$(find w bound -printf '%p %m %u %s %T@\n' | sort; cat w/f bound; md5sum /etc/hostname /etc/passwd)
    check cannot_change_host_files test "$before" = "$after"
    check system_files_are_still_there test -e /usr/bin/perl -a ! -e /usr/new -a ! -e s -a ! -e dev
fi
if wanted writes_where_granted; then
    rm -rf g && mkdir g
    run --writable "$PWD/g" -- sh -c 'echo written >g/f && mkdir g/d && echo no >f'
    check writes_where_granted test "$(cat g/f 2>/dev/null)" = written -a -d g/d -a ! -e f
    run --bind "$PWD/g:/mnt/g:rw" -- sh -c 'echo bound >/mnt/g/f; ln -s /etc/passwd /mnt/g/link; cat /mnt/g/../../etc/hostname >/dev/null'
    check writes_where_bound test "$(cat g/f)" = bound
fi
if wanted secrets_stay; then
    out=$(run -- sh -c 'cat /etc/shadow; ls /root /home /var/log; cat /proc/1/environ /proc/self/environ | tr "\0" "\n"' 2>&1)
    check no_shadow bash -c '! grep -q "^root:[^*!]*\$" <<<"$1"' - "$out"
    SECRET=leaks "$SANDBOX" run -- env </dev/null >env.out 2>&1
    check environment_stays_outside bash -c '! grep -q leaks env.out'
    SECRET=passes "$SANDBOX" run --env SECRET --env OTHER=value -- env </dev/null >env.out 2>&1
    check environment_passes_when_named bash -c 'grep -q ^SECRET=passes env.out && grep -q ^OTHER=value env.out'
fi

# Ends
if wanted kill_sentry; then
    if start killed -- sh -c 'sleep 1000 & sleep 1000 & (setsid sleep 1000 &) ; sleep 1000'; then
        sleep 0.5
        all=$(tree_of "$supervisor")
        kill -KILL "$sentry"
        check kill_sentry_leaves_nothing is_gone $all
        wait "$starter"
        check kill_sentry_status test $? -ne 0
    else fail kill_sentry "did not start"; fi
fi
if wanted kill_supervisor; then
    if start orphaned -- sh -c 'sleep 1000 & sleep 1000'; then
        sleep 0.3
        all=$(tree_of "$supervisor")
        kill -KILL "$supervisor"
        check kill_supervisor_leaves_nothing is_gone $all
        wait "$starter" 2>/dev/null
    else fail kill_supervisor "did not start"; fi
fi
if wanted ends_clean; then
    start finished -- sh -c 'sleep 0.5; (setsid sleep 1000 &); exit 3'
    all=$(tree_of "$supervisor")
    wait "$starter"
    check ends_with_status test $? -eq 3
    check ends_clean is_gone $all
fi
if wanted timeout; then
    begin=$(date +%s)
    timeout 30 "${clean[@]}" "$SANDBOX" run --timeout 1 -- sh -c 'trap "" TERM INT; sleep 100 & while :; do :; done' </dev/null >/dev/null 2>&1
    status=$?
    check timeout_status test $status -eq 124
    check timeout_is_kept test $(($(date +%s) - begin)) -le 5
fi
if wanted signals_pass; then
    start signalled -- sh -c 'trap "echo got TERM; exit 9" TERM; echo ready; while :; do sleep 0.05; done'
    for i in $(seq 100); do grep -q ready signalled.out && break; sleep 0.05; done
    pkill -TERM -P "$starter" sandbox 2>/dev/null || kill -TERM "$starter"
    wait "$starter"
    check signals_pass test $? -eq 9
    stop signalled
fi

# The sentry outlives what it serves
if wanted survives; then
    cp "$tools/churn" .
    cat >survive.sh <<END
for i in 1 2 3; do ./churn crash; echo "crash \$?"; done
./churn forks 500
./churn $SECONDS_EACH
echo end
END
    run -- bash survive.sh >survive.out 2>/dev/null
    check survives_crashes test "$(grep -c 'crash 139' survive.out)" = 3
    check survives_500_children grep -q '^500 made, 500 ended' survive.out
    check survives_churn grep -q '^ok' survive.out
    check survives_all grep -q '^end' survive.out
fi

# Bad input
answers() {
    local name=$1 status=$2 pattern=$3
    wanted "$name" || return 0
    shift 3
    timeout 20 "${clean[@]}" "$SANDBOX" "$@" </dev/null >"bad.out" 2>"bad.err"
    local got=$?
    if [ $got -ne "$status" ]; then fail "$name" "status $got, not $status" "$(head -3 bad.err)"
    elif ! grep -qiE -- "$pattern" bad.err; then fail "$name" "says: $(head -3 bad.err)"
    elif [ "$(grep -vc '^ \|^Usage' bad.err)" -gt 3 ]; then fail "$name" "says too much: $(cat bad.err)"
    else pass "$name"; fi
}
echo text >plain && echo text >badexec && chmod +x badexec && mkdir -p adir && head -c 100 /bin/ls >broken && chmod +x broken
printf '#!/absent/interpreter\n' >script && chmod +x script
answers bad_missing_command 2 'command' run
answers bad_option 2 'bogus' run --bogus -- true
answers bad_subcommand 2 'frobnicate|unknown|unexpected' frobnicate
answers bad_not_found 127 'no-such-program.*(not found|No such file)' run -- no-such-program
answers bad_not_found_path 127 '/no/such: ' run -- /no/such
answers bad_not_executable 126 'plain.*denied' run -- ./plain
answers bad_directory 126 'adir' run -- ./adir
answers bad_broken_elf 126 'broken.*(exec format|format)' run -- ./broken
answers bad_interpreter 127 'script.*No such file' run -- ./script
answers bad_rootfs 125 'absent' run --rootfs /absent -- true
answers bad_rootfs_file 125 'plain' run --rootfs "$PWD/plain" -- true
answers bad_bind_source 125 'absent' run --bind /absent:/mnt -- true
answers bad_bind_form '2' 'bind' run --bind nonsense -- true
answers bad_bind_mode '2' 'bind' run --bind /tmp:/mnt:wx -- true
answers bad_timeout '2' 'timeout' run --timeout never -- true
answers bad_platform '2' 'platform' run --platform abacus -- true
answers bad_user '2' 'user' run --user nobody:x:y -- true
answers bad_workdir 125 'workdir|/nowhere' run --workdir /nowhere -- true
answers bad_writable 125 'absent' run --writable /absent -- true
answers bad_exec_target '[0-9]*' 'nobody' exec nobody -- true 2>/dev/null || true
if wanted unreadable_directory; then
    mkdir -p secret && chmod 700 secret && chown root:root secret && echo x >secret/f && chmod 600 secret/f
    if [ "$(id -u)" = 0 ] && id nobody >/dev/null 2>&1; then
        out=$(cd / && setpriv --reuid=65534 --regid=65534 --clear-groups "$SANDBOX" run --rootfs "$OUT/p/secret" -- true 2>&1 </dev/null)
        status=$?
        check unreadable_directory test $status -eq 125 -a -n "$out"
    fi
fi

# No shortcut through the host
if wanted stats; then
    marked=$(/usr/bin/python3 - "$root"/syscall-tables/*.tbl <<'END'
import re, sys
rows = ""
for path in sys.argv[1:]:
    rows += re.sub(r"\n[ \t]+", " ", open(path).read()) + "\n"
for line in rows.split("\n"):
    m = re.match(r"\d+\s+(\w+)\(.*\)\s*->\s*\S+\s*=\s*(\w+)\s+(.*)", line)
    if m and (m[2] in ("native", "notify") or 'native "' in m[3]): print(m[1])
END
)
    run --stats -- bash -c '/usr/bin/python3 -c "import threading, subprocess; subprocess.run([\"true\"]); t = threading.Thread(target=print); t.start(); t.join()"; echo a | cat; ls -la /usr/lib >/dev/null; gcc -x c -o x - <<<"int main(){return 0;}" && ./x' >/dev/null 2>stats.err
    unmarked=$(awk '$1 == "native" {print $2}' stats.err | sort -u | grep -vxF "$marked" | tr '\n' ' ')
    check stats_are_printed grep -q '^notifications [0-9]' stats.err
    check stats_native_rows_are_in_the_table test -z "$unmarked"
    # What the sentry may order a stub to do: memory, descriptors for it, threads, and what belongs to a thread (design, section 4).
    orders=$(awk '$1 == "ordered" {print $2}' stats.err | sort -u | grep -vxE 'mmap|munmap|mprotect|mremap|madvise|mlock|munlock|mincore|msync|close|clone|exit|exit_group|arch_prctl|set_tid_address|set_robust_list|rseq|futex|sched_yield|prctl|getrusage|clock_gettime|rt_sigprocmask|membarrier' | tr '\n' ' ')
    check stats_orders_are_known test -z "$orders"
    [ -z "$unmarked$orders" ] || echo "      unmarked: $unmarked, unknown orders: $orders"
fi
if wanted filter; then
    if start filtered -- sleep 1000; then
        sleep 0.5
        stub=""
        for pid in $(tree_of "$sentry"); do [ "$pid" = "$sentry" ] || stub=$pid; done
        if [ -z "$stub" ]; then stub=$(ps -eo pid,ppid | awk -v s="$sentry" '$2 == s {print $1}' | tail -1); fi
        "$tools/read_filter" "$stub" >filter.out 2>filter.err
        check filter_can_be_read test -s filter.out
        allowed=$(awk '$1 ~ /^[0-9]+$/ && $2 == "allow" {print $1}' filter.out | sort -n | tr '\n' ' ')
        expected=$(awk '/= native /{print $1}' "$root"/syscall-tables/*.tbl | sort -n | tr '\n' ' ')
        check filter_allows_the_native_rows_only test "$allowed" = "$expected"
        # futex: WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP and the BITSET forms; with a timeout only those that take none.
        futex_plain=$(awk '$1 == "futex" && $3 == "plain" && $4 == "allow" {print $2}' filter.out | tr '\n' ' ')
        futex_timeout=$(awk '$1 == "futex" && $3 == "timeout" && $4 == "allow" {print $2}' filter.out | tr '\n' ' ')
        check filter_futex_operations test "$futex_plain" = "0 1 3 4 5 9 10 " -a "$futex_timeout" = "1 3 4 5 10 "
        check filter_closes_i386 grep -q '^i386 closed' filter.out
        check filter_closes_x32 bash -c '! grep -q "^x32 allow" filter.out && ! grep -q "^minus-one allow" filter.out'
        [ "$allowed" = "$expected" ] || echo "      allowed: $allowed; in the table: $expected; $(head -2 filter.err)"
        stop filtered
    else fail filter "did not start"; fi
fi
if wanted frozen_gofer; then
    mkdir -p cached && for i in 1 2 3; do echo $i >cached/$i; done
    # Only what the shell does itself: a program not yet loaded would have to come from the gofer.
    if start frozen -- bash -c 'mkfifo /tmp/p; exec 9<>/tmp/p; [ -e cached/1 ] && [ -e cached/2 ] && [ -e /etc/passwd ] && [ -e /bin/sh ]; echo ready; read -t 2 x <&9; for i in 1 2 3 4 5 6 7 8 9 10; do [ -e cached/1 ] && [ -s cached/2 ] && [ -f /etc/passwd ] && [ -x /bin/sh ] || echo lost; done; echo answered; read -t 1000 x <&9'; then
        for i in $(seq 100); do grep -q ready frozen.out && break; sleep 0.05; done
        gofers=$(for pid in $(tree_of "$supervisor"); do tr '\0' ' ' </proc/$pid/cmdline 2>/dev/null | grep -q gofer && echo "$pid"; done)
        [ -z "$gofers" ] || kill -STOP $gofers
        for i in $(seq 160); do grep -q answered frozen.out && break; sleep 0.05; done
        check frozen_gofer_cached_answers bash -c 'grep -q answered frozen.out && ! grep -q lost frozen.out'
        check frozen_gofer_was_found test -n "$gofers"
        # With its gofer frozen a sandbox can still be ended.
        all=$(tree_of "$supervisor")
        sandbox kill frozen KILL >/dev/null 2>&1
        kill -CONT $gofers 2>/dev/null
        check frozen_gofer_can_be_ended is_gone $all
        wait "$starter" 2>/dev/null
    else fail frozen_gofer "did not start"; fi
fi

# ps, exec, kill, strace
if wanted commands; then
    if start commanded -- sh -c 'echo "first" >/tmp/mark; sleep 1000'; then
        sleep 0.3
        check ps_lists bash -c '"$0" ps | grep -q "^commanded"' "$SANDBOX"
        check exec_sees_it test "$(sandbox exec commanded -- cat /tmp/mark </dev/null)" = first
        sandbox exec commanded -- sh -c 'exit 17' </dev/null
        check exec_status test $? -eq 17
        check ps_of_one bash -c '"$0" ps commanded | grep -q sleep' "$SANDBOX"
        all=$(tree_of "$supervisor")
        sandbox kill commanded KILL
        wait "$starter"
        check kill_status test $? -eq 137
        check kill_ends is_gone $all
    else fail commands "did not start"; fi
    run --strace=trace.out -- sh -c 'cat /etc/hostname; exit 2' >/dev/null
    check strace_is_decoded bash -c 'grep -q "openat(AT_FDCWD, \"/etc/hostname\", O_RDONLY" trace.out && grep -q "exit_group(2)" trace.out && grep -qE "<[0-9.]+>" trace.out'
    check terminal_less_input test "$(echo piped | "$SANDBOX" run -- cat)" = piped
fi
finish
