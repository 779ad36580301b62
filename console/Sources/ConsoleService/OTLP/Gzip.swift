import CZlib

/// Unpacks a gzip body, as senders of OTLP may pack it.
enum Gzip {
    enum Failure: Error, Hashable {
        /// No gzip, or damaged, or cut off.
        case damaged
        case tooLong
    }

    /// - Parameter limit: the most bytes that may come out. A body of a few kilobytes can unpack to gigabytes; it is given up there.
    static func unpacked(_ packed: [UInt8], limit: Int) throws(Failure) -> [UInt8] {
        var stream = z_stream()
        // 15 bits of window, and 16 for "gzip only".
        guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { throw .damaged }
        defer { inflateEnd(&stream) }
        var packed = packed
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let result: Result<Void, Failure> = packed.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            while true {
                let (status, written) = chunk.withUnsafeMutableBufferPointer { room in
                    stream.next_out = room.baseAddress
                    stream.avail_out = UInt32(room.count)
                    let status = inflate(&stream, Z_NO_FLUSH)
                    return (status, room.count - Int(stream.avail_out))
                }
                guard status == Z_OK || status == Z_STREAM_END else { return .failure(.damaged) }
                guard output.count + written <= limit else { return .failure(.tooLong) }
                output += chunk[..<written]
                // What follows the end of the one member that a sender writes is none of it.
                if status == Z_STREAM_END { return stream.avail_in == 0 ? .success(()) : .failure(.damaged) }
                guard written > 0 || stream.avail_in > 0 else { return .failure(.damaged) }
            }
        }
        try result.get()
        return output
    }
}
