import Basics
import HTTPPath
import PricingAPI

/// As it is kept.
extension PricingDecision: JSONReadable, JSONWritable {
    init(_ fields: Fields) {
        self.init(
            factor: fields.object("factor", Rate.init) ?? .one, reason: fields.string("reason", 1...500), floor: fields.money("floor"),
            ceiling: fields.money("ceiling"), since: fields.timestamp("since"))
    }

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("factor", factor)
            $0.field("reason", reason)
            $0.field("floor", floor)
            $0.field("ceiling", ceiling)
            $0.field("since", since)
        }
    }
}
