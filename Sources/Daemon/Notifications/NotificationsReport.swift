// SPDX-License-Identifier: Apache-2.0
import Admin
import Shipping

/// Counts of notifications as metric families.
enum NotificationsReport {
    static func families(_ statistics: Shipper.Statistics?) -> [MetricFamily] {
        var results = MetricFamily(
            "loginward_notifications_total", .counter, "Messages about attacks by target and result.")
        var pending = MetricFamily(
            "loginward_notifications_pending", .gauge,
            "Notices that wait for a target, also those that it will pass over.")
        for sink in statistics?.sinks ?? [] {
            results.add([("target", sink.name), ("result", "sent")], Double(sink.sent))
            results.add([("target", sink.name), ("result", "retried")], Double(sink.retried))
            results.add([("target", sink.name), ("result", "rejected")], Double(sink.rejected))
            results.add([("target", sink.name), ("result", "dropped")], Double(sink.dropped))
            pending.add([("target", sink.name)], Double(sink.pending))
        }
        return [results, pending]
    }
}
