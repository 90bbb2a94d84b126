import Foundation
import Glibc
package import Logging

/// Writes one JSON object a line, for programs that collect logs.
package struct JSONLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let descriptor: CInt

    /// - Parameters:
    ///   - level: least severe level that is written
    ///   - descriptor: where to write; 1 is standard output
    package init(level: Logger.Level, descriptor: CInt = 1) {
        logLevel = level
        self.descriptor = descriptor
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let line = Self.line(event, metadata: metadata, at: Date.now)
        let bytes = Array((line + "\n").utf8)
        // One call a line, so that lines of several threads do not mix; a log that cannot be written is no reason to stop.
        // SAFETY: the buffer is the array's own and the count is its length.
        _ = unsafe Glibc.write(descriptor, bytes, bytes.count)
    }

    static func line(_ event: LogEvent, metadata: Logger.Metadata, at time: Date) -> String {
        var object = JSONValue.Object()
        object["time"] = .string(time.formatted(.iso8601.time(includingFractionalSeconds: true)))
        object["level"] = .string(event.level.rawValue)
        object["message"] = .string(event.message.description)
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (name, value) in all.sorted(by: { $0.key < $1.key }) { object[name] = JSONValue(value) }
        return JSONValue.object(object).text()
    }
}

extension JSONValue {
    fileprivate init(_ value: Logger.Metadata.Value) {
        switch value {
        case .string(let text): self = .string(text)
        case .stringConvertible(let number as Int): self = .int(number)
        case .stringConvertible(let number as Double): self = .double(number)
        case .stringConvertible(let other): self = .string(other.description)
        case .array(let values): self = .array(values.map { JSONValue($0) })
        case .dictionary(let values):
            self = .object(Object(values.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) }))
        }
    }
}
