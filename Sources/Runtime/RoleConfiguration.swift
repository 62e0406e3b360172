// How a role's process gets its configuration: from the memfd that it inherits.
import Control
import HostSyscalls
import LinuxABI

/// The configuration of the process that this one is, read once. The descriptor is closed.
public enum RoleConfiguration {
    public static func sentry() throws(RuntimeFailure) -> SentryConfiguration {
        let bytes = try read()
        guard let configuration = try? SentryConfiguration(decoding: bytes) else {
            throw RuntimeFailure("the configuration makes no sense")
        }
        return configuration
    }

    public static func gofer() throws(RuntimeFailure) -> GoferLaunch {
        let bytes = try read()
        guard let launch = try? GoferLaunch(decoding: bytes) else { throw RuntimeFailure("the configuration makes no sense") }
        return launch
    }

    private static func read() throws(RuntimeFailure) -> [UInt8] {
        do throws(Errno) { return try HostPath.read(HostFD(owning: ProcessRole.configurationDescriptor), limit: 64 << 20) } catch {
            throw RuntimeFailure("the configuration", error)
        }
    }
}
