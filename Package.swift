// swift-tools-version: 6.2
// The package of Palisade. Layers are listed bottom up; a target's dependencies only point down (docs/architecture.md).
import PackageDescription

/// One shared set of strict settings for every Swift target.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// The executable's and tools' main files may use third-party packages; what lies below Runtime may not.
func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(name: name + "Tests", dependencies: [.byName(name: name)] + dependencies, swiftSettings: strict)
}

let package = Package(
    name: "palisade",
    products: [
        .executable(name: "sandbox", targets: ["sandbox"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // L0: what everything stands on.
        .target(name: "CHost", cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror"])]),
        .target(name: "CLinuxABI"),
        .target(name: "CStub"),
        module("LinuxABI", ["CLinuxABI"]),
        module("Primitives"),
        module("HostSyscalls", ["CHost", "LinuxABI"]),
        module("Platform", ["LinuxABI", "HostSyscalls"]),
        module("GoferProtocol", ["LinuxABI", "Primitives"]),
        module("Control", ["LinuxABI", "Primitives", "HostSyscalls"]),
        // L1
        module("Memory", ["LinuxABI", "Primitives", "HostSyscalls", "Platform"]),
        module("Auth", ["LinuxABI"]),
        module("PlatformSystrap", ["Platform", "HostSyscalls", "LinuxABI", "Primitives", "CStub"]),
        // L2
        module("VFS", ["LinuxABI", "Primitives", "HostSyscalls", "Auth"]),
        // L4
        module("Kernel", ["VFS", "Memory", "Auth", "Platform", "HostSyscalls", "LinuxABI", "Primitives"]),
        // L5
        module("Filesystems", ["Kernel", "Memory", "VFS", "GoferProtocol", "HostSyscalls", "LinuxABI", "Primitives", "Auth"]),
        // L6
        module(
            "Syscalls",
            ["CLinuxABI", "Kernel", "Filesystems", "VFS", "Memory", "Auth", "HostSyscalls", "LinuxABI", "Primitives", "Platform"]),
        module("Trace", ["Kernel", "VFS", "LinuxABI", "Primitives", "HostSyscalls", "Memory", "Platform"]),
        module("Gofer", ["GoferProtocol", "HostSyscalls", "LinuxABI", "Primitives"]),
        module("Runtime", ["Control", "HostSyscalls", "LinuxABI", "Primitives", "Gofer"]),
        // L7
        .executableTarget(
            name: "sandbox",
            dependencies: [
                "Runtime", "Syscalls", "Trace", "Filesystems", "Kernel", "VFS", "Memory", "Auth", "PlatformSystrap", "Platform", "Gofer",
                "Control",
                "HostSyscalls", "LinuxABI", "Primitives",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        tests("Memory", ["LinuxABI", "Platform"]),
        tests("Kernel", ["Memory", "Platform", "HostSyscalls", "LinuxABI"]),
        tests("VFS", ["Filesystems", "Auth", "LinuxABI", "Primitives"]),
        tests("Filesystems", ["Memory", "Kernel", "VFS", "Auth", "LinuxABI", "Primitives", "HostSyscalls"]),
        tests("Control", ["Primitives", "HostSyscalls", "LinuxABI"]),
        // A sentry that plays a script, and its own command line: the runtime's tests start it.
        .executableTarget(
            name: "FakeSentry", dependencies: ["Runtime", "Control", "HostSyscalls", "LinuxABI"], path: "Tests/FakeSentry",
            swiftSettings: strict),
        tests("Runtime", ["Control", "HostSyscalls", "LinuxABI", "FakeSentry", "sandbox"]),
        .executableTarget(name: "TableGen", swiftSettings: strict),
        .executableTarget(name: "Conformance", swiftSettings: strict),
        tests("TableGen"),
        tests("Syscalls", ["Kernel", "Filesystems", "VFS", "Memory", "Auth", "HostSyscalls", "LinuxABI"]),
        tests("Gofer", ["GoferProtocol", "Filesystems", "VFS", "Auth", "LinuxABI", "Primitives", "HostSyscalls"]),
        tests("Trace", ["VFS", "LinuxABI"]),
    ],
    swiftLanguageModes: [.v6]
)
