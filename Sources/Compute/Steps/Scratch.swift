/// Memory that a step needs only while it runs, so that all steps of a plan may share one storage.
///
/// A class, because those who use its parts learn later where these lie.
package final class Scratch {
    package private(set) var byteCount = 0
    private var parts: [(offset: Int, move: (TensorStorage, Int) -> Void)] = []
    private var storage: TensorStorage?

    /// A cache line, and the widest vector that any kernel loads.
    private static let alignment = 64

    init() {}

    /// Asks for a part; `move` is told the storage and the offset at which the part lies, as often as it is moved.
    func reserve(_ byteCount: Int, _ move: @escaping (_ storage: TensorStorage, _ byteOffset: Int) -> Void) {
        parts.append((self.byteCount, move))
        self.byteCount += (byteCount + Self.alignment - 1) / Self.alignment * Self.alignment
    }

    /// Moves to a storage, which others may use while the step does not run.
    package func place(in storage: TensorStorage) {
        precondition(storage.byteCount >= byteCount, "the storage is as large as the largest of those who share it")
        self.storage = storage
        for part in parts { part.move(storage, part.offset) }
    }

    /// A step outside of a plan has a storage of its own.
    func placeAlone() {
        guard storage == nil else { return }
        guard let own = try? TensorStorage(byteCount: byteCount) else {
            preconditionFailure("a step that runs by itself is small")
        }
        place(in: own)
    }
}
