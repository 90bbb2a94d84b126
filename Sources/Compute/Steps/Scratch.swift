/// The memory that a step needs only while it runs, so that all steps of a plan share one storage.
///
/// A class because it has identity: the users of its parts learn their addresses later.
package final class Scratch {
    package private(set) var byteCount = 0
    private var parts: [(offset: Int, move: (TensorStorage, Int) -> Void)] = []
    private var storage: TensorStorage?

    /// The size in bytes of a cache line, and of the widest vector that a kernel loads.
    private static let alignment = 64

    init() {}

    /// Reserves a part; `move` is called with the storage and the offset of the part each time it is placed.
    func reserve(_ byteCount: Int, _ move: @escaping (_ storage: TensorStorage, _ byteOffset: Int) -> Void) {
        parts.append((self.byteCount, move))
        self.byteCount += (byteCount + Self.alignment - 1) / Self.alignment * Self.alignment
    }

    /// Places the parts in a storage, which other steps may use while this one does not run.
    package func place(in storage: TensorStorage) {
        precondition(storage.byteCount >= byteCount, "the storage is as large as the largest of those who share it")
        self.storage = storage
        for part in parts { part.move(storage, part.offset) }
    }

    /// Places the parts in a storage of their own, for a step outside of a plan.
    func placeAlone() {
        guard storage == nil else { return }
        guard let own = try? TensorStorage(byteCount: byteCount) else {
            preconditionFailure("a step that runs by itself is small")
        }
        place(in: own)
    }
}
