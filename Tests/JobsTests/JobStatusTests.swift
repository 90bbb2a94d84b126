import GRDB
import Testing

@testable import Jobs

struct JobStatusTests {
    /// The transitions in the diagram of `JobStatus`, copied by hand.
    static let arrows: Set<[JobStatus]> = [
        [.queued, .running], [.queued, .cancelled],
        [.running, .queued], [.running, .succeeded], [.running, .failed], [.running, .cancelled],
    ]

    @Test(arguments: JobStatus.allCases, JobStatus.allCases)
    func `the table has the arrows of the diagram and no others`(from: JobStatus, to: JobStatus) {
        #expect(from.successors.contains(to) == Self.arrows.contains([from, to]))
    }

    @Test func `what nothing follows is final`() {
        #expect(JobStatus.allCases.filter(\.isFinal) == [.succeeded, .failed, .cancelled])
    }

    @Test(arguments: JobStatus.allCases, JobStatus.allCases)
    func `the database refuses every change of state that the table lacks`(from: JobStatus, to: JobStatus) throws {
        let fixture = try Fixture()
        let names = Self.columns.joined(separator: ", ")
        let values = Self.values(of: from).joined(separator: ", ")
        try fixture.store.write { database in
            try database.execute(
                sql: """
                    INSERT INTO jobs (id, status, payload, metadata, available_at, created_at, \(names))
                    VALUES ('job_1', '\(from.rawValue)', x'', x'', 1, 1, \(values))
                    """)
        }
        let assignments = zip(Self.columns, Self.values(of: to)).map { "\($0) = \($1)" }.joined(separator: ", ")
        let update = "UPDATE jobs SET status = '\(to.rawValue)', \(assignments)"
        if from == to || from.successors.contains(to) {
            try fixture.store.write { try $0.execute(sql: update) }
        } else {
            #expect(throws: JobsError.self) { try fixture.store.write { try $0.execute(sql: update) } }
        }
    }

    /// The columns that are set in some statuses only.
    private static let columns = ["lease_token", "lease_expires_at", "finished_at", "result", "error"]

    private static func values(of status: JobStatus) -> [String] {
        let running = status == .running
        return [
            running ? "'t'" : "NULL", running ? "9" : "NULL", status.isFinal ? "9" : "NULL",
            status == .succeeded ? "x'01'" : "NULL", status == .failed ? "x'01'" : "NULL",
        ]
    }
}
