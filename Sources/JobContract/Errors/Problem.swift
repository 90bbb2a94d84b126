/// Why a request was refused, as RFC 9457 writes it and as OpenAI's clients read it.
package struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
    /// One thing that is wrong, with the place of it in what was sent and what to do.
    package struct Detail: Hashable, Sendable {
        package var pointer: String?
        package var detail: String
        package var hint: String?

        package init(pointer: String? = nil, detail: String, hint: String? = nil) {
            self.pointer = pointer
            self.detail = detail
            self.hint = hint
        }
    }

    package var code: ProblemCode
    /// A sentence that says what was expected, what came, and where; never a path of this machine.
    package var detail: String
    /// What to do about it.
    package var hint: String?
    /// JSON pointer to what is to blame (RFC 6901).
    package var pointer: String?
    /// One for each thing that is wrong, where there are several.
    package var details: [Detail] = []
    /// The request's field that is to blame.
    package var parameter: String?
    /// When asking again may help; sent as `Retry-After`.
    package var retryAfterSeconds: Int?
    /// Methods that the path does have; sent as `Allow`.
    package var allow: String?

    package init(
        _ code: ProblemCode, _ detail: String, hint: String? = nil, pointer: String? = nil, parameter: String? = nil,
        retryAfterSeconds: Int? = nil
    ) {
        self.code = code
        self.detail = detail
        self.hint = hint
        self.pointer = pointer ?? parameter.map(Self.pointer)
        self.parameter = parameter
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// Everything that is wrong, in the form of an answer.
    package var errors: [Detail] {
        guard details.isEmpty else { return details }
        return hint == nil && pointer == nil ? [] : [Detail(pointer: pointer, detail: detail, hint: hint)]
    }

    /// RFC 6901 §3: what separates names is written otherwise inside one.
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

    /// Too much is under way for this to be done now.
    package static func overloaded(_ detail: String) -> Problem { Problem(.overloaded, detail, retryAfterSeconds: 2) }

    /// The body of the answer.
    ///
    /// - Parameters:
    ///   - instance: the path that was asked for
    ///   - request: the id of the request, as in `X-Request-Id`
    /// - Returns: the members of RFC 9457 and OpenAI's `error` beside them.
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
    /// What a job's process said about its failure, as the answer to a request.
    ///
    /// A code that this server does not know is the process's own trouble, not the request's.
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

    /// The problem as a job process reports it: what ``init(failure:)`` reads.
    package var failureDocument: JSONValue {
        [
            "code": .string(code.rawValue), "message": .string(detail), "hint": JSONValue(hint),
            "pointer": JSONValue(pointer), "errors": .array(details.map(\.document)),
        ]
    }

    package var description: String { detail + (hint.map { " (\($0))" } ?? "") }

    /// The exit status of a command that ends with the problem: 1 failed, 2 usage, 3 refused input, 4 nothing to collapse.
    package var exitStatus: Int32 {
        switch code {
        case .nothingToCollapse: 4
        case .unknownOption, .invalidOption, .missingField: 2
        case .memoryLimit, .nanLoss, .deadlineExceeded, .workerCrashed, .diskFull, .internalError: 1
        default: 3
        }
    }

    /// Foreign and absent things are answered alike.
    package static func notFound(_ what: String) -> Problem { Problem(.notFound, "There is no such \(what).") }
}

extension Problem {
    package init(_ error: StorageError) {
        self.init(error == .full ? .diskFull : .internalError, "\(error)")
    }

    package init(_ error: OptionError) {
        let code: ProblemCode = if case .unknown = error { .unknownOption } else { .invalidOption }
        self.init(code, "\(error)", hint: error.hint, pointer: "/\(error.name)")
    }
}
