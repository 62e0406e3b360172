#!/usr/bin/env python3
"""Runs the benchmarks natively, inside, and under Debian's runsc (ptrace) when it is installed, interleaved, and compares medians.

bench.py [--rounds N] [--sandbox PATH] [--rows REGEX] [--no-runsc]
Prints a table of ratios with the aims of docs/performance.md and writes out/bench.json.
"""
import argparse, json, os, re, shutil, statistics, subprocess, sys, tarfile, io, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.join(ROOT, "out", "bench")

# Row: (native, first, then) in microseconds, as the project's aims have them; a ratio is what is compared, since machines drift.
AIMS = {
    "start_true": (1000, 30000, 10000), "getpid": (0.13, 4, 0.05), "clock_gettime": (0.030, 0.030, 0.030),
    "stat_tmpfs": (0.56, 6, 1.2), "stat_bind": (0.55, 6.5, 1.5),
    "open_fstat_close_tmpfs": (1.2, 14, 3), "open_fstat_close_bind": (1.3, 17, 6),
    "creat_unlink_tmpfs": (5.1, 12, 5), "creat_unlink_bind": (8.4, 45, 25),
    "read_1_tmpfs": (0.31, 6.5, 0.8), "read_1_bind": (0.32, 7, 1.3), "read_64k_tmpfs": (9.0, 12, 6), "read_64k_bind": (4.8, 12, 7),
    "pipe_one_process": (0.59, 13, 1.6), "pipe_ping_pong": (12.8, 30, 10),
    "fork_exit_wait": (147, 350, 250), "fork_exec_wait": (508, 1050, 650), "vfork_exec_wait": (381, 800, 450),
    "first_touch_page": (2.5, 2.6, 2.6), "mmap_touch_munmap": (7.9, 26, 12), "signal_to_self": (2.2, 14, 6),
    "segv_mprotect_cycle": (6.1, 25, 15), "pthread_create_join": (35, 80, 55), "futex_ping_pong": (14, 14, 14),
    "nanosleep_50us": (107, 130, 115), "tar_x": (80e3, 260e3, 120e3), "find_stat": (11e3, 90e3, 20e3), "grep_r": (80e3, 200e3, 100e3),
    "rm_rf": (35e3, 80e3, 30e3), "gcc_10_files": (1.13e6, 1.33e6, 1.18e6), "sqlite_50000": (294e3, 340e3, 300e3),
    "sqlite_500_autocommits": (17.6e3, 95e3, 30e3), "python_start_10": (115e3, 180e3, 130e3), "python_6_imports_5": (456e3, 640e3, 500e3),
    "sh_100_true": (63e3, 140e3, 85e3),
}


def build():
    os.makedirs(os.path.join(OUT, "bind"), exist_ok=True)
    for name, options in (("micro", ["-static", "-pthread"]), ("bare", [])):
        source = os.path.join(ROOT, "benchmarks", name + ".c")
        subprocess.run(["gcc", "-O2", "-w", *options, "-o", os.path.join(OUT, name), source], check=True)
    path = os.path.join(OUT, "tree.tar")
    if not os.path.exists(path):
        with tarfile.open(path + ".new", "w") as tar:
            for d in range(68):
                for f in range(60):
                    size = (d * 60 + f) * 7919 % 28000 + 10
                    info = tarfile.TarInfo(f"tree/d{d % 7}/e{d}/file-{f}.txt")
                    info.size = size
                    line = f"line of file {f} in directory {d}: the quick brown fox\n".encode()
                    tar.addfile(info, io.BytesIO((line * (size // len(line) + 1))[:size]))
        os.rename(path + ".new", path)
    shutil.copy(os.path.join(ROOT, "benchmarks", "commands.sh"), OUT)


def sides(sandbox, with_runsc):
    bind = os.path.join(OUT, "bind")
    result = {
        "native": ([], f"/dev/shm/palisade-bench-{os.getpid()}", bind),
        "inside": ([sandbox, "run", "--bind", f"{OUT}:{OUT}", "--bind", f"{bind}:/mnt/bind:rw", "--"], "/tmp/bench", "/mnt/bind"),
    }
    runsc = shutil.which("runsc")
    if with_runsc and runsc and os.geteuid() == 0:
        # `runsc do` shows the host's root under an overlay in memory; it has no bind of its own: its second directory is there too.
        result["runsc"] = ([runsc, "--platform=ptrace", "--network=none", "--ignore-cgroups", "do"], "/tmp/bench", "/var/tmp")
        probe = run(result["runsc"][0], ["/bin/true"], 60)
        if probe.returncode:
            print("runsc does not run here; left out", file=sys.stderr)
            del result["runsc"]
    return result


def run(prefix, command, limit):
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "TERM": "dumb"}
    # Not /dev/null: `runsc do` takes its standard input for its own user, and would take the machine's null device from everyone else.
    with open(os.path.join(OUT, "empty-input"), "w+") as empty:
        return subprocess.run(prefix + command, stdin=empty, capture_output=True, text=True, timeout=limit, env=environment, cwd=OUT)


def collect(figures, side, done):
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) == 2:
            try: figures.setdefault(words[0], {}).setdefault(side, []).append(float(words[1]))
            except ValueError: pass
    if done.returncode:
        print(f"  {side}: status {done.returncode}: {(done.stderr or done.stdout)[-300:]}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sandbox", default=os.path.join(ROOT, ".build", "release", "sandbox"))
    parser.add_argument("--rows", default=".")
    parser.add_argument("--no-runsc", action="store_true")
    options = parser.parse_args()
    build()
    all_sides = sides(os.path.abspath(options.sandbox), not options.no_runsc)
    wanted = re.compile(options.rows)
    micro_rows = re.findall(r'^    \{"(\w+)", ', open(os.path.join(ROOT, "benchmarks", "micro.c")).read(), re.M)
    chosen = [r for r in micro_rows if wanted.search(r)]
    with_commands = any(wanted.search(r) for r in AIMS if r not in micro_rows and r != "start_true")
    figures = {}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        if wanted.search("bare"):
            collect(figures, "native", run([], [os.path.join(OUT, "bare")], 60))
        for side, (prefix, memory, bind) in all_sides.items():
            if wanted.search("start_true"):
                for _ in range(5 if side != "runsc" else 2):
                    begin = time.monotonic_ns()
                    done = run(prefix, ["/bin/true"], 60)
                    if done.returncode == 0: figures.setdefault("start_true", {}).setdefault(side, []).append(time.monotonic_ns() - begin)
        # One row on every side before the next row: what drifts drifts for all.
        for row in chosen:
            for side, (prefix, memory, bind) in all_sides.items():
                script = f'mkdir -p "{memory}" && exec "{OUT}/micro" "{memory}" "{bind}" {row}'
                try: collect(figures, side, run(prefix, ["/bin/sh", "-c", script], 120))
                except subprocess.TimeoutExpired: print(f"  {side}: {row} ran out of time", file=sys.stderr)
        if with_commands:
            for side, (prefix, memory, bind) in all_sides.items():
                try: collect(figures, side, run(prefix, ["/bin/bash", f"{OUT}/commands.sh", f"{memory}/work-{number}", f"{OUT}/tree.tar"], 400))
                except subprocess.TimeoutExpired: print(f"  {side}: the commands ran out of time", file=sys.stderr)
    shutil.rmtree(all_sides["native"][1], ignore_errors=True)
    report(figures)


def show(nanoseconds):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size: return f"{nanoseconds / size:.2f} {unit}"
    return f"{nanoseconds:.0f} ns"


def report(figures):
    medians = {row: {side: statistics.median(values) for side, values in by.items()} for row, by in figures.items()}
    print(f"{'work':26} {'native':>10} {'inside':>10} {'ratio':>7} {'first':>7} {'then':>6}   {'runsc 2022':>10} {'ratio':>7}")
    rows = []
    for row, by in medians.items():
        native, inside, runsc = by.get("native"), by.get("inside"), by.get("runsc")
        entry = {"row": row, "nanoseconds": by, "runs": figures[row]}
        first = then = ""
        ratio = inside / native if inside and native else None
        if row in AIMS:
            base, aim, later = AIMS[row]
            entry["aim_first"], entry["aim_then"] = aim / base, later / base
            first, then = f"{aim / base:.1f}", f"{later / base:.1f}"
        entry["ratio"] = ratio
        met = "" if ratio is None or row not in AIMS else ("ok" if ratio <= entry["aim_first"] * 1.05 else "--")
        entry["meets_first"] = met == "ok" if met else None
        rows.append(entry)
        print(f"{row:26} {show(native) if native else '':>10} {show(inside) if inside else '':>10} {f'{ratio:.1f}' if ratio else '':>7}"
              f" {first:>7} {then:>6} {met:2} {show(runsc) if runsc else '':>10} {f'{runsc / native:.1f}' if runsc and native else '':>7}")
    bare, getpid = medians.get("direct", {}).get("native"), medians.get("getpid", {}).get("inside")
    if bare and getpid:
        print(f"getpid inside is {getpid / bare:.2f} of a bare notification (aim: 1.3)")
    path = os.path.join(ROOT, "out", "bench.json")
    with open(path, "w") as file:
        json.dump({"kernel": os.uname().release, "processors": os.cpu_count(), "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "rows": rows}, file, indent=1)
    print(f"written to {os.path.relpath(path)}")


if __name__ == "__main__":
    main()
