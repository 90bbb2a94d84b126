import Formats
import JobContract
import Testing

@Test func `the service tells of the opsets and versions that are read`() {
    #expect(
        SupportedModels.opsets == Int(
            ONNXDocument.Limits.opsets.lowerBound)...Int(ONNXDocument.Limits.opsets.upperBound))
    #expect(
        SupportedModels.irVersions
            == Int(ONNXDocument.Limits.irVersions.lowerBound)...Int(ONNXDocument.Limits.irVersions.upperBound))
}
