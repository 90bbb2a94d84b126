/// A loop over a tensor, with the position in the reduced result that belongs to each element.
struct Reduction {
    /// The sizes of the result with ones for the reduced axes.
    let kept: Shape
    let isEmpty: Bool
    private let loop: StridedLoop
    var results: Int { kept.elementCount }

    /// - Throws: ``ComputeError/shape(_:)`` unless `result` has as many elements as the other axes.
    init(_ shape: Shape, axes: [Int], into result: Shape) throws(ComputeError) {
        let sizes = shape.dimensions
        kept = try Shape.of(sizes.indices.map { axes.contains($0) ? 1 : sizes[$0] })
        guard axes.allSatisfy(sizes.indices.contains), kept.elementCount == result.elementCount else {
            throw .shape(.mismatch(operation: "reduce", shape, result))
        }
        loop = StridedLoop(sizes, strides: [StridedLoop.strides(of: kept, stretchedTo: sizes), rowMajorStrides(sizes)])
        isEmpty = shape.elementCount == 0
    }

    // SAFETY of the four: the callers pass tensors of the shape and of the result's count.

    /// Sums a function of the elements that maps zero to zero.
    @inline(__always)
    func sum(
        _ x: UnsafeMutablePointer<Float>, into result: UnsafeMutablePointer<Float>,
        of function: (SIMD8<Float>) -> SIMD8<Float>
    ) {
        unsafe result.update(repeating: 0, count: results)
        guard !isEmpty else { return }
        loop.forEachRow { offsets in
            let (y, a) = unsafe (result + offsets[0], x + offsets[1])
            let count = loop.row.count
            if loop.row.strides[0] == 0 {
                unsafe y[0] += Compute.sum(count) { unsafe function($0.of(a)) }
                return
            }
            var index = 0
            while index &+ 8 <= count {
                let place = unsafe UnsafeMutableRawPointer(y + index)
                let element = unsafe UnsafeRawPointer(a + index).loadUnaligned(as: SIMD8<Float>.self)
                let sum = unsafe place.loadUnaligned(as: SIMD8<Float>.self) + function(element)
                unsafe place.storeBytes(of: sum, as: SIMD8<Float>.self)
                index &+= 8
            }
            while index < count {
                unsafe y[index] += function(SIMD8(a[index], 0, 0, 0, 0, 0, 0, 0))[0]
                index &+= 1
            }
        }
    }

    /// Combines floats in an order that depends only on the sizes: eight at a time where adjacent elements are reduced.
    @inline(__always)
    func foldLanes(
        _ x: UnsafeMutablePointer<Float>, into result: UnsafeMutablePointer<Float>, from initial: Float,
        _ combine: (Float, Float) -> Float, lanes: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Float>
    ) {
        unsafe result.update(repeating: initial, count: results)
        guard !isEmpty else { return }
        loop.forEachRow { offsets in
            let (y, a, count) = unsafe (result + offsets[0], x + offsets[1], loop.row.count)
            guard loop.row.strides[0] == 0 else {
                for index in 0..<count { unsafe y[index] = combine(y[index], a[index]) }
                return
            }
            var (even, odd) = (SIMD8(repeating: initial), SIMD8(repeating: initial))
            var index = 0
            while index &+ 16 <= count {
                let place = unsafe UnsafeRawPointer(a + index)
                even = unsafe lanes(even, place.loadUnaligned(as: SIMD8<Float>.self))
                odd = unsafe lanes(odd, place.loadUnaligned(fromByteOffset: 32, as: SIMD8<Float>.self))
                index &+= 16
            }
            let both = lanes(even, odd)
            var value = unsafe y[0]
            for lane in 0..<8 { value = combine(value, both[lane]) }
            while index < count {
                value = unsafe combine(value, a[index])
                index &+= 1
            }
            unsafe y[0] = value
        }
    }

    /// Combines the elements one by one, in row-major order.
    @inline(__always)
    func fold<Element: BitwiseCopyable>(
        _ x: UnsafeMutablePointer<Element>, into result: UnsafeMutablePointer<Element>, from initial: Element,
        _ combine: (Element, Element) -> Element
    ) {
        unsafe result.update(repeating: initial, count: results)
        guard !isEmpty else { return }
        loop.forEachRow { offsets in
            let (y, a) = unsafe (result + offsets[0], x + offsets[1])
            if loop.row.strides[0] == 0 {
                var value = unsafe y[0]
                for index in 0..<loop.row.count { value = unsafe combine(value, a[index]) }
                unsafe y[0] = value
            } else {
                for index in 0..<loop.row.count { unsafe y[index] = combine(y[index], a[index]) }
            }
        }
    }

    /// Calls the body with the position of each element in the result and in the tensor.
    @inline(__always)
    func forEach(_ body: (_ result: Int, _ element: Int) -> Void) {
        guard !isEmpty else { return }
        let stride = loop.row.strides[0]
        loop.forEachRow { offsets in
            for index in 0..<loop.row.count { body(offsets[0] + index * stride, offsets[1] + index) }
        }
    }
}
