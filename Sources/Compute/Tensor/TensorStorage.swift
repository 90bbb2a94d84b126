import Glibc
import Synchronization

/// The bytes that tensors are views of: owned memory, or a region of a mapped file.
///
/// A class because it owns memory that views share and that must be freed once.
// @unchecked: borrowed bytes never change and the aligned copy is made under a lock; owned bytes are written by one
// thread at a time, which the code that runs steps must guarantee.
@safe package final class TensorStorage: @unchecked Sendable {
    package let byteCount: Int
    /// False for borrowed bytes, which are never written.
    package let isWritable: Bool

    private let base: UnsafeMutableRawPointer
    /// The address that `calloc` returned, for `free`; nil for borrowed bytes.
    private let allocation: UnsafeMutableRawPointer?
    private let owner: (any AnyObject & Sendable)?
    private let alignedCopy = Mutex<TensorStorage?>(nil)

    /// The size in bytes of a cache line, and of the widest vector that a kernel loads.
    private static let alignment = 64
    /// The size in bytes from which a misaligned region is read in place instead of copied.
    package static let copyByteLimit = 4 << 20

    /// Allocates zeroed memory, aligned to 64 bytes. The system backs only the pages that are touched.
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

    /// Borrows bytes, at any address, that `owner` keeps valid and unchanged.
    package init(borrowing bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable) {
        byteCount = bytes.count
        // The buffer of an empty region may have no address; nothing is ever read through this one.
        let start = unsafe bytes.baseAddress ?? UnsafeRawPointer(bitPattern: Self.alignment).unsafelyUnwrapped
        unsafe base = UnsafeMutableRawPointer(mutating: start)
        unsafe allocation = nil
        self.owner = owner
        isWritable = false
    }

    deinit { unsafe free(allocation) }

    /// The address of the bytes, at any alignment; only for reading, unless ``isWritable``.
    var bytes: UnsafeMutableRawPointer { unsafe base }

    /// The address of the bytes: a multiple of `alignment`, which divides 64, unless the region is large.
    ///
    /// Protobuf puts tensors at any offset of a file. A small misaligned region is copied at its first use. A large
    /// one, which is most of a network, is read in place: the kernels run on x86-64 only, where misaligned loads are
    /// allowed and cost little.
    ///
    /// - Throws: ``MemoryError`` when there is no memory for that copy.
    func bytes(alignedTo alignment: Int) throws(MemoryError) -> UnsafeMutableRawPointer {
        let isAligned = unsafe UInt(bitPattern: base) % UInt(alignment) == 0
        if isAligned || byteCount >= Self.copyByteLimit { return unsafe base }
        let copy = try alignedCopy.withLock { (copy) throws(MemoryError) -> TensorStorage in
            if let copy { return copy }
            let made = try TensorStorage(byteCount: byteCount)
            // SAFETY: both hold `byteCount` bytes, and the new ones are not shared yet.
            unsafe memcpy(made.base, base, byteCount)
            copy = made
            return made
        }
        return unsafe copy.base
    }
}
