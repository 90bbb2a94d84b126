import Formats
import Foundation
import JobContract

extension SourceData {
    /// The number of bytes read to recognise a format: a zip's first local header with room for a name.
    private static let lengthOfStart = 512

    /// True when the first bytes are those of a data file. The name is not used, because the client chooses it.
    static func isData(_ path: String) -> Bool {
        guard let file = FileHandle(forReadingAtPath: path) else { return false }
        defer { try? file.close() }
        return isData(Array((try? file.read(upToCount: lengthOfStart)) ?? Data()))
    }

    /// - Parameter start: the first bytes of a file.
    /// - Returns: true for an `.npz`, an `.npy`, a safetensors file or a table.
    static func isData(_ start: [UInt8]) -> Bool {
        if DatasetReader.isSingle(start) { return true }
        // The first file of an .npz is an .npy; that of a PyTorch archive is a pickle.
        if start.starts(with: [0x50, 0x4B, 3, 4]), start.count > 30 {
            let length = Int(start[26]) | Int(start[27]) << 8
            return start.dropFirst(30).prefix(length).suffix(4).elementsEqual(".npy".utf8)
        }
        // A safetensors file begins with the length of its JSON in eight bytes.
        guard start.count > 9, start[4..<8].allSatisfy({ $0 == 0 }) else { return false }
        return start[8] == UInt8(ascii: "{")
    }
}
