/// The error codes that programs test for. They are part of the API and never change.
package enum ProblemCode: String, CaseIterable, Sendable {
    case missingExternalData = "missing_external_data"
    case invalidONNX = "invalid_onnx"
    case unsupportedOperator = "unsupported_operator"
    case unsupportedOpset = "unsupported_opset"
    case unsupportedDtype = "unsupported_dtype"
    case quantizedModel = "quantized_model"
    case nothingToCollapse = "nothing_to_collapse"
    case invalidData = "invalid_data"
    case datasetKeyMismatch = "dataset_key_mismatch"
    case shapeMismatch = "shape_mismatch"
    case labelOutOfRange = "label_out_of_range"
    case nanInData = "nan_in_data"
    case nanLoss = "nan_loss"
    case memoryLimit = "memory_limit"
    case fileTooLarge = "file_too_large"
    case digestMismatch = "digest_mismatch"
    case pickleRejected = "pickle_rejected"
    case idempotencyKeyReused = "idempotency_key_reused"
    case jobNotFinished = "job_not_finished"
    case jobNotCancellable = "job_not_cancellable"
    case jobNotFinishable = "job_not_finishable"
    case queueFull = "queue_full"
    case deadlineExceeded = "deadline_exceeded"
    case workerCrashed = "worker_crashed"
    case diskFull = "disk_full"

    case malformedRequest = "malformed_request"
    case unknownOption = "unknown_option"
    case invalidOption = "invalid_option"
    case missingField = "missing_field"
    case unsupportedMediaType = "unsupported_media_type"
    case forbidden
    case notFound = "not_found"
    case methodNotAllowed = "method_not_allowed"
    case jobNotSucceeded = "job_not_succeeded"
    case jobNotDeletable = "job_not_deletable"
    case preconditionFailed = "precondition_failed"
    case rangeNotSatisfiable = "range_not_satisfiable"
    case shuttingDown = "shutting_down"
    case misdirectedRequest = "misdirected_request"
    case overloaded
    case internalError = "internal_error"

    /// The HTTP status of a response with the code.
    package var status: Int {
        switch self {
        case .malformedRequest, .digestMismatch: 400
        case .forbidden: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .idempotencyKeyReused, .jobNotFinished, .jobNotCancellable, .jobNotFinishable, .jobNotSucceeded,
            .jobNotDeletable:
            409
        case .preconditionFailed: 412
        case .fileTooLarge: 413
        case .pickleRejected, .unsupportedMediaType: 415
        case .rangeNotSatisfiable: 416
        case .missingExternalData, .invalidONNX, .unsupportedOperator, .unsupportedOpset, .unsupportedDtype,
            .quantizedModel, .nothingToCollapse, .invalidData, .datasetKeyMismatch, .shapeMismatch, .labelOutOfRange,
            .nanInData, .nanLoss, .memoryLimit, .deadlineExceeded, .unknownOption, .invalidOption, .missingField:
            422
        case .queueFull: 429
        case .workerCrashed, .internalError: 500
        case .misdirectedRequest: 421
        case .shuttingDown, .overloaded: 503
        case .diskFull: 507
        }
    }

    /// The fixed title of the code; particulars are in the detail.
    package var title: String {
        switch self {
        case .missingExternalData: "A file of the model is missing"
        case .invalidONNX: "The model is not a valid ONNX file"
        case .unsupportedOperator: "The model uses an operator that is not supported"
        case .unsupportedOpset: "The model's opset is not supported"
        case .unsupportedDtype: "The model or the data use a number format that is not supported"
        case .quantizedModel: "The model is quantized"
        case .nothingToCollapse: "No layers can be collapsed"
        case .invalidData: "The data file cannot be read"
        case .datasetKeyMismatch: "The data's keys do not fit the model's inputs"
        case .shapeMismatch: "The data's shapes do not fit the model's inputs"
        case .labelOutOfRange: "A label lies outside the model's classes"
        case .nanInData: "The data hold NaN or infinity"
        case .nanLoss: "The loss became NaN"
        case .memoryLimit: "The job needs more memory than it may have"
        case .fileTooLarge: "The body is larger than the limit"
        case .digestMismatch: "The bytes do not have the announced digest"
        case .pickleRejected: "Pickle files can run code"
        case .idempotencyKeyReused: "The id belongs to a job with another body"
        case .jobNotFinished: "The job is not finished"
        case .jobNotCancellable: "The job is already finished"
        case .jobNotFinishable: "The job has no search to finish"
        case .queueFull: "The queue is full"
        case .deadlineExceeded: "The deadline has passed"
        case .workerCrashed: "The job's process ended unexpectedly"
        case .diskFull: "There is no room left to store this"
        case .malformedRequest: "The request cannot be understood"
        case .unknownOption: "There is no such option"
        case .invalidOption: "An option has a value that it cannot have"
        case .missingField: "A field is missing"
        case .unsupportedMediaType: "The kind of body is not supported"
        case .forbidden: "The request is not allowed"
        case .notFound: "Not found"
        case .methodNotAllowed: "The method is not allowed here"
        case .jobNotSucceeded: "The job has no result"
        case .jobNotDeletable: "The job is not finished"
        case .preconditionFailed: "The condition does not hold"
        case .rangeNotSatisfiable: "The range lies outside the file"
        case .shuttingDown: "The service is shutting down"
        case .misdirectedRequest: "The service does not answer under this name"
        case .overloaded: "The service has no room for this now"
        case .internalError: "Something went wrong inside the service"
        }
    }
}
