/// Something that happened to a service and that people are told about.
enum Notice: Hashable, Sendable {
    case starting(Service)
    case ready(Service, after: Duration)
    case crashed(Service, Exit, restartIn: Duration)
    case gaveUp(Service, Exit, crashes: Int)
    case hopeless(Service, Exit)
    case notReady(Service, after: Duration)
    case cannotStart(Service, reason: String)
    case stopping(Service)
    case stopped(Service)
    case killed(Service, after: Duration)

    var service: Service {
        switch self {
        case .starting(let service), .ready(let service, _), .crashed(let service, _, _), .gaveUp(let service, _, _),
            .hopeless(let service, _), .notReady(let service, _), .cannotStart(let service, _), .stopping(let service),
            .stopped(let service), .killed(let service, _):
            service
        }
    }

    /// How many of the service's last log lines belong below the notice, so that the reader need not look for them.
    var logLines: Int {
        switch self {
        case .hopeless: 1
        case .gaveUp, .notReady: 20
        default: 0
        }
    }

    var tone: Style.Tone {
        switch self {
        case .starting, .stopping, .stopped: .quiet
        case .ready: .good
        case .crashed, .killed: .warning
        case .gaveUp, .hopeless, .notReady, .cannotStart: .bad
        }
    }

    /// Without the service's name.
    var text: String {
        switch self {
        case .starting: "starting"
        case .ready(_, let after): "ready in \(after.forPeople)"
        case .crashed(_, let exit, let pause): "ended unexpectedly (\(exit)); starting it again in \(pause.forPeople)"
        case .gaveUp(_, let exit, let crashes): "ended \(crashes) times in a row (last: \(exit)); not starting it again. Its last lines:"
        case .hopeless(_, let exit): "cannot run (\(exit)). Its last line:"
        case .notReady(_, let after): "was not ready within \(after.forPeople). Its last lines:"
        case .cannotStart(_, let reason): "cannot be started: \(reason)"
        case .stopping: "stopping"
        case .stopped: "stopped"
        case .killed(_, let after): "still running \(after.forPeople) after SIGTERM; killing it"
        }
    }
}
