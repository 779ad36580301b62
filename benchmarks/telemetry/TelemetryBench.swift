#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The parts of the benchmark that must be quick; `run.py` beside it puts them together: see the folder's README.
@main
struct TelemetryBench {
    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            switch arguments.first {
            case "costs": Costs.measure()
            case "load" where arguments.count == 5:
                guard let port = Int(arguments[1]), let connections = Int(arguments[3]), let seconds = Double(arguments[4]) else { usage() }
                print(try await ClosedLoop(port: port, path: arguments[2]).run(connections: connections, seconds: seconds))
            case "sink" where arguments.count == 2:
                guard let port = Int(arguments[1]) else { usage() }
                try await Sink.serve(port: port)
            default: usage()
            }
        } catch {
            FileHandleText.standardError("telemetry bench: \(error)\n")
            exit(1)
        }
    }

    private static func usage() -> Never {
        FileHandleText.standardError("usage: TelemetryBench costs | load PORT PATH CONNECTIONS SECONDS | sink PORT\n")
        exit(64)
    }
}

enum FileHandleText {
    static func standardError(_ text: String) {
        _ = Array(text.utf8).withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
