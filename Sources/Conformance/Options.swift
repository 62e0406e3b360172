/// What the command line asks for.
struct Options {
    var sandbox = ".build/release/sandbox"
    var sandboxOptions: [String] = []
    var isNativeOnly = false
    var isVerbose = false
    var isBuildOnly = false
    var filters: [String] = []
    var jobs = 2
    var timeoutSeconds = 120.0
    var repeatCount = 1
    var root = "conformance"
    var output = "out/conformance"

    struct UsageError: Error, CustomStringConvertible {
        let description: String
    }

    init(_ arguments: some Sequence<String>) throws(UsageError) {
        var rest = Array(arguments)[...]
        func value(of option: String) throws(UsageError) -> String {
            guard let value = rest.popFirst() else { throw UsageError(description: "\(option) needs a value") }
            return value
        }
        func number<T: LosslessStringConvertible>(of option: String) throws(UsageError) -> T {
            let text = try value(of: option)
            guard let number = T(text) else { throw UsageError(description: "\(option): not a number: \(text)") }
            return number
        }
        while let argument = rest.popFirst() {
            switch argument {
            case "--sandbox": sandbox = try value(of: argument)
            case "--sandbox-option": sandboxOptions.append(try value(of: argument))
            case "--native": isNativeOnly = true
            case "--filter": filters.append(try value(of: argument))
            case "--jobs": jobs = max(1, try number(of: argument))
            case "--timeout": timeoutSeconds = try number(of: argument)
            case "--repeat": repeatCount = max(1, try number(of: argument))
            case "--verbose": isVerbose = true
            case "--build-only": isBuildOnly = true
            default: throw UsageError(description: "unknown option \(argument)")
            }
        }
    }
}
