import Foundation
import HTTPTypes
import JobContract
import Jobs
import Logging
import Options

extension Routes {
    /// Lists the routes, for clients other than browsers.
    func index(_ call: Call) -> Answer {
        .json([
            "object": "service", "name": "layercollapse", "version": .string(Version.number),
            "routes": .array(RouteTable.all.routes.map { .string("\($0.method.rawValue) \($0.template)") }),
            "example": .string("curl -F model=@model.onnx -F data=@data.npz http://\(call.authority)/v1/jobs"),
        ])
    }

    /// Responds whenever the process runs.
    func live(_ call: Call) -> Answer { .json(["object": "health", "status": "ok"]).with(.cacheControl, "no-store") }

    /// Responds 200 when the queue can be read, a job process can be started, and no stop was requested.
    func ready(_ call: Call) async throws -> Answer {
        if isStopping() { throw Problem(.shuttingDown, "The service is about to stop.", retryAfterSeconds: 10) }
        guard hasRoom() else { throw Problem.overloaded("There is no room for a job's process at the moment.") }
        let counts: [JobStatus: Int]
        do throws(JobsError) {
            counts = try await store.perform { store throws(JobsError) in try store.counts() }
        } catch {
            logger.error("the queue cannot be read", metadata: ["error": "\(error)"])
            throw Problem.overloaded("The queue cannot be read at the moment.")
        }
        return Answer.json([
            "object": "health", "status": "ok", "jobs_running": .int(counts[.running, default: 0]),
            "jobs_queued": .int(counts[.queued, default: 0]),
        ]).with(.cacheControl, "no-store")
    }

    func version(_ call: Call) -> Answer {
        .json(["object": "version", "name": "layercollapse", "version": .string(Version.number)])
    }

    private static func range(_ numbers: ClosedRange<Int>) -> JSONValue {
        ["minimum": .int(numbers.lowerBound), "maximum": .int(numbers.upperBound)]
    }

    func capabilities(_ call: Call) -> Answer {
        .json([
            "object": "capabilities",
            "version": .string(Version.number),
            "threads": .int(configuration.jobThreads ?? ProcessInfo.processInfo.activeProcessorCount),
            "opsets": Self.range(SupportedModels.opsets),
            "ir_versions": Self.range(SupportedModels.irVersions),
            "methods": .array(JobOptions.Method.allCases.map { .string($0.rawValue) }),
            "data_formats": ["npz", "npy", "csv", "safetensors"],
            "limits": [
                "upload_bytes": .int(configuration.uploadLimitBytes),
                "queued_jobs": .int(configuration.queueLimit),
                "running_jobs": .int(configuration.runningJobs),
                "job_memory_bytes": JSONValue(configuration.jobMemoryBytes),
                "job_deadline_seconds": JSONValue(configuration.jobDeadlineSeconds),
            ],
        ])
    }
}
