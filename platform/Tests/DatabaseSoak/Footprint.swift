#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// What this process holds of the system, as Linux tells it in `/proc`.
struct Footprint {
    var descriptors: Int
    /// Resident memory in KiB.
    var memory: Int

    /// Nil where there is no `/proc`.
    static func now() -> Footprint? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) { if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 } }
        // Of which one is the folder itself.
        return residentMemory().map { Footprint(descriptors: count - 1, memory: $0) }
    }

    private static func residentMemory() -> Int? {
        guard let file = fopen("/proc/self/status", "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(whereSeparator: \.isWhitespace)
            if words.count > 1, words[0] == "VmRSS:" { return Int(words[1]) }
        }
        return nil
    }
}
