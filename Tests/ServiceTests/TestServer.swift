import Foundation
import Glibc
import Jobs
import Logging
import TestSupport
import Testing

@testable import JobContract
@testable import Service

/// A server with its own data directory, whose jobs are run by a shell script.
final class TestServer: Sendable {
    /// The job script, controlled by the seed in the options: 7 never ends, 8 fails, 9 crashes; any other writes a
    /// model.
    private static let script = """
        #!/bin/sh
        if [ "$1" = inspect ]; then
            case "$(cat "$2")" in
            bad*) echo '{"error":{"code":"invalid_onnx","message":"byte 0: not ONNX","hint":"export again"}}'; exit 3 ;;
            hang*) exec sleep 600 ;;
            crash*) kill -9 $$ ;;
            *) echo '{"object":"plan","candidates":[],"unsupported":[]}'; exit 0 ;;
            esac
        fi
        if [ "$1" = check ]; then
            printf '{"result":{}}' >"$2/output/report.json"
            printf '<testsuites/>' >"$2/output/report.xml"
            echo '{"type":"done","level":"info","message":"done","data":{"holds":true}}'
            exit 0
        fi
        trap '' USR1
        echo '{"type":"phase","level":"info","message":"baseline","data":{"phase":"baseline"}}'
        echo '{"type":"metrics","level":"info","message":"step 1","data":{"step":1,"train_loss":0.5}}'
        echo '{"type":"metrics","level":"info","message":"step 2","data":{"step":2,"train_loss":0.25,"lr":"a,b","slope.fc \\"1\\"":0.5}}'
        echo '{"type":"warning","level":"warning","message":"batch is fixed","data":{"code":"fixed_batch"}}'
        echo '{"type":"progress","level":"info","message":"half","data":{"fraction":0.5,"phase":"search","eta_seconds":1}}'
        case "$(tr -d ' ' <"$2/job.json")" in
        *'"seed":7'* | *'"seed":"7"'*) exec sleep 600 ;;
        *'"seed":8'* | *'"seed":"8"'*) echo '{"type":"error","level":"error","message":"NaN","data":{"code":"nan_in_data","message":"x has NaN"}}'; exit 3 ;;
        *'"seed":9'* | *'"seed":"9"'*) kill -9 $$ ;;
        esac
        printf 'a smaller model' >"$2/output/model.onnx"
        printf '{"result":{}}' >"$2/output/report.json"
        printf '# report' >"$2/output/report.md"
        mkdir -p "$2/output/points"
        printf 'a tiny one' >"$2/output/points/new"
        echo '{"format":"layercollapse-difference-1","bytes":12,"sources":[{"folder":"model","name":"net.onnx","bytes":7},{"folder":"points","name":"new","bytes":6}],"segments":[[0,0,2],[1,2,4],[0,1,6]]}' >"$2/output/points/ckpt_1"
        digest=$(sha256sum <"$2/output/model.onnx" | cut -d' ' -f1)
        point=$(printf 'a tiny model' | sha256sum | cut -d' ' -f1)
        echo '{"type":"done","level":"info","message":"done","data":{"compression_ratio":2,"compressed":{"latency_ms_p50":1.5},"pareto":[{"parameters":10,"bytes":12,"digest":"sha256:'$point'","chosen":true},{"parameters":5,"bytes":null,"digest":null,"chosen":false}],"digests":{"model":"sha256:'$digest'"}}}'
        """

    /// The script file. Written once, because Linux refuses to start a file that a process, such as one forked just
    /// now, has open for writing.
    private static let program = Result {
        let path = NSTemporaryDirectory() + "layercollapse-child-\(getpid())"
        try script.write(toFile: path, atomically: false, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        atexit { unlink(NSTemporaryDirectory() + "layercollapse-child-\(getpid())") }
        return path
    }

    let folder: TemporaryFolder
    let application: Application

    init(folder: TemporaryFolder? = nil, settings: [String: String] = [:]) async throws {
        let folder = try folder ?? TemporaryFolder()
        self.folder = folder
        let program = try Self.program.get()
        let standard = [
            "data_directory": folder.path + "/data", "port": "0", "drain_seconds": "1", "job_attempts": "1",
        ]
        let configuration = try await Configuration.load(
            flags: standard.merging(settings) { $1 }, environment: [:], file: nil)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        application = try await Self.start(configuration, program, logger)
    }
}

extension TestServer {
    /// Starts the server once the previous one has released the same folder. Its last handlers may still be noticing
    /// that their clients have disconnected, and in one process nothing else ends them.
    private static func start(
        _ configuration: Configuration, _ program: String, _ logger: Logger
    ) async throws -> Application {
        while true {
            do {
                return try await Application(configuration: configuration, executable: program, logger: logger)
            } catch JobsError.inUse {
                await Task.yield()
            }
        }
    }
}

/// Runs a test with a server, and stops the server afterwards.
func withServer(
    _ settings: [String: String] = [:], in folder: TemporaryFolder? = nil, _ body: (TestServer) async throws -> Void
) async throws {
    let world = try await TestServer(folder: folder, settings: settings)
    do {
        try await body(world)
    } catch {
        await world.application.stop()
        throw error
    }
    await world.application.stop()
}

extension TestServer {
    typealias Reply = ServerExchange.Reply

    func request(_ target: String, _ headers: [(String, String)] = []) async throws -> Reply {
        try await request("GET", target, headers)
    }

    func request(
        _ method: String, _ target: String, _ headers: [(String, String)] = [], body: [UInt8] = [],
        until isEnough: @escaping @Sendable (String) -> Bool = { _ in false }
    ) async throws -> Reply {
        let exchange = ServerExchange(method: method, target: target, headers: headers, body: body)
        return try await exchange.run(port: application.port, until: isEnough)
    }

    func post(_ target: String, _ form: ServerForm, method: String = "POST") async throws -> Reply {
        try await request(method, target, [("Content-Type", ServerForm.contentType)], body: form.bytes)
    }

    func post(_ target: String, json: JSONValue, method: String = "POST") async throws -> Reply {
        let body = Array(json.text().utf8)
        return try await request(method, target, [("Content-Type", "application/json")], body: body)
    }

    /// Posts a model with a seed, which selects how its job ends.
    ///
    /// - Returns: the job's id
    func submit(seed: Int = 0, _ fields: [(String, String)] = []) async throws -> String {
        var form = ServerForm().file("model", "net.onnx", "a model").field("seed", String(seed))
        for (name, text) in fields { form = form.field(name, text) }
        let reply = try await post("/v1/jobs", form)
        try #require(reply.status == 202, "\(reply.text)")
        return try #require(reply.json["id"]?.string)
    }

    /// Waits until the job has ended, and returns it.
    func ended(_ id: String) async throws -> JSONValue {
        while true {
            let job = try await request("/v1/jobs/\(id)?wait=30").json
            let status = try #require(job["status"]?.string)
            if ["succeeded", "failed", "cancelled"].contains(status) { return job }
        }
    }

    /// Waits until the job process has written its last line before it ends or sleeps for ever.
    func isHalfDone(_ id: String) async throws {
        let events = try await request("GET", "/v1/jobs/\(id)/events", [("Accept", "application/x-ndjson")]) {
            $0.contains("\"message\":\"half\"")
        }
        #expect(events.text.contains("half"))
    }
}
