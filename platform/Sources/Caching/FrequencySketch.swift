/// How often keys were asked for lately, approximately and in little memory: a count-min sketch of 4-bit counters that are halved from time
/// to time, so that what was popular once does not stay so for ever.
///
/// Source: G. Einziger, R. Friedman, B. Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", 2017.
struct FrequencySketch {
    /// Sixteen counters in each word. A key has one counter in each of four words.
    private var table: [UInt64]
    private let mask: UInt64
    private var additions = 0
    private let period: Int

    /// - Parameter keys: how many different keys should be told apart.
    init(keys: Int) {
        var size = 64
        // 2^20 words are 8 MiB.
        while size < keys, size < 1 << 20 { size <<= 1 }
        table = Array(repeating: 0, count: size)
        mask = UInt64(size - 1)
        period = size * 10
    }

    /// 0 to 15.
    func frequency(_ hash: Int) -> Int {
        var least = 15
        for row in 0..<4 {
            let (word, shift) = place(hash, row)
            least = min(least, Int(table[word] >> shift & 15))
        }
        return least
    }

    mutating func increment(_ hash: Int) {
        var hasChanged = false
        for row in 0..<4 {
            let (word, shift) = place(hash, row)
            guard table[word] >> shift & 15 < 15 else { continue }
            table[word] += 1 << shift
            hasChanged = true
        }
        guard hasChanged else { return }
        additions += 1
        if additions >= period { age() }
    }

    private mutating func age() {
        for index in table.indices { table[index] = table[index] >> 1 & 0x7777_7777_7777_7777 }
        additions /= 2
    }

    private func place(_ hash: Int, _ row: Int) -> (word: Int, shift: UInt64) {
        // An odd factor for each row makes four hashes of one (the multipliers of splitmix64 and of its kin).
        let factors: (UInt64, UInt64, UInt64, UInt64) = (
            0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB, 0xD6E8_FEB8_6659_FD93
        )
        let factor = row == 0 ? factors.0 : row == 1 ? factors.1 : row == 2 ? factors.2 : factors.3
        var mixed = (UInt64(bitPattern: Int64(hash)) &+ UInt64(row)) &* factor
        mixed ^= mixed >> 32
        return (Int(mixed & mask), (mixed >> 60) * 4)
    }
}
