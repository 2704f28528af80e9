// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

struct AdminRouterTests {
    @Test(arguments: AdminRouter.Endpoint.allCases)
    func `an endpoint is found by its path and method`(_ endpoint: AdminRouter.Endpoint) {
        guard case .endpoint(let found) = AdminRouter.route(method: endpoint.method, path: endpoint.path) else {
            Issue.record("\(endpoint) is not routed")
            return
        }
        #expect(found == endpoint)
    }

    @Test func `no two endpoints share a path and a method`() {
        let all = AdminRouter.Endpoint.allCases
        #expect(Set(all.map { "\($0.method) \($0.path)" }).count == all.count)
    }

    @Test(arguments: AdminRouter.Endpoint.allCases)
    func `another method is refused with the one that is taken`(_ endpoint: AdminRouter.Endpoint) {
        let taken = AdminRouter.Endpoint.allCases.filter { $0.path == endpoint.path }.map(\.method)
        for method in ["GET", "POST", "PUT", "get", ""] where !taken.contains(method) {
            guard case .answer(let answer) = AdminRouter.route(method: method, path: endpoint.path) else {
                Issue.record("\(method) \(endpoint.path) is taken")
                continue
            }
            #expect(answer.status == 405 && answer.allow == taken.joined(separator: ", "))
        }
    }

    @Test func `HEAD is a GET, and nothing else`() {
        guard case .endpoint(.metrics) = AdminRouter.route(method: "HEAD", path: "/metrics") else {
            Issue.record("HEAD /metrics is not routed")
            return
        }
        guard case .answer(let answer) = AdminRouter.route(method: "HEAD", path: "/reload") else {
            Issue.record("HEAD /reload reloads")
            return
        }
        #expect(answer.status == 405)
    }

    @Test(arguments: ["/", "", "/metrics/", "/METRICS", "/metricsx", "metrics", "*"])
    func `an unknown path is told what there is`(_ path: String) {
        guard case .answer(let answer) = AdminRouter.route(method: "GET", path: path) else {
            Issue.record("\(path) is routed")
            return
        }
        #expect(answer.status == 404)
        let body = String(decoding: answer.body, as: UTF8.self)
        for endpoint in AdminRouter.Endpoint.allCases { #expect(body.contains(endpoint.path)) }
    }
}
