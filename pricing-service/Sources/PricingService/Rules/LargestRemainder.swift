/// Splits `amount` over `weights` in proportion, so that the parts sum to it exactly: everyone gets the whole part of their share,
/// and what is left goes, one minor unit each, to the largest remainders; ties to the lower index.
///
/// A part never exceeds its weight as long as `amount` does not exceed their sum. All numbers >= 0, and below 2^63, so that
/// products fit into 128 bits. Without any weight there is nobody to give to: the parts are all zero.
func largestRemainder(_ amount: Int64, over weights: [Int64]) -> [Int64] {
    let whole = weights.reduce(into: Int128(0)) { $0 += Int128($1) }
    guard whole > 0 else { return weights.map { _ in 0 } }
    var parts: [Int64] = []
    var remainders: [Int128] = []
    parts.reserveCapacity(weights.count)
    remainders.reserveCapacity(weights.count)
    for weight in weights {
        let (part, remainder) = (Int128(amount) * Int128(weight)).quotientAndRemainder(dividingBy: whole)
        parts.append(Int64(clamping: part))
        remainders.append(remainder)
    }
    let left = Int(amount - parts.reduce(0, +))
    let order = weights.indices.sorted { remainders[$0] != remainders[$1] ? remainders[$0] > remainders[$1] : $0 < $1 }
    for index in order.prefix(left) { parts[index] += 1 }
    return parts
}
