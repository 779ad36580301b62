import PricingAPI

extension DiscountRule.Offer {
    /// How many pieces of each line are given, by the line's index; lines without any are left out.
    ///
    /// Pieces that are given are never counted as bought. The cheapest are given first; of two of one price, those of the earlier line.
    func given(in lines: [Order.Line], _ scope: Scope) -> [Int: Int64] {
        func pieces(_ indices: [Int]) -> Int64 { indices.reduce(0) { $0 + lines[$1].quantity } }
        let pool: [Int]
        var times: Int64
        if let given = scope.given {
            pool = given
            let others = Set(given)
            times = pieces(scope.touched.filter { !others.contains($0) }) / buyQuantity
        } else {
            pool = scope.touched
            times = pieces(pool) / (buyQuantity + getQuantity)
        }
        if let mostTimes { times = min(times, mostTimes) }
        // 10^8 pieces at most, times 10^6 at most: far from the end of 64 bits.
        var left = min(times * getQuantity, pieces(pool))
        var out: [Int: Int64] = [:]
        let cheapestFirst = pool.sorted { (lines[$0].unitPrice.amountMinor, $0) < (lines[$1].unitPrice.amountMinor, $1) }
        for index in cheapestFirst where left > 0 {
            let count = min(left, lines[index].quantity)
            out[index] = count
            left -= count
        }
        return out
    }
}
