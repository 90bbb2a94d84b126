import Testing

@testable import JobContract
@testable import Service

/// The numbers of each training step.
struct ServerMetricsTests {
    @Test func `metrics are a list with an object for each step`() async throws {
        try await withServer { world in
            let id = try await world.submit()
            _ = try await world.ended(id)
            let list = try await world.request("/v1/jobs/\(id)/metrics").json
            #expect(list["object"] == "list")
            #expect(
                list["data"] == [
                    ["step": 1, "train_loss": 0.5],
                    ["lr": "a,b", "slope.fc \"1\"": 0.5, "step": 2, "train_loss": 0.25],
                ])
        }
    }

    @Test func `a table has the columns of the interface first, and quotes what it has to`() async throws {
        try await withServer { world in
            let id = try await world.submit()
            _ = try await world.ended(id)
            let table = try await world.request("/v1/jobs/\(id)/metrics.csv")
            #expect(table.headers["content-type"] == "text/csv; charset=utf-8")
            #expect(
                table.text == """
                    step,epoch,phase,train_loss,valid_loss,metric,lr,"slope.fc ""1"\""\r
                    1,,,0.5,,,,\r
                    2,,,0.25,,,"a,b",0.5\r

                    """)
        }
    }

    @Test func `a job that has not begun has a table of no rows`() async throws {
        try await withServer { world in
            try await world.isHalfDone(try await world.submit(seed: 7))
            let table = try await world.request("/v1/jobs/\(try await world.submit())/metrics.csv")
            #expect(table.text == "step,epoch,phase,train_loss,valid_loss,metric,lr\r\n")
        }
    }
}
