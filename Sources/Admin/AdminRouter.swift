// SPDX-License-Identifier: Apache-2.0

/// Which endpoint answers which path. The only table.
enum AdminRouter {
    enum Endpoint: CaseIterable {
        case metrics, live, health, ready, status, events, reload

        var path: String {
            switch self {
            case .metrics: "/metrics"
            case .live: "/livez"
            case .health: "/healthz"
            case .ready: "/readyz"
            case .status: "/status"
            case .events: "/api/v1/events"
            case .reload: "/reload"
            }
        }

        /// The method that it takes; GET stands for HEAD, too.
        var method: String { self == .reload ? "POST" : "GET" }
    }

    enum Route {
        case endpoint(Endpoint)
        case answer(AdminResponse)
    }

    static func route(method: String, path: String) -> Route {
        guard let endpoint = Endpoint.allCases.first(where: { $0.path == path }) else {
            return .answer(.problem(404, "there is no \(path)", Endpoint.allCases.map { "\($0.method) \($0.path)" }))
        }
        let effective = method == "HEAD" ? "GET" : method
        if effective != endpoint.method {
            var response = AdminResponse.problem(405, "\(path) takes \(endpoint.method)")
            response.allow = endpoint.method
            return .answer(response)
        }
        return .endpoint(endpoint)
    }
}
