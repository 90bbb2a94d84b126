import Foundation
import SystemCalls
import TestSupport
import Testing

@Test(arguments: [
    (EMFILE, true, false), (ENFILE, true, false), (EAGAIN, true, false), (ENOMEM, true, false),
    (ENOBUFS, true, false), (ENOSPC, false, true), (EDQUOT, false, true), (ENOENT, false, false),
])
func `an error tells whether the call may succeed later`(code: CInt, isPassing: Bool, isFull: Bool) {
    let error = SystemError(call: "open", code: code)
    #expect(error.isPassing == isPassing)
    #expect(error.isFull == isFull)
}

@Test func `an error names its call, and a full disk is said plainly`() {
    #expect("\(SystemError(call: "open", code: ENOENT))" == "open failed: No such file or directory")
    #expect("\(SystemError(call: "write", code: ENOSPC))" == "there is no room left on the disk")
}

@Test func `a call that was interrupted is repeated`() throws {
    var calls = 0
    let value = try systemCall("read") { () -> Int in
        calls += 1
        errno = EINTR
        return calls < 3 ? -1 : 7
    }
    #expect(value == 7)
    #expect(calls == 3)
}

@Test func `a descriptor is closed with its last owner, and other programs do not inherit it`() throws {
    let folder = try TemporaryFolder()
    var file: FileDescriptor? = try FileDescriptor(opening: folder.file("a"), O_RDWR | O_CREAT)
    let raw = try #require(file?.raw)
    #expect(fcntl(raw, F_GETFD) == FD_CLOEXEC)
    try file?.write([1, 2, 3].span)
    #expect(lseek(raw, 0, SEEK_SET) == 0)
    #expect(try file?.read(upTo: 2) == [1, 2])
    #expect(try file?.read(upTo: 2) == [3])
    #expect(try file?.read(upTo: 2) == [])
    file = nil
    // Another test may have taken the number since, but not this file.
    var (now, then) = (stat(), stat())
    #expect(fstat(raw, &now) != 0 || stat(folder.file("a"), &then) == 0 && now.st_ino != then.st_ino)
}
