import Foundation
import JobContract
package import Logging

/// Writes one JSON object per line, for programs that collect logs.
package struct JSONLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let writer: LogWriter

    /// - Parameters:
    ///   - level: least severe level that is written
    ///   - writer: the destination of the lines
    package init(level: Logger.Level, writer: LogWriter) {
        logLevel = level
        self.writer = writer
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) { writer.write(Self.line(event, metadata: metadata, at: Date.now)) }

    static func line(_ event: LogEvent, metadata: Logger.Metadata, at time: Date) -> String {
        var object = JSONValue.Object()
        object["time"] = .string(LogWriter.text(of: time))
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
