// Support for the Jobs tests: a store in a temporary folder, `Data` from text, and seeded random numbers.

import Foundation
import Logging
import TestSupport
import Testing

@testable import Jobs

/// A store in a temporary folder.
struct Fixture {
    let folder: TemporaryFolder
    let store: SQLiteJobStore

    init() throws {
        folder = try TemporaryFolder()
        store = try SQLiteJobStore(path: folder.file("jobs.sqlite"))
    }

    @discardableResult
    func add(_ id: String, at now: UnixSeconds = 100) throws -> Job {
        try store.add(NewJob(id: id, payload: Data("do \(id)".utf8)), at: now).job
    }

    func claim(at now: UnixSeconds = 200, leaseUntil expiry: UnixSeconds = 260) throws -> (Job, Lease) {
        let job = try #require(try store.claim(at: now, leaseUntil: expiry))
        return (job, try #require(job.lease))
    }

    func eventTypes(_ id: String) throws -> [String] {
        try store.events(of: id, limit: 100_000).elements.map(\.type)
    }
}

extension Data {
    init(_ text: String) { self.init(text.utf8) }

    var text: String { String(decoding: self, as: UTF8.self) }
}

/// A seeded random number generator (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

extension SQLiteJobStore {
    /// Adds events to a job without a lease.
    @discardableResult
    func appendEvents(_ events: [NewEvent], to id: String, at now: UnixSeconds) throws -> Job {
        try change { database in
            try Self.append(database, events, to: id, at: now)
            return try Self.job(database, id: id)
        }
    }
}
