// Assembles the sentry: kernel, file systems, platform. To be written.
import Control
import HostSyscalls
import Runtime

/// Runs the sandbox that `configuration` describes. The process is locked in already.
func runSentry(_ configuration: SentryConfiguration, _ link: SupervisorLink) -> Never {
    link.report(.failed("sentry: not assembled"))
    leaveRole(RuntimeFailure("sentry: not assembled"))
}
