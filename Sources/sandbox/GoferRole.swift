// A gofer's process: reads what it serves, locks itself in, serves.
import Control
import Gofer
import HostSyscalls
import Runtime

func goferRole() -> Never {
    do throws(RuntimeFailure) {
        let launch = try RoleConfiguration.gofer()
        try Cage.enter(launch.cage)
        if !launch.cage.hasEmptyRoot { _ = try Landlock.confine(to: launch) }
        let attaches = launch.attaches.map { attach in
            GoferAttach(
                id: attach.id, directory: attach.directory, fileName: attach.fileName, isReadOnly: attach.isReadOnly,
                visiblePaths: attach.visiblePaths)
        }
        goferMain(socket: launch.socket, configuration: GoferConfiguration(attaches: attaches))
    } catch {
        leaveRole(error)
    }
}
