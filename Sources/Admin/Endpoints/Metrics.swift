// SPDX-License-Identifier: Apache-2.0

/// `/metrics`: everything that is counted, for Prometheus.
enum Metrics {
    static func respond(_ actions: AdminActions) -> AdminResponse {
        AdminResponse(
            contentType: "text/plain; version=0.0.4; charset=utf-8", body: MetricFamily.render(actions.metrics()))
    }
}
