// Runs commands a few at a time, each with its output in a file and a bounded run time, from one thread.
import Foundation

/// One command to run.
struct Job {
    /// What the caller knows it by.
    let name: String
    let arguments: [String]
    let environment: [String: String]
    let outputPath: String
}

/// How a job ended.
enum JobResult {
    case exited(Int32)
    case killed(signal: Int32)
    case timedOut
    case notStarted(errno: Int32)

    var text: String {
        switch self {
        case .exited(let code): "exited \(code)"
        case .killed(let signal): "killed by signal \(signal)"
        case .timedOut: "ran out of time"
        case .notStarted(let errno): "could not start: \(String(cString: strerror(errno)))"
        }
    }
}

struct ProcessPool {
    let width: Int
    let timeoutSeconds: Double

    private struct Running {
        let job: Job
        let deadline: Date
    }

    /// Runs all jobs; `finished` is called as each one ends.
    func run(_ jobs: [Job], finished: (Job, JobResult) -> Void) {
        var waiting = jobs[...]
        var running: [pid_t: Running] = [:]
        while !waiting.isEmpty || !running.isEmpty {
            while running.count < width, let job = waiting.popFirst() {
                var pid: pid_t = 0
                let failure = start(job, pid: &pid)
                if failure != 0 {
                    finished(job, .notStarted(errno: failure))
                } else {
                    running[pid] = Running(job: job, deadline: Date(timeIntervalSinceNow: timeoutSeconds))
                }
            }
            for (pid, entry) in running {
                var status: Int32 = 0
                let reaped = waitpid(pid, &status, WNOHANG)
                if reaped == pid {
                    running[pid] = nil
                    let signal = status & 0x7f
                    finished(entry.job, signal == 0 ? .exited(status >> 8 & 0xff) : .killed(signal: signal))
                } else if Date() > entry.deadline {
                    kill(-pid, SIGKILL)
                    kill(pid, SIGKILL)
                    waitpid(pid, &status, 0)
                    running[pid] = nil
                    finished(entry.job, .timedOut)
                }
            }
            usleep(3000)
        }
    }

    /// Starts a job in a process group of its own, standard input from /dev/null, both outputs into its file.
    private func start(_ job: Job, pid: inout pid_t) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, job.outputPath, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o644)
        posix_spawn_file_actions_addopen(&actions, 2, job.outputPath + ".err", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o644)
        // Nothing of the judge's own reaches a case. (Swift's view of spawn.h lacks posix_spawn_file_actions_addclosefrom_np.)
        for descriptor in Int32(3)..<256 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var arguments = job.arguments.map { strdup($0) } + [nil]
        var environment = job.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (arguments + environment).forEach { free($0) } }
        return posix_spawnp(&pid, job.arguments[0], &actions, &attributes, &arguments, &environment)
    }
}
