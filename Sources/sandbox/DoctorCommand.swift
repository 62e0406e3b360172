// `sandbox doctor`.
import ArgumentParser
import Runtime

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Says what this host offers, what is chosen, and why.",
        discussion: "The exit status is 1 if no sandbox can run here.")

    @Flag(help: "Prints JSON.")
    var json = false

    func run() throws {
        let findings = HostProbe.all()
        let decision = PlatformDecision.make(findings)
        if json {
            let list = findings.map { finding in
                JSON.object([
                    ("name", .string(finding.name)), ("found", .string(finding.found)), ("verdict", .string(finding.verdict.rawValue)),
                    ("consequence", .string(finding.consequence)),
                ])
            }
            let platform = decision.name.map { JSON.string($0) } ?? .null
            let whole = JSON.object([("findings", .array(list)), ("platform", platform), ("reason", .string(decision.reason))])
            print(whole.text, toDescriptor: 1)
        } else {
            let marks: [HostFinding.Verdict: String] = [.good: "ok", .missing: "MISSING", .note: "-"]
            printTable(
                ["", "WHAT", "FOUND", "SO"], findings.map { [marks[$0.verdict] ?? "", $0.name, $0.found, $0.consequence] })
            print("\nplatform: \(decision.name ?? "none") (\(decision.reason))", toDescriptor: 1)
        }
        if decision.name == nil { throw ExitStatus(rawValue: 1) }
    }
}
