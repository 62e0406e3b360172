// The facts that programs inside see: the kernel's type, named apart from the configuration's of the same name.
import Kernel

typealias SandboxFacts = HostFacts
