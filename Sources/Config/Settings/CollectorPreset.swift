// SPDX-License-Identifier: Apache-2.0

/// What is the same for everybody who sends to one product, by the documentation of its intake. A value; all of them stand here.
struct CollectorPreset: Sendable {
    enum Name: String, CaseIterable {
        case splunk, elastic, datadog, clickhouse, loki
    }

    /// nil: where it runs, only its operator knows.
    var url: String?
    /// Appended to a URL that has neither a path nor a query.
    var path: String
    /// The field that carries the token of `token_file`, and what stands in front of it.
    var tokenHeader: String
    var tokenPrefix: String
    /// Goes with the token, unless the entry has such a field itself.
    var user: (header: String, name: String)?
    var framing: CollectorSettings.Framing
    var schema: CollectorSettings.Schema
    /// Most events of one request.
    var batchEvents: Int

    static func named(_ name: Name) -> CollectorPreset {
        switch name {
        case .splunk:
            CollectorPreset(
                path: "/services/collector/event", tokenHeader: "Authorization", tokenPrefix: "Splunk ",
                framing: .splunkHEC, schema: .native, batchEvents: 500)
        case .elastic:
            CollectorPreset(
                path: "/logs-loginward-default/_bulk", tokenHeader: "Authorization", tokenPrefix: "ApiKey ",
                framing: .elasticBulk, schema: .ecs, batchEvents: 500)
        case .datadog:
            // At most 1 000 entries and 5 MB a request.
            CollectorPreset(
                url: "https://http-intake.logs.datadoghq.com", path: "/api/v2/logs", tokenHeader: "DD-API-KEY",
                tokenPrefix: "", framing: .array, schema: .datadog, batchEvents: 1_000)
        case .clickhouse:
            // Its columns are named as the fields of an event, with a dot: "usr.login", "http.client_ip".
            CollectorPreset(
                path:
                    "/?query=INSERT%20INTO%20loginward_events%20FORMAT%20JSONEachRow&input_format_skip_unknown_fields=1"
                    + "&input_format_import_nested_json=1&date_time_input_format=best_effort",
                tokenHeader: "X-ClickHouse-Key", tokenPrefix: "", user: ("X-ClickHouse-User", "default"),
                framing: .ndjson, schema: .native, batchEvents: 5_000)
        case .loki:
            CollectorPreset(
                path: "/loki/api/v1/push", tokenHeader: "Authorization", tokenPrefix: "Bearer ", framing: .loki,
                schema: .native, batchEvents: 500)
        }
    }

    /// `url` with the path of the product, unless it says more than where the product is.
    func complete(_ url: String) -> String {
        let slashes = url.firstRange(of: "://")
        let rest = slashes.map { url[$0.upperBound...] } ?? url[...]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let tail = rest[end...]
        return tail.isEmpty || tail == "/" ? String(url[..<end]) + path : url
    }
}
