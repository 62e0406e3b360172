// Numbers as /proc writes them, without Foundation.

/// `%WIDTHd`.
func decimal(_ value: Int64, width: Int = 0) -> String { padded(String(value), width, " ") }

/// `%0WIDTHx`.
func hexadecimal(_ value: UInt64, width: Int = 0) -> String { padded(String(value, radix: 16), width, "0") }

/// `%0WIDTHo`.
func octal(_ value: UInt64, width: Int = 0) -> String { padded(String(value, radix: 8), width, "0") }

private func padded(_ text: String, _ width: Int, _ filler: Character) -> String {
    let missing = width - text.utf8.count
    return missing > 0 ? String(repeating: filler, count: missing) + text : text
}
