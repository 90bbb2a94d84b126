import Glibc
import Synchronization

/// A run of bytes that tensors are views of: memory of its own, or a region of a mapped file.
///
/// A class, because the memory must be freed once and views share it.
// @unchecked: borrowed bytes never change and the aligned copy is made under a lock; owned bytes are written by one
// thread at a time, which is the promise of whoever runs the steps over them.
@safe package final class TensorStorage: @unchecked Sendable {
    package let byteCount: Int
    /// False for borrowed bytes, which are never written.
    package let isWritable: Bool

    private let base: UnsafeMutableRawPointer
    /// What `calloc` returned, for `free`.
    private let allocation: UnsafeMutableRawPointer?
    private let owner: (any AnyObject & Sendable)?
    private let alignedCopy = Mutex<TensorStorage?>(nil)

    /// A cache line, and the widest vector that any kernel loads.
    private static let alignment = 64
    /// Regions of so many bytes are never copied for their address.
    package static let copyByteLimit = 4 << 20

    /// Zeroed memory, aligned to 64 bytes. Pages that are never touched are never backed by the system.
    ///
    /// - Throws: ``MemoryError`` when there is not enough of it.
    package init(byteCount: Int) throws(MemoryError) {
        precondition(byteCount >= 0, "a storage has no negative size")
        let (padded, overflow) = byteCount.addingReportingOverflow(Self.alignment)
        guard !overflow, let allocation = unsafe calloc(1, padded) else { throw MemoryError(byteCount: byteCount) }
        self.byteCount = byteCount
        unsafe self.allocation = allocation
        unsafe base = allocation.alignedUp(toMultipleOf: Self.alignment)
        owner = nil
        isWritable = true
    }

    /// Refers to bytes that `owner` keeps valid and unchanged, at any address.
    package init(borrowing bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable) {
        byteCount = bytes.count
        // The buffer of an empty region may have no address; nothing is ever read through the one it gets here.
        let start = unsafe bytes.baseAddress ?? UnsafeRawPointer(bitPattern: Self.alignment).unsafelyUnwrapped
        unsafe base = UnsafeMutableRawPointer(mutating: start)
        unsafe allocation = nil
        self.owner = owner
        isWritable = false
    }

    deinit {
        unsafe free(allocation)
    }

    /// The bytes wherever they lie. Only for reading without regard to alignment, unless ``isWritable``.
    var bytes: UnsafeMutableRawPointer { unsafe base }

    /// The bytes at an address that is a multiple of `alignment`, which divides 64.
    ///
    /// Protobuf puts tensors at any offset of a file. The first use of a small region copies it; a large one, which is most of
    /// a network, is read where it is: the kernels run on x86-64 alone, where a load may lie anywhere and costs little more.
    ///
    /// - Throws: ``MemoryError`` when there is no room for that copy.
    func bytes(alignedTo alignment: Int) throws(MemoryError) -> UnsafeMutableRawPointer {
        let isAligned = unsafe UInt(bitPattern: base) % UInt(alignment) == 0
        if isAligned || byteCount >= Self.copyByteLimit { return unsafe base }
        let copy = try alignedCopy.withLock { (copy) throws(MemoryError) -> TensorStorage in
            if let copy { return copy }
            let made = try TensorStorage(byteCount: byteCount)
            // SAFETY: both hold `byteCount` bytes, and nobody else knows the new ones yet.
            unsafe memcpy(made.base, base, byteCount)
            copy = made
            return made
        }
        return unsafe copy.base
    }
}
