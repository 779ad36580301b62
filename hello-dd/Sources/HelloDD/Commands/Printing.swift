/// A line on the standard error output: for what is wrong, so that a pipe gets results only.
func printError(_ line: String) {
    SystemCall.writeAll(2, Array("\(line)\n".utf8)[...])
}
