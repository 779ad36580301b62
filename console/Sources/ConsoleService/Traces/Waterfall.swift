/// The spans of a trace in the order of a waterfall: each below its parent, siblings by their start.
struct Waterfall: Sendable {
    struct Row: Sendable {
        let span: RecordedSpan
        let id: SpanID
        let service: String
        let scope: String
        /// Index in `resources`.
        let resource: Int
        /// 0 for a root.
        let depth: Int
        /// It names a parent that is not here: not come yet, or never recorded.
        let isOrphan: Bool
        /// Nanoseconds from the trace's start.
        let offset: UInt64
    }

    let rows: [Row]
    let resources: [ReceivedResource]

    init(_ trace: StoredTrace) {
        // What was read when it came can be read again.
        let spans = trace.spans.compactMap { stored in (try? RecordedSpan(stored.wire[...])).map { (stored, $0) } }
        let ids = Set(spans.map(\.0.id))
        var children: [SpanID: [Int]] = [:]
        var roots: [Int] = []
        for (index, span) in spans.enumerated() {
            if let parent = span.0.parentID, parent != span.0.id, ids.contains(parent) {
                children[parent, default: []].append(index)
            } else {
                roots.append(index)
            }
        }
        func isEarlier(_ a: Int, _ b: Int) -> Bool { (spans[a].1.start, a) < (spans[b].1.start, b) }

        var rows: [Row] = []
        var resources: [ReceivedResource] = []
        var isPlaced = [Bool](repeating: false, count: spans.count)
        /// With a list instead of recursion: a chain of spans may be as long as the trace.
        func place(_ root: Int) {
            var open = [(index: root, depth: 0)]
            while let (index, depth) = open.popLast() {
                guard !isPlaced[index] else { continue }
                isPlaced[index] = true
                let (stored, span) = spans[index]
                var resource = resources.firstIndex { $0 === stored.resource }
                if resource == nil {
                    resource = resources.count
                    resources.append(stored.resource)
                }
                rows.append(
                    Row(
                        span: span, id: stored.id, service: stored.resource.service, scope: stored.scope, resource: resource ?? 0, depth: depth,
                        isOrphan: depth == 0 && stored.parentID != nil, offset: span.start - min(span.start, trace.start)))
                let below = (children[stored.id] ?? []).sorted(by: isEarlier)
                for child in below.reversed() { open.append((child, depth + 1)) }
            }
        }
        for root in roots.sorted(by: isEarlier) { place(root) }
        // Spans that are each other's ancestors hang from no root; the first of each such ring stands for one.
        for index in spans.indices.sorted(by: isEarlier) where !isPlaced[index] { place(index) }
        self.rows = rows
        self.resources = resources
    }
}
