import Foundation

/// A fresh folder; the system's own cleaning removes it.
func temporaryFolder() -> String {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("pricing-\(UUID().uuidString)")
    try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url.path
}
