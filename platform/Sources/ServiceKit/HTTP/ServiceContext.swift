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
    /// The address at the other end of the connection: the caller's, or a proxy's; nil in a test without a socket.
    public let remoteAddress: String?
    /// The caller's address, as far as trusted proxies tell it.
    public var clientAddress: String?

    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        call = CallContext.current ?? CallContext(correlationID: "")
        traceID = ""
        remoteAddress = source.channel.remoteAddress?.ipAddress
    }

    public var maxUploadSize: Int { maxBodyBytes }
}
