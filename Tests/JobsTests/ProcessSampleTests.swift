import Testing

@testable import Jobs

struct ProcessSampleTests {
    @Test func `fields are found behind a name with blanks and parentheses`() {
        let sample = ProcessSample(
            hasEnded: false, stat: "12 (a) b (c) R 1 12 12 0 -1 4194304 10 0 0 0 150 50 25 25 20 0 1 0 9",
            status: "Name:\ta\nVmHWM:\t    2048 kB\nRssAnon:\t     512 kB\n", ticksPerSecond: 100)
        #expect(sample == ProcessSample(cpuSeconds: 2.5, anonymousBytes: 512 << 10, peakBytes: 2048 << 10))
    }

    @Test(arguments: ["", ")", "1 (a", "1 (a) R", "1 (a) Z 1 2 3"])
    func `what is missing is nothing`(stat: String) {
        #expect(
            ProcessSample(hasEnded: true, stat: stat, status: "RssAnon:\n", ticksPerSecond: 100)
                == ProcessSample(hasEnded: true))
    }
}

extension ProcessSample {
    init(hasEnded: Bool = false, cpuSeconds: Double = 0, anonymousBytes: Int = 0, peakBytes: Int = 0) {
        self.init(hasEnded: hasEnded, stat: "", status: "", ticksPerSecond: 1)
        self.cpuSeconds = cpuSeconds
        self.anonymousBytes = anonymousBytes
        self.peakBytes = peakBytes
    }
}
