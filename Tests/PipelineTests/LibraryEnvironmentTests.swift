import Testing

@testable import JobContract
@testable import Pipeline

private let avx2 = "fma avx avx2"
private let avx512 = avx2 + " avx512f avx512dq avx512cd avx512bw avx512vl"

private func features(_ vendor: String, _ flags: String) -> Processor.Features {
    Processor.Features("processor\t: 0\nvendor_id\t: \(vendor)\nflags\t\t: fpu sse2 \(flags)\n")
}

@Suite struct LibraryEnvironmentTests {
    @Test(
        arguments: [
            ("GenuineIntel", avx512, "Prescott", "SkylakeX"), ("GenuineIntel", avx512, "Haswell", "SkylakeX"),
            ("GenuineIntel", avx512, "SkylakeX", nil), ("GenuineIntel", avx512, "Cooperlake", nil),
            ("GenuineIntel", avx512, "SapphireRapids", nil), ("AuthenticAMD", avx512, "Zen", "SkylakeX"),
            ("AuthenticAMD", avx512, "Prescott", "SkylakeX"),
            // A Xeon Phi has other parts of AVX-512.
            ("GenuineIntel", avx2 + " avx512f avx512cd avx512er", "Haswell", nil),
            ("GenuineIntel", avx2, "Prescott", "Haswell"), ("GenuineIntel", avx2, "Sandybridge", "Haswell"),
            ("GenuineIntel", avx2, "Haswell", nil), ("AuthenticAMD", avx2, "Prescott", "Zen"),
            ("AuthenticAMD", avx2, "Barcelona", "Zen"), ("AuthenticAMD", avx2, "Zen", nil),
            ("AuthenticAMD", avx2, "Excavator", nil), ("HygonGenuine", avx2, "Prescott", "Zen"),
            ("CentaurHauls", avx2, "Prescott", "Haswell"), ("GenuineIntel", "avx", "Prescott", nil),
        ] as [(String, String, String, String?)])
    func `a core type replaces one with narrower vectors than the processor's`(
        vendor: String, flags: String, chosen: String, better: String?
    ) {
        #expect(features(vendor, flags).betterCore(than: chosen) == better)
    }

    @Test func `a processor of which nothing is known keeps its core type`() {
        #expect(Processor.Features("").betterCore(than: "Prescott") == nil)
    }

    private func changes(_ variables: [String: String], core: String, isSound: Bool = true) -> [String: String?] {
        LibraryEnvironment(variables: variables, processor: features("GenuineIntel", avx512), core: core)
            .changes { isSound }
    }

    @Test func `a process starts again once, and another time without a core type that fails its test`() {
        let first = changes([:], core: "Prescott")
        #expect(
            first == [
                "OPENBLAS_CORETYPE": "SkylakeX", "GOMP_SPINCOUNT": LibraryEnvironment.spinCount,
                "LAYERCOLLAPSE_STARTED_AGAIN": "SkylakeX",
            ])
        let second = first.compactMapValues(\.self)
        #expect(changes(second, core: "SkylakeX") == [:])
        let third = changes(second, core: "SkylakeX", isSound: false)
        #expect(third == ["OPENBLAS_CORETYPE": nil, "LAYERCOLLAPSE_STARTED_AGAIN": ""])
        #expect(changes(["LAYERCOLLAPSE_STARTED_AGAIN": ""], core: "Prescott", isSound: false) == [:])
    }

    @Test func `what the user set is left alone`() {
        let spin = "GOMP_SPINCOUNT"
        #expect(changes([spin: "7", "OPENBLAS_CORETYPE": "Haswell"], core: "Haswell", isSound: false) == [:])
        #expect(changes(["OMP_WAIT_POLICY": "active"], core: "SkylakeX") == [:])
        #expect(
            changes([spin: "7"], core: "Prescott")
                == ["OPENBLAS_CORETYPE": "SkylakeX", "LAYERCOLLAPSE_STARTED_AGAIN": "SkylakeX"])
        #expect(
            changes(["OPENBLAS_CORETYPE": "Prescott"], core: "Prescott")
                == [spin: LibraryEnvironment.spinCount, "LAYERCOLLAPSE_STARTED_AGAIN": ""])
    }
}
