import Foundation
import Jobs
import Logging
import Testing

@testable import JobContract
@testable import Service

struct ServerSweeperTests {
    @Test func `what ended long ago goes, whatever its place in the list, and what runs stays`() async throws {
        try await withServer { world in
            let routes = world.application.responder.routes
            let ended = try await world.submit()
            _ = try await world.ended(ended)
            let running = try await world.submit(seed: 7)
            try await world.isHalfDone(running)
            // More than a page of them.
            for number in 0..<150 {
                _ = try routes.store.add(NewJob(id: "job_\(number)", payload: Data()), at: 1000)
                _ = try routes.store.requestCancel("job_\(number)", at: 1000)
            }
            let sweeper = Sweeper(
                store: routes.store, artifacts: routes.artifacts, jobs: routes.jobs, reserve: routes.reserve,
                logger: routes.logger)
            try await sweeper.sweep(before: 1001)
            let left = try routes.store.list(limit: 100).elements.map(\.id)
            #expect(left == [running, ended])
            #expect(routes.artifacts.files.count == 2)
            try await sweeper.sweep(before: routes.now() + 10)
            #expect(try routes.store.list(limit: 100).elements.map(\.id) == [running])
            #expect(routes.artifacts.files.isEmpty)
            #expect(try await world.request("/v1/jobs/\(ended)/model").status == 404)
            #expect(!FileManager.default.fileExists(atPath: routes.jobs.folder(of: ended).path))
            #expect(try await world.request("/v1/jobs/\(running)").json["status"] == "running")
        }
    }
}
