import Testing

@testable import HTTP

/// A seeded random number generator (SplitMix64).
private struct Randomness: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

private let seeds =
    HeadVector.all.filter { $0.status == 200 }.map { bytes($0.input) }
    + ChunkedVector.all.filter { $0.content != nil }.map {
        bytes("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + $0.input)
    }
private let interesting = bytes("\r\n\t :;,/%?&=+-_0159aAfFxX\"\\\u{0}\u{1}\u{7F}\u{80}\u{FF}")

private func mutated(_ input: [UInt8], using randomness: inout Randomness) -> [UInt8] {
    var bytes = input
    for _ in 0..<Int.random(in: 1...4, using: &randomness) {
        let place = Int.random(in: 0...bytes.count, using: &randomness)
        let byte = interesting.randomElement(using: &randomness) ?? 0
        switch Int.random(in: 0..<6, using: &randomness) {
        case 0: bytes.insert(byte, at: place)
        case 1 where place < bytes.count: bytes[place] = byte
        case 2 where place < bytes.count: bytes.remove(at: place)
        case 3 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &randomness)
        case 4: bytes.removeSubrange(place...)
        default:
            let start = Int.random(in: 0...place, using: &randomness)
            bytes.insert(contentsOf: bytes[start..<place].prefix(64), at: place)
        }
    }
    return bytes
}

@Test(arguments: 0..<8) func `no bytes stop the connection or make it wait for nothing`(seed: Int) throws {
    var randomness = Randomness(state: UInt64(seed))
    for _ in 0..<3000 {
        let input = mutated(seeds.randomElement(using: &randomness) ?? [], using: &randomness)
        let now = ContinuousClock.now
        var state = ConnectionState(limits: Limits(), at: now)
        var position = 0
        // Handles actions as the connection does; the bound detects an endless loop.
        var steps = 0
        func act(_ actions: [ConnectionState.Action]) {
            for action in actions {
                steps += 1
                guard steps < 10_000 else { return }
                switch action {
                case .start: act(state.pulled(at: now))
                case .deliver(nil), .fail:
                    if state.answerBegins(wantsClose: false) != nil { act(state.answerQueued(complete: true, at: now)) }
                case .deliver, .sendContinue: act(state.pulled(at: now))
                case .reject: act(state.wrote(10, pending: 0, at: now))
                case .cancel, .shutDownWriting, .close, .reset: break
                }
            }
        }
        while position < input.count, state.wantsRead {
            let end = min(position + Int.random(in: 1...64, using: &randomness), input.count)
            act(state.received(input.span.extracting(position..<end), at: now))
            position = end
        }
        act(state.receivedEnd(at: now))
        #expect(steps < 10_000)
        #expect(state.isClosed, "\(text(input).debugDescription)")
    }
}

@Test(arguments: 0..<4) func `no bytes stop the reader of forms, and their pieces do not matter`(seed: Int) {
    var randomness = Randomness(state: UInt64(100 + seed))
    let form = bytes(
        "--b\r\nContent-Disposition: form-data; name=\"x\"; filename=\"f\"\r\nContent-Type: a/b\r\n\r\n\r\n--\r\n--b\r\n"
            + "Content-Disposition: form-data; name=y\r\n\r\nz\r\n--b--\r\n")
    for _ in 0..<2000 {
        let input = mutated(form, using: &randomness)
        let whole = summary(input, pieces: .max / 2)
        #expect(summary(input, pieces: Int.random(in: 1...9, using: &randomness)) == whole)
    }
}

private func summary(_ input: [UInt8], pieces: Int) -> String {
    var summary = ""
    do {
        var reader = try MultipartReader(contentType: "multipart/form-data; boundary=b", limits: Limits())
        var start = 0
        while start < input.count {
            let piece = Array(input[start..<min(start + pieces, input.count)])
            start += piece.count
            var position = 0
            while let event = try reader.next(piece.span, at: &position) {
                switch event {
                case .begin(let part): summary += "<\(part.name)|\(part.fileName ?? "")>"
                case .content(let range): summary += piece[range].map { "\($0)," }.joined()
                case .held(let bytes): summary += bytes.map { "\($0)," }.joined()
                case .end: summary += "</>"
                }
            }
        }
        try reader.finish()
    } catch {
        summary += " \(error)"
    }
    return summary
}
