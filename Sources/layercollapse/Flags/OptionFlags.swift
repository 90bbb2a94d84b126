import ArgumentParser
import ByteText
import JobContract

/// A group of flags that are options of a job: each property has the name of a row of ``JobOption/all``, in camel case.
protocol OptionFlags: ParsableArguments {}

extension OptionFlags {
    /// The flags that were given, as texts, by the names of their options; the decoder of options knows their ranges.
    var given: JSONValue.Object {
        var object = JSONValue.Object()
        for (label, value) in Mirror(reflecting: self).children {
            guard let label else { continue }
            object[Self.optionName(label)] =
                switch value {
                case let option as Option<String?>: option.wrappedValue.map(JSONValue.string)
                case let option as Option<[String]>: Self.list(option.wrappedValue)
                case let flag as Flag<Bool>: .bool(flag.wrappedValue)
                default: nil
                }
        }
        return object
    }

    /// The texts of a flag that repeats; a single one may name several with commas, as in a form.
    private static func list(_ texts: [String]) -> JSONValue? {
        texts.count > 1 ? .array(texts.map(JSONValue.string)) : texts.first.map(JSONValue.string)
    }

    /// `_maxLayers`, as a property wrapper stores it, is `max_layers`.
    private static func optionName(_ label: String) -> String {
        var name: [UInt8] = []
        for byte in label.utf8.drop(while: { $0 == UInt8(ascii: "_") }) {
            let isUpper = (0x41...0x5A).contains(byte)
            name += isUpper ? [UInt8(ascii: "_"), byte + 0x20] : [byte]
        }
        return String(decoding: name, as: UTF8.self)
    }
}
