package import SystemCalls

/// The reason why a server cannot start.
package enum ServerError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownHost(String)
    case cannotListen(host: String, port: UInt16, SystemError)
    case system(SystemError)

    package var description: String {
        switch self {
        case .unknownHost(let host): "there is no address for '\(host)'"
        case .cannotListen(let host, let port, let error): "cannot listen on \(host), port \(port): \(error)"
        case .system(let error): "\(error)"
        }
    }
}
