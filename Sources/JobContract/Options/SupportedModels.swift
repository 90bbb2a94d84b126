/// The ONNX files that can be read, as the service tells before it has seen one.
package enum SupportedModels {
    package static let opsets = 7...28
    package static let irVersions = 3...14
}
