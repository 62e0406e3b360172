// Runs every conformance case natively and inside the sandbox and compares the two outputs line by line.
//
//   Conformance [--sandbox PATH] [--sandbox-option OPTION]… [--native] [--filter TEXT]… [--jobs N] [--timeout SECONDS]
//               [--repeat N] [--verbose] [--build-only]
//
// A case passes when its lines are equal. `conformance/expectations.txt` lists the cases that may fail, each with its reason; a listed
// case that passes is an error too, so that the list shrinks. `--native` runs each case twice natively instead: it proves the cases
// themselves stable.
import Foundation

do {
    let options = try Options(CommandLine.arguments.dropFirst())
    let judge = try Judge(options: options)
    exit(try judge.run() ? 0 : 1)
} catch {
    FileHandle.standardError.write(Data("conformance: \(error)\n".utf8))
    exit(2)
}
