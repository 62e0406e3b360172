// The one executable. Its internal roles are recognised before the command line is parsed: start time matters.
import HostSyscalls
import Runtime

let role = CommandLine.arguments.count == 2 ? ProcessRole(rawValue: CommandLine.arguments[1]) : nil
switch role {
case .sentry: sentryRole()
case .gofer: goferRole()
case nil:
    StreamDonation.reserveClosed()
    commandLine()
}
