import Testing

@testable import Pipeline

@Suite struct PlotScaleTests {
    @Test(
        arguments: [
            ([0, 1], [0, 0.2, 0.4, 0.6, 0.8, 1]), ([0.3, 0.7], [0.3, 0.4, 0.5, 0.6, 0.7]),
            ([0, 216_810], [0, 50_000, 100_000, 150_000, 200_000, 250_000]), ([-1, 1], [-1, -0.5, 0, 0.5, 1]),
            ([3, 3], [1, 2, 3, 4, 5]), ([0, 0], [0, 0.2, 0.4, 0.6, 0.8, 1]), ([], [0, 0.2, 0.4, 0.6, 0.8, 1]),
            ([.nan, .infinity, 0, 10], [0, 2, 4, 6, 8, 10]),
        ] as [([Double], [Double])])
    func `ticks of a linear scale are round and hold all numbers`(values: [Double], ticks: [Double]) {
        let scale = PlotScale(linear: values)
        #expect(scale.ticks == ticks)
        #expect((scale.lower, scale.upper) == (ticks[0], ticks[ticks.count - 1]))
    }

    @Test(
        arguments: [
            ([0.002, 0.03], [0.002, 0.005, 0.01, 0.02, 0.05]), ([0.0013, 0.7], [0.001, 0.01, 0.1, 1]),
            ([0, 0.1], [0.05, 0.1, 0.2]), ([1e-9, 1], [1e-9, 1e-7, 1e-5, 1e-3, 0.1]),
        ] as [([Double], [Double])])
    func `ticks of a logarithmic scale are few and round`(values: [Double], ticks: [Double]) {
        #expect(PlotScale(logarithmic: values).ticks == ticks)
    }

    @Test func `a wide spread is logarithmic, a narrow one begins at zero`() {
        #expect(PlotScale(of: [0.001, 1]).isLogarithmic)
        #expect(!PlotScale(of: [0.1, 1]).isLogarithmic)
        #expect(PlotScale(of: [0.1, 1]).lower == 0)
        #expect(!PlotScale(of: [0, 0]).isLogarithmic)
    }

    @Test func `places lie between the ends, whatever the number`() {
        for scale in [
            PlotScale(linear: [0, 10]), PlotScale(logarithmic: [0.01, 1]), PlotScale(linear: [1e15, 1e15 + 0.1]),
        ] {
            for value in [Double.nan, -.infinity, -1, 0, 0.1, 5, 1e300, .infinity] {
                #expect((0...1).contains(scale.position(value)))
            }
        }
        #expect(PlotScale(linear: [0, 10]).position(2.5) == 0.25)
        #expect(abs(PlotScale(logarithmic: [0.01, 1]).position(0.1) - 0.5) < 1e-12)
    }

    @Test func `extreme numbers have a scale as well`() {
        for values in [
            [.leastNonzeroMagnitude, 1e308], [.leastNonzeroMagnitude, .leastNormalMagnitude], [-1e299, 1e299],
            [1e-299, 1e299], [1, 1 + 1e-15],
        ] {
            for scale in [PlotScale(linear: values), PlotScale(logarithmic: values), PlotScale(of: values)] {
                #expect((2...21).contains(scale.ticks.count))
            }
        }
    }

    @Test func `ticks are written as people read them`() {
        #expect([0, 50_000, 1_500_000, 2e9, 12].map(PlotUnit.count.text) == ["0", "50 k", "1.5 M", "2 G", "12"])
        #expect([0, 0.02, 0.0005, 1].map(PlotUnit.share.text) == ["0 %", "2 %", "0.05 %", "100 %"])
        #expect([0.1, 1e-7, 250, -0.5, .infinity].map(PlotUnit.number.text) == ["0.1", "1e-7", "250", "-0.5", "-"])
    }
}
