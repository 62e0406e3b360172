// Configurations and messages survive the wire; what is cut or altered is refused, not trapped on.
import Primitives
import Testing

@testable import Control

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

private let configuration = SentryConfiguration(
    program: ProgramConfiguration(
        arguments: [bytes("/bin/sh"), [0xff, 0xfe]], environment: [bytes("A=b")], workingDirectory: bytes("/w"), uid: 1, gid: 2,
        groups: [3, 4],
        capabilities: 5),
    hostName: bytes("h"),
    mounts: [
        MountConfiguration(target: bytes("/"), source: .host(gofer: 0, attach: 1, isFile: false, writes: .kept)),
        MountConfiguration(target: bytes("/b"), source: .host(gofer: 1, attach: 0, isFile: true, writes: .passed), isShared: true),
        MountConfiguration(target: bytes("/tmp"), source: .tmpfs(size: 1 << 40, mode: 0o1777)),
        MountConfiguration(target: bytes("/proc"), source: .proc), MountConfiguration(target: bytes("/dev"), source: .dev),
    ],
    directories: [DirectoryConfiguration(path: bytes("/root"), mode: 0o700, uid: 1, gid: 1)],
    limits: [ResourceLimit(resource: 7, soft: 1, hard: .max)],
    hostFacts: HostFacts(cpuInfo: bytes("processor: 0"), memoryTotal: 1 << 33, cpus: [0, 2]), platform: .systrap, traces: true,
    reportsStatistics: true, descriptors: SentryDescriptors(streams: [4, -1, 5], gofers: [6, 7], supervisor: 8, control: 9, trace: -1),
    cage: CageConfiguration(
        identity: .init(uid: 9, gid: 9, groups: [1]), capabilities: 3, hasEmptyRoot: true, keepsDescriptorDirectory: true))

private let requests: [ControlRequest] = [
    .processes, .stream(2), .statistics, .wait(pid: 7), .kill(.first, signal: 15), .kill(.all, signal: 9), .kill(.process(3), signal: 1),
    .exec(ExecRequest(arguments: [bytes("ls")], environment: [bytes("X=1")], workingDirectory: bytes("/"), user: 1, group: nil)),
]

private let replies: [ControlReply] = [
    .done, .failed(errno: 2, text: "x"), .started(pid: 5), .exited(waitStatus: 256), .text("t"),
    .processes([ProcessRecord(pid: 1, parent: 0, uid: 0, state: 0x53, threadCount: 1, arguments: [bytes("a"), bytes("b")])]),
]

private let reports: [SentryReport] = [
    .started, .startFailed(errno: 2, text: "no"), .exited(waitStatus: 9), .stopped(signal: 20), .text("t"), .failed("f"),
]

@Test func aConfigurationSurvivesTheWire() throws {
    #expect(try SentryConfiguration(decoding: configuration.encoded()) == configuration)
}

@Test func aGoferLaunchSurvivesTheWire() throws {
    let launch = GoferLaunch(
        socket: 4,
        attaches: [
            .init(id: 0, directory: 5, isReadOnly: true, visiblePaths: [bytes("usr"), bytes("etc")]),
            .init(id: 1, directory: 6, fileName: bytes("f"), isReadOnly: false),
        ], cage: CageConfiguration(identity: nil, hasEmptyRoot: false))
    #expect(try GoferLaunch(decoding: launch.encoded()) == launch)
}

@Test func messagesSurviveTheWire() throws {
    for request in requests { #expect(try ControlRequest(decoding: request.encoded()) == request) }
    for reply in replies { #expect(try ControlReply(decoding: reply.encoded()) == reply) }
    for report in reports { #expect(try SentryReport(decoding: report.encoded()) == report) }
    for request in [SupervisorRequest.signal(2), .end] { #expect(try SupervisorRequest(decoding: request.encoded()) == request) }
}

@Test func everyCutMessageIsRefused() {
    for request in requests {
        let whole = request.encoded()
        for count in 0..<whole.count { #expect(throws: WireError.self) { try ControlRequest(decoding: Array(whole[..<count])) } }
        #expect(throws: WireError.self) { try ControlRequest(decoding: whole + [0]) }
    }
    for reply in replies {
        let whole = reply.encoded()
        for count in 0..<whole.count { #expect(throws: WireError.self) { try ControlReply(decoding: Array(whole[..<count])) } }
    }
    let whole = configuration.encoded()
    for count in 0..<whole.count { #expect(throws: WireError.self) { try SentryConfiguration(decoding: Array(whole[..<count])) } }
}

@Test func alteredMessagesNeverTrap() {
    for message in requests.map({ $0.encoded() }) + replies.map({ $0.encoded() }) + reports.map({ $0.encoded() }) {
        for index in message.indices {
            for value: UInt8 in [0, 1, 0x7f, 0xff] {
                var altered = message
                altered[index] = value
                _ = try? ControlRequest(decoding: altered)
                _ = try? ControlReply(decoding: altered)
                _ = try? SentryReport(decoding: altered)
            }
        }
    }
}

@Test func anotherVersionIsRefused() {
    var message = ControlRequest.processes.encoded()
    message[0] &+= 1
    #expect(throws: WireError.self) { try ControlRequest(decoding: message) }
}

@Test func anExecWithoutACommandIsRefused() {
    let empty = ControlRequest.exec(ExecRequest(arguments: []))
    #expect(throws: WireError.self) { try ControlRequest(decoding: empty.encoded()) }
}
