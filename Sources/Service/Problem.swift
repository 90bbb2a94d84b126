/// Why a request was refused, as RFC 9457 writes it and as OpenAI's clients read it.
package struct Problem: Error, Hashable, Sendable {
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

    package let code: ProblemCode
    /// A sentence that says what was expected, what came, and where; never a path of this machine.
    package var detail: String
    package var errors: [Detail] = []
    /// The request's field that is to blame.
    package var parameter: String?
    /// When asking again may help; sent as `Retry-After`.
    package var retryAfterSeconds: Int?
    /// Methods that the path does have; sent as `Allow`.
    package var allow: String?

    package init(
        _ code: ProblemCode, _ detail: String, hint: String? = nil, parameter: String? = nil,
        retryAfterSeconds: Int? = nil
    ) {
        self.code = code
        self.detail = detail
        self.parameter = parameter
        self.retryAfterSeconds = retryAfterSeconds
        if hint != nil || parameter != nil {
            errors = [Detail(pointer: parameter.map(Self.pointer), detail: detail, hint: hint)]
        }
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
    static func overloaded(_ detail: String) -> Problem { Problem(.overloaded, detail, retryAfterSeconds: 2) }

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
    var document: JSONValue {
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
        self.init(code, failure["message"]?.string ?? code.title)
        parameter = failure["param"]?.string
        let errors = failure["errors"]?.array ?? []
        self.errors = errors.compactMap { error in
            error["detail"]?.string.map {
                Detail(pointer: error["pointer"]?.string, detail: $0, hint: error["hint"]?.string)
            }
        }
        let hint = failure["hint"]?.string
        let pointer = failure["pointer"]?.string
        if errors.isEmpty, hint != nil || pointer != nil {
            self.errors = [Detail(pointer: pointer, detail: detail, hint: hint)]
        }
    }

    /// Foreign and absent things are answered alike.
    static func notFound(_ what: String) -> Problem { Problem(.notFound, "There is no such \(what).") }
}
