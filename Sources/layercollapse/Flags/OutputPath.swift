import Foundation
import JobContract
import Pipeline

/// The path of a file to write, checked before any work.
enum OutputPath {
    /// Checks a path.
    ///
    /// - Parameters:
    ///   - path: the path of the output.
    ///   - inputs: the files that are read.
    ///   - force: whether an existing file may be replaced.
    /// - Returns: the path.
    /// - Throws: ``Problem`` for a folder, a file in a folder that does not exist, one of the inputs, or an existing file.
    // SAFETY: the calls fill `isFolder`, which lives through them.
    static func checked(_ path: String, inputs: [String], force: Bool) throws(Problem) -> String {
        let (files, folder) = (FileManager.default, URL(filePath: path).deletingLastPathComponent().path)
        var isFolder: ObjCBool = false
        guard unsafe files.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
            throw refused("'\(path)': there is no folder '\(folder)'", "make it, or name another")
        }
        guard unsafe files.fileExists(atPath: path, isDirectory: &isFolder) else { return path }
        if isFolder.boolValue { throw refused("'\(path)' is a folder", "name a file in it") }
        let resolved = URL(filePath: path).resolvingSymlinksInPath().path
        if inputs.contains(where: { URL(filePath: $0).resolvingSymlinksInPath().path.utf8.elementsEqual(resolved.utf8) }
        ) {
            throw refused("'\(path)' is the file that is read", "name another file")
        }
        guard force else { throw refused("'\(path)' exists", "name another file, or add --force") }
        return path
    }

    /// Checks the path of a folder to write files into, which may be new.
    ///
    /// - Parameters:
    ///   - path: the path of the folder.
    ///   - force: whether files in it may be replaced.
    /// - Returns: the path.
    /// - Throws: ``Problem`` for a file, a folder in one that does not exist, or one that holds anything.
    // SAFETY: the call fills `isFolder`, which lives through it.
    static func checkedFolder(_ path: String, force: Bool) throws(Problem) -> String {
        var isFolder: ObjCBool = false
        guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            return try checked(path, inputs: [], force: force)
        }
        guard isFolder.boolValue else { throw refused("'\(path)' is a file", "name a folder") }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        guard names.isEmpty || force else {
            throw refused("the folder '\(path)' is not empty", "name another folder, or add --force")
        }
        return path
    }

    private static func refused(_ detail: String, _ hint: String) -> Problem {
        Problem(.invalidOption, detail, hint: hint)
    }
}
