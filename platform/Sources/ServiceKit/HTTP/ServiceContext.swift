public import HTTPPath
public import Hummingbird
import NIOCore

/// What a handler knows about the request besides the request.
public struct ServiceContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// Who calls: verified, or anonymous.
    public var identity: Identity = .anonymous
    /// Correlation, and on whose behalf.
    public var call: CallContext
    /// Of this request; problem details name it.
    public var traceID: String
    /// The longest body that is collected, bytes.
    public var maxBodyBytes = 1 << 20
    /// The caller's address, for logs; nil in a test without a socket.
    public let remoteAddress: String?

    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        call = CallContext.current ?? CallContext(correlationID: "")
        traceID = ""
        remoteAddress = source.channel.remoteAddress?.ipAddress
    }

    public var maxUploadSize: Int { maxBodyBytes }
}
