package import SystemCalls

/// The reason why a request or a job failed, in the formats of RFC 9457 and of OpenAI's API.
package struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
    /// One error, with its place in the input and the remedy.
    package struct Detail: Hashable, Sendable {
        package var pointer: String?
        package var detail: String
        package var hint: String?

        package init(pointer: String? = nil, detail: String, hint: String? = nil) {
            (self.pointer, self.detail, self.hint) = (pointer, detail, hint)
        }
    }

    package var code: ProblemCode
    /// A sentence that says what was expected, what came, and where; never a path of this machine.
    package var detail: String
    /// The remedy.
    package var hint: String?
    /// A JSON pointer to the faulty input (RFC 6901).
    package var pointer: String?
    /// The single errors, when there are several.
    package var details: [Detail] = []
    /// The faulty field of the request.
    package var parameter: String?
    /// Seconds after which a retry may succeed; sent as `Retry-After`.
    package var retryAfterSeconds: Int?
    /// The methods of the path; sent as `Allow`.
    package var allow: String?

    package init(
        _ code: ProblemCode, _ detail: String, hint: String? = nil, pointer: String? = nil, parameter: String? = nil,
        retryAfterSeconds: Int? = nil
    ) {
        (self.code, self.detail, self.hint) = (code, detail, hint)
        self.pointer = pointer ?? parameter.map(Self.pointer)
        (self.parameter, self.retryAfterSeconds) = (parameter, retryAfterSeconds)
    }

    /// All errors, as listed in a response.
    package var errors: [Detail] {
        guard details.isEmpty else { return details }
        return hint == nil && pointer == nil ? [] : [Detail(pointer: pointer, detail: detail, hint: hint)]
    }

    /// The JSON pointer to a member, with separators escaped (RFC 6901 §3).
    private static func pointer(to name: String) -> String {
        var pointer = "/"
        for scalar in name.unicodeScalars {
            switch scalar {
            case "~": pointer += "~0"
            case "/": pointer += "~1"
            default: pointer.unicodeScalars.append(scalar)
            }
        }
        return pointer
    }

    /// The problem of a temporary overload.
    package static func overloaded(_ detail: String) -> Problem { Problem(.overloaded, detail, retryAfterSeconds: 2) }

    /// The body of the response.
    ///
    /// - Parameters:
    ///   - instance: the path of the request
    ///   - request: the id of the request, as in `X-Request-Id`
    /// - Returns: the members of RFC 9457, and OpenAI's `error` beside them.
    package func document(instance: String, request: String) -> JSONValue {
        [
            "type": .string("/errors/\(code.rawValue)"),
            "title": .string(code.title),
            "status": .int(code.status),
            "detail": .string(detail),
            "instance": .string(instance),
            "request_id": .string(request),
            "code": .string(code.rawValue),
            "errors": .array(errors.map(\.document)),
            "error": [
                "message": .string(detail),
                "type": .string(code.status < 500 ? "invalid_request_error" : "server_error"),
                "param": JSONValue(parameter),
                "code": .string(code.rawValue),
            ],
        ]
    }
}

extension Problem.Detail {
    package var document: JSONValue {
        var object = JSONValue.Object()
        object["pointer"] = pointer.map(JSONValue.string)
        object["detail"] = .string(detail)
        object["hint"] = hint.map(JSONValue.string)
        return .object(object)
    }
}

extension Problem {
    /// The failure reported by a job process, as the response to a request.
    ///
    /// A code that this server does not know is a fault of the process, not of the request.
    package init(failure: JSONValue) {
        let code = failure["code"]?.string.flatMap(ProblemCode.init(rawValue:)) ?? .workerCrashed
        self.init(
            code, failure["message"]?.string ?? code.title, hint: failure["hint"]?.string,
            pointer: failure["pointer"]?.string)
        details = (failure["errors"]?.array ?? []).compactMap { error in
            error["detail"]?.string.map {
                Detail(pointer: error["pointer"]?.string, detail: $0, hint: error["hint"]?.string)
            }
        }
    }

    /// The problem as reported by a job process and read by ``init(failure:)``.
    package var failureDocument: JSONValue {
        [
            "code": .string(code.rawValue), "message": .string(detail), "hint": JSONValue(hint),
            "pointer": JSONValue(pointer), "errors": .array(details.map(\.document)),
        ]
    }

    package var description: String { detail + (hint.map { " (\($0))" } ?? "") }

    /// The exit status of a command that ends with it: 1 failed, 2 usage, 3 refused input, 4 nothing to collapse.
    package var exitStatus: Int32 {
        switch code {
        case .nothingToCollapse: 4
        case .unknownOption, .invalidOption, .missingField: 2
        case .memoryLimit, .nanLoss, .deadlineExceeded, .workerCrashed, .diskFull, .internalError: 1
        default: 3
        }
    }

    /// The problem of a missing thing; a foreign one gets the same response.
    package static func notFound(_ what: String) -> Problem { Problem(.notFound, "There is no such \(what).") }
}

extension Problem {
    package init(_ error: SystemError) { self.init(error.isFull ? .diskFull : .internalError, "\(error)") }

    package init(_ error: OptionError) {
        let code: ProblemCode = if case .unknown = error { .unknownOption } else { .invalidOption }
        self.init(code, "\(error)", hint: error.hint, pointer: "/\(error.name)")
    }
}
