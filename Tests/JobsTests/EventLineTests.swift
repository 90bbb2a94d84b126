import Foundation
import Testing

@testable import Jobs

struct EventLineTests {
    private func interpret(_ text: String) -> SupervisorUpdate { EventLine.interpret(Array(text.utf8)) }

    @Test func `events are passed on with their data`() {
        let update = interpret(
            #"{"type":"metrics","level":"warning","message":"m","data":{"b":[1,2.5,null,true],"a":"/x"}}"#)
        let data = Data(#"{"a":"/x","b":[1,2.5,null,true]}"#)
        #expect(
            update == SupervisorUpdate(event: NewEvent(level: "warning", type: "metrics", message: "m", data: data)))
    }

    @Test func `done is the result and error the error`() {
        #expect(interpret(#"{"type":"done","data":{"a":1}}"#) == SupervisorUpdate(result: Data(#"{"a":1}"#)))
        #expect(interpret(#"{"type":"error","data":{"code":"x"}}"#) == SupervisorUpdate(error: Data(#"{"code":"x"}"#)))
        #expect(
            interpret(#"{"type":"error","message":"m"}"#)
                == SupervisorUpdate(error: Data(#"{"code":"worker_crashed","message":"m"}"#)))
    }

    @Test func `a checkpoint is no event`() {
        #expect(
            interpret(#"{"type":"checkpoint","message":"step 7","data":{}}"#) == SupervisorUpdate(isCheckpoint: true))
    }

    @Test func `progress and phase change the job`() {
        let progress = interpret(#"{"type":"progress","data":{"phase":"search","fraction":0.5}}"#)
        #expect(progress.phase == "search" && progress.progress == Data(#"{"fraction":0.5,"phase":"search"}"#))
        #expect(interpret(#"{"type":"phase","message":"baseline"}"#).phase == "baseline")
        #expect(interpret(#"{"type":"phase","message":"m","data":{"phase":"search"}}"#).phase == "search")
    }

    @Test(arguments: ["plain", "{", "[1]", #"{"level":"info"}"#, "\u{FFFD}", String(repeating: "[", count: 10_000)])
    func `any other line is an entry of the log`(line: String) {
        #expect(interpret(line) == SupervisorUpdate(event: NewEvent(type: "log", message: line)))
    }
}
