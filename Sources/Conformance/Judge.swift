// Builds the programs, runs them on both sides, compares, and says what differs.
import Foundation

struct Judge {
    private let options: Options
    private let expectations: Expectations
    private let pool: ProcessPool

    struct BuildError: Error, CustomStringConvertible {
        let description: String
    }

    init(options: Options) throws {
        self.options = options
        expectations = try Expectations(path: options.root + "/expectations.txt")
        pool = ProcessPool(width: options.jobs, timeoutSeconds: options.timeoutSeconds)
    }

    /// - Returns: whether everything was as expected.
    func run() throws -> Bool {
        let programs = try programNames()
        try build(programs)
        if options.isBuildOnly { return true }
        var isGood = true
        for _ in 0..<options.repeatCount { isGood = judge(programs) && isGood }
        return isGood
    }

    private func programNames() throws -> [String] {
        let files = try FileManager.default.contentsOfDirectory(atPath: options.root + "/cases")
        let names = files.filter { $0.hasSuffix(".c") }.map { String($0.dropLast(2)) }.sorted()
        if options.filters.isEmpty { return names }
        return names.filter { name in options.filters.contains { name == $0 || $0.hasPrefix(name + "/") || name.contains($0) } }
    }

    /// The cases of one program that the filters name; empty means all.
    private func wantedCases(of program: String) -> [String] {
        options.filters.filter { $0.hasPrefix(program + "/") }.map { String($0.dropFirst(program.count + 1)) }
    }

    // Building

    private func build(_ programs: [String]) throws {
        let manager = FileManager.default
        for folder in ["bin", "native", "inside", "build"] {
            try manager.createDirectory(atPath: "\(options.output)/\(folder)", withIntermediateDirectories: true)
        }
        func modified(_ path: String) -> Date {
            (try? manager.attributesOfItem(atPath: path))?[.modificationDate] as? Date ?? .distantPast
        }
        let header = "\(options.root)/conformance.h"
        let stale = programs.filter { name in
            let binary = modified("\(options.output)/bin/\(name)")
            return binary < modified("\(options.root)/cases/\(name).c") || binary < modified(header)
        }
        var failures: [String] = []
        let jobs = stale.map { name in
            Job(
                name: name,
                arguments: [
                    "gcc", "-std=gnu11", "-O1", "-g", "-w", "-pthread", "-o", "\(options.output)/bin/\(name)",
                    "\(options.root)/cases/\(name).c",
                ],
                environment: ProcessInfo.processInfo.environment, outputPath: "\(options.output)/build/\(name)")
        }
        pool.run(jobs) { job, result in
            if case .exited(0) = result { return }
            let text = try? String(contentsOfFile: job.outputPath + ".err", encoding: .utf8)
            failures.append("\(job.name) \(result.text)\n\(text ?? "")")
        }
        if let first = failures.first { throw BuildError(description: "cannot build \(first)") }
    }

    // Running

    private func nativeJob(_ program: String, into folder: String) -> Job {
        Job(
            name: program, arguments: ["\(options.output)/bin/\(program)"] + wantedCases(of: program),
            environment: ["PATH": "/usr/bin:/bin", "CONFORMANCE_DIR": "/dev/shm", "HOME": "/root"],
            outputPath: "\(options.output)/\(folder)/\(program)")
    }

    private func insideJob(_ program: String) -> Job {
        let environment = ProcessInfo.processInfo.environment
        return Job(
            name: program,
            arguments: [options.sandbox, "run", "--env", "CONFORMANCE_DIR=/tmp"] + options.sandboxOptions
                + ["--", "\(options.output)/bin/\(program)"] + wantedCases(of: program),
            environment: environment, outputPath: "\(options.output)/inside/\(program)")
    }

    private func judge(_ programs: [String]) -> Bool {
        var native: [String: JobResult] = [:]
        var inside: [String: JobResult] = [:]
        pool.run(programs.map { nativeJob($0, into: "native") }) { job, result in native[job.name] = result }
        let others = programs.map { options.isNativeOnly ? nativeJob($0, into: "inside") : insideJob($0) }
        pool.run(others) { job, result in
            inside[job.name] = result
            if options.isVerbose { print("\(job.name): \(result.text)") }
        }
        var tally = Tally()
        for program in programs { compare(program, native[program], inside[program], &tally) }
        for name in expectations.names where !tally.seen.contains(name) && options.filters.isEmpty {
            tally.fail("\(name): is in expectations.txt, but there is no such case")
        }
        print("\(tally.skipped) skipped, \(tally.expectedFailures) failed as expected, \(tally.unexpectedPasses) passed unexpectedly")
        print("\(tally.passed) passed, \(tally.failed) failed")
        return tally.failed == 0
    }

    private struct Tally {
        var passed = 0
        var failed = 0
        var skipped = 0
        var expectedFailures = 0
        var unexpectedPasses = 0
        var seen: Set<String> = []

        mutating func fail(_ text: String) {
            failed += 1
            print("FAIL \(text)")
        }
    }

    // Comparing

    private func compare(_ program: String, _ native: JobResult?, _ inside: JobResult?, _ tally: inout Tally) {
        let expected = Transcript(contentsOf: "\(options.output)/native/\(program)")
        let actual = Transcript(contentsOf: "\(options.output)/inside/\(program)")
        if expected.names.isEmpty {
            tally.fail("\(program): printed nothing natively; it \(native?.text ?? "did not run")")
        }
        var hasFailure = false
        for name in expected.names {
            let label = "\(program)/\(name)"
            tally.seen.insert(label)
            let complaints = expected.complaints(of: name)
            if let reason = expected.skipReason(of: name) {
                tally.skipped += 1
                if options.isVerbose { print("skip \(label): \(reason)") }
                continue
            }
            if !complaints.isEmpty {
                tally.fail("\(label): does not hold natively: \(complaints[0])")
                continue
            }
            let expectation = expectations[label]
            if expectation?.kind == .skip {
                tally.skipped += 1
                continue
            }
            let differences = difference(expected.lines(of: name), actual.lines(of: name))
            switch (differences.isEmpty, expectation?.kind) {
            case (true, .fail):
                tally.unexpectedPasses += 1
                tally.fail("\(label): passes; take it off expectations.txt")
            case (true, _):
                tally.passed += 1
            case (false, .fail), (false, .either), (false, .skip):
                tally.expectedFailures += 1
                if options.isVerbose { print("expected failure \(label): \(expectation?.reason ?? "")") }
            case (false, nil):
                hasFailure = true
                tally.fail(label)
                for line in differences.prefix(options.isVerbose ? 200 : 12) { print("    \(line)") }
            }
        }
        if hasFailure || actual.names.isEmpty, let inside {
            let errors = (try? String(contentsOfFile: "\(options.output)/inside/\(program).err", encoding: .utf8)) ?? ""
            print("  \(program) \(inside.text) inside; it said: \(errors.prefix(600))")
        }
    }

    /// The lines that differ, `-` natively and `+` inside, in order (a longest common subsequence by the standard library).
    private func difference(_ expected: [String], _ actual: [String]) -> [String] {
        if actual.isEmpty { return ["- (\(expected.count) lines)", "+ no output"] }
        var removed: [Int: String] = [:]
        var inserted: [Int: String] = [:]
        for change in actual.difference(from: expected) {
            switch change {
            case .remove(let offset, let element, _): removed[offset] = element
            case .insert(let offset, let element, _): inserted[offset] = element
            }
        }
        var lines: [String] = []
        var i = 0
        var j = 0
        while i < expected.count || j < actual.count {
            if let line = removed[i] {
                lines.append("- \(line)")
                i += 1
            } else if let line = inserted[j] {
                lines.append("+ \(line)")
                j += 1
            } else {
                i += 1
                j += 1
            }
        }
        return lines
    }
}
