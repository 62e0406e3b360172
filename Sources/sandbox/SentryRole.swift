// The sentry's process, up to where the kernel takes over: reads its configuration and locks itself in.
import Control
import HostSyscalls
import Runtime

func sentryRole() -> Never {
    do throws(RuntimeFailure) {
        let configuration = try RoleConfiguration.sentry()
        let link = SupervisorLink(socket: configuration.descriptors.supervisor)
        do throws(RuntimeFailure) { try Cage.enter(configuration.cage) } catch {
            link.report(.failed(error.message))
            throw error
        }
        runSentry(configuration, link)
    } catch {
        leaveRole(error)
    }
}

/// What a role says when it cannot begin goes to the log: it has no other voice.
func leaveRole(_ failure: RuntimeFailure) -> Never {
    print(failure.message, toDescriptor: 2)
    while true { _ = rawHostCall(HostSyscall.exit_group, Int(RuntimeFailure.ownFailure)) }
}

/// Writes a line.
func print(_ text: String, toDescriptor descriptor: Int32) {
    var line = text + "\n"
    line.withUTF8 { _ = rawHostCall(HostSyscall.write, Int(descriptor), Int(bitPattern: $0.baseAddress), $0.count) }
}
