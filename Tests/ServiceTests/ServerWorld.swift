import Foundation
import HTTPTypes
import Logging
import Testing

@testable import Service

/// A service on a data directory of its own, whose jobs are done by a shell script.
final class ServerWorld: Sendable {
    /// An answer with its body read to the end.
    struct Reply {
        var status: Int
        var headers: HTTPFields
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        var json: JSONValue { (try? JSONParser.parse(body)) ?? .null }
    }

    /// Does what the seed in the options says: 7 never ends, 8 fails, 9 crashes; any other writes a model.
    private static let script = """
        #!/bin/sh
        if [ "$1" = inspect ]; then
            case "$(cat "$2")" in
            bad*) echo '{"error":{"code":"invalid_onnx","message":"byte 0: not ONNX","hint":"export again"}}'; exit 3 ;;
            hang*) exec sleep 600 ;;
            *) echo '{"object":"plan","candidates":[],"unsupported":[]}'; exit 0 ;;
            esac
        fi
        echo '{"type":"phase","level":"info","message":"baseline","data":{"phase":"baseline"}}'
        echo '{"type":"metrics","level":"info","message":"step 1","data":{"step":1,"train_loss":0.5}}'
        echo '{"type":"metrics","level":"info","message":"step 2","data":{"step":2,"train_loss":0.25,"lr":"a,b"}}'
        echo '{"type":"warning","level":"warning","message":"batch is fixed","data":{"code":"fixed_batch"}}'
        echo '{"type":"progress","level":"info","message":"half","data":{"fraction":0.5,"phase":"search","eta_seconds":1}}'
        case "$(tr -d ' ' <"$2/job.json")" in
        *'"seed":7'*) exec sleep 600 ;;
        *'"seed":8'*) echo '{"type":"error","level":"error","message":"NaN","data":{"code":"nan_in_data","message":"x has NaN"}}'; exit 3 ;;
        *'"seed":9'*) kill -9 $$ ;;
        esac
        printf 'a smaller model' >"$2/output/model.onnx"
        printf '{"result":{}}' >"$2/output/report.json"
        printf '# report' >"$2/output/report.md"
        digest=$(sha256sum <"$2/output/model.onnx" | cut -d' ' -f1)
        echo '{"type":"done","level":"info","message":"done","data":{"compression_ratio":2,"digests":{"model":"sha256:'$digest'"}}}'
        """

    let folder: TemporaryFolder
    let application: Application

    init(folder: TemporaryFolder? = nil, settings: [String: String] = [:]) async throws {
        let folder = try folder ?? TemporaryFolder()
        self.folder = folder
        let program = folder.path + "/child"
        try Self.script.write(toFile: program, atomically: false, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        let standard = [
            "data_directory": folder.path + "/data", "port": "0", "drain_seconds": "1", "job_attempts": "1",
        ]
        let configuration = try await Configuration.load(
            flags: standard.merging(settings) { $1 }, environment: [:], file: nil)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        application = try await Application(configuration: configuration, executable: program, logger: logger)
    }
}
