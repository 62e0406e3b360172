// The socket calls while there are no sockets: no family is supported, and a descriptor is never a socket. Programs ask (bash wants to know
// whether its standard input is a connection) and take ENOTSOCK for an answer, ENOSYS not.
import Kernel
import LinuxABI

/// Implements socket(2) on a kernel without address families.
///
/// - Throws: `EAFNOSUPPORT`.
func sysSocket(_ task: Task, _ domain: Int32, _ type: Int32, _ protocolNumber: Int32) throws(Errno) -> Outcome { throw .EAFNOSUPPORT }

/// Implements socketpair(2) on a kernel without address families.
///
/// - Throws: `EAFNOSUPPORT`.
func sysSocketpair(
    _ task: Task, _ domain: Int32, _ type: Int32, _ protocolNumber: Int32, _ descriptors: UserAddress
) throws(Errno) -> Outcome { throw .EAFNOSUPPORT }

/// What every other call does: there is no socket among the descriptors.
///
/// - Throws: `EBADF` if `fd` is not open; `ENOTSOCK`.
private func refuse(_ task: Task, _ fd: FD) throws(Errno) -> Outcome {
    _ = try task.files.get(fd)
    throw .ENOTSOCK
}

func sysConnect(_ task: Task, _ fd: FD, _: UserAddress, _: Int32) throws(Errno) -> Outcome { try refuse(task, fd) }

func sysAccept(_ task: Task, _ fd: FD, _: UserAddress, _: UserAddress) throws(Errno) -> Outcome { try refuse(task, fd) }

func sysAccept4(_ task: Task, _ fd: FD, _: UserAddress, _: UserAddress, _: Int32) throws(Errno) -> Outcome { try refuse(task, fd) }

func sysBind(_ task: Task, _ fd: FD, _: UserAddress, _: Int32) throws(Errno) -> Outcome { try refuse(task, fd) }

func sysListen(_ task: Task, _ fd: FD, _: Int32) throws(Errno) -> Outcome { try refuse(task, fd) }

func sysGetsockname(_ task: Task, _ fd: FD, _: UserAddress, _: UserAddress) throws(Errno) -> Outcome { try refuse(task, fd) }

func sysGetpeername(_ task: Task, _ fd: FD, _: UserAddress, _: UserAddress) throws(Errno) -> Outcome { try refuse(task, fd) }

func sysSendto(
    _ task: Task, _ fd: FD, _: UserAddress, _: UInt64, _: Int32, _: UserAddress, _: Int32
) throws(Errno) -> Outcome { try refuse(task, fd) }

func sysRecvfrom(
    _ task: Task, _ fd: FD, _: UserAddress, _: UInt64, _: Int32, _: UserAddress, _: UserAddress
) throws(Errno) -> Outcome { try refuse(task, fd) }

func sysSendmsg(_ task: Task, _ fd: FD, _: UserAddress, _: Int32) throws(Errno) -> Outcome { try refuse(task, fd) }

func sysRecvmsg(_ task: Task, _ fd: FD, _: UserAddress, _: Int32) throws(Errno) -> Outcome { try refuse(task, fd) }

func sysSendmmsg(_ task: Task, _ fd: FD, _: UserAddress, _: UInt32, _: Int32) throws(Errno) -> Outcome { try refuse(task, fd) }

func sysRecvmmsg(
    _ task: Task, _ fd: FD, _: UserAddress, _: UInt32, _: Int32, _: UserAddress
) throws(Errno) -> Outcome { try refuse(task, fd) }

func sysShutdown(_ task: Task, _ fd: FD, _: Int32) throws(Errno) -> Outcome { try refuse(task, fd) }

func sysSetsockopt(_ task: Task, _ fd: FD, _: Int32, _: Int32, _: UserAddress, _: Int32) throws(Errno) -> Outcome { try refuse(task, fd) }

func sysGetsockopt(
    _ task: Task, _ fd: FD, _: Int32, _: Int32, _: UserAddress, _: UserAddress
) throws(Errno) -> Outcome { try refuse(task, fd) }
