// SPDX-License-Identifier: Apache-2.0

/// Which endpoint answers which path. The only table.
enum AdminRouter {
    enum Endpoint: CaseIterable {
        case metrics, live, health, ready, status, events, report, coverage, signals, reload, testNotification
        case showList, addToList, removeFromList, extendInList, previewList

        var path: String {
            switch self {
            case .metrics: "/metrics"
            case .live: "/livez"
            case .health: "/healthz"
            case .ready: "/readyz"
            case .status: "/status"
            case .events, .report: "/api/v1/events"
            case .coverage: "/api/v1/coverage"
            case .signals: "/api/v1/signals"
            case .reload: "/reload"
            case .testNotification: "/api/v1/notifications/test"
            case .showList, .addToList, .removeFromList: "/api/v1/lists"
            case .extendInList: "/api/v1/lists/extend"
            case .previewList: "/api/v1/lists/preview"
            }
        }

        /// The method that it takes; GET stands for HEAD, too.
        var method: String {
            switch self {
            case .reload, .testNotification, .report, .addToList, .extendInList, .previewList: "POST"
            case .removeFromList: "DELETE"
            case .metrics, .live, .health, .ready, .status, .events, .coverage, .signals, .showList: "GET"
            }
        }

        /// Bytes of a body that it reads; nil: none.
        var bodyLimit: Int? {
            switch self {
            case .report: 1 << 20
            case .addToList, .removeFromList, .extendInList, .previewList: 8 << 20
            default: nil
            }
        }
    }

    enum Route {
        case endpoint(Endpoint)
        case answer(AdminResponse)
    }

    static func route(method: String, path: String) -> Route {
        let there = Endpoint.allCases.filter { $0.path == path }
        if there.isEmpty {
            return .answer(.problem(404, "there is no \(path)", Endpoint.allCases.map { "\($0.method) \($0.path)" }))
        }
        let effective = method == "HEAD" ? "GET" : method
        guard let endpoint = there.first(where: { $0.method == effective }) else {
            let methods = there.map(\.method).joined(separator: ", ")
            var response = AdminResponse.problem(405, "\(path) takes \(methods)")
            response.allow = methods
            return .answer(response)
        }
        return .endpoint(endpoint)
    }
}
