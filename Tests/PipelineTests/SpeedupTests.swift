import Testing

@testable import Pipeline

@Suite struct SpeedupTests {
    @Test func `the interval of a median has the ranks of a table of the sign test`() {
        // Conover, Practical Nonparametric Statistics: of 25 the 8th and the 18th, of 10 the 2nd and the 9th.
        let many = Speedup(ratios: (1...25).map(Double.init).reversed())
        #expect(many.ratio == 13)
        #expect(many.interval == 8...18)
        #expect(Speedup(ratios: (1...10).map(Double.init)).interval == 2...9)
    }

    @Test func `few rounds claim no more than all of them show`() {
        #expect(Speedup(ratios: [2]).interval == 2...2)
        #expect(Speedup(ratios: [1.5, 0.9]).interval == 0.9...1.5)
        #expect(Speedup(ratios: [1, 2, 3, 4, 5]).interval == 1...5)
    }

    @Test(arguments: [
        ([1.4, 1.5, 1.6], "1.5x faster"), ([0.4, 0.5, 0.6], "2.0x slower"),
        ([0.9, 1.5, 1.6], "no faster within noise"),
        ([1.0, 1.5, 1.6], "no faster within noise"),
    ])
    func `a ratio is claimed only where its interval does not hold 1`(ratios: [Double], words: String) {
        #expect(Speedup(ratios: ratios).words == words)
    }
}
